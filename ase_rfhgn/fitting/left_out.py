"""Left-out errors: errors on each training frame of the fit without this frame, in closed form; outliers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.fit_state import AnyBonds, Frames, refuse_strangers, state_of
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.regression.posterior import Omission, parts_of
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.doctor.places import kin_of, originals, place_marks
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame

STANDS_OUT = 5.0
"""Typical deviations from the median (of the logarithm of errors) beyond which a frame stands out."""


@dataclass(frozen=True, slots=True)
class LeftOutErrors:
    """Errors on a frame of the fit to all other frames.

    Attributes
    ----------
    index : int
        Number of the frame.
    name : str
        Name of the frame in messages.
    energy : float or None
        Labelled minus predicted energy (eV/atom); None without a label.
    force_rmse : float or None
        Root mean square over the components of the forces (eV/Å).
    stress_rmse : float or None
        Root mean square over the components of the stress (eV/Å³).
    velocity_rmse : float or None
        Root mean square over the components of the velocities (Å per ASE time).
    """

    index: int
    name: str
    energy: float | None
    force_rmse: float | None
    stress_rmse: float | None
    velocity_rmse: float | None = None


def left_out_errors(
    fitted: AnyModel, frames: Frames, *, bonds: AnyBonds = None, progress: bool = False
) -> list[LeftOutErrors]:
    """Return, for every frame of a fit, the errors of the fit to all other frames.

    Features and ridges of these fits are the same. Copies of a structure are left out together: a fit that knows
    one of them says nothing about the others.

    Parameters
    ----------
    fitted : Potential or PhaseSpacePotential
        A model that was fitted with ``updatable=True``.
    frames : path, iterable of ase.Atoms or TrainingSet
        Frames of the fit.
    bonds : Bonds, or a sequence of Bonds, one per frame, optional
        Edges, for phase-space models that were fitted with bonds.
    progress : bool
        Whether to show progress on a terminal.

    Raises
    ------
    UpdateError
        If the model is not updatable, or a frame is not in its fit.

    Notes
    -----
    See `ase_rfhgn.regression.posterior.Omission` for the formulae. A frame costs its rows and one triangular solve
    per row; nothing is fitted again. Labels that the fit does not use have no error.
    """
    state = state_of(fitted, bonds)
    weights = state.system.weights

    def rows_of(item: GraphedFrame) -> _Rows:
        refuse_strangers(state.system, [item.frame.name], [item.frame.fingerprint])
        by_kind, weight_m = {}, {}
        for kind, row_mf in state.rows(item).items():
            weight = weights.get(kind, 0.0) * state.system.weigh(item.frame.fingerprint, kind, len(row_mf))
            if weight.any():
                weight_m[kind] = weight[weight > 0.0]
                by_kind[kind] = weight_m[kind][:, None] * row_mf[weight > 0.0]
        return _Rows(item.index, item.frame.name, by_kind, weight_m)

    with single_threaded():
        items = state.frames(frames)
        regression = state.system.regression()
        omission = Omission(regression, regression.solve())
        read = progress_bar(items, "leave one out", shown=progress)
        found = {item.index: LeftOutErrors(item.index, item.frame.name, None, None, None) for item in items}
        for together, residual_m in omission.each(_with_copies(items, map(rows_of, read)), _joined):
            parts = parts_of(residual_m, [rows.joined() for rows in together])
            found |= {one.index: _summary(one, part_m) for one, part_m in zip(together, parts, strict=True)}
    return [found[i] for i in sorted(found)]


def _with_copies(items: FrameGraphs, rows: Iterable[_Rows]) -> Iterator[list[_Rows]]:
    """Yield the rows of every structure: of all its copies at once, when the last one was read."""
    marks = [(kin_of(item.frame.atoms), place_marks(item.frame.atoms)) for item in items]
    original_i = originals([kin for kin, _ in marks], [place for _, place in marks]).tolist()
    n_missing = Counter(original_i)
    waiting: dict[int, list[_Rows]] = {}
    for one in rows:
        original = original_i[one.index]
        waiting.setdefault(original, []).extend([one] if one.by_kind else [])
        n_missing[original] -= 1
        together = waiting.pop(original) if not n_missing[original] else []
        if together:
            yield together


def _joined(together: Sequence[_Rows]) -> FloatArray:
    return np.concatenate([rows.joined() for rows in together])


def outliers(errors: Sequence[LeftOutErrors]) -> list[LeftOutErrors]:
    """Return the frames whose errors are far larger than the errors of other frames, the worst first.

    A frame stands out if the logarithm of an error lies many median absolute deviations above the median
    of all frames (Hampel, J. Am. Stat. Assoc. 69, 383 (1974)). Most often the labels of such a frame are
    wrong. It may also be the only frame of its kind.

    Parameters
    ----------
    errors : sequence of LeftOutErrors
        Left-out errors of all frames.
    """
    worst: dict[int, float] = {}
    for quantity in ("energy", "force_rmse", "stress_rmse", "velocity_rmse"):
        values = [(i, getattr(error, quantity)) for i, error in enumerate(errors)]
        known = [(i, abs(value)) for i, value in values if value]
        if len(known) > 2:
            index_i, size_i = (np.array(column) for column in zip(*known, strict=True))
            for i, deviation in zip(index_i.tolist(), _deviations(np.log(size_i)), strict=True):
                worst[i] = max(worst.get(i, 0.0), float(deviation))
    ranked = sorted((i for i, deviation in worst.items() if deviation > STANDS_OUT), key=lambda i: -worst[i])
    return [errors[i] for i in ranked]


def _deviations(value_i: FloatArray) -> FloatArray:
    """Return how far values lie above their median, in units of their typical deviation on that side."""
    above_i = value_i - np.median(value_i)
    upper = above_i[above_i > 0.0]
    deviation_i: FloatArray = above_i / max(float(np.median(upper)) if len(upper) else 0.0, np.finfo(float).tiny)
    return deviation_i


@dataclass(frozen=True, slots=True)
class _Rows:
    """Number, name, weighted rows, and their weights, of a frame."""

    index: int
    name: str
    by_kind: dict[str, FloatArray]
    weight_m: dict[str, FloatArray]

    def joined(self) -> FloatArray:
        """Return the rows of all kinds."""
        return np.concatenate(list(self.by_kind.values()))


def _summary(frame: _Rows, residual_m: FloatArray) -> LeftOutErrors:
    """Return the errors on a frame, from the residuals of its weighted rows."""
    parts = zip(frame.by_kind, parts_of(residual_m, frame.by_kind.values()), strict=True)
    errors = {kind: part_m / frame.weight_m[kind] for kind, part_m in parts}

    def root_mean_square(kind: str) -> float | None:
        return float(np.sqrt(np.mean(errors[kind] ** 2))) if kind in errors else None

    energy = float(errors["energy"][0]) if "energy" in errors else None
    others = (root_mean_square(kind) for kind in ("force", "stress", "velocity"))
    return LeftOutErrors(frame.index, frame.name, energy, *others)
