"""Choice of the ridge by cross-validation, from the factors of one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.far_lessons import DisplacedRows, dull_lesson, dull_weight, low_order_lessons, scaled
from ase_rfhgn.fitting.grouping import Group
from ase_rfhgn.fitting.linear_model import RidgeSearch
from ase_rfhgn.regression.cross_validation import RidgeChoice, Score, choose_ridge, leave_one_out
from ase_rfhgn.regression.many_ridges import ManyRidges
from ase_rfhgn.regression.posterior import Omission
from ase_rfhgn.regression.ridge import Regression, answered, taught
from ase_rfhgn.regression.triangular import Factor, packed, stack

CAUTION = 1.0
"""Relative excess of the cross-validated sum of squares that a teacher may have.

On displaced structures the teacher has the strongest such ridge. On mixtures it has the weakest, because
its task is easier than the prediction of a chemical system that was left out: the training set has the
pairs of elements of the mixtures.
"""

ALLOWED = 1.0
"""Rise of the sum of squares that heavier lessons of low order may cost, in units of the cross-validated one."""

MIXED_RIDGES = (1e-12, 1e-9, 1e-6, 1e-3)
"""Final ridges where chemical systems were left out: their score is about the teacher alone. All are tried."""


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
    searched : RidgeChoice, optional
        Ridges that were tried for the teacher, and their scores; None if the ridge was given or is the default.
    left_out_f : mapping of Group to ndarray of shape (n_columns,)
        Coefficients of the fit without a group.
    """

    regression: Regression
    method: str
    cross_validation: dict[str, float]
    searched: RidgeChoice | None = None
    left_out_f: Mapping[Group, FloatArray] = field(default_factory=dict)

    @property
    def path(self) -> dict[str, list[float]]:
        """Ridges that were tried, and their scores, for the record of a model."""
        found = self.searched
        return {} if found is None else {"ridge": list(found.tried), "score": list(found.score)}


@dataclass(frozen=True, slots=True)
class _Fold:
    """A group that is left out, and the regression on all others."""

    group: Group
    rest: ManyRidges


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
    left_out_f = {fold.group: fold.rest.solve(spread_f, ridge) for fold in folds}
    errors = left_out_rmse(factors, left_out_f)
    return Choice(Regression(everything, spread_f, ridge), "given", errors, left_out_f=left_out_f)


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
        Factor of the rows of unlabelled structures far away from the data. A more cautious teacher answers there.
        All folds get the same answers.

    Notes
    -----
    The score is the weighted sum of squares of the fit over frames left out. If chemical systems are left
    out, only forces count, if there are any: energies of an unknown system have an unpredictable offset.
    """
    folds = _folds(factors, weights)
    everything = _everything(factors, weights, folds)
    if not folds:
        regression = Regression(everything, spread_f, search.default)
        return Choice(regression, "default: too few frames to leave any out", {})
    scored = _scored(factors, weights)
    caution = search.tolerance if unlabelled is None else CAUTION
    choice = _cautious(factors, _score(factors, scored, folds, spread_f), search, caution)
    regression = Regression(everything, spread_f, choice.ridge)
    if far is not None:
        regression = replace(regression, far=dull_lesson(far, regression, choice))
    if unlabelled is not None:
        regression = replace(regression, teacher_ridge=choice.ridge, unlabelled=unlabelled)
        ridge = _taught_ridge(factors, scored, folds, search, regression, weights)
        regression = replace(regression, ridge=ridge)
    left_out_f = {fold.group: fold.rest.solve(spread_f, regression.ridge) for fold in folds}
    return Choice(
        regression=regression,
        method=f"cross-validation, {'chemical systems' if factors.grouping.by_system else 'frames'} left out",
        cross_validation=left_out_rmse(factors, left_out_f),
        searched=choice,
        left_out_f=left_out_f,
    )


def taught_by_low_orders(choice: Choice, displaced: DisplacedRows, *, mixed: bool) -> Iterator[Choice]:
    """Yield regressions that follow teachers of low order, more and more, as long as the labels allow it.

    Ridges stay as they are. There are none where such teachers know too little.

    Parameters
    ----------
    choice : Choice
        The regression whose ridges were chosen.
    displaced : DisplacedRows
        Rows of frames displaced far beyond the data, on which teachers of low order answer.
    mixed : bool
        Whether nearby unlabelled structures are mixtures of elements. If not, they are displaced frames, too, and the
        dull teacher gives way there.
    """
    found, whole = choice.searched, choice.regression
    if found is None:
        return
    teacher = Regression(whole.labelled, whole.spread_f, found.ridge)
    if whole.unlabelled is not None and not mixed:
        whole = replace(whole, unlabelled=scaled(whole.unlabelled, dull_weight(teacher, found)))
    limit = whole.labelled.residual(choice.regression.solve().coefficient_f) + ALLOWED * found.best
    for number, lesson in enumerate(low_order_lessons(displaced, teacher, found)):
        regression = replace(whole, far=lesson if whole.far is None else taught(whole.far, [lesson]))
        if number >= len(displaced.columns) and whole.labelled.residual(regression.solve().coefficient_f) > limit:
            continue
        yield replace(choice, regression=regression)


def _scored(factors: Factors, weights: Mapping[str, float]) -> Mapping[str, float]:
    """Return the weights of what is scored on frames left out."""
    has_forces = factors.n_rows("force") or factors.n_rows("motion")
    return {"force": 1.0, "motion": 1.0} if factors.grouping.by_system and has_forces else weights


def _cautious(factors: Factors, score: Callable[[float], Score], search: RidgeSearch, tolerance: float) -> RidgeChoice:
    """Return the ridge of a teacher, or of a fit without one; where systems are left out, the caution of a teacher."""
    if factors.grouping.by_system:
        return choose_ridge(score, search.ridges, CAUTION, weakest=True)
    return choose_ridge(score, search.ridges, tolerance)


def _taught_ridge(
    factors: Factors,
    scored: Mapping[str, float],
    folds: list[_Fold],
    search: RidgeSearch,
    regression: Regression,
    weights: Mapping[str, float],
) -> float:
    """Return the final ridge; folds are taught in place, which takes less memory."""
    spread_f, teacher_ridge, unlabelled = regression.spread_f, regression.ridge, regression.unlabelled
    assert unlabelled is not None  # noqa: S101  # told by the caller
    far = [] if regression.far is None else [regression.far]
    answers = [fold.rest.solved_last(spread_f, teacher_ridge) for fold in folds]
    too_weak: set[float] = set()
    for i, answers_f in enumerate(answers):
        lessons = [*far, answered(unlabelled, answers_f)]
        folds[i] = _Fold(folds[i].group, ManyRidges(taught(folds[i].rest.factor, lessons), too_weak))
    if factors.grouping.by_system:
        return _mixed_ridge(factors, regression, search, weights)
    weaker = [*(weak for weak in search.ridges if weak < teacher_ridge), teacher_ridge]
    return choose_ridge(_score(factors, scored, folds, spread_f), weaker, search.tolerance).ridge


def _mixed_ridge(factors: Factors, regression: Regression, search: RidgeSearch, weights: Mapping[str, float]) -> float:
    """Return the final ridge where systems are left out: the one that predicts single frames best, in closed form."""
    assert regression.teacher_ridge is not None  # noqa: S101  # told by the caller
    tried = [ridge for ridge in MIXED_RIDGES if ridge < regression.teacher_ridge]
    n_columns, n_frames = factors.layout.n_columns, len(factors.n_atoms_i)
    frames = (frame.weighted_rows(weights, n_columns) for frame in factors.sample.values())
    sets = [np.concatenate(list(rows.values())) for rows in frames if rows]
    if len(tried) < 2 or not sets:  # nothing to choose
        return tried[0] if tried else regression.teacher_ridge

    teacher = regression.teacher()

    def score(ridge: float) -> Score:
        candidate = replace(regression, ridge=ridge)
        omission = Omission(candidate, candidate.solve(teacher))
        part_i = np.array([np.sum(residual_m**2) for _, residual_m in omission.each(sets, lambda row_mf: row_mf)])
        return Score(float(part_i.sum()) * n_frames / len(part_i), part_i, n_frames)

    return choose_ridge(score, tried, search.tolerance, hopeless=np.inf, refine=False).ridge


def _folds(factors: Factors, weights: Mapping[str, float]) -> list[_Fold]:
    """Return every group to be left out with the factor of all others."""

    def rows(group: Group) -> FloatArray:
        return factors.rows(group, weights)

    left_out = factors.grouping.left_out
    always = [group for group in factors.by_group if group not in left_out]
    always_ff = stack(map(rows, always), overwrite=True) if always else None
    rest = leave_one_out(left_out, rows, always_ff) if left_out else iter(())
    too_weak: set[float] = set()
    parts = zip(left_out, map(packed, rest), strict=True)  # one rest at a time is not packed
    return [_Fold(group, ManyRidges(one, too_weak)) for group, one in parts]


def _everything(factors: Factors, weights: Mapping[str, float], folds: Sequence[_Fold]) -> Factor:
    """Return the factor of all rows: of a fold and its rest, where there are folds."""
    rest = [fold.rest.factor.rows() for fold in folds[:1]]
    groups = [fold.group for fold in folds[:1]] or factors.by_group
    return packed(stack(chain(rest, (factors.rows(group, weights) for group in groups)), overwrite=True))


def _score(
    factors: Factors, weights: Mapping[str, float], folds: Sequence[_Fold], spread_f: FloatArray
) -> Callable[[float], Score]:
    """Return what gives the score of a ridge: squared residuals of all rows left out, and of sampled frames."""
    left_out = {fold.group for fold in folds}
    n_frames = sum(group in left_out for group in factors.grouping.group_i)

    def score(ridge: float) -> Score:
        solved = {fold.group: fold.rest.solve(spread_f, ridge) for fold in folds}
        total = sum(factors.residual(group, weights, coefficient_f) for group, coefficient_f in solved.items())
        parts = (frame.squares(solved[frame.group]) for frame in factors.sample.values() if frame.group in solved)
        part_i = [sum(weight**2 * squares.get(kind, 0.0) for kind, weight in weights.items()) for squares in parts]
        return Score(total, np.array(part_i), n_frames)

    return score


def left_out_rmse(factors: Factors, left_out_f: Mapping[Group, FloatArray]) -> dict[str, float]:
    """Return the root mean square of the residuals of rows left out, per kind of label.

    Parameters
    ----------
    factors : Factors
        Rows of all frames.
    left_out_f : mapping of Group to ndarray of shape (n_columns,)
        Coefficients of the fit without a group.
    """
    squares: dict[str, float] = {}
    counts: dict[str, float] = {}
    for group, coefficient_f in left_out_f.items():
        for kind, factor in factors.by_group[group].items():
            squares[kind] = squares.get(kind, 0.0) + factor.residual(coefficient_f)
            counts[kind] = counts.get(kind, 0.0) + factor.n_rows
    return {kind: float(np.sqrt(squares[kind] / counts[kind])) for kind in squares if counts[kind] > 0.0}
