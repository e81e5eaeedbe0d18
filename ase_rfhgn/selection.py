"""Choice of the ridge by cross-validation, from the factors of one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.accumulation import Factors, Group
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.ridge import choose_ridge, leave_one_out, residual, solve, stack

RIDGES = tuple(10.0**power for power in range(-16, 1, 2))
"""Ridges that are tried."""

SYSTEMS_LEFT_OUT = 3
"""Chemical systems that are left out in turn."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients and how they were chosen.

    Attributes
    ----------
    coefficient_f : ndarray of shape (n_columns,)
        One-body energies and coefficients of the features.
    ridge : float
        Strength of the prior.
    method : str
        How the ridge was chosen.
    cross_validation : dict
        Root mean square of the residuals of rows left out, per kind of label.
    path : dict
        Ridges that were tried and their scores.
    """

    coefficient_f: FloatArray
    ridge: float
    method: str
    cross_validation: dict[str, float]
    path: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class _Fold:
    group: Group
    rest_ff: FloatArray


def solve_with_ridge(
    factors: Factors, weights: Mapping[str, float], spread_f: FloatArray, ridge: float | None
) -> Solution:
    """Return the coefficients for a ridge that is given, or chosen by cross-validation.

    Parameters
    ----------
    factors : Factors
        Rows of all frames.
    weights : mapping
        Weight of every kind of label.
    spread_f : ndarray of shape (n_columns,)
        Prior spread of the coefficients.
    ridge : float or None
        The ridge; None chooses it.

    Notes
    -----
    The score is the error of the forces of frames left out, of energies where there are no forces.
    Energies of a chemical system that was left out have an offset that nothing could predict.
    """
    groups = list(factors.by_group)
    triangles = [factors.triangle(group, weights) for group in groups]
    total_ff = stack(triangles)
    folds = _folds(groups, triangles)
    scored = next(kind for kind in ("force", "energy", "stress") if weights.get(kind) and factors.n_rows(kind))
    path: dict[str, list[float]] = {}
    if ridge is not None:
        method = "given"
    elif len(folds) < 2:
        ridge, method = 1e-8, "default: too few frames for cross-validation"
    else:
        left_out = [factors.triangle(fold.group, {scored: 1.0}) for fold in folds]
        choice = choose_ridge([fold.rest_ff for fold in folds], left_out, spread_f, RIDGES)
        ridge, path = choice.ridge, {"ridge": list(choice.tried), "score": list(choice.score)}
        left = "chemical systems" if folds[0].group.name == "system" else "frames"
        method = f"cross-validation on {scored} rows, {left} left out"
    errors = _cross_validation(factors, folds, spread_f, ridge)
    return Solution(solve(total_ff, spread_f, ridge), ridge, method, errors, path)


def _folds(groups: Sequence[Group], triangles: Sequence[FloatArray]) -> list[_Fold]:
    """Return the groups that can be left out, each with the factor of all others."""
    if len(groups) == 1:
        return []
    if groups[0].name.startswith("fold"):
        return [_Fold(group, rest) for group, rest in zip(groups, leave_one_out(triangles), strict=True)]
    removable = [
        i
        for i, group in enumerate(groups)
        if set(group.system) <= {s for j, other in enumerate(groups) if j != i for s in other.system}
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
