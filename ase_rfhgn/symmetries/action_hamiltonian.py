"""The Hamiltonian K(I) of actions, from the advance of angles along trajectories: its gradient is the frequencies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.models.archive import Arrays, shaped
from ase_rfhgn.symmetries.ensemble import Ensemble, angles, radii
from ase_rfhgn.symmetries.monomials import exponents, monomial_gradients, n_monomials

MOST_DEGREE = 18
"""Highest degree of K that is tried."""

RUNS_PER_TERM = 3
"""Trajectories that a coefficient of K needs."""

FOLDS = 5
"""Parts of the trajectories that are left out in turn to choose the degree."""


@dataclass(frozen=True, slots=True)
class ActionHamiltonian(ReadOnlyArrays):
    """K(I) = Σ c ((I − I₀)/s)^α: angles advance by its gradient, so that the motion of (I, φ) is exactly symplectic.

    Of rotations K sees |J|, and angles of either sense advance alike.

    Attributes
    ----------
    exponent_fu : ndarray of shape (n_terms, n)
        Exponents α.
    coefficient_f : ndarray of shape (n_terms,)
        c (eV).
    scale_u : ndarray of shape (n,)
        s, the largest mean actions of the trajectories; of rotations, how far they are from I₀.
    centre_u : ndarray of shape (n,)
        I₀: zero, of rotations the mean.
    rotations : tuple of int
        Pairs that are an angle and its action.
    """

    exponent_fu: IntArray
    coefficient_f: FloatArray
    scale_u: FloatArray
    centre_u: FloatArray
    rotations: tuple[int, ...] = ()

    def actions(self, state_md: FloatArray) -> FloatArray:
        """Return the actions I of states, shape (m, n)."""
        return 0.5 * radii(state_md, self.rotations)

    def angles(self, state_md: FloatArray) -> FloatArray:
        """Return the angles φ of states, shape (m, n)."""
        return angles(state_md, self.rotations)

    def frequencies(self, action_mu: FloatArray) -> FloatArray:
        """Return ∂K/∂I (radians per ASE time) of actions, shape (m, n)."""
        sense_mu = np.ones_like(action_mu)
        for u in self.rotations:
            sense_mu[:, u] = np.sign(action_mu[:, u])
        scaled_mu = (sense_mu * action_mu - self.centre_u) / self.scale_u
        gradient_muf = monomial_gradients(scaled_mu, self.exponent_fu)
        return sense_mu * (gradient_muf @ self.coefficient_f) / self.scale_u

    def flow(self, state_md: FloatArray, time: float | FloatArray) -> FloatArray:
        """Return states after a time, or after one of shape (m, 1) each: angles grow by frequencies times the time."""
        n = state_md.shape[1] // 2
        turn_mu = self.frequencies(self.actions(state_md)) * time
        cosine_mu, sine_mu = np.cos(turn_mu), np.sin(turn_mu)
        place_mu, momentum_mu = state_md[:, :n], state_md[:, n:]
        moved_md = np.concatenate(
            [cosine_mu * place_mu + sine_mu * momentum_mu, cosine_mu * momentum_mu - sine_mu * place_mu], axis=1
        )
        for u in self.rotations:
            moved_md[:, u], moved_md[:, n + u] = place_mu[:, u] + turn_mu[:, u], momentum_mu[:, u]
        return moved_md

    def extended(self, n: int) -> ActionHamiltonian:
        """Return the same K of further pairs, on whose actions it does not depend."""
        exponent_fu = np.pad(self.exponent_fu, ((0, 0), (0, n)))
        scale_u, centre_u = np.pad(self.scale_u, (0, n), constant_values=1.0), np.pad(self.centre_u, (0, n))
        return replace(self, exponent_fu=exponent_fu, scale_u=scale_u, centre_u=centre_u)

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {
            "exponent": self.exponent_fu,
            "coefficient": self.coefficient_f,
            "scale": self.scale_u,
            "centre": self.centre_u,
            "rotations": np.array(self.rotations, dtype=np.int64),
        }

    @classmethod
    def of_arrays(cls, arrays: Arrays, n: int) -> ActionHamiltonian:
        """Return the Hamiltonian of a model file."""
        exponent_fu = shaped(arrays, "exponent", (None, n))
        if exponent_fu.dtype != np.int64 or exponent_fu.min(initial=0) < 0:
            message = "exponents of K are not integers"
            raise ValueError(message)
        coefficient_f = shaped(arrays, "coefficient", (len(exponent_fu),))
        rotations = shaped(arrays, "rotations", (None,))
        if rotations.dtype != np.int64 or not np.isin(rotations, np.arange(n)).all():
            message = "rotations are not numbers of pairs of variables"
            raise ValueError(message)
        scale_u, centre_u = (shaped(arrays, name, (n,)) for name in ("scale", "centre"))
        return cls(exponent_fu, coefficient_f, scale_u, centre_u, tuple(int(u) for u in rotations))


def action_hamiltonian_of(ensemble: Ensemble, timestep: float, frequency_u: FloatArray) -> ActionHamiltonian:
    """Return K(I) whose gradient is the mean advance of the angles along trajectories.

    Frames in the middle of a trajectory count more than those near its ends, so that what still oscillates in the
    angles averages out.

    Parameters
    ----------
    ensemble : Ensemble
        Trajectories in the new variables; rotations of a positive sense.
    timestep : float
        Time between frames (ASE units).
    frequency_u : ndarray of shape (n,)
        Frequencies of small oscillations, from which the advance differs by less than half a turn in
        a time step.

    Notes
    -----
    Weighted Birkhoff averages: Das, Sander and Yorke, Nonlinearity 30, 4111 (2017).
    """
    frequency_gu = _frequencies(ensemble, frequency_u * timestep) / timestep
    mean_gu = ensemble.mean(0.5 * radii(ensemble.state_md, ensemble.rotations))
    centre_u = np.zeros(ensemble.n)
    for u in ensemble.rotations:
        centre_u[u] = mean_gu[:, u].mean()
    scale_u = np.abs(mean_gu - centre_u).max(axis=0)
    scale_u[scale_u == 0.0] = 1.0
    scaled_gu = (mean_gu - centre_u) / scale_u
    rest = [_error(scaled_gu, frequency_gu * scale_u, degree) for degree in _degrees(mean_gu)]
    exponent_fu = exponents(ensemble.n, _degrees(mean_gu)[int(np.argmin(rest))])
    coefficient_f = _solved(scaled_gu, frequency_gu * scale_u, exponent_fu)
    return ActionHamiltonian(exponent_fu, coefficient_f, scale_u, centre_u, ensemble.rotations)


def _frequencies(ensemble: Ensemble, base_u: FloatArray) -> FloatArray:
    """Return the mean advance of angles from frame to frame, shape (n_runs, n)."""
    angle_mu = angles(ensemble.state_md, ensemble.rotations)
    advance_mu = np.diff(angle_mu, axis=0) - base_u
    advance_mu = base_u + advance_mu - 2.0 * np.pi * np.round(advance_mu / (2.0 * np.pi))
    means = []
    for run in range(ensemble.n_runs):
        advance_tu = advance_mu[ensemble.start_g[run] : ensemble.start_g[run + 1] - 1]
        means.append(np.average(advance_tu, axis=0, weights=np.hanning(len(advance_tu) + 2)[1:-1]))
    return np.array(means)


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
