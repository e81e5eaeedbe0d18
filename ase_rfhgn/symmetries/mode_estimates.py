"""Dynamical matrices of runs, in three ways: from forces, from moments, and from displacements a time step apart.

All need means of outer products only: these are sums over frames, so blocks of frames can be taken out for errors,
and symmetry operations average them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import add, sub
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.symmetries.anharmonic_terms import Bonds, TermMoments, symmetric_regression
from ase_rfhgn.symmetries.sites import Displacements

ESTIMATORS = ("forces", "moments", "steps")
"""Ways to find the dynamical matrix."""

MOST_FRICTION = 1.0
"""Largest friction times the time step."""

FRICTION_ROUNDS = 30
FRICTION_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums of outer products over frames, of mass-weighted displacements u, velocities v and forces f.

    Attributes
    ----------
    n_frames, n_middle : float
        Number of frames, and of those with a frame before and after.
    place_dd, speed_dd, force_dd : ndarray of shape (d, d)
        Σ uuᵀ, Σ vvᵀ and Σ fuᵀ; zero where unknown.
    middle_dd, return_dd : ndarray of shape (d, d)
        Over frames with neighbours: Σ uuᵀ and Σ ½(u₊ + u₋)uᵀ.
    middle_speed_dd, speed_return_dd : ndarray of shape (d, d)
        The same for velocities.
    force_terms, return_terms : TermMoments or None
        Sums of anharmonic terms beside forces, and beside ½(u₊ + u₋).
    """

    n_frames: float
    n_middle: float
    place_dd: FloatArray
    speed_dd: FloatArray
    force_dd: FloatArray
    middle_dd: FloatArray
    return_dd: FloatArray
    middle_speed_dd: FloatArray
    speed_return_dd: FloatArray
    force_terms: TermMoments | None = None
    return_terms: TermMoments | None = None

    def __add__(self, other: Moments) -> Moments:
        """Return the sums over the frames of both."""
        return self._joined(other, add)

    def __sub__(self, other: Moments) -> Moments:
        """Return the sums without the frames of the other."""
        return self._joined(other, sub)

    def mapped(self, change: Callable[[FloatArray], FloatArray]) -> Moments:
        """Return the sums with every matrix changed."""
        values = self._values()
        changed: dict[str, Any] = {n: change(it) if isinstance(it, np.ndarray) else it for n, it in values.items()}
        changed |= {name: it.mapped(change) for name, it in changed.items() if isinstance(it, TermMoments)}
        return Moments(**changed)

    def _joined(self, other: Moments, join: Callable[[Any, Any], Any]) -> Moments:
        pairs = {name: (one, getattr(other, name)) for name, one in self._values().items()}
        joined: dict[str, Any] = {name: None if one is None else join(one, two) for name, (one, two) in pairs.items()}
        return Moments(**joined)

    def _values(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


def moments_of(motion: Displacements, frames: IntArray, start_g: IntArray, bonds: Bonds | None = None) -> Moments:
    """Return the sums over some frames.

    Parameters
    ----------
    motion : Displacements
        Displacements of all frames.
    frames : ndarray of int
        Which frames.
    start_g : ndarray of shape (n_runs + 1,)
        First frame of every run, and the number of frames.
    bonds : Bonds, optional
        Bonds whose anharmonic terms are wanted, too.
    """
    middle = frames[~(np.isin(frames, start_g) | np.isin(frames + 1, start_g))]
    place_md = motion.place_md
    empty_dd = np.zeros((place_md.shape[1], place_md.shape[1]))
    moved_md = 0.5 * (place_md[middle + 1] + place_md[middle - 1])
    speed_dd, middle_speed_dd, speed_return_dd, force_dd = (empty_dd,) * 4
    if motion.speed_md is not None:
        speed_md = motion.speed_md
        speed_dd = speed_md[frames].T @ speed_md[frames]
        middle_speed_dd = speed_md[middle].T @ speed_md[middle]
        speed_return_dd = 0.5 * (speed_md[middle + 1] + speed_md[middle - 1]).T @ speed_md[middle]
    if motion.force_md is not None:
        force_dd = motion.force_md[frames].T @ place_md[frames]
    force_terms, return_terms = (None, None) if bonds is None else _terms_of(motion, bonds, frames, middle)
    return Moments(
        n_frames=float(len(frames)),
        n_middle=float(len(middle)),
        place_dd=place_md[frames].T @ place_md[frames],
        speed_dd=speed_dd,
        force_dd=force_dd,
        middle_dd=place_md[middle].T @ place_md[middle],
        return_dd=moved_md.T @ place_md[middle],
        middle_speed_dd=middle_speed_dd,
        speed_return_dd=speed_return_dd,
        force_terms=force_terms,
        return_terms=return_terms,
    )


def _terms_of(
    motion: Displacements, bonds: Bonds, frames: IntArray, middle: IntArray
) -> tuple[TermMoments | None, TermMoments]:
    """Return the sums of terms beside forces, and beside ½(u₊ + u₋).

    Terms at u₊ and u₋ would depend on the kicks of a thermostat that these displacements have from it.
    """
    root_d = np.sqrt(np.repeat(motion.reference.get_masses(), 3))

    def terms(chosen: IntArray) -> FloatArray:
        force_kmd: FloatArray = bonds.forces(motion.place_md[chosen] / root_d) / root_d
        return force_kmd

    place_md, force_md = motion.place_md, motion.force_md
    beside = None if force_md is None else TermMoments.of(place_md[frames], force_md[frames], terms(frames))
    moved_md = 0.5 * (place_md[middle + 1] + place_md[middle - 1])
    return beside, TermMoments.of(place_md[middle], moved_md, terms(middle))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Squares of frequencies, ascending, and the modes that they belong to.

    Attributes
    ----------
    square_u : ndarray of shape (n_modes,)
        ω² (per ASE time squared); negative for unstable modes.
    vector_uu : ndarray of shape (n_modes, n_modes)
        Modes, one per column.
    friction : float
        Friction that was corrected for (per ASE time).
    """

    square_u: FloatArray
    vector_uu: FloatArray
    friction: float = 0.0


def by_forces(moments: Moments) -> Estimate:
    """Return the least squares of forces f = −Du with a symmetric D, beside anharmonic terms where they are given."""
    matrix_uu = _regressed(moments.place_dd, moments.force_dd, moments.force_terms)
    return Estimate(*np.linalg.eigh(-matrix_uu))


def _regressed(square_uu: FloatArray, product_uu: FloatArray, terms: TermMoments | None) -> FloatArray:
    if terms is None:
        return symmetric_regression(square_uu, product_uu)
    return terms.regressed(square_uu, product_uu)


def by_moments(moments: Moments, thermal_energy: float) -> Estimate:
    """Return D = kT ⟨uuᵀ⟩⁻¹, the equipartition of energy in a harmonic system.

    Parameters
    ----------
    moments : Moments
        Sums.
    thermal_energy : float
        kT (eV).
    """
    variance_u, vector_uu = np.linalg.eigh(moments.place_dd / moments.n_frames)
    floor = np.finfo(float).eps * variance_u[-1]
    square_u: FloatArray = thermal_energy / np.maximum(variance_u, floor)
    return Estimate(square_u[::-1], vector_uu[:, ::-1])


def by_steps(moments: Moments, timestep: float, *, friction: float | None = None) -> Estimate:
    """Return frequencies from the correlation of displacements with those a time step before and after.

    The correlation of a harmonic mode with friction γ is e^(−γΔ/2) (cos ΩΔ + γ/(2Ω) sin ΩΔ) with Ω² = ω² − γ²/4;
    of its velocity, the second term has the other sign. The difference of both tells γ, where there are momenta.

    Parameters
    ----------
    moments : Moments
        Sums.
    timestep : float
        Time between frames Δ (ASE units).
    friction : float, optional
        γ; by default from velocities, or zero.
    """
    matrix_uu = _regressed(moments.middle_dd, moments.return_dd, moments.return_terms)
    correlation_u, vector_uu = np.linalg.eigh(matrix_uu)
    correlation_u, vector_uu = correlation_u[::-1], vector_uu[:, ::-1]
    if friction is None:
        friction = _friction(correlation_u, vector_uu, moments, timestep)
    frequency_u = np.array([_frequency(float(value), friction, timestep) for value in correlation_u])
    return Estimate(np.sign(frequency_u) * frequency_u**2, vector_uu, friction)


def returning_share(moments: Moments, matrix_uu: FloatArray | None = None) -> float:
    """Return how much of displacements a time step away displacements explain: below a tenth if frames are far apart.

    Parameters
    ----------
    moments : Moments
        Sums.
    matrix_uu : ndarray, optional
        Correlations; by default from least squares.
    """
    square_uu, product_uu = moments.middle_dd / moments.n_middle, moments.return_dd / moments.n_middle
    matrix_uu = symmetric_regression(square_uu, product_uu) if matrix_uu is None else matrix_uu
    explained = float(np.trace(matrix_uu @ square_uu @ matrix_uu))
    return explained / float(np.trace(square_uu))


def errors_of(estimates: Sequence[FloatArray]) -> FloatArray:
    """Return standard errors from estimates that leave out one block each (jackknife)."""
    value_bu = np.array(estimates)
    n_blocks = len(value_bu)
    error_u: FloatArray = np.sqrt((n_blocks - 1) * value_bu.var(axis=0))
    return error_u


def signed_roots(square_u: FloatArray) -> FloatArray:
    """Return frequencies, negative where the square is: an unstable mode, by the custom of the field."""
    root_u: FloatArray = np.sign(square_u) * np.sqrt(np.abs(square_u))
    return root_u


def _decay(frequency: float, friction: float, timestep: float, sign: float) -> float:
    """Return the correlation of a mode after a time step: of displacements (sign 1) or velocities (−1)."""
    turning = np.sqrt(complex(frequency**2 - 0.25 * friction**2))
    ratio = np.sin(turning * timestep) / turning if abs(turning) > 0.0 else timestep
    value = np.exp(-0.5 * friction * timestep) * (np.cos(turning * timestep) + 0.5 * sign * friction * ratio)
    return float(np.real(value))


def _frequency(correlation: float, friction: float, timestep: float) -> float:
    """Return the frequency whose correlation after a time step is given; negative above one, for an unstable mode."""
    if correlation >= 1.0:
        return -float(np.arccosh(correlation)) / timestep
    highest = float(np.hypot(np.pi / timestep, 0.5 * friction))
    if _decay(highest, friction, timestep, 1.0) >= correlation:
        return highest
    return float(brentq(lambda frequency: _decay(frequency, friction, timestep, 1.0) - correlation, 0.0, highest))


def _friction(correlation_u: FloatArray, vector_uu: FloatArray, moments: Moments, timestep: float) -> float:
    """Return the friction that the faster decay of velocities shows; zero without momenta."""
    speed_u = np.einsum("du,dw,wu->u", vector_uu, moments.middle_speed_dd, vector_uu, optimize=True)
    if not speed_u.all():
        return 0.0
    return_u = np.einsum("du,dw,wu->u", vector_uu, moments.speed_return_dd, vector_uu, optimize=True)
    gap = float(np.mean(correlation_u - return_u / speed_u))
    friction = 0.0
    for _ in range(FRICTION_ROUNDS):
        slopes = []
        for correlation in correlation_u:
            frequency = abs(_frequency(float(correlation), friction, timestep))
            place, speed = (_decay(frequency, friction + 1e-9 / timestep, timestep, sign) for sign in (1.0, -1.0))
            slopes.append((place - speed) / (friction + 1e-9 / timestep))
        found = gap / float(np.mean(slopes))
        before, friction = friction, float(np.clip(found, 0.0, MOST_FRICTION / timestep))
        if abs(friction - before) * timestep < FRICTION_TOLERANCE:
            break
    return friction
