"""Ensembles of trajectories in canonical variables: what varies along a trajectory, and what between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays

VALIDATION_SHARE = 0.25
"""Share of trajectories that choose ridges, steps and layers."""


class ForwardMap(Protocol):
    """Anything that maps states to states."""

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""


@dataclass(frozen=True, slots=True)
class Ensemble(ReadOnlyArrays):
    """States of several trajectories, which follow each other.

    Attributes
    ----------
    state_md : ndarray of shape (n_states, 2n)
        States z = (q, p).
    start_g : ndarray of shape (n_runs + 1,)
        First state of every trajectory, and the number of states.
    rate_md : ndarray of shape (n_states, 2n), optional
        Time derivatives of the states.
    rotations : tuple of int, default ()
        Pairs that are an angle and its action (φ, J), instead of (Q, P) with the action (Q² + P²)/2.
    """

    state_md: FloatArray
    start_g: IntArray
    rate_md: FloatArray | None = None
    rotations: tuple[int, ...] = ()

    @classmethod
    def of(cls, state_gtd: FloatArray, rate_gtd: FloatArray | None = None) -> Ensemble:
        """Return the ensemble of trajectories of equal length.

        Parameters
        ----------
        state_gtd : ndarray of shape (n_runs, n_frames, 2n)
            States.
        rate_gtd : ndarray of the same shape, optional
            Their time derivatives.
        """
        n_runs, n_frames, width = state_gtd.shape
        rate_md = None if rate_gtd is None else rate_gtd.reshape(-1, width)
        return cls(state_gtd.reshape(-1, width), n_frames * np.arange(n_runs + 1), rate_md)

    @property
    def n(self) -> int:
        """Degrees of freedom."""
        return int(self.state_md.shape[1]) // 2

    @property
    def n_runs(self) -> int:
        """Number of trajectories."""
        return len(self.start_g) - 1

    @property
    def librations(self) -> list[int]:
        """Pairs (Q, P), which oscillate."""
        return [u for u in range(self.n) if u not in self.rotations]

    @property
    def run_m(self) -> IntArray:
        """Trajectory of every state."""
        return np.repeat(np.arange(self.n_runs), np.diff(self.start_g))

    def mean(self, value_mf: FloatArray) -> FloatArray:
        """Return the mean of values over every trajectory, one row per trajectory."""
        sums: FloatArray = np.add.reduceat(value_mf, self.start_g[:-1], axis=0)
        return sums / np.diff(self.start_g)[:, None]

    def deviations(self, value_mf: FloatArray) -> FloatArray:
        """Return values minus their mean over the trajectory."""
        return value_mf - self.mean(value_mf)[self.run_m]

    def mapped(self, mapping: ForwardMap) -> Ensemble:
        """Return the same trajectories in other variables; rates are dropped."""
        return Ensemble(mapping.forward(self.state_md), self.start_g, rotations=self.rotations)

    def picked(self, runs: Sequence[int] | IntArray) -> Ensemble:
        """Return some of the trajectories."""
        spans = [np.arange(self.start_g[run], self.start_g[run + 1]) for run in runs]
        rows = np.concatenate(spans)
        start_g = np.concatenate([[0], np.cumsum([len(span) for span in spans])])
        rate_md = None if self.rate_md is None else self.rate_md[rows]
        return replace(self, state_md=self.state_md[rows], start_g=start_g, rate_md=rate_md)


def radii(state_md: FloatArray, rotations: tuple[int, ...] = ()) -> FloatArray:
    """Return twice the actions, shape (m, n): r_u = Q_u² + P_u², and 2J for rotations."""
    n = state_md.shape[1] // 2
    radius_mu: FloatArray = state_md[:, :n] ** 2 + state_md[:, n:] ** 2
    for u in rotations:
        radius_mu[:, u] = 2.0 * state_md[:, n + u]
    return radius_mu


def angles(state_md: FloatArray, rotations: tuple[int, ...] = ()) -> FloatArray:
    """Return angles φ with Q = √(2I) sin φ and P = √(2I) cos φ, which grow with time, shape (m, n)."""
    n = state_md.shape[1] // 2
    angle_mu = np.arctan2(state_md[:, :n], state_md[:, n:])
    for u in rotations:
        angle_mu[:, u] = np.remainder(state_md[:, u] + np.pi, 2.0 * np.pi) - np.pi
    return angle_mu


@dataclass(frozen=True, slots=True)
class Constancy(ReadOnlyArrays):
    """How constant the actions of an ensemble are.

    Attributes
    ----------
    loss : float
        ℓ: variance of r_u along trajectories over its mean square, averaged over u
        (Bondesan and Lamacraft, arXiv:1906.04645).
    relative : float
        η: variance along trajectories over the whole variance. ℓ alone can deceive, where all trajectories
        have similar actions.
    loss_u, relative_u : ndarray of shape (n,)
        The same for every action.
    """

    loss: float
    relative: float
    loss_u: FloatArray
    relative_u: FloatArray


def constancy(ensemble: Ensemble) -> Constancy:
    """Return how constant the actions of trajectories are in the variables that they are given in."""
    radius_mu = radii(ensemble.state_md, ensemble.rotations)
    within_u = ensemble.mean(ensemble.deviations(radius_mu) ** 2).mean(axis=0)
    total_u = radius_mu.var(axis=0)
    loss_u = within_u / (radius_mu**2).mean(axis=0)
    relative_u = np.divide(within_u, total_u, out=np.full_like(total_u, np.inf), where=total_u > 0.0)
    total = float(total_u.sum())
    relative = float(within_u.sum()) / total if total > 0.0 else float("inf")
    return Constancy(float(np.mean(loss_u)), relative, loss_u, relative_u)


def parts_of(ensemble: Ensemble, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Return the trajectories to fit, and those to choose by, a quarter of all.

    Parameters
    ----------
    ensemble : Ensemble
        Trajectories.
    rng : numpy.random.Generator
        Source of randomness.
    """
    order = rng.permutation(ensemble.n_runs)
    n_valid = max(1, round(VALIDATION_SHARE * ensemble.n_runs))
    return np.sort(order[n_valid:]), np.sort(order[:n_valid])
