"""The equilibrium of trajectories and its linear canonical map, from forces regressed on positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.symmetries.composition import Composition
from ase_rfhgn.symmetries.layers import LinearSymplectic, Shift
from ase_rfhgn.symmetries.monomials import exponents, monomial_gradients, monomials, n_monomials
from ase_rfhgn.symmetries.symplectic import inverse_symplectic, normal_form, time_reversal, travelling_waves

DEGREES = (9, 7, 5, 3, 2, 1)
"""Degrees of the polynomials that forces are regressed on; the highest that the frames suffice for."""

FRAMES_PER_TERM, MOST_TERMS = 6, 200
"""Frames that a term needs, and the most terms."""

NEWTON_STEPS = 50
NEWTON_TOLERANCE = 1e-12

FAR = 3.0
"""Distance of an equilibrium from the mean position beyond which the frames do not show it (standard deviations)."""

EVEN = 1e-4
"""Share of even powers in squared forces below which a potential is even about its minimum."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The linear part of a canonical map, and what it tells.

    Attributes
    ----------
    layers : Composition
        Shift to the equilibrium, and normal modes or travelling waves.
    frequency_u : ndarray of shape (n,)
        Frequencies of small oscillations (per ASE time), ascending.
    reversal_dd : ndarray of shape (2n, 2n)
        Time reversal in the new variables.
    even : bool
        Whether the potential is even about its minimum.
    """

    layers: Composition
    frequency_u: FloatArray
    reversal_dd: FloatArray
    even: bool


def opening_at_equilibrium(position_mu: FloatArray, force_mu: FloatArray) -> Opening:
    """Return the linear canonical map to the normal modes of small oscillations.

    Forces are regressed on monomials of positions; the equilibrium is a root of the polynomials, by Newton's
    method; the stiffness is their slope there.

    Parameters
    ----------
    position_mu : ndarray of shape (m, n)
        Mass-weighted positions.
    force_mu : ndarray of shape (m, n)
        Rates of mass-weighted momenta.

    Raises
    ------
    TrainingDataError
        If the forces show no stable equilibrium within reach of the frames.
    """
    n = position_mu.shape[1]
    mean_u, spread = position_mu.mean(axis=0), float(position_mu.std())
    exponent_fu = exponents(n, _degree(n, len(position_mu)), lowest=0)
    scaled_mu = (position_mu - mean_u) / spread
    coefficient_fu = _regressed(monomials(scaled_mu, exponent_fu), force_mu)
    place_u = np.zeros(n)
    for _ in range(NEWTON_STEPS):
        slope_uu = monomial_gradients(place_u[None], exponent_fu)[0] @ coefficient_fu
        force_u = monomials(place_u[None], exponent_fu)[0] @ coefficient_fu
        step_u = np.linalg.lstsq(slope_uu.T, force_u, rcond=None)[0]
        place_u = place_u - step_u
        if not np.abs(place_u).max() < 1e3 or np.abs(step_u).max() < NEWTON_TOLERANCE:
            break
    stiffness_uu = -(monomial_gradients(place_u[None], exponent_fu)[0] @ coefficient_fu) / spread
    reachable = np.abs(place_u / np.maximum(scaled_mu.std(axis=0), np.finfo(float).tiny)).max() < FAR
    try:
        matrix_dd, frequency_u = normal_form(0.5 * (stiffness_uu + stiffness_uu.T), np.eye(n))
    except np.linalg.LinAlgError:
        reachable = False
    if not reachable:
        message = (
            "the forces show no stable equilibrium among the frames: a canonical map to oscillations needs motion that "
            "is bound about one; give such runs, or take the chart central-field for orbits around a centre"
        )
        raise TrainingDataError(message)
    centre_d = np.concatenate([mean_u + spread * place_u, np.zeros(n)])
    whole_dd = travelling_waves(frequency_u) @ matrix_dd
    return Opening(
        layers=Composition((Shift(centre_d), LinearSymplectic(whole_dd))),
        frequency_u=frequency_u,
        reversal_dd=whole_dd @ time_reversal(n) @ inverse_symplectic(whole_dd),
        even=_is_even(scaled_mu - place_u, force_mu),
    )


def _regressed(value_mf: FloatArray, force_mu: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.lstsq(value_mf, force_mu, rcond=1e-13)[0], dtype=np.float64)


def _degree(n: int, n_frames: int) -> int:
    """Return the highest degree whose terms the frames determine."""
    fitting = (degree for degree in DEGREES if n_monomials(n, degree) <= min(n_frames / FRAMES_PER_TERM, MOST_TERMS))
    return next(fitting, 1)


def _is_even(place_mu: FloatArray, force_mu: FloatArray) -> bool:
    """Return whether forces are odd functions of the distance from an equilibrium, to lowest orders."""
    exponent_fu = exponents(place_mu.shape[1], _degree(place_mu.shape[1], len(place_mu)), lowest=0)
    value_mf = monomials(place_mu, exponent_fu)
    coefficient_fu = _regressed(value_mf, force_mu)
    of_even_f = exponent_fu.sum(axis=1) % 2 == 0
    part_mu = value_mf[:, of_even_f] @ coefficient_fu[of_even_f]
    return bool((part_mu**2).sum() < EVEN * (force_mu**2).sum())
