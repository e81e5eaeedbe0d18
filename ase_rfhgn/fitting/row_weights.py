"""Weights of single rows: frames and components of the stress that count more, or less, than others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.fitting.grouping import Group
from ase_rfhgn.fitting.linear_model import KINDS

CALM_STRESS = 5.0
"""Weight of the stress of a calm frame, relative to the stress of a frame with large forces."""

CALM = 0.3
"""Forces below which a frame is calm, relative to the forces of the training set (root mean squares)."""

DENSE = 1.4
"""Volume per atom, relative to the median, beyond which a frame has vacuum, and its stress says little."""

TYPICAL = 2.0
"""Residual on frames left out, in units of the typical one, up to which a frame keeps most of its weight."""


class RowWeights(Protocol):
    """The protocol of weights of rows, besides the weights of their kinds."""

    def weigh(self, index: int, group: Group, kind: str, row_mf: FloatArray) -> FloatArray:
        """Return the weight of every row of a frame and a kind: shape (m,).

        Parameters
        ----------
        index : int
            Number of the frame.
        group : Group
            Its group.
        kind : str
            Kind of the rows.
        row_mf : ndarray of shape (m, n_columns + 1)
            The rows over the columns of the group, right-hand side last.
        """


@dataclass(frozen=True, slots=True)
class FrameWeights:
    """Weights that are known before the fit.

    Attributes
    ----------
    weight_ik : ndarray of shape (n_frames, n_kinds)
        Weight of every frame, per kind of rows in the order of `KINDS`; without any rows, all are one.
    component_v : ndarray of shape (6,)
        Weights of the components of the stress.
    """

    weight_ik: FloatArray = field(default_factory=lambda: np.ones((0, len(KINDS))))
    component_v: FloatArray = field(default_factory=lambda: np.ones(6))

    def weigh(self, index: int, group: Group, kind: str, row_mf: FloatArray) -> FloatArray:  # noqa: ARG002
        """Return the weight of every row of a frame and a kind; see `RowWeights.weigh`."""
        return self.of_rows(index, kind, len(row_mf))

    def times(self, weight_i: FloatArray | None) -> FrameWeights:
        """Return weights that are multiplied by one for every frame, shape (n_frames,); without any, the same."""
        if weight_i is None:
            return self
        weight_ik = self.weight_ik if len(self.weight_ik) else np.ones((len(weight_i), len(KINDS)))
        return replace(self, weight_ik=weight_i[:, None] * weight_ik)

    def of_rows(self, index: int | None, kind: str, n_rows: int) -> FloatArray:
        """Return the weights of the rows of a frame; without an index it is a frame that is not known yet."""
        weight = 1.0 if index is None or not len(self.weight_ik) else self.weight_ik[index, KINDS.index(kind)]
        return weight * (self.component_v if kind == "stress" else np.ones(n_rows))


EQUAL = FrameWeights()
"""Weights of frames and components that are all one."""


@dataclass(frozen=True, slots=True)
class LeftOutWeights:
    """Smaller weights of frames that are predicted far worse than others when they are left out.

    The weight of a frame and kind is (1 + q²)^(−1/4), where q is the root mean square of its residuals, in
    units of twice the typical one. This is between least squares and absolute deviations.

    Attributes
    ----------
    known : FrameWeights
        Weights that are known before the fit.
    coefficient_f : mapping of Group to ndarray of shape (n_columns,)
        Coefficients of the fit without a group, over all columns.
    column_f : mapping of Group to ndarray
        Columns of the rows of a group, right-hand side last.
    typical : mapping of str to float
        Typical mean square of the residuals of a frame, per kind.

    Notes
    -----
    One round of iteratively reweighted least squares: Huber, Robust Statistics (1981), section 7.8.
    """

    known: FrameWeights
    coefficient_f: dict[Group, FloatArray]
    column_f: dict[Group, IntArray]
    typical: dict[str, float]

    def weigh(self, index: int, group: Group, kind: str, row_mf: FloatArray) -> FloatArray:
        """Return the weight of every row of a frame and a kind; see `RowWeights.weigh`."""
        known_m = self.known.weigh(index, group, kind, row_mf)
        if group not in self.coefficient_f or kind not in self.typical:
            return known_m
        residual_m = row_mf[:, :-1] @ self.coefficient_f[group][self.column_f[group][:-1]] - row_mf[:, -1]
        square = weighted_mean_square(residual_m, known_m)
        weight = float((1.0 + square / (TYPICAL**2 * self.typical[kind])) ** -0.25)
        return weight * known_m


def weighted_mean_square(value_m: FloatArray, weight_m: FloatArray) -> float:
    """Return the mean square of values that are multiplied by weights; zero without any weight.

    Parameters
    ----------
    value_m, weight_m : ndarray of shape (m,)
        Values, and their weights.
    """
    total = float(np.sum(weight_m**2))
    return float(np.sum((weight_m * value_m) ** 2)) / total if total > 0.0 else 0.0


def calm_stress_weights(force_rms_i: FloatArray, volume_i: FloatArray) -> FloatArray:
    """Return larger weights of the stress of calm frames: crystals close to equilibrium, shape (n_frames,).

    Hot frames have many large forces, and calm frames have next to none. So the elastic response of a crystal
    would rest on the few numbers of its stress alone, among thousands of forces of hot frames.

    Parameters
    ----------
    force_rms_i : ndarray of shape (n_frames,)
        Root mean square of the forces of every frame (eV/Å), NaN where a frame has none.
    volume_i : ndarray of shape (n_frames,)
        Volume per atom (Å³), NaN where a frame has no stress.
    """
    known_i = np.isfinite(force_rms_i) & np.isfinite(volume_i)
    weight_i = np.ones(len(force_rms_i))
    if not known_i.any():
        return weight_i
    usual = float(np.sqrt(np.mean(force_rms_i[known_i] ** 2)))
    dense_i = known_i & (volume_i < DENSE * np.median(volume_i[known_i]))
    ratio_i = force_rms_i[dense_i] / (CALM * usual) if usual > 0.0 else np.ones(dense_i.sum())
    weight_i[dense_i] = np.maximum(1.0, CALM_STRESS / np.sqrt(1.0 + ratio_i**2))
    return weight_i
