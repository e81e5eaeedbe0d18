"""Choice of the ridge by cross-validation, from the factors of one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.accumulation import Factors
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.grouping import Group
from ase_rfhgn.regression import Regression, taught
from ase_rfhgn.ridge import choose_ridge, leave_one_out, solve, stack

RIDGES = tuple(10.0**power for power in range(-14, 1, 2))
"""Ridges that are tried."""

CAUTION = 1.0
"""Relative excess of the cross-validated sum of squares that a teacher may have.

On displaced structures it has the strongest such ridge. On mixtures it has the weakest: to predict
a system that was left out is harder than what the teacher is for, mixtures of elements whose pairs
training did show.
"""

TOLERANCE = 0.005
"""The same for the final ridge."""

MIXED_RIDGE = 1e-12
"""Final ridge where chemical systems were left out: their score is about the teacher alone."""

DEFAULT_RIDGE = 1e-3
"""Ridge where there are too few frames to leave any out."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A regression whose ridges were chosen.

    Attributes
    ----------
    regression : Regression
        Rows, prior and ridges.
    method : str
        How the ridges were chosen.
    cross_validation : dict
        Root mean square of the residuals of rows left out, per kind of label.
    path : dict
        Ridges that were tried for the teacher, and their scores.
    """

    regression: Regression
    method: str
    cross_validation: dict[str, float]
    path: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class _Fold:
    """A group that is left out, and the factor of all others."""

    group: Group
    rest_ff: FloatArray


def given_ridge(factors: Factors, weights: Mapping[str, float], spread_f: FloatArray, ridge: float) -> Choice:
    """Return the regression for a ridge that is given.

    Parameters
    ----------
    factors : Factors
        Rows of all frames.
    weights : mapping
        Weight of every kind of label.
    spread_f : ndarray of shape (n_columns,)
        Prior spread of the coefficients.
    ridge : float
        Strength of the prior.
    """
    everything_ff, folds = _folds(factors, weights)
    rest = [Regression(fold.rest_ff, spread_f, ridge) for fold in folds]
    return Choice(Regression(everything_ff, spread_f, ridge), "given", _cross_validation(factors, folds, rest), {})


def choose_ridges(
    factors: Factors, weights: Mapping[str, float], spread_f: FloatArray, unlabelled_ff: FloatArray
) -> Choice:
    """Return the regression for the ridges that cross-validation chooses.

    A teacher with a strong ridge is chosen first. The final fit has a weak one, and follows the
    teacher on unlabelled structures.

    Parameters
    ----------
    factors, weights, spread_f
        As for `given_ridge`.
    unlabelled_ff : ndarray of shape (n_columns + 1, n_columns + 1)
        Factor of the rows of unlabelled structures; zero without any.

    Notes
    -----
    The score is the weighted sum of squares of the fit over frames left out. Where chemical systems
    are left out it is that of forces alone, if there are any: energies of an unknown system have an
    offset that nothing could predict.
    """
    everything_ff, folds = _folds(factors, weights)
    if not folds:
        regression = Regression(everything_ff, spread_f, DEFAULT_RIDGE)
        return Choice(regression, "default: too few frames to leave any out", {}, {})
    systems = factors.grouping.by_system
    has_forces = factors.n_rows("force") or factors.n_rows("motion")
    scored = {"force": 1.0, "motion": 1.0} if systems and has_forces else weights
    left_out = [factors.triangle(fold.group, scored) for fold in folds]
    rest_ff = [fold.rest_ff for fold in folds]
    teacher = choose_ridge(rest_ff, left_out, spread_f, RIDGES, CAUTION, weakest=systems)
    pupils_ff = [taught(rest, unlabelled_ff, solve(rest, spread_f, teacher.ridge)) for rest in rest_ff]
    if systems:
        ridge = MIXED_RIDGE if unlabelled_ff.any() else teacher.ridge
    else:
        weaker = [*(weak for weak in RIDGES if weak < teacher.ridge), teacher.ridge]
        ridge = choose_ridge(pupils_ff, left_out, spread_f, weaker, TOLERANCE).ridge
    pupils = [Regression(pupil_ff, spread_f, ridge) for pupil_ff in pupils_ff]
    return Choice(
        regression=Regression(everything_ff, spread_f, ridge, teacher.ridge, unlabelled_ff),
        method=f"cross-validation, {'chemical systems' if systems else 'frames'} left out",
        cross_validation=_cross_validation(factors, folds, pupils),
        path={"ridge": list(teacher.tried), "score": list(teacher.score)},
    )


def _folds(factors: Factors, weights: Mapping[str, float]) -> tuple[FloatArray, list[_Fold]]:
    """Return the factor of all rows, and every group to be left out with the factor of all others."""
    left_out = factors.grouping.left_out
    always = [factors.triangle(group, weights) for group in factors.by_group if group not in left_out]
    if not left_out:
        return stack(always), []
    triangles = [factors.triangle(group, weights) for group in left_out]
    rest = leave_one_out(triangles)
    if always:
        always_ff = stack(always)
        rest = [stack([always_ff, rest_ff]) for rest_ff in rest]
    folds = [_Fold(group, rest_ff) for group, rest_ff in zip(left_out, rest, strict=True)]
    return stack([rest[0], triangles[0]]), folds


def _cross_validation(factors: Factors, folds: Sequence[_Fold], rest: Sequence[Regression]) -> dict[str, float]:
    """Return the root mean square of the residuals of rows left out, per kind of label.

    Parameters
    ----------
    factors : Factors
        Rows of all frames.
    folds : sequence of _Fold
        What is left out in turn.
    rest : sequence of Regression
        The regressions without it.
    """
    squares: dict[str, float] = {}
    counts: dict[str, int] = {}
    for fold, regression in zip(folds, rest, strict=True):
        coefficient_f = regression.solve().coefficient_f
        for kind, factor in factors.by_group[fold.group].items():
            squares[kind] = squares.get(kind, 0.0) + factor.residual(coefficient_f)
            counts[kind] = counts.get(kind, 0) + factor.n_rows
    return {kind: float(np.sqrt(squares[kind] / counts[kind])) for kind in squares}
