"""Energies of single atoms as functions of their positions, with gradients: pure mathematics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray


class Field(Protocol):
    """Energy and gradient of every atom as functions of its position."""

    def __call__(self, position_nc: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV), shape (n_atoms,), and gradients (eV/Å), shape (n_atoms, 3)."""
        ...


@dataclass(frozen=True, slots=True)
class HarmonicWell:
    """½ k q²: simple harmonic motion about the origin.

    Attributes
    ----------
    stiffness : float
        k (eV/Å²).
    """

    stiffness: float = 1.0

    def __call__(self, position_nc: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and gradients (eV/Å)."""
        return 0.5 * self.stiffness * np.sum(position_nc**2, axis=1), self.stiffness * position_nc


@dataclass(frozen=True, slots=True)
class Pendulum:
    """k (1 − cos x): the coordinate x of an atom is the angle of a pendulum (1 Å is 1 rad).

    The mass of the atom is the pendulum's moment of inertia, and k is mass times gravity times length.

    Attributes
    ----------
    strength : float
        k (eV).
    """

    strength: float = 1.0

    def __call__(self, position_nc: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and gradients (eV/Å)."""
        angle_n = position_nc[:, 0]
        gradient_nc = np.zeros_like(position_nc)
        gradient_nc[:, 0] = self.strength * np.sin(angle_n)
        return self.strength * (1.0 - np.cos(angle_n)), gradient_nc


@dataclass(frozen=True, slots=True)
class KeplerField:
    """−k / ‖q‖: attraction by a mass that stands still at the origin.

    Attributes
    ----------
    strength : float
        k (eV Å).
    """

    strength: float = 1.0

    def __call__(self, position_nc: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (eV) and gradients (eV/Å)."""
        distance_n = np.linalg.norm(position_nc, axis=1)
        return -self.strength / distance_n, self.strength * position_nc / distance_n[:, None] ** 3
