"""Choice of the ridge by cross-validation, from the factors of one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.accumulation import Factors, Group, can_leave_out
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.ridge import choose_ridge, leave_one_out, residual, solve, stack
from ase_rfhgn.unlabelled import taught

RIDGES = tuple(10.0**power for power in range(-14, 1, 2))
"""Ridges that are tried."""

SYSTEMS_LEFT_OUT = 3
"""Chemical systems that are left out in turn."""

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
class Solution:
    """Coefficients and how they were chosen.

    Attributes
    ----------
    coefficient_f : ndarray of shape (n_columns,)
        One-body energies and coefficients of the features.
    ridge : float
        Strength of the prior.
    teacher_ridge : float or None
        That of the fit whose answers hold on unlabelled structures.
    method : str
        How the ridge was chosen.
    cross_validation : dict
        Root mean square of the residuals of rows left out, per kind of label.
    path : dict
        Ridges that were tried for the teacher, and their scores.
    """

    coefficient_f: FloatArray
    ridge: float
    teacher_ridge: float | None
    method: str
    cross_validation: dict[str, float]
    path: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class _Fold:
    """Rows of a group that are left out, and the factor of all others."""

    group: Group
    rest_ff: FloatArray


def solve_with_ridge(factors: Factors, weights: Mapping[str, float], spread_f: FloatArray, ridge: float) -> Solution:
    """Return the coefficients for a ridge that is given.

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
    triangles = [factors.triangle(group, weights) for group in factors.by_group]
    errors = _cross_validation(factors, _folds(list(factors.by_group), triangles), spread_f, ridge)
    return Solution(solve(stack(triangles), spread_f, ridge), ridge, None, "given", errors, {})


def solve_by_cross_validation(
    factors: Factors, weights: Mapping[str, float], spread_f: FloatArray, unlabelled_ff: FloatArray
) -> Solution:
    """Return the coefficients for a ridge that cross-validation chooses.

    A teacher with a strong ridge is chosen first. The final fit has a weak one, and follows the
    teacher on unlabelled structures.

    Parameters
    ----------
    factors : Factors
        Rows of all frames.
    weights : mapping
        Weight of every kind of label.
    spread_f : ndarray of shape (n_columns,)
        Prior spread of the coefficients.
    unlabelled_ff : ndarray of shape (n_columns + 1, n_columns + 1)
        Factor of the rows of unlabelled structures.

    Notes
    -----
    The score is the weighted sum of squares of the fit over frames left out. Where chemical systems
    are left out it is that of forces alone, if there are any: energies of an unknown system have an
    offset that nothing could predict.
    """
    groups = list(factors.by_group)
    triangles = [factors.triangle(group, weights) for group in groups]
    folds = _folds(groups, triangles)
    if len(folds) < 2:
        coefficient_f = solve(stack(triangles), spread_f, DEFAULT_RIDGE)
        return Solution(coefficient_f, DEFAULT_RIDGE, None, "default: too few frames to leave any out", {}, {})
    systems = folds[0].group.name == "system"
    scored = {"force": 1.0} if systems and factors.n_rows("force") else weights
    left_out = [factors.triangle(fold.group, scored) for fold in folds]
    rest_ff = [fold.rest_ff for fold in folds]
    teacher = choose_ridge(rest_ff, left_out, spread_f, RIDGES, CAUTION, weakest=systems)

    def follow(triangle_ff: FloatArray) -> FloatArray:
        return taught(triangle_ff, unlabelled_ff, solve(triangle_ff, spread_f, teacher.ridge))

    pupils = [_Fold(fold.group, follow(fold.rest_ff)) for fold in folds]
    ridge = MIXED_RIDGE
    if not systems:
        weaker = [*(weak for weak in RIDGES if weak < teacher.ridge), teacher.ridge]
        ridge = choose_ridge([pupil.rest_ff for pupil in pupils], left_out, spread_f, weaker, TOLERANCE).ridge
    return Solution(
        coefficient_f=solve(follow(stack(triangles)), spread_f, ridge),
        ridge=ridge,
        teacher_ridge=teacher.ridge,
        method=f"cross-validation, {'chemical systems' if systems else 'frames'} left out",
        cross_validation=_cross_validation(factors, pupils, spread_f, ridge),
        path={"ridge": list(teacher.tried), "score": list(teacher.score)},
    )


def _folds(groups: Sequence[Group], triangles: Sequence[FloatArray]) -> list[_Fold]:
    """Return the groups that can be left out, each with the factor of all others."""
    if len(groups) == 1:
        return []
    if groups[0].name.startswith("fold"):
        return [_Fold(group, rest) for group, rest in zip(groups, leave_one_out(triangles), strict=True)]
    removable = [
        i
        for i, group in enumerate(groups)
        if can_leave_out(group.system, [other.system for j, other in enumerate(groups) if j != i])
    ]
    removable.sort(key=lambda i: -len(groups[i].system))
    return [
        _Fold(groups[i], stack([triangle for j, triangle in enumerate(triangles) if j != i]))
        for i in removable[:SYSTEMS_LEFT_OUT]
    ]


def _cross_validation(factors: Factors, folds: Sequence[_Fold], spread_f: FloatArray, ridge: float) -> dict[str, float]:
    """Return the root mean square of the residuals of rows left out, per kind of label."""
    squares: dict[str, float] = {}
    counts: dict[str, int] = {}
    for fold in folds:
        coefficient_f = solve(fold.rest_ff, spread_f, ridge)
        for kind, factor in factors.by_group[fold.group].items():
            kept = coefficient_f[factor.column_f[:-1]]
            squares[kind] = squares.get(kind, 0.0) + residual(factor.triangle_ff, kept)
            counts[kind] = counts.get(kind, 0) + factor.n_rows
    return {kind: float(np.sqrt(squares[kind] / counts[kind])) for kind in squares}
