"""Weights from frames left out: a second fit trusts frames less that the first one predicts far worse than others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.ridge_choice import Choice
from ase_rfhgn.fitting.row_weights import FrameWeights, LeftOutWeights

HEAVY = 8.0
"""Ratio of squared residuals left out to those of typical frames from which few frames decide the whole fit."""

LOSS = 1.02
"""Ratio of squared residuals left out, all frames being equal, that a second fit may have to the first.

Frames that are hard to predict may be as sound as others. A fit that neglects them then predicts them worse still.
"""

SILENT = 1e-6
"""Squared residual, relative to the mean, below which symmetry alone predicts a frame."""

FEWEST = 8
"""Sampled frames that a typical residual needs."""


def left_out_weights(
    factors: Factors, choice: Choice, weights: Mapping[str, float], known: FrameWeights
) -> LeftOutWeights | None:
    """Return weights for a second fit; None if no few frames decide the first one.

    Parameters
    ----------
    factors : Factors
        Rows of the first fit.
    choice : Choice
        Its ridges, and its coefficients without every fold of frames.
    weights : mapping
        Weight of every kind of label.
    known : FrameWeights
        Weights of rows in the first fit.
    """
    if factors.grouping.by_system or not choice.left_out_f:
        return None
    typical = _typical(factors, choice)
    counted = {kind: weights.get(kind, 0.0) ** 2 * factors.n_rows(kind) for kind in typical}
    usual = sum(typical[kind] * counted[kind] for kind in typical)
    if not usual > 0.0 or left_out_squares(factors, choice, weights) < HEAVY * usual:
        return None
    columns = {group: factors.layout.columns(group.system) for group in choice.left_out_f}
    return LeftOutWeights(known, dict(choice.left_out_f), columns, typical)


def left_out_squares(factors: Factors, choice: Choice, weights: Mapping[str, float]) -> float:
    """Return the weighted sum of squared residuals of all rows of a fit that were left out.

    Parameters
    ----------
    factors : Factors
        The rows.
    choice : Choice
        Coefficients of the fit without every group.
    weights : mapping
        Weight of every kind of label.
    """
    return sum(factors.residual(group, weights, one_f) for group, one_f in choice.left_out_f.items())


def _typical(factors: Factors, choice: Choice) -> dict[str, float]:
    """Return the median over sampled frames of the mean square of residuals left out, per kind."""
    squares: dict[str, list[float]] = {}
    for frame in factors.sample.values():
        if frame.group in choice.left_out_f:
            for kind, square in frame.mean_squares(choice.left_out_f[frame.group]).items():
                squares.setdefault(kind, []).append(square)
    telling = {kind: [one for one in values if one > SILENT * np.mean(values)] for kind, values in squares.items()}
    return {kind: float(np.median(values)) for kind, values in telling.items() if len(values) >= FEWEST}
