"""The posterior of the coefficients: samples, residuals of a fit without some rows, interval scales.

The textbook posterior of a linear regression, N(θ, s² (ZᵀZ + prior)⁻¹) with the noise s², is wide where
data are sparse. But labels of quantum mechanics have no noise. Their errors come from the form of the
model, and do not shrink as rows are added (Swinburne and Perez, arXiv:2402.01810). So only the shape of
the posterior is used, and its scale is measured. The interval scale is a quantile of the residuals of
frames left out, in closed form, over the spread of the samples there. This is split conformal prediction
with normalised residuals (Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from scipy.linalg import solve_triangular

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.regression.ridge import Regression, Solved
from ase_rfhgn.runtime.batches import batched

Item = TypeVar("Item")

LEVELS = (0.6827, 0.9545)
"""Shares of errors within the two intervals: one and two standard deviations of a normal distribution."""

FIXED = 1e-6
"""Predicted uncertainty, in units of the root mean square, below which symmetry alone fixes a value."""

ROWS_AT_ONCE = 500
"""Rows that are left out in one go, in several sets."""

LEAST_REST = 1e-12
"""Smallest share of a direction that counts as left when rows are left out."""


def sample_members(solved: Solved, n_members: int, rng: np.random.Generator) -> FloatArray:
    """Return deviations of the coefficients, sampled from the posterior of unit noise: shape (n_members, n).

    They are divided by √n_members: the sum of their squared predictions is the variance.

    Parameters
    ----------
    solved : Solved
        A solution.
    n_members : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.
    """
    normal_fe = rng.normal(size=(len(solved.spread_f), n_members)) / np.sqrt(n_members)
    member_ef: FloatArray = (
        solved.spread_f[:, None] * solve_triangular(solved.root_ff, normal_fe, check_finite=False)
    ).T
    return member_ef


def growth_left_out(solved: Solved, row_mf: FloatArray) -> FloatArray:
    """Return by how much the posterior without some rows spreads more on them than that with them: at least 1.

    Parameters
    ----------
    solved : Solved
        The fit with the rows.
    row_mf : ndarray of shape (m, n)
        Weighted rows, without a right-hand side.
    """
    root_mj, rest_j = _hat(_whitened(solved, row_mf))
    np.square(root_mj, out=root_mj)
    own_m, left_m = root_mj.sum(axis=1), root_mj @ (1.0 / rest_j)
    growth_m: FloatArray = np.sqrt(np.divide(left_m, own_m, out=np.ones_like(own_m), where=own_m > 0.0))
    return growth_m


class Omission:
    """Fits without a few rows each, in closed form from the fit with all of them.

    Parameters
    ----------
    regression : Regression
        The fit with all rows.
    solved : Solved
        Its solution.

    Notes
    -----
    For the hat matrix H = Z (ZᵀZ + prior)⁻¹ Zᵀ of the rows left out, the residuals are
    (1 − H)⁻¹ r (Cook and Weisberg, Residuals and Influence in Regression (1982), section 2.2). A
    teacher, too, never saw the rows: its change Δ moves the labels of the unlabelled rows U, and
    r − Z (ZᵀZ + prior)⁻¹ UᵀU Δ stands in place of r.
    """

    def __init__(self, regression: Regression, solved: Solved) -> None:
        self._regression = regression
        self._solved = solved
        self._teacher = solved.teacher

    def residuals(self, sets: Sequence[FloatArray]) -> list[FloatArray]:
        """Return, for every set of rows, the labels minus the predictions of the fit without that set.

        Parameters
        ----------
        sets : sequence of ndarray of shape (m, n + 1)
            Weighted rows of the regression, right-hand side last. Sets that are left out one by one, but
            dealt with together: triangular solves are as slow for one set as for many.
        """
        row_mf = np.concatenate(sets) if len(sets) > 1 else sets[0]  # a large one is not copied
        whites = parts_of(_whitened(self._solved, row_mf[:, :-1]), sets)
        residuals = parts_of(row_mf[:, -1] - row_mf[:, :-1] @ self._solved.coefficient_f, sets)
        if self._teacher is not None:
            pull_fs = self._changes_of_labels(self._teacher, row_mf, sets) * self._solved.spread_f[:, None]
            shift_fs = solve_triangular(self._solved.root_ff, pull_fs, trans="T", check_finite=False)
            moved = zip(residuals, whites, shift_fs.T, strict=True)
            residuals = [residual_m - white_mf @ shift_f for residual_m, white_mf, shift_f in moved]
        return [_left_out(white_mf, residual_m) for white_mf, residual_m in zip(whites, residuals, strict=True)]

    def each(self, items: Iterable[Item], rows: Callable[[Item], FloatArray]) -> Iterator[tuple[Item, FloatArray]]:
        """Yield every item with the residuals of the fit without its rows; see `residuals`.

        Parameters
        ----------
        items : iterable
            Things that have rows, as many at a time as `ROWS_AT_ONCE` allows.
        rows : callable
            Returns the weighted rows of an item, at least one.
        """
        pairs = ((item, rows(item)) for item in items)
        for batch in batched(pairs, lambda pair: len(pair[1]), ROWS_AT_ONCE):
            left_out = self.residuals([row_mf for _, row_mf in batch])
            yield from zip((item for item, _ in batch), left_out, strict=True)

    def _changes_of_labels(self, teacher: Solved, row_mf: FloatArray, sets: Sequence[FloatArray]) -> FloatArray:
        """Return UᵀU Δ for the change Δ of a teacher that never saw a set: a column per set."""
        whites = parts_of(_whitened(teacher, row_mf[:, :-1]), sets)
        residuals = parts_of(row_mf[:, -1] - row_mf[:, :-1] @ teacher.coefficient_f, sets)
        pairs = zip(whites, residuals, strict=True)
        left_fs = np.stack([white_mf.T @ _left_out(white_mf, residual_m) for white_mf, residual_m in pairs], axis=1)
        change_fs = -teacher.spread_f[:, None] * solve_triangular(teacher.root_ff, left_fs, check_finite=False)
        assert self._regression.unlabelled is not None  # noqa: S101  # there is a teacher
        columns_mf = self._regression.unlabelled.rows()[:, :-1]
        pull_fs: FloatArray = columns_mf.T @ (columns_mf @ change_fs)
        return pull_fs


def half_widths(residual_m: FloatArray, spread_m: FloatArray) -> FloatArray:
    """Return interval scales: half-widths of intervals that hold 68 % and 95 % of errors, per unit of spread.

    Parameters
    ----------
    residual_m : ndarray of shape (m,)
        Errors on data that was not in the fit.
    spread_m : ndarray of shape (m,)
        Spread of the posterior there.

    Returns
    -------
    ndarray of shape (2,)
        The ⌈(m + 1) p⌉-th smallest ratios, which hold at least a share p of new errors if these are
        exchangeable with the old ones. NaN if all spreads vanish.
    """
    free_m = left_free(spread_m)
    ratio_m = np.sort(np.abs(residual_m[free_m]) / spread_m[free_m])
    if not len(ratio_m):
        return np.full(len(LEVELS), np.nan)
    rank = [min(int(np.ceil((len(ratio_m) + 1) * level)), len(ratio_m)) - 1 for level in LEVELS]
    return ratio_m[rank]


def left_free(expected_m: FloatArray) -> BoolArray:
    """Return which values symmetry does not fix: their predicted uncertainty does not vanish.

    Parameters
    ----------
    expected_m : ndarray of shape (m,)
        Predicted uncertainties, in any unit.
    """
    free_m: BoolArray = expected_m > FIXED * np.sqrt(np.sum(np.square(expected_m)) / max(1, len(expected_m)))
    return free_m


def _whitened(solved: Solved, row_mf: FloatArray) -> FloatArray:
    """Return rows in coordinates in which the posterior of unit noise is a unit sphere."""
    scaled_mf = row_mf * solved.spread_f
    white_mf: FloatArray = solve_triangular(
        solved.root_ff, scaled_mf.T, trans="T", overwrite_b=True, check_finite=False
    ).T
    return white_mf


def parts_of(array: FloatArray, sets: Iterable[FloatArray]) -> list[FloatArray]:
    """Return the parts of an array, along its first axis, that belong to sets of rows."""
    return np.split(array, np.cumsum([len(row_mf) for row_mf in sets])[:-1])


def _left_out(white_mf: FloatArray, residual_m: FloatArray) -> FloatArray:
    """Return (1 − H)⁻¹ r = r + H (1 − H)⁻¹ r for the residuals of whitened rows."""
    root_mj, rest_j = _hat(white_mf)
    left_m: FloatArray = residual_m + root_mj @ ((root_mj.T @ residual_m) / rest_j)
    return left_m


def _hat(white_mf: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the hat matrix H of rows as a root B, H = BBᵀ, and one minus its eigenvalues (n_eigenvalues,).

    Columns of B are eigenvectors. H is as large as rows are many; its eigenvalues come from the smaller of WWᵀ and
    WᵀW, so that neither time nor memory grows with the square of the rows.
    """
    if len(white_mf) > white_mf.shape[1]:
        hat_j, turn_fj = np.linalg.eigh(white_mf.T @ white_mf)
        root_mj = white_mf @ turn_fj
    else:
        hat_j, root_mj = np.linalg.eigh(white_mf @ white_mf.T)
        root_mj *= np.sqrt(np.clip(hat_j, 0.0, 1.0))
    return root_mj, np.maximum(1.0 - np.clip(hat_j, 0.0, 1.0), LEAST_REST)
