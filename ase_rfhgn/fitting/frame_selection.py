"""Frame selection: the frames of a pool from which a fit learns most about the whole pool, without labels."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.linalg import solve_triangular

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.features.protocol import Features
from ase_rfhgn.features.spherical.initialise import Architecture, initialise_fields
from ase_rfhgn.fitting.linear_model import Layout
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.preparation import ENERGY_WEIGHT
from ase_rfhgn.fitting.survey import Survey, surveyed
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.graph import NeighbourGraph
from ase_rfhgn.structures.training_set import TrainingSet

CHANNELS, DEGREE = 16, 3
"""Radial channels and degree of the harmonics of the features that frames are compared by."""

DIRECTIONS = 24
"""Strongest directions of the rows of a frame that are kept."""

PRIOR = 1e-8
"""Prior information on a feature, relative to the information of the whole pool; fainter combinations do not count."""

SAME = 1e-6
"""Relative difference of the features of two frames below which one is a copy of the other."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Frames picked from a pool.

    Attributes
    ----------
    index_i : tuple of int
        The frames, the most informative first.
    gain_i : tuple of float
        Reduction of the expected squared error of the pool by each frame, relative to its value without frames.
    n_pool, n_duplicates : int
        Number of frames in the pool, and number of copies of other frames among them.
    """

    index_i: tuple[int, ...]
    gain_i: tuple[float, ...]
    n_pool: int
    n_duplicates: int


def select_frames(pool: Iterable[Atoms], n_frames: int, *, seed: int = 0, progress: bool = False) -> Selection:
    """Return the frames of a pool from which a fit learns most about forces and energies of the whole pool.

    Parameters
    ----------
    pool : iterable of ase.Atoms
        Structures, labelled or not. Copies are dropped, also rotated, shifted or renumbered copies.
    n_frames : int
        Number of frames to pick; fewer are picked if the pool has fewer different frames.
    seed : int
        Seed of the features by which frames are compared.
    progress : bool
        Whether to show progress on a terminal.

    Raises
    ------
    SettingsError
        If the number is not positive.
    TrainingDataError
        If the pool is empty, or a structure cannot be used; the message names it.

    Notes
    -----
    This is a greedy V-optimal design (Fedorov, Theory of Optimal Experiments (1972)). Every pick lowers most
    the mean squared error that a reduced model expects for forces and energies of the whole pool, weighted as
    in a fit. The reduced model has two-body sums and squares of the atomic basis. Gains hardly ever grow as
    frames are picked, so most gains are not computed again (Minoux, Optimization Techniques, 234 (1978)).
    """
    if n_frames < 1:
        message = f"n_frames is {n_frames}: it must be 1 or more"
        raise SettingsError(message)
    structures = list(pool)
    if not structures:
        message = "the pool has no frames"
        raise TrainingDataError(message)
    with single_threaded():
        unlabelled = TrainingSet.open(structures, name="pool").without_labels()
        found, items = surveyed(unlabelled, None, Options(progress=progress))
        fields = _initialised(found, np.random.default_rng(seed))
        described = [_describe(fields, item.graph) for item in progress_bar(items, "features", shown=progress)]
        different = _different([one.pooled_f for one in described])
        norm_f = np.sqrt(sum(np.sum(described[i].row_mf ** 2, axis=0) for i in different))
        scale_f = np.divide(1.0, norm_f, out=np.zeros_like(norm_f), where=norm_f > 0.0)
        candidates = {i: _strongest(described[i].row_mf * scale_f) for i in different}
        picked = _pick(candidates, n_frames)
    index_i, gain_i = zip(*picked, strict=True)
    return Selection(index_i, gain_i, len(structures), len(structures) - len(different))


@dataclass(frozen=True, slots=True)
class _Described:
    """Rows of the forces and of the energy of a frame, and its features summed over the atoms."""

    row_mf: FloatArray
    pooled_f: FloatArray


def _initialised(found: Survey, rng: np.random.Generator) -> Features:
    """Return features that know the distances of the pool."""
    architecture = Architecture(
        cutoff=found.cutoff, channels=CHANNELS, projections=1, correlation=2, degree=DEGREE, sampler="swim"
    )
    return initialise_fields(architecture, found.species_s, found.floor_b, found.largest_density_s, found.sample, rng)


def _describe(fields: Features, graph: NeighbourGraph) -> _Described:
    layout = Layout(len(fields.species_s), fields.n_features)
    column_s = layout.n_species + layout.n_features * np.arange(layout.n_species)
    rows = fields.rows(graph, column_s, layout.n_columns, stress=False)
    counts_s = np.count_nonzero(graph.number_n == fields.species_s[:, None], axis=1)
    pooled_f = rows.energy_f.copy()
    pooled_f[: layout.n_species] = counts_s
    energy_mf = ENERGY_WEIGHT * pooled_f[None] / np.sqrt(graph.n_atoms)
    return _Described(_compressed(np.concatenate([rows.force_mf, energy_mf])), pooled_f)


def _compressed(row_mf: FloatArray) -> FloatArray:
    """Return fewer rows with the same products of columns."""
    return np.linalg.qr(row_mf).R if len(row_mf) > row_mf.shape[1] else row_mf


def _strongest(row_mf: FloatArray) -> FloatArray:
    """Return the strongest directions of rows."""
    _, strength_m, direction_mf = np.linalg.svd(row_mf, full_matrices=False)
    strongest_mf: FloatArray = strength_m[:DIRECTIONS, None] * direction_mf[:DIRECTIONS]
    return strongest_mf


def _different(pooled: Sequence[FloatArray]) -> list[int]:
    """Return the frames that are no copies of earlier ones: invariant features tell."""
    norm_i = np.array([np.linalg.norm(pooled_f) for pooled_f in pooled])
    copies: set[int] = set()
    order = np.argsort(norm_i, kind="stable")
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            if norm_i[j] > (1.0 + SAME) * norm_i[i]:
                break
            if np.linalg.norm(pooled[i] - pooled[j]) <= SAME * norm_i[i]:
                copies.add(max(int(i), int(j)))
    return [i for i in range(len(pooled)) if i not in copies]


def _pick(candidates: Mapping[int, FloatArray], n_frames: int) -> list[tuple[int, float]]:
    """Return frames and their gains, greedily."""
    row_imf, weight_f = _principal(candidates)
    covariance_ff = np.diag(np.full(len(weight_f), 1.0 / PRIOR))
    total = float(weight_f @ np.diag(covariance_ff))
    waiting = [(-np.inf, i, -1) for i in row_imf]
    picked: list[tuple[int, float]] = []
    while waiting and len(picked) < n_frames:
        gain, i, age = heapq.heappop(waiting)
        removed_fm = _removed(covariance_ff, row_imf[i])
        if age < len(picked):  # a gain from before the last pick, and now hardly ever larger
            gain = float(weight_f @ np.sum(removed_fm**2, axis=1)) / total
            heapq.heappush(waiting, (-gain, i, len(picked)))
            continue
        picked.append((i, -gain))
        covariance_ff -= removed_fm @ removed_fm.T
    return picked


def _principal(candidates: Mapping[int, FloatArray]) -> tuple[dict[int, FloatArray], FloatArray]:
    """Return rows in the principal features of the pool, and the sum of squares of each; faint ones are dropped."""
    pool_ff = sum(row_mf.T @ row_mf for row_mf in candidates.values())
    weight_f, turn_ff = np.linalg.eigh(pool_ff)
    strong_f = weight_f > PRIOR
    return {i: row_mf @ turn_ff[:, strong_f] for i, row_mf in candidates.items()}, weight_f[strong_f]


def _removed(covariance_ff: FloatArray, row_mf: FloatArray) -> FloatArray:
    """Return the root of what rows take from the covariance of coefficients (Woodbury's identity)."""
    shared_fm = covariance_ff @ row_mf.T
    lower_mm = np.linalg.cholesky(np.eye(len(row_mf)) + row_mf @ shared_fm)
    removed_mf: FloatArray = solve_triangular(lower_mm, shared_fm.T, lower=True, check_finite=False)
    return removed_mf.T
