"""Energies of pairs of atoms as functions of their distance, with slopes: pure mathematics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray


class PairLaw(Protocol):
    """Energy and slope of a pair as functions of its distance."""

    def __call__(self, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and their derivatives by the distance (eV/Å)."""
        ...


@dataclass(frozen=True, slots=True)
class Spring:
    """½ β (r − r₀)².

    Attributes
    ----------
    stiffness : float
        β (eV/Å²).
    rest_length : float, default 0
        r₀ (Å); at zero this is the ½ β r² of RF-HGN (arXiv:2506.06558).
    """

    stiffness: float = 1.0
    rest_length: float = 0.0

    def __call__(self, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and their derivatives by the distance (eV/Å)."""
        stretch_p = distance_p - self.rest_length
        return 0.5 * self.stiffness * stretch_p**2, self.stiffness * stretch_p


@dataclass(frozen=True, slots=True)
class AnharmonicSpring:
    """½ k s² + ⅓ α s³ + ¼ β s⁴ of the stretch s = r − r₀.

    Attributes
    ----------
    stiffness : float
        k (eV/Å²).
    cubic, quartic : float, default 0
        α (eV/Å³) and β (eV/Å⁴).
    rest_length : float, default 0
        r₀ (Å).
    """

    stiffness: float = 1.0
    cubic: float = 0.0
    quartic: float = 0.0
    rest_length: float = 0.0

    def __call__(self, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and their derivatives by the distance (eV/Å)."""
        s = distance_p - self.rest_length
        energy_p = s**2 * (self.stiffness / 2.0 + s * (self.cubic / 3.0 + s * self.quartic / 4.0))
        return energy_p, s * (self.stiffness + s * (self.cubic + s * self.quartic))


@dataclass(frozen=True, slots=True)
class Morse:
    """D (1 − exp(−a (r − r₀)))²: Morse, Phys. Rev. 34, 57 (1929).

    Attributes
    ----------
    depth : float
        D (eV), the energy that breaks the bond.
    steepness : float
        a (1/Å).
    rest_length : float
        r₀ (Å).
    """

    depth: float = 1.0
    steepness: float = 1.0
    rest_length: float = 1.0

    def __call__(self, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and their derivatives by the distance (eV/Å)."""
        decay_p = np.exp(-self.steepness * (distance_p - self.rest_length))
        slope_p = 2.0 * self.depth * self.steepness * (1.0 - decay_p) * decay_p
        return self.depth * (1.0 - decay_p) ** 2, slope_p


@dataclass(frozen=True, slots=True)
class SquaredDistanceSpring:
    """c (r² − r₀²)²: a spring of the squared distance.

    Attributes
    ----------
    strength : float
        c (eV/Å⁴).
    rest_length : float
        r₀ (Å).
    """

    strength: float = 1.0
    rest_length: float = 1.0

    def __call__(self, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and their derivatives by the distance (eV/Å)."""
        excess_p = distance_p**2 - self.rest_length**2
        return self.strength * excess_p**2, 4.0 * self.strength * excess_p * distance_p


@dataclass(frozen=True, slots=True)
class InverseDistance:
    """−k/r: gravity between unit masses, or opposite charges.

    Attributes
    ----------
    strength : float
        k (eV Å), positive for attraction.
    """

    strength: float = 1.0

    def __call__(self, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and their derivatives by the distance (eV/Å)."""
        return -self.strength / distance_p, self.strength / distance_p**2


def fermi_pasta_ulam_tsingou(alpha: float = 0.25, beta: float = 0.0, spacing: float = 2.0) -> AnharmonicSpring:
    """Return the law of neighbours in the chain of Fermi, Pasta, Ulam and Tsingou.

    ½ (qᵢ − qᵢ₊₁)² + α/3 (qᵢ − qᵢ₊₁)³ + β/4 (qᵢ − qᵢ₊₁)⁴, where atom i stands at x = i·spacing + qᵢ and atoms
    do not pass each other: then qᵢ − qᵢ₊₁ is minus the stretch of the bond.

    Parameters
    ----------
    alpha, beta : float
        Cubic (eV/Å³) and quartic (eV/Å⁴) constant.
    spacing : float
        Distance of neighbours at rest (Å).
    """
    return AnharmonicSpring(stiffness=1.0, cubic=-alpha, quartic=beta, rest_length=spacing)
