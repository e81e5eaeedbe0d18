"""The Hamiltonian K(I) of actions, from the advance of angles along trajectories: its gradient is the frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.models.archive import Arrays, shaped
from ase_rfhgn.symmetries.ensemble import Ensemble, radii
from ase_rfhgn.symmetries.monomials import exponents, monomial_gradients, n_monomials

MOST_DEGREE = 18
"""Highest degree of K that is tried."""

RUNS_PER_TERM = 3
"""Trajectories that a coefficient of K needs."""

FOLDS = 5
"""Parts of the trajectories that are left out in turn to choose the degree."""


@dataclass(frozen=True, slots=True)
class ActionHamiltonian(ReadOnlyArrays):
    """K(I) = Σ c (I/s)^α: angles advance by its gradient, so that the motion of (I, φ) is exactly symplectic.

    Attributes
    ----------
    exponent_fu : ndarray of shape (n_terms, n)
        Exponents α.
    coefficient_f : ndarray of shape (n_terms,)
        c (eV).
    scale_u : ndarray of shape (n,)
        s, the largest actions of the trajectories.
    """

    exponent_fu: IntArray
    coefficient_f: FloatArray
    scale_u: FloatArray

    def frequencies(self, action_mu: FloatArray) -> FloatArray:
        """Return ∂K/∂I (radians per ASE time) of actions, shape (m, n)."""
        gradient_muf = monomial_gradients(action_mu / self.scale_u, self.exponent_fu)
        return gradient_muf @ self.coefficient_f / self.scale_u

    def flow(self, state_md: FloatArray, time: float) -> FloatArray:
        """Return states after a time: every (Q, P) turns by its frequency times the time."""
        n = state_md.shape[1] // 2
        turn_mu = self.frequencies(0.5 * radii(state_md)) * time
        cosine_mu, sine_mu = np.cos(turn_mu), np.sin(turn_mu)
        place_mu, momentum_mu = state_md[:, :n], state_md[:, n:]
        return np.concatenate(
            [cosine_mu * place_mu + sine_mu * momentum_mu, cosine_mu * momentum_mu - sine_mu * place_mu], axis=1
        )

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"exponent": self.exponent_fu, "coefficient": self.coefficient_f, "scale": self.scale_u}

    @classmethod
    def of_arrays(cls, arrays: Arrays, n: int) -> ActionHamiltonian:
        """Return the Hamiltonian of a model file."""
        exponent_fu = shaped(arrays, "exponent", (None, n))
        if exponent_fu.dtype != np.int64 or exponent_fu.min(initial=0) < 0:
            message = "exponents of K are not integers"
            raise ValueError(message)
        return cls(exponent_fu, shaped(arrays, "coefficient", (len(exponent_fu),)), shaped(arrays, "scale", (n,)))


def angles_of(state_md: FloatArray) -> FloatArray:
    """Return angles φ with Q = √(2I) sin φ and P = √(2I) cos φ, which grow with time, shape (m, n)."""
    n = state_md.shape[1] // 2
    return np.arctan2(state_md[:, :n], state_md[:, n:])


def action_hamiltonian_of(
    ensemble: Ensemble, timestep: float, frequency_u: FloatArray | None, *, period: float = 2.0 * np.pi
) -> ActionHamiltonian:
    """Return K(I) whose gradient is the mean advance of the angles along trajectories.

    Parameters
    ----------
    ensemble : Ensemble
        Trajectories in the new variables.
    timestep : float
        Time between frames (ASE units).
    frequency_u : ndarray of shape (n,) or None
        Frequencies of small oscillations, from which the advance differs by less than half a turn in
        a time step; None for slow angles.
    period : float, default 2π
        What an angle may jump by without a change of the state.
    """
    base_u = np.zeros(ensemble.n) if frequency_u is None else frequency_u * timestep
    angle_mu, action_mu = angles_of(ensemble.state_md), 0.5 * radii(ensemble.state_md)
    advance_mu = np.diff(angle_mu, axis=0) - base_u
    advance_mu = base_u + advance_mu - period * np.round(advance_mu / period)
    spans = [slice(ensemble.start_g[run], ensemble.start_g[run + 1] - 1) for run in range(ensemble.n_runs)]
    frequency_gu = np.array([advance_mu[span].mean(axis=0) for span in spans]) / timestep
    mean_gu = ensemble.mean(action_mu)
    scale_u = mean_gu.max(axis=0)
    rest = [_error(mean_gu / scale_u, frequency_gu * scale_u, degree) for degree in _degrees(mean_gu)]
    exponent_fu = exponents(ensemble.n, _degrees(mean_gu)[int(np.argmin(rest))])
    coefficient_f = _solved(mean_gu / scale_u, frequency_gu * scale_u, exponent_fu)
    return ActionHamiltonian(exponent_fu, coefficient_f, scale_u)


def _degrees(action_gu: FloatArray) -> list[int]:
    """Return degrees whose coefficients the trajectories determine."""
    n_runs, n = action_gu.shape
    most = range(2, MOST_DEGREE + 1)
    return [1, *(degree for degree in most if n_monomials(n, degree) * RUNS_PER_TERM <= n_runs * n)]


def _solved(action_gu: FloatArray, frequency_gu: FloatArray, exponent_fu: IntArray) -> FloatArray:
    rows_f = monomial_gradients(action_gu, exponent_fu).reshape(-1, len(exponent_fu))
    return np.asarray(np.linalg.lstsq(rows_f, frequency_gu.ravel(), rcond=1e-14)[0], dtype=np.float64)


def _error(action_gu: FloatArray, frequency_gu: FloatArray, degree: int) -> float:
    """Return the mean square error on trajectories left out in turn."""
    exponent_fu = exponents(action_gu.shape[1], degree)
    fold_g = np.arange(len(action_gu)) % FOLDS
    total = 0.0
    for fold in range(FOLDS):
        kept, out = fold_g != fold, fold_g == fold
        if not (kept.any() and out.any()):
            continue
        coefficient_f = _solved(action_gu[kept], frequency_gu[kept], exponent_fu)
        predicted_gu = monomial_gradients(action_gu[out], exponent_fu) @ coefficient_f
        total += float(((predicted_gu - frequency_gu[out]) ** 2).sum())
    return total
