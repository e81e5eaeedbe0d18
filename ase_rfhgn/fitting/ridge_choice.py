"""Choice of the ridge by cross-validation, from the factors of one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, starmap

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.grouping import Group
from ase_rfhgn.fitting.linear_model import RidgeSearch
from ase_rfhgn.regression.cross_validation import RidgeChoice, choose_ridge, leave_one_out
from ase_rfhgn.regression.ridge import Regression, answered, taught
from ase_rfhgn.regression.triangular import Factor, packed, solve, stack

CAUTION = 1.0
"""Relative excess of the cross-validated sum of squares that a teacher may have.

On displaced structures the teacher has the strongest such ridge. On mixtures it has the weakest, because
its task is easier than the prediction of a chemical system that was left out: the training set has the
pairs of elements of the mixtures.
"""

FAR_CAUTION = 3.0
"""Relative excess of the cross-validated sum of squares that the teacher far away from the data may have."""

FAR_ERROR = 0.07
"""Relative error on rows left out below which answers far away from the data weigh less: labels are exact there."""

MIXED_RIDGE = 1e-12
"""Final ridge where chemical systems were left out: their score is about the teacher alone."""


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
    """A group that is left out, and the factor of all others, packed: there are several, and they are large."""

    group: Group
    rest: Factor

    def solve(self, spread_f: FloatArray, ridge: float) -> FloatArray:
        """Return the coefficients that the others determine."""
        return solve(self.rest.rows(), spread_f, ridge, overwrite=True)


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
    folds = _folds(factors, weights)
    everything = _everything(factors, weights, folds)
    errors = _cross_validation(factors, folds, spread_f, ridge)
    return Choice(Regression(everything, spread_f, ridge), "given", errors, {})


def choose_ridges(
    factors: Factors,
    weights: Mapping[str, float],
    spread_f: FloatArray,
    search: RidgeSearch,
    unlabelled: Factor | None = None,
    far: Factor | None = None,
) -> Choice:
    """Return the regression for the ridges that cross-validation chooses.

    If there are unlabelled structures, a teacher with a strong ridge is chosen first. The final fit has a
    weak ridge, and follows the teacher on these structures.

    Parameters
    ----------
    factors, weights, spread_f
        As for `given_ridge`.
    search : RidgeSearch
        Ridges that are tried.
    unlabelled : Factor, optional
        Factor of the rows of unlabelled structures.
    far : Factor, optional
        Factor of the rows of unlabelled structures far away from the data. A teacher with a still stronger
        ridge answers there. All folds get the same answers.

    Notes
    -----
    The score is the weighted sum of squares of the fit over frames left out. If chemical systems are left
    out, only forces count, if there are any: energies of an unknown system have an unpredictable offset.
    """
    folds = _folds(factors, weights)
    everything = _everything(factors, weights, folds)
    if not folds:
        regression = Regression(everything, spread_f, search.default)
        return Choice(regression, "default: too few frames to leave any out", {}, {})
    scored = _scored(factors, weights)
    caution = search.tolerance if unlabelled is None else CAUTION
    choice = _cautious(factors, _score(factors, scored, folds, spread_f), search, caution)
    regression = Regression(everything, spread_f, choice.ridge)
    if far is not None:
        regression = replace(regression, far=_far_lesson(far, regression, choice))
    if unlabelled is not None:
        regression = replace(regression, teacher_ridge=choice.ridge, unlabelled=unlabelled)
        ridge = _taught_ridge(factors, scored, folds, search, regression)
        regression = replace(regression, ridge=ridge)
    return Choice(
        regression=regression,
        method=f"cross-validation, {'chemical systems' if factors.grouping.by_system else 'frames'} left out",
        cross_validation=_cross_validation(factors, folds, spread_f, regression.ridge),
        path={"ridge": list(choice.tried), "score": list(choice.score)},
    )


def _scored(factors: Factors, weights: Mapping[str, float]) -> Mapping[str, float]:
    """Return the weights of what is scored on frames left out."""
    has_forces = factors.n_rows("force") or factors.n_rows("motion")
    return {"force": 1.0, "motion": 1.0} if factors.grouping.by_system and has_forces else weights


def _cautious(factors: Factors, score: Callable[[float], float], search: RidgeSearch, tolerance: float) -> RidgeChoice:
    """Return the ridge of a teacher, or of a fit without one; where systems are left out, the caution of a teacher."""
    if factors.grouping.by_system:
        return choose_ridge(score, search.ridges, CAUTION, weakest=True)
    return choose_ridge(score, search.ridges, tolerance)


def _far_lesson(far: Factor, regression: Regression, choice: RidgeChoice) -> Factor:
    """Return rows far away from the data with the answers of a teacher: the strongest ridge that is not hopeless."""
    limit = (1.0 + FAR_CAUTION) * choice.best
    ridge = max(tried for tried, score in zip(choice.tried, choice.score, strict=True) if score <= limit)
    teacher_f = replace(regression, ridge=ridge).solve().coefficient_f
    size = max(regression.labelled.residual(np.zeros_like(teacher_f)), np.finfo(float).tiny)
    weight = min(1.0, float(np.sqrt(choice.best / size)) / FAR_ERROR)
    return answered(replace(far, packed=weight * far.packed), teacher_f)


def _taught_ridge(
    factors: Factors,
    scored: Mapping[str, float],
    folds: list[_Fold],
    search: RidgeSearch,
    regression: Regression,
) -> float:
    """Return the final ridge; folds are taught in place, which takes less memory."""
    spread_f, teacher_ridge, unlabelled = regression.spread_f, regression.ridge, regression.unlabelled
    assert unlabelled is not None  # noqa: S101  # told by the caller
    far = [] if regression.far is None else [regression.far]
    for i, fold in enumerate(folds):
        answers_f = fold.solve(spread_f, teacher_ridge)
        folds[i] = _Fold(fold.group, taught(fold.rest, [*far, answered(unlabelled, answers_f)]))
    if factors.grouping.by_system:
        return MIXED_RIDGE
    weaker = [*(weak for weak in search.ridges if weak < teacher_ridge), teacher_ridge]
    return choose_ridge(_score(factors, scored, folds, spread_f), weaker, search.tolerance).ridge


def _folds(factors: Factors, weights: Mapping[str, float]) -> list[_Fold]:
    """Return every group to be left out with the factor of all others."""

    def rows(group: Group) -> FloatArray:
        return factors.rows(group, weights)

    left_out = factors.grouping.left_out
    always = [group for group in factors.by_group if group not in left_out]
    always_ff = stack(map(rows, always), overwrite=True) if always else None
    rest = leave_one_out(left_out, rows, always_ff) if left_out else iter(())
    return list(starmap(_Fold, zip(left_out, map(packed, rest), strict=True)))  # one rest at a time is not packed


def _everything(factors: Factors, weights: Mapping[str, float], folds: Sequence[_Fold]) -> Factor:
    """Return the factor of all rows: of a fold and its rest, where there are folds."""
    rest = [fold.rest.rows() for fold in folds[:1]]
    groups = [fold.group for fold in folds[:1]] or factors.by_group
    return packed(stack(chain(rest, (factors.rows(group, weights) for group in groups)), overwrite=True))


def _score(
    factors: Factors, weights: Mapping[str, float], folds: Sequence[_Fold], spread_f: FloatArray
) -> Callable[[float], float]:
    """Return what gives the weighted sum of squared residuals of all rows left out for a ridge."""

    def score(ridge: float) -> float:
        solved = ((fold.group, fold.solve(spread_f, ridge)) for fold in folds)
        return sum(factors.residual(group, weights, coefficient_f) for group, coefficient_f in solved)

    return score


def _cross_validation(factors: Factors, folds: Sequence[_Fold], spread_f: FloatArray, ridge: float) -> dict[str, float]:
    """Return the root mean square of the residuals of rows left out, per kind of label."""
    squares: dict[str, float] = {}
    counts: dict[str, int] = {}
    for fold in folds:
        coefficient_f = fold.solve(spread_f, ridge)
        for kind, factor in factors.by_group[fold.group].items():
            squares[kind] = squares.get(kind, 0.0) + factor.residual(coefficient_f)
            counts[kind] = counts.get(kind, 0) + factor.n_rows
    return {kind: float(np.sqrt(squares[kind] / counts[kind])) for kind in squares}
