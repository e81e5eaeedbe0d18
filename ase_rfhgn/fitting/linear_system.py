"""The linear system of a fit: factors of its rows, prior and ridges, for updates without the frames.

Removed rows are not taken out of the factors, because that would lose digits step by step. They are kept
in factors of their own. Every solution takes them out anew, next to the prior, where this is safe
(`ase_rfhgn.regression.downdating`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.linear_model import KINDS, Layout, LinearModel
from ase_rfhgn.fitting.row_weights import EQUAL, FrameWeights
from ase_rfhgn.regression.ridge import Regression
from ase_rfhgn.regression.triangular import Factor, RunningFactor, packed, stack

UNLABELLED, FAR = "unlabelled", "far"
"""Names of the factors of unlabelled rows among the arrays of a linear system."""


@dataclass(frozen=True, slots=True)
class LinearSystem:
    """Linear system of a fit that can be updated.

    Attributes
    ----------
    labelled : mapping of str to Factor
        All rows that ever went in, per kind of label.
    weights : mapping of str to float
        Weights of the kinds.
    spread_f : ndarray of shape (n_columns,)
        Prior spread of the coefficients.
    ridge : float
        Strength of the prior.
    teacher_ridge : float or None
        Ridge of the teacher.
    baseline_s : ndarray of shape (n_species,)
        One-body energies that were subtracted from the labels (eV); none for some kinds of models.
    parameters : ndarray
        Numbers from which the linear model is made again, see `LinearModel.parameters`.
    fingerprint_i : ndarray of int
        Fingerprints of the frames that count.
    unlabelled : Factor, optional
        Factor of the weighted unlabelled rows.
    far : Factor, optional
        Factor of weighted rows far away from the data, with the answers of their teacher, which stay.
    removed : mapping of str to Factor
        Rows that do not count any more.
    row_weights : FrameWeights
        Weights of single rows of the frames of the fit, besides those of the kinds.
    weighed_i : ndarray of int
        Fingerprints of these frames; frames that came later have a weight of one.
    """

    labelled: Mapping[str, Factor]
    weights: Mapping[str, float]
    spread_f: FloatArray
    ridge: float
    teacher_ridge: float | None
    baseline_s: FloatArray
    parameters: FloatArray
    fingerprint_i: IntArray
    unlabelled: Factor | None = None
    far: Factor | None = None
    removed: Mapping[str, Factor] = field(default_factory=dict)
    row_weights: FrameWeights = EQUAL
    weighed_i: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def n_columns(self) -> int:
        """Number of columns, without the right-hand side."""
        return len(self.spread_f)

    def weigh(self, fingerprint: int, kind: str, n_rows: int) -> FloatArray:
        """Return the weights of the rows of a frame, besides that of their kind: one for frames that are new."""
        place_i = np.flatnonzero(self.weighed_i == fingerprint)
        return self.row_weights.of_rows(int(place_i[0]) if len(place_i) else None, kind, n_rows)

    def regression(self) -> Regression:
        """Return the regression."""
        labelled = [factor.rows(self.weights[kind]) for kind, factor in self.labelled.items()]
        removed = [factor.rows(self.weights[kind]) for kind, factor in self.removed.items()]
        return Regression(
            labelled=packed(stack(labelled, overwrite=True)),
            spread_f=self.spread_f,
            ridge=self.ridge,
            teacher_ridge=self.teacher_ridge,
            unlabelled=self.unlabelled,
            far=self.far,
            removed_mf=np.concatenate(removed) if removed else None,
        )

    def with_rows(self, rows: Sequence[Mapping[str, FloatArray]], fingerprint_i: IntArray) -> LinearSystem:
        """Return the system with the rows of more frames, over all columns."""
        labelled = self._folded(self.labelled, rows, fingerprint_i)
        return replace(self, labelled=labelled, fingerprint_i=np.append(self.fingerprint_i, fingerprint_i))

    def without_rows(self, rows: Sequence[Mapping[str, FloatArray]], fingerprint_i: IntArray) -> LinearSystem:
        """Return the system in which the rows of some frames do not count any more."""
        removed = self._folded(self.removed, rows, fingerprint_i)
        left = Counter(self.fingerprint_i.tolist()) - Counter(fingerprint_i.tolist())
        return replace(self, removed=removed, fingerprint_i=np.array(list(left.elements()), dtype=np.int64))

    def _folded(
        self, factors: Mapping[str, Factor], rows: Sequence[Mapping[str, FloatArray]], fingerprint_i: IntArray
    ) -> dict[str, Factor]:
        running = {kind: RunningFactor.resumed(factor, self.n_columns) for kind, factor in factors.items()}
        for by_kind, fingerprint in zip(rows, fingerprint_i.tolist(), strict=True):
            for kind, row_mf in by_kind.items():
                if kind not in running:
                    running[kind] = RunningFactor(np.arange(self.n_columns + 1))
                weight_m = self.weigh(fingerprint, kind, len(row_mf))
                running[kind].add(weight_m[:, None] * row_mf, float(np.sum(weight_m**2)))
        return {kind: running[kind].factor() for kind in KINDS if kind in running}

    def column_norms(self, weights: Mapping[str, float]) -> FloatArray:
        """Return the norms of the columns of the rows that count, for given weights."""
        square_f = np.zeros(self.n_columns)
        for sign, factors in ((1.0, self.labelled), (-1.0, self.removed)):
            for kind, factor in factors.items():
                square_f += sign * factor.column_squares(self.n_columns, weights[kind])
        return np.sqrt(np.maximum(square_f, 0.0))

    def root_mean_squares(self, coefficient_f: FloatArray) -> dict[str, float]:
        """Return the root mean squares of the residuals of the rows that count, per kind."""
        found = {}
        for kind, factor in self.labelled.items():
            signed = [(1.0, factor), *((-1.0, gone) for gone in [self.removed.get(kind)] if gone is not None)]
            n_rows = sum(sign * one.n_rows for sign, one in signed)
            squares = sum(sign * one.residual(coefficient_f) for sign, one in signed)
            if n_rows > 0:
                found[kind] = float(np.sqrt(max(squares, 0.0) / n_rows))
        return found

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the system as named arrays."""
        arrays: dict[str, NDArray[Any]] = {
            "weights": np.array([self.weights.get(kind, 0.0) for kind in KINDS]),
            "ridges": np.array([self.ridge, np.nan if self.teacher_ridge is None else self.teacher_ridge]),
            "spread_f": self.spread_f,
            "baseline_s": self.baseline_s,
            "parameters": self.parameters,
            "fingerprint_i": self.fingerprint_i,
            "weighed_i": self.weighed_i,
            "frame_weight_ik": self.row_weights.weight_ik,
            "component_weight_v": self.row_weights.component_v,
        }
        for name, factor in self._factors().items():
            arrays[name] = factor.packed
            arrays[f"{name}_rows"] = np.array([factor.n_kept, factor.n_rows], dtype=np.float64)
        return arrays

    def _factors(self) -> dict[str, Factor]:
        """Return all factors by a name each."""
        named = {f"labelled_{kind}": factor for kind, factor in self.labelled.items()}
        named |= {f"removed_{kind}": factor for kind, factor in self.removed.items()}
        unlabelled = {UNLABELLED: self.unlabelled, FAR: self.far}
        return named | {name: factor for name, factor in unlabelled.items() if factor is not None}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], layout: Layout) -> LinearSystem:
        """Return the system that `as_arrays` wrote.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            The arrays.
        layout : Layout
            Columns of the linear system.

        Raises
        ------
        KeyError
            If an array is missing.
        ValueError
            If an array is not finite, or its shape does not fit the columns.
        """
        ridges = _checked(arrays["ridges"], 2, finite=False)

        def factors(name: str) -> dict[str, Factor]:
            return {kind: _factor(arrays, f"{name}_{kind}", layout) for kind in KINDS if f"{name}_{kind}" in arrays}

        labelled = factors("labelled")
        if not labelled:
            message = "there is no factor of labelled rows"
            raise ValueError(message)
        return cls(
            labelled=labelled,
            weights=dict(zip(KINDS, _checked(arrays["weights"], len(KINDS)).tolist(), strict=True)),
            spread_f=_checked(arrays["spread_f"], layout.n_columns),
            ridge=float(ridges[0]),
            teacher_ridge=None if np.isnan(ridges[1]) else float(ridges[1]),
            baseline_s=_checked(arrays["baseline_s"], layout.n_one_body),
            parameters=_checked(arrays["parameters"], arrays["parameters"].size),
            fingerprint_i=_checked(arrays["fingerprint_i"], arrays["fingerprint_i"].size, np.int64),
            unlabelled=_factor(arrays, UNLABELLED, layout) if UNLABELLED in arrays else None,
            far=_factor(arrays, FAR, layout) if FAR in arrays else None,
            removed=factors("removed"),
            row_weights=_row_weights(arrays),
            weighed_i=_checked(arrays["weighed_i"], arrays["weighed_i"].size, np.int64),
        )


def _row_weights(arrays: Mapping[str, NDArray[Any]]) -> FrameWeights:
    """Return the weights of rows that `LinearSystem.as_arrays` wrote."""
    weight_ik = arrays["frame_weight_ik"]
    shape = arrays["weighed_i"].size, len(KINDS)
    if weight_ik.shape != shape:
        message = f"weights of frames have the shape {weight_ik.shape} instead of {shape}"
        raise ValueError(message)
    flat_m = _checked(weight_ik.ravel(), weight_ik.size)
    return FrameWeights(flat_m.reshape(shape), _checked(arrays["component_weight_v"], 6))


def _factor(arrays: Mapping[str, NDArray[Any]], name: str, layout: Layout) -> Factor:
    """Return a factor over all columns that `LinearSystem.as_arrays` wrote."""
    column_f = np.arange(layout.n_columns + 1)
    n_kept, n_rows = _checked(arrays[f"{name}_rows"], 2).tolist()
    if not 0 <= n_kept <= len(column_f) or n_kept != int(n_kept):
        message = f"{name} has {n_kept} rows for {len(column_f)} columns"
        raise ValueError(message)
    n_kept = int(n_kept)
    size = n_kept * len(column_f) - n_kept * (n_kept - 1) // 2
    return Factor(_checked(arrays[name], size), n_kept, column_f, n_rows)


def _checked(array: NDArray[Any], size: int, kind: type = np.float64, *, finite: bool = True) -> NDArray[Any]:
    """Return an array if its shape, type and values are right."""
    if array.shape != (size,) or array.dtype != kind or (finite and not np.isfinite(array).all()):
        message = f"an array of shape {array.shape} and type {array.dtype} where {size} {kind.__name__} are needed"
        raise ValueError(message)
    return array


def recorded_system(
    factors: Factors,
    regression: Regression,
    weights: Mapping[str, float],
    model: LinearModel,
    component_v: FloatArray,
) -> LinearSystem:
    """Return the linear system of a fit.

    Parameters
    ----------
    factors : Factors
        Rows of the fit, and fingerprints of its frames.
    regression : Regression
        Regression of these rows.
    weights : mapping of str to float
        Weights of the kinds of rows.
    model : LinearModel
        The model whose coefficients were solved for.
    component_v : ndarray of shape (6,)
        Weights of the components of the stress.
    """
    unlabelled = regression.unlabelled
    order = sorted(factors.fingerprint_i)
    weight_ik = np.array([[factors.weight_i.get(i, {}).get(kind, 1.0) for kind in KINDS] for i in order])
    fingerprint_i = np.array([factors.fingerprint_i[i] for i in order], dtype=np.int64)
    return LinearSystem(
        labelled=factors.by_kind(),
        weights=dict(weights),
        spread_f=regression.spread_f,
        ridge=regression.ridge,
        teacher_ridge=regression.teacher_ridge,
        baseline_s=model.baseline_s,
        parameters=model.parameters,
        fingerprint_i=fingerprint_i,
        unlabelled=unlabelled if unlabelled is not None and unlabelled.n_rows else None,
        row_weights=FrameWeights(weight_ik, component_v),
        weighed_i=fingerprint_i,
        far=regression.far,
    )
