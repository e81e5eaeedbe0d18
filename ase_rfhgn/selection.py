"""Choice of the ridge by cross-validation, from the factors of one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.accumulation import Factors
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.cross_validation import choose_ridge, leave_one_out
from ase_rfhgn.grouping import Group
from ase_rfhgn.regression import Regression, taught
from ase_rfhgn.ridge import solve, stack

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
    errors = _cross_validation(factors, folds, spread_f, ridge)
    return Choice(Regression(everything_ff, spread_f, ridge), "given", errors, {})


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
    teacher = choose_ridge(_score(factors, scored, folds, spread_f), RIDGES, CAUTION, weakest=systems)
    for i, fold in enumerate(folds):  # in place: each factor may be a tenth of the memory of a fit
        answers_f = solve(fold.rest_ff, spread_f, teacher.ridge)
        folds[i] = _Fold(fold.group, taught(fold.rest_ff, unlabelled_ff, answers_f))
    if systems:
        ridge = MIXED_RIDGE if unlabelled_ff.any() else teacher.ridge
    else:
        weaker = [*(weak for weak in RIDGES if weak < teacher.ridge), teacher.ridge]
        ridge = choose_ridge(_score(factors, scored, folds, spread_f), weaker, TOLERANCE).ridge
    return Choice(
        regression=Regression(everything_ff, spread_f, ridge, teacher.ridge, unlabelled_ff),
        method=f"cross-validation, {'chemical systems' if systems else 'frames'} left out",
        cross_validation=_cross_validation(factors, folds, spread_f, ridge),
        path={"ridge": list(teacher.tried), "score": list(teacher.score)},
    )


def _folds(factors: Factors, weights: Mapping[str, float]) -> tuple[FloatArray, list[_Fold]]:
    """Return the factor of all rows, and every group to be left out with the factor of all others."""
    left_out = factors.grouping.left_out
    always = [group for group in factors.by_group if group not in left_out]
    always_ff = stack(factors.triangle(group, weights) for group in always) if always else None
    if not left_out:
        assert always_ff is not None  # noqa: S101  # there are frames
        return always_ff, []
    triangles = [factors.triangle(group, weights) for group in left_out]
    rest = leave_one_out(triangles, always_ff)
    folds = [_Fold(group, rest_ff) for group, rest_ff in zip(left_out, rest, strict=True)]
    return stack([folds[0].rest_ff, triangles[0]]), folds


def _score(
    factors: Factors, weights: Mapping[str, float], folds: Sequence[_Fold], spread_f: FloatArray
) -> Callable[[float], float]:
    """Return what gives the weighted sum of squared residuals of all rows left out for a ridge."""

    def score(ridge: float) -> float:
        solved = ((fold.group, solve(fold.rest_ff, spread_f, ridge)) for fold in folds)
        return sum(factors.residual(group, weights, coefficient_f) for group, coefficient_f in solved)

    return score


def _cross_validation(factors: Factors, folds: Sequence[_Fold], spread_f: FloatArray, ridge: float) -> dict[str, float]:
    """Return the root mean square of the residuals of rows left out, per kind of label."""
    squares: dict[str, float] = {}
    counts: dict[str, int] = {}
    for fold in folds:
        coefficient_f = solve(fold.rest_ff, spread_f, ridge)
        for kind, factor in factors.by_group[fold.group].items():
            squares[kind] = squares.get(kind, 0.0) + factor.residual(coefficient_f)
            counts[kind] = counts.get(kind, 0) + factor.n_rows
    return {kind: float(np.sqrt(squares[kind] / counts[kind])) for kind in squares}
