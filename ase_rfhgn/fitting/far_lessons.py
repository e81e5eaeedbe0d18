"""Lessons far away from the data: rows of structures that nobody labelled, with the answers of cautious teachers.

Two kinds of teachers answer, because two things go wrong there. Other crystals, compressed frames and dimers
need a whole model that is merely dull: the strongest ridge whose score is not hopeless. Displaced frames need
a teacher that hardly has holes in any direction. These are potentials of low order, fitted to the same rows: of
pairs alone, and of pairs and triplets. They know every distance that occurs in the data, and thus restoring
forces for displacements that never occur: small strained crystals, or molecules in few shapes, tell nothing
else about these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.regression.cross_validation import RidgeChoice
from ase_rfhgn.regression.ridge import Regression, answered
from ase_rfhgn.regression.triangular import Factor, residual, solve

FAR_CAUTION = 3.0
"""Relative excess of the cross-validated sum of squares that the teacher far away from the data may have."""

EXACT = 0.07
"""Relative error on rows left out below which answers of a dull teacher weigh less: labels are exact there."""

LOW_ORDER_RIDGES = tuple(10.0**power for power in range(-8, 1))
"""Ridges that are tried for teachers of low order."""

LOW_ORDER_CAUTION, LOW_ORDER_ERROR = 1.0, 0.1
"""Relative excess of its sum of squares that such a teacher may have, and a relative error it may always have."""

LOW_ORDER_WEIGHT = 0.003
"""Squared weight of the answers of such a teacher, relative to labels, if it were as good as the whole fit."""

POOR = 1e-3
"""Ratio of squared errors, of a whole fit to such a teacher, below which it does not teach: it would be in the way."""

EMPHASES = (1.0, 30.0)
"""Factors of that squared weight that are tried until molecular dynamics stays whole."""


@dataclass(frozen=True, slots=True)
class DisplacedRows:
    """Weighted rows of frames displaced far beyond the data.

    Attributes
    ----------
    factor : Factor
        The rows.
    columns : tuple of ndarray of int
        Columns of the teachers that answer there: a potential of pairs, and one of pairs and triplets.
    """

    factor: Factor
    columns: tuple[IntArray, ...]


def dull_lesson(far: Factor, regression: Regression, choice: RidgeChoice) -> Factor:
    """Return rows with the answers of a dull teacher: the strongest ridge that is not hopeless.

    Parameters
    ----------
    far : Factor
        Factor of the rows of other crystals, compressed frames and molecules of few atoms.
    regression : Regression
        Labelled rows and their prior.
    choice : RidgeChoice
        Ridges that were tried for them, and their scores.
    """
    limit = (1.0 + FAR_CAUTION) * choice.best
    ridge = max(tried for tried, score in zip(choice.tried, choice.score, strict=True) if score <= limit)
    teacher_f = replace(regression, ridge=ridge).solve().coefficient_f
    return answered(scaled(far, dull_weight(regression, choice)), teacher_f)


def dull_weight(regression: Regression, choice: RidgeChoice) -> float:
    """Return the weight of the answers of a dull teacher: 1, less where labels are so exact that it misleads.

    Parameters
    ----------
    regression, choice
        As for `dull_lesson`.
    """
    size = max(regression.labelled.residual(np.zeros_like(regression.spread_f)), np.finfo(float).tiny)
    return min(1.0, float(np.sqrt(choice.best / size)) / EXACT)


def scaled(factor: Factor, weight: float) -> Factor:
    """Return the factor of weighted rows."""
    return replace(factor, packed=weight * factor.packed)


def low_order_lessons(displaced: DisplacedRows, regression: Regression, choice: RidgeChoice) -> Iterator[Factor]:
    """Yield rows with the answers of teachers of low order, in turns, with more and more weight.

    The first squared weight is in proportion to the precision of a teacher, as for labels with its errors. There
    are no lessons of a teacher that knows too little.

    Parameters
    ----------
    displaced : DisplacedRows
        Rows of frames displaced far beyond the data.
    regression, choice
        As for `dull_lesson`.
    """
    if not displaced.factor.n_rows:
        return
    teachers = [low_order_teacher(regression, column_f) for column_f in displaced.columns]
    ratios = [min(1.0, choice.best / max(squares, np.finfo(float).tiny)) for _, squares in teachers]
    for emphasis in EMPHASES:
        for (teacher_f, _), ratio in zip(teachers, ratios, strict=True):
            if ratio >= POOR:
                yield answered(scaled(displaced.factor, float(np.sqrt(emphasis * LOW_ORDER_WEIGHT * ratio))), teacher_f)


def low_order_teacher(regression: Regression, column_f: IntArray) -> tuple[FloatArray, float]:
    """Return the coefficients of a potential of low order, and its sum of squared residuals over the labelled rows.

    It has the strongest ridge that still fits: few columns need no cross-validation.

    Parameters
    ----------
    regression : Regression
        Labelled rows and their prior.
    column_f : ndarray of int
        Columns of the potential.
    """
    n_columns = len(regression.spread_f)
    labelled_mf = regression.labelled.full(n_columns)[:, np.append(column_f, n_columns)]
    triangle_ff: FloatArray = np.asarray(np.linalg.qr(labelled_mf, mode="r"))
    spread_f = regression.spread_f[column_f]
    solutions = [solve(triangle_ff, spread_f, ridge) for ridge in LOW_ORDER_RIDGES]
    square_i = np.array([residual(triangle_ff, solution_f) for solution_f in solutions])
    size = residual(triangle_ff, np.zeros(len(column_f)))
    limit = max((1.0 + LOW_ORDER_CAUTION) * float(square_i.min()), LOW_ORDER_ERROR**2 * size)
    strongest = int(np.flatnonzero(square_i <= limit)[-1])
    coefficient_f = np.zeros(n_columns)
    coefficient_f[column_f] = solutions[strongest]
    return coefficient_f, float(square_i[strongest])
