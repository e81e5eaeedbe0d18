"""The ensemble of a fit, and its interval scales, which are measured on frames left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.accumulation import Factors, SampledFrame
from ase_rfhgn.fitting.linear_model import KINDS, LinearModel
from ase_rfhgn.regression.posterior import LEVELS, Omission, growth_left_out, half_widths, sample_members
from ase_rfhgn.regression.ridge import Regression, Solved

MEMBERS = 8
"""Members of an ensemble: their spread is known to a quarter of itself."""

ROUNDS, FEWEST_ROWS = 2e9, 3000
"""Multiplications of a row by the squared number of columns that a calibration may cost, and rows that it has."""

MOST_NUMBERS = 2e7
"""Numbers in the rows that are kept for a calibration, about (160 MB): systems of few columns would keep all rows."""

RUNS = 10
"""Runs of consecutive frames that are left out in turn where all frames are: neighbours in time know of each other."""


def sampled_frames(n_frames: int, n_rows: int, n_columns: int, rng: np.random.Generator) -> frozenset[int]:
    """Return the frames whose rows are kept for the calibration: one of every stretch, at random.

    Parameters
    ----------
    n_frames, n_rows : int
        Number of frames, and of rows of all of them, about.
    n_columns : int
        Number of columns.
    rng : numpy.random.Generator
        Source of randomness.
    """
    wanted = max(FEWEST_ROWS, min(ROUNDS / n_columns**2, MOST_NUMBERS / n_columns))
    n_sampled = int(np.clip(np.ceil(wanted / max(n_rows / n_frames, 1.0)), 1, n_frames))
    edge_i = np.linspace(0, n_frames, n_sampled + 1).astype(int)
    return frozenset(int(rng.integers(first, last)) for first, last in pairwise(edge_i))


def sampled_members(reduced: Solved, rng: np.random.Generator) -> FloatArray:
    """Return deviations of the coefficients of an ensemble from the posterior of a reduced model.

    Parameters
    ----------
    reduced : Solved
        The fit over the columns of the reduced basis.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_members, n_reduced_columns)
        Of unit noise; see `ase_rfhgn.regression.posterior.sample_members`.
    """
    return sample_members(reduced, MEMBERS, rng)


def interval_scales(
    member_ef: FloatArray,
    regression: Regression,
    solved: Solved,
    reduced: Solved,
    factors: Factors,
    weights: Mapping[str, float],
    model: LinearModel,
) -> dict[str, FloatArray]:
    """Return the interval scales by kind of rows: half-widths that hold errors left out, per unit of spread.

    Parameters
    ----------
    member_ef : ndarray of shape (n_members, n_reduced_columns)
        Deviations of an ensemble.
    regression, solved : Regression, Solved
        The fit.
    reduced : Solved
        The fit over the columns of the reduced basis.
    factors : Factors
        Its rows. Sampled frames are left out, each in turn, or in runs where all frames were sampled.
    weights : mapping
        Weight of every kind of label.
    model : LinearModel
        The model; it knows the columns of the reduced basis.

    Notes
    -----
    A kind of which no sampled frame has rows gets the interval scales of another kind.
    """
    omission = Omission(regression, solved)
    column_f = model.reduced_columns
    misses: dict[str, list[FloatArray]] = {}
    sets = (_RowsLeftOut.of(run, weights, len(solved.spread_f)) for run in _runs(factors))
    for rows, residual_m in omission.each((rows for rows in sets if len(rows.row_mf)), lambda rows: rows.row_mf):
        reduced_mf = rows.row_mf[:, column_f]
        spread_m = growth_left_out(reduced, reduced_mf) * np.linalg.norm(reduced_mf @ member_ef.T, axis=1)
        for kind, part in rows.parts.items():
            misses.setdefault(kind, []).append(np.stack([residual_m[part], spread_m[part]]))
    return _completed({kind: half_widths(*np.concatenate(parts, axis=1)) for kind, parts in misses.items()})


def _runs(factors: Factors) -> list[tuple[SampledFrame, ...]]:
    """Return the sampled frames, in the runs that are left out; copies of a structure are left out together."""
    grouping = factors.grouping
    copies: dict[int, list[SampledFrame]] = {}
    for i, frame in factors.sample.items():
        copies.setdefault(grouping.original(i), []).append(frame)
    is_all = len(factors.sample) == len(grouping.group_i)
    length = -(-len(copies) // RUNS) if is_all else 1
    chosen = list(copies.values())
    return [tuple(chain.from_iterable(chosen[i : i + length])) for i in range(0, len(chosen), length)]


@dataclass(frozen=True, slots=True)
class _RowsLeftOut:
    """Weighted rows of a run over all columns, and which of them are of which kind."""

    row_mf: FloatArray
    parts: Mapping[str, slice]

    @classmethod
    def of(cls, run: Sequence[SampledFrame], weights: Mapping[str, float], n_columns: int) -> _RowsLeftOut:
        """Return the rows of a run whose weight is not zero; large frames are copied once."""
        frames = [frame.weighted_rows(weights, n_columns) for frame in run]
        used = [
            (kind, rows[kind])
            for kind in dict.fromkeys(kind for rows in frames for kind in rows)
            for rows in frames
            if kind in rows
        ]
        parts: dict[str, slice] = {}
        last = 0
        for kind, row_mf in used:
            first, last = last, last + len(row_mf)
            parts[kind] = slice(parts[kind].start if kind in parts else first, last)
        total = [row_mf for _, row_mf in used]
        return cls(np.concatenate(total) if total else np.zeros((0, n_columns + 1)), parts)


def _completed(scale_l: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the interval scales of every kind; a kind without scales gets the scales of another kind."""
    known = {kind: value for kind, value in scale_l.items() if np.isfinite(value).all()}
    fallback_l = next((known[kind] for kind in ("force", "motion", *KINDS) if kind in known), np.ones(len(LEVELS)))
    return {kind: known.get(kind, fallback_l) for kind in KINDS}
