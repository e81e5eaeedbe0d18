"""Choice of the ridge by cross-validation, from the factors of one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, starmap

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.grouping import Group
from ase_rfhgn.regression.cross_validation import choose_ridge, leave_one_out
from ase_rfhgn.regression.ridge import Regression, taught
from ase_rfhgn.regression.triangular import Factor, packed, solve, stack

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


def choose_ridges(factors: Factors, weights: Mapping[str, float], spread_f: FloatArray, unlabelled: Factor) -> Choice:
    """Return the regression for the ridges that cross-validation chooses.

    A teacher with a strong ridge is chosen first. The final fit has a weak one, and follows the
    teacher on unlabelled structures.

    Parameters
    ----------
    factors, weights, spread_f
        As for `given_ridge`.
    unlabelled : Factor
        Factor of the rows of unlabelled structures; without any rows, nothing of them counts.

    Notes
    -----
    The score is the weighted sum of squares of the fit over frames left out. Where chemical systems
    are left out it is that of forces alone, if there are any: energies of an unknown system have an
    offset that nothing could predict.
    """
    folds = _folds(factors, weights)
    everything = _everything(factors, weights, folds)
    if not folds:
        regression = Regression(everything, spread_f, DEFAULT_RIDGE)
        return Choice(regression, "default: too few frames to leave any out", {}, {})
    systems = factors.grouping.by_system
    has_forces = factors.n_rows("force") or factors.n_rows("motion")
    scored = {"force": 1.0, "motion": 1.0} if systems and has_forces else weights
    teacher = choose_ridge(_score(factors, scored, folds, spread_f), RIDGES, CAUTION, weakest=systems)
    for i, fold in enumerate(folds):  # in place: less memory
        answers_f = fold.solve(spread_f, teacher.ridge)
        folds[i] = _Fold(fold.group, taught(fold.rest, unlabelled, answers_f))
    if systems:
        ridge = MIXED_RIDGE if unlabelled.n_rows else teacher.ridge
    else:
        weaker = [*(weak for weak in RIDGES if weak < teacher.ridge), teacher.ridge]
        ridge = choose_ridge(_score(factors, scored, folds, spread_f), weaker, TOLERANCE).ridge
    return Choice(
        regression=Regression(everything, spread_f, ridge, teacher.ridge, unlabelled),
        method=f"cross-validation, {'chemical systems' if systems else 'frames'} left out",
        cross_validation=_cross_validation(factors, folds, spread_f, ridge),
        path={"ridge": list(teacher.tried), "score": list(teacher.score)},
    )


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
