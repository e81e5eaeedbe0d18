"""Rows of phase space, folded into triangular factors, and the coefficients that solve them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.phase_space.networks import Network
from ase_rfhgn.fitting.grouping import folds_in_turn
from ase_rfhgn.fitting.phase_space.frames import PhaseSpaceFrames
from ase_rfhgn.fitting.phase_space.rows import Snapshot, batches, motion_rows, unmoved_rows
from ase_rfhgn.fitting.targets import Motion
from ase_rfhgn.regression.cross_validation import choose_ridge, leave_one_out, left_out_score
from ase_rfhgn.regression.triangular import RunningFactor, residual, solve, stack
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.frame import Frame

RIDGES = tuple(10.0**power for power in range(-18, 1, 2))
"""Ridges that are tried."""

DEFAULT_RIDGE = 1e-10
"""Ridge where there are too few frames to leave any out."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients of the features.

    Attributes
    ----------
    coefficient_f : ndarray of shape (n_features,)
        The coefficients (eV).
    ridge : float
        Strength of the l2 regularisation.
    choice : str
        How it was chosen, in words.
    train_rms : float
        Root mean square of the residuals, relative to that of the right-hand sides.
    """

    coefficient_f: FloatArray
    ridge: float
    choice: str
    train_rms: float


class Folds:
    """Running factors of rows, one per fold of frames and half of Hamilton's equations.

    Features of positions alone have no part in velocities, nor those of momenta alone in forces: either half
    by itself has fewer columns than both.

    Parameters
    ----------
    n_frames : int
        Number of frames.
    n_features : int
        Number of features.
    left_out : bool
        Whether folds will be left out in turn; otherwise all frames are one fold.
    """

    def __init__(self, n_frames: int, n_features: int, *, left_out: bool) -> None:
        self._fold_i = folds_in_turn(n_frames) if left_out else np.zeros(n_frames, dtype=np.int64)
        self.n_folds = 1 + int(self._fold_i.max(initial=0))
        self._column_f = np.arange(n_features + 1)
        self._running = [{"force": RunningFactor(self._column_f)} for _ in range(self.n_folds)]

    def fold(self, i: int) -> int:
        """Return the fold of a frame."""
        return int(self._fold_i[i])

    def add(self, fold: int, rows: Mapping[str, FloatArray]) -> None:
        """Take rows into a fold, of "force" or "velocity" or both, right-hand side last."""
        for half, row_mf in rows.items():
            if half not in self._running[fold]:
                self._running[fold][half] = RunningFactor(self._column_f)
            self._running[fold][half].add(row_mf)

    def triangles(self) -> list[FloatArray]:
        """Return the triangular factor of every fold, per root of its rows."""
        factors = [[running.factor() for running in halves.values()] for halves in self._running]
        return [
            stack((factor.rows() for factor in halves), overwrite=True)
            / np.sqrt(max(1, sum(factor.n_rows for factor in halves)))
            for halves in factors
        ]


def label_triangles(
    network: Network, frames: PhaseSpaceFrames, folds: Folds, *, learned: bool, progress: bool
) -> list[FloatArray]:
    """Return the triangular factors of Hamilton's equations at labelled frames.

    Parameters
    ----------
    network : Network
        The features.
    frames : PhaseSpaceFrames
        Labelled frames.
    folds : Folds
        What takes the rows.
    learned : bool
        Whether the kinetic energy is learned, so that velocities have rows, too.
    progress : bool
        Whether long work shows progress on a terminal.
    """
    velocity_unit = _spread([s.velocity_nc for s in frames.sample]) if learned else None
    force_unit = _spread([s.force_nc for s in frames.sample])
    waiting: list[list[Snapshot]] = [[] for _ in range(folds.n_folds)]
    for i, snapshot in enumerate(progress_bar(frames, "features", total=len(frames), shown=progress)):
        fold = folds.fold(i)
        waiting[fold].append(snapshot)
        *full, waiting[fold] = batches(waiting[fold], network.n_features)
        for batch in full:
            folds.add(fold, motion_rows(network, batch, velocity_unit, force_unit))
    for fold, rest in enumerate(waiting):
        for batch in batches(rest, network.n_features):
            folds.add(fold, motion_rows(network, batch, velocity_unit, force_unit))
    return folds.triangles()


def motion_triangles(
    network: Network, frames: PhaseSpaceFrames, folds: Folds, motions: Sequence[Motion], *, progress: bool
) -> list[FloatArray]:
    """Return the triangular factors of laws of motion between frames.

    Parameters
    ----------
    network : Network
        The features.
    frames : PhaseSpaceFrames
        Frames in the order of time.
    folds : Folds
        What takes the rows.
    motions : sequence of Motion
        One or both halves of Hamilton's equations, each measured in its root mean square.
    progress : bool
        Whether long work shows progress on a terminal.
    """
    for motion in motions:

        def rows(i: int, frame: Frame, kind: str = motion.averaged) -> dict[str, FloatArray]:
            return {kind: unmoved_rows(network, frames.snapshot(i, frame), kind)}

        unit = _observed_spread(motion, frames) if len(motions) > 1 else 1.0
        read = progress_bar(frames.frames, "features", shown=progress)
        for i, _, row_mf in motion.equations(read, rows):
            folds.add(folds.fold(i), {motion.averaged: row_mf / unit})
    return folds.triangles()


def solution(triangles: Sequence[FloatArray], ridge: float | None) -> Solution:
    """Return the coefficients for a ridge that is given, or chosen by leaving out folds of frames.

    Parameters
    ----------
    triangles : sequence of ndarray
        Triangular factor of every fold.
    ridge : float or None
        Strength of the l2 regularisation, relative to the mean square of a column.
    """
    everything_ff = stack(triangles)
    n_features = len(everything_ff) - 1
    norm = np.sqrt(np.sum(everything_ff[:, :-1] ** 2) / max(1, n_features))
    spread_f = np.full(n_features, 1.0 / norm if norm > 0.0 else 1.0)
    choice = "given"
    if ridge is None and len(triangles) > 1:
        rest_ff = list(leave_one_out(triangles, np.copy))
        ridge = choose_ridge(left_out_score(rest_ff, triangles, spread_f), RIDGES).ridge
        choice = "cross-validation"
    elif ridge is None:
        ridge, choice = DEFAULT_RIDGE, "default: too few frames to leave any out"
    coefficient_f = solve(everything_ff, spread_f, ridge)
    size = max(float(np.sum(everything_ff[:, -1] ** 2)), np.finfo(float).tiny)
    return Solution(coefficient_f, ridge, choice, float(np.sqrt(residual(everything_ff, coefficient_f) / size)))


def _observed_spread(motion: Motion, frames: PhaseSpaceFrames) -> float:
    """Return the root mean square of what is differenced between frames."""

    def nothing(_: int, frame: Frame) -> dict[str, FloatArray]:
        return {motion.averaged: np.zeros((len(frame.atoms) * motion.n_dimensions, 1))}

    square, count = 0.0, 0
    for _, _, target_m1 in replace(motion, weighting=None).equations(frames.frames, nothing):
        square, count = square + float(np.sum(target_m1**2)), count + target_m1.size
    return float(np.sqrt(square / count)) if square > 0.0 else 1.0


def _spread(values: Sequence[FloatArray]) -> float:
    """Return the root mean square of numbers; one where all are zero."""
    square = float(np.mean(np.concatenate([value.ravel() for value in values]) ** 2))
    return np.sqrt(square) if square > 0.0 else 1.0
