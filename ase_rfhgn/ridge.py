"""Ridge regression from running triangular factors: numbers only, no atoms.

Rows (Z, u) of a linear system Zθ ≈ u are never kept. Their orthogonal factorisation
(Z, u) = QR is updated block by block, and R alone, upper triangular with as many rows as columns,
answers every later question: the residual of any θ is ‖R (θ, −1)‖, sums of weighted systems
stack their factors, and a ridge adds diagonal rows. Normal equations would lose half of the digits,
which features with condition numbers of 1e12 and more do not forgive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.linalg import lapack, solve_triangular

from ase_rfhgn.arrays import FloatArray, IntArray

PANEL = 32
"""Columns that LAPACK's blocked factorisation works on at once."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Triangular factor of rows over some columns of a larger system.

    Attributes
    ----------
    triangle_ff : ndarray of shape (n_kept, n_columns + 1)
        Rows of the upper triangular factor that are not zero, right-hand side last.
    kept_f : ndarray of shape (n_kept,)
        Which rows of the triangle these are.
    column_f : ndarray of shape (n_columns + 1,)
        Columns of the larger system, ascending, right-hand side last.
    n_rows : int
        Number of rows that went in.
    """

    triangle_ff: FloatArray
    kept_f: IntArray
    column_f: IntArray
    n_rows: int

    def full(self, n_columns: int, weight: float = 1.0) -> FloatArray:
        """Return the weighted factor as an upper triangle over all columns and the right-hand side.

        Parameters
        ----------
        n_columns : int
            Columns of the larger system, without the right-hand side.
        weight : float
            Weight of a row, squared in the sum of squares.
        """
        triangle_ff = np.zeros((n_columns + 1, n_columns + 1), order="F")
        triangle_ff[np.ix_(self.column_f[self.kept_f], self.column_f)] = weight * self.triangle_ff
        return triangle_ff

    def column_squares(self, n_columns: int, weight: float = 1.0) -> FloatArray:
        """Return the sums of squares over the weighted rows of all columns of the larger system; see `full`."""
        square_f = np.zeros(n_columns + 1)
        square_f[self.column_f] = weight**2 * np.sum(self.triangle_ff**2, axis=0)
        return square_f[:-1]

    def residual(self, coefficient_f: FloatArray) -> float:
        """Return the sum of squared residuals of coefficients of the larger system over the rows."""
        return residual(self.triangle_ff, coefficient_f[self.column_f[:-1]])


class RunningFactor:
    """Factor of rows that come block by block; columns that are zero in all of them cost next to nothing.

    Parameters
    ----------
    column_f : ndarray
        Columns of the rows in the larger system, ascending, right-hand side last.
    """

    def __init__(self, column_f: IntArray) -> None:
        self.column_f = column_f
        self.n_rows = 0
        self._used_f = np.zeros(len(column_f), dtype=bool)
        self._triangle_ff = np.zeros((0, 0))  # over the used columns
        self._waiting: list[FloatArray] = []

    @classmethod
    def resumed(cls, factor: Factor, n_columns: int) -> RunningFactor:
        """Return a running factor of the rows that a factor holds, over all columns of the larger system."""
        running = cls(np.arange(n_columns + 1))
        running.n_rows = factor.n_rows
        running._used_f[:] = True  # its own class
        running._triangle_ff = factor.full(n_columns)
        return running

    def add(self, row_mf: FloatArray) -> None:
        """Take rows in; they are factorised when as many wait as there are columns."""
        self._waiting.append(row_mf)
        self.n_rows += len(row_mf)
        if sum(map(len, self._waiting)) >= len(self.column_f):
            self._fold()

    def factor(self) -> Factor:
        """Return the factor of all rows so far."""
        self._fold()
        kept_f = np.flatnonzero(self._triangle_ff.any(axis=1))
        triangle_ff = np.zeros((len(kept_f), len(self.column_f)))
        triangle_ff[:, self._used_f] = self._triangle_ff[kept_f]
        return Factor(triangle_ff, np.flatnonzero(self._used_f)[kept_f], self.column_f, self.n_rows)

    def _fold(self) -> None:
        if not self._waiting:
            return
        shape = sum(map(len, self._waiting)), len(self.column_f)
        row_mf = np.concatenate(self._waiting, out=np.empty(shape, order="F"))
        self._waiting = []
        used_f = self._used_f | row_mf.any(axis=0)
        if used_f.sum() > len(self._triangle_ff):
            known_f = np.flatnonzero(self._used_f[used_f])
            triangle_ff = np.zeros((used_f.sum(), used_f.sum()), order="F")
            triangle_ff[np.ix_(known_f, known_f)] = self._triangle_ff
            self._used_f, self._triangle_ff = used_f, triangle_ff
        if used_f.any():
            used_mf = row_mf if used_f.all() else row_mf[:, used_f]
            self._triangle_ff = fold(self._triangle_ff, used_mf, overwrite=True)


def fold(
    triangle_ff: FloatArray, row_mf: FloatArray, *, triangular: bool = False, overwrite: bool = False
) -> FloatArray:
    """Return the triangular factor of an upper triangle stacked on more rows.

    Parameters
    ----------
    triangle_ff : ndarray of shape (n, n)
        Upper triangle, zero below.
    row_mf : ndarray of shape (m, n)
        More rows.
    triangular : bool
        Whether the rows are an upper triangle, too: a third of the work.
    overwrite : bool
        Whether both arrays may be overwritten: less memory.

    Notes
    -----
    LAPACK's tpqrt, Householder reflections of a triangle on top of a pentagon.
    """
    pentagon = len(row_mf) if triangular else 0
    panel = min(PANEL, len(triangle_ff))
    copied = np.asfortranarray if overwrite else partial(np.array, order="F")
    result, _, _, info = lapack.dtpqrt(
        pentagon, panel, copied(triangle_ff), copied(row_mf), overwrite_a=1, overwrite_b=1
    )
    if info:
        message = f"LAPACK's tpqrt refused its argument number {-info}"
        raise RuntimeError(message)
    return np.asfortranarray(result)


def stack(triangles: Iterable[FloatArray]) -> FloatArray:
    """Return the triangular factor of several upper triangles on top of each other, which may come one by one."""
    remaining = iter(triangles)
    total_ff = np.array(next(remaining), order="F")
    for triangle_ff in remaining:
        total_ff = fold(total_ff, np.array(triangle_ff, order="F"), triangular=True, overwrite=True)
    return total_ff


def weighted(factors: Sequence[tuple[Factor, float]]) -> Factor:
    """Return the factor of the rows of several factors over the same columns, each times its weight."""
    (largest, weight), *others = sorted(factors, key=lambda pair: -len(pair[0].kept_f))
    own_f = np.arange(len(largest.column_f))
    first = replace(largest, triangle_ff=weight * largest.triangle_ff, column_f=own_f)
    running = RunningFactor.resumed(first, len(own_f) - 1)
    for factor, factor_weight in others:
        running.add(factor_weight * factor.triangle_ff)
    n_rows = sum(factor.n_rows for factor, _ in factors)
    return replace(running.factor(), column_f=largest.column_f, n_rows=n_rows)


def joined(factors: Sequence[Factor], n_columns: int) -> Factor:
    """Return the factor of the rows of several factors over all columns of the larger system."""
    running = RunningFactor(np.arange(n_columns + 1))
    for factor in factors:
        row_mf = np.zeros((len(factor.kept_f), n_columns + 1))
        row_mf[:, factor.column_f] = factor.triangle_ff
        running.add(row_mf)
    return replace(running.factor(), n_rows=sum(factor.n_rows for factor in factors))


def residual(triangle_ff: FloatArray, coefficient_f: FloatArray) -> float:
    """Return the sum of squared residuals of coefficients over the rows of a factor."""
    return float(np.sum((triangle_ff @ np.append(coefficient_f, -1.0)) ** 2))


def regularised(triangle_ff: FloatArray, spread_f: FloatArray, ridge: float) -> FloatArray:
    """Return the factor of the rows of a ridge regression for scaled coefficients, prior included.

    Parameters
    ----------
    triangle_ff : ndarray of shape (n + 1, n + 1)
        Factor of the rows (Z, u).
    spread_f : ndarray of shape (n,)
        Prior spread of the coefficients: they are scaled by it.
    ridge : float
        Strength of the prior.
    """
    n = len(spread_f)
    scaled_ff = np.array(triangle_ff, order="F")
    scaled_ff[:, :n] *= spread_f
    prior_ff = np.zeros((n, n + 1), order="F")
    np.fill_diagonal(prior_ff, np.sqrt(ridge))
    return fold(scaled_ff, prior_ff, triangular=True, overwrite=True)


def solve(triangle_ff: FloatArray, spread_f: FloatArray, ridge: float) -> FloatArray:
    """Return the coefficients that minimise ‖Zθ − u‖² + ridge ‖θ/spread‖².

    Parameters
    ----------
    triangle_ff, spread_f, ridge
        As for `regularised`.
    """
    return back_substituted(regularised(triangle_ff, spread_f, ridge), spread_f)


def back_substituted(factor_ff: FloatArray, spread_f: FloatArray) -> FloatArray:
    """Return the coefficients that a factor of `regularised` determines."""
    n = len(spread_f)
    coefficient_f: FloatArray = spread_f * solve_triangular(factor_ff[:n, :n], factor_ff[:n, n], check_finite=False)
    return coefficient_f
