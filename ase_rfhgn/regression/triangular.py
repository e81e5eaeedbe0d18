"""Triangular factors of the rows of a linear system: running, joined, packed; numbers without atoms.

Rows (Z, u) of a linear system Zθ ≈ u are never kept. Their orthogonal factorisation (Z, u) = QR is updated
block by block, and only R is kept. R is upper triangular, with as many rows as columns. The residual of
any θ is ‖R (θ, −1)‖. The factors of weighted systems are stacked for their sum, and a ridge adds diagonal
rows. Normal equations would lose half of the digits, too many for features with condition numbers of 1e12
and more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from mmap import mmap

import numpy as np
from scipy.linalg import lapack, solve_triangular

from ase_rfhgn.arrays import FloatArray, IntArray

PANEL = 32
"""Columns that LAPACK's blocked factorisation works on at once."""

MOST_WAITING = 800
"""Rows that wait to be folded into a triangle, or as many as it has columns: to fold more at a time is not faster."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Triangular factor of rows over some columns of a larger system.

    Attributes
    ----------
    packed : ndarray
        Columns of the factor one after the other, each down to its diagonal or to the last row: what
        is zero takes no memory.
    n_kept : int
        Rows of the factor; less than columns where there were fewer rows than these.
    column_f : ndarray of shape (n_columns + 1,)
        Columns of the larger system, ascending, right-hand side last.
    n_rows : float
        Number of rows that went in, each times its squared weight, where rows were weighted one by one.
    """

    packed: FloatArray
    n_kept: int
    column_f: IntArray
    n_rows: float

    @classmethod
    def of(cls, triangle_ff: FloatArray, column_f: IntArray, n_rows: float) -> Factor:
        """Return the factor that holds the rows of an upper triangle, or the first of them."""
        n_kept = len(triangle_ff)
        first, _ = lapack.dtrttp(triangle_ff[:, :n_kept], uplo="U") if n_kept else (np.empty(0), 0)
        others = triangle_ff[:, n_kept:].ravel(order="F")
        return cls(np.concatenate([first, others]) if len(others) else first, n_kept, column_f, n_rows)

    def rows(self, weight: float = 1.0) -> FloatArray:
        """Return the weighted rows of the factor over its own columns: an upper trapezoid."""
        n_columns, n_kept = len(self.column_f), self.n_kept
        if not n_kept:
            return np.zeros((0, n_columns), order="F")
        n_first = n_kept * (n_kept + 1) // 2
        row_mf, _ = lapack.dtpttr(n_kept, self.packed[:n_first], uplo="U")
        if n_kept < n_columns:
            first_mf, row_mf = row_mf, np.empty((n_kept, n_columns), order="F")
            row_mf[:, :n_kept] = first_mf
            row_mf[:, n_kept:] = self.packed[n_first:].reshape(-1, n_kept).T
        if weight != 1.0:
            row_mf *= weight
        return np.asarray(row_mf)

    def wide_rows(self, n_columns: int, weight: float = 1.0) -> FloatArray:
        """Return the weighted rows of the factor over all columns and the right-hand side: an upper trapezoid.

        Parameters
        ----------
        n_columns : int
            Columns of the larger system, without the right-hand side.
        weight : float
            Weight of a row, squared in the sum of squares.
        """
        wide_fm = np.zeros((n_columns + 1, self.n_kept))
        wide_fm[self.column_f] = self.rows(weight).T
        return wide_fm.T

    def full(self, n_columns: int, weight: float = 1.0) -> FloatArray:
        """Return `wide_rows` with rows of zeros below: an upper triangle."""
        return _square(self.wide_rows(n_columns, weight))

    def column_squares(self, n_columns: int, weight: float = 1.0) -> FloatArray:
        """Return the sums of squares over the weighted rows of all columns of the larger system; see `wide_rows`."""
        square_f = np.zeros(n_columns + 1)
        square_f[self.column_f] = np.sum(self.rows(weight) ** 2, axis=0)
        return square_f[:-1]

    def residual(self, coefficient_f: FloatArray) -> float:
        """Return the sum of squared residuals of coefficients of the larger system over the rows."""
        return residual(self.rows(), coefficient_f[self.column_f[:-1]])


class RunningFactor:
    """Factor of rows that come block by block; columns that are zero in all of them cost next to nothing.

    Parameters
    ----------
    column_f : ndarray
        Columns of the rows in the larger system, ascending, right-hand side last.
    """

    def __init__(self, column_f: IntArray) -> None:
        self.column_f = column_f
        self.n_rows = 0.0
        self._used_f = np.zeros(len(column_f), dtype=bool)
        self._triangle_ff = np.zeros((0, 0))  # over the used columns
        self._waiting_mf = _own_zeros(min(MOST_WAITING, len(column_f)), len(column_f))
        self._n_waiting = 0

    @classmethod
    def resumed(cls, factor: Factor, n_columns: int) -> RunningFactor:
        """Return a running factor of the rows that a factor holds, over all columns of the larger system."""
        running = cls(np.arange(n_columns + 1))
        running.add(factor.wide_rows(n_columns))
        running.n_rows = factor.n_rows
        return running

    def add(self, row_mf: FloatArray, n_rows: float | None = None) -> None:
        """Take rows in; they are factorised when many wait.

        Parameters
        ----------
        row_mf : ndarray of shape (m, n_columns + 1)
            The rows.
        n_rows : float, optional
            As how many rows they count, where they were weighted.
        """
        self.n_rows += len(row_mf) if n_rows is None else n_rows
        most = len(self._waiting_mf)
        if self._n_waiting + len(row_mf) > most:
            self._fold(self._waiting_mf[: self._n_waiting])
            self._n_waiting = 0
        while len(row_mf) > most:  # a large structure: its rows are not copied as a whole
            self._fold(row_mf[:most])
            row_mf = row_mf[most:]
        self._waiting_mf[self._n_waiting : self._n_waiting + len(row_mf)] = row_mf
        self._n_waiting += len(row_mf)

    def factor(self) -> Factor:
        """Return the factor of all rows so far."""
        waiting_mf = self._waiting_mf[: self._n_waiting]
        if not self._used_f.any():
            return Factor.of(np.asarray(np.linalg.qr(waiting_mf, mode="r")), self.column_f, self.n_rows)
        self._fold(waiting_mf)
        self._n_waiting = 0
        trapezoid_mf = np.zeros((len(self._triangle_ff), len(self.column_f)), order="F")
        trapezoid_mf[:, self._used_f] = self._triangle_ff
        return Factor.of(trapezoid_mf, self.column_f, self.n_rows)

    def _fold(self, row_mf: FloatArray) -> None:
        used_f = self._used_f | row_mf.any(axis=0)
        if used_f.sum() > len(self._triangle_ff):
            known_f = np.flatnonzero(self._used_f[used_f])
            triangle_ff = _own_zeros(used_f.sum(), used_f.sum()).T
            triangle_ff[np.ix_(known_f, known_f)] = self._triangle_ff
            self._used_f, self._triangle_ff = used_f, triangle_ff
        if row_mf.any():
            used_mf = row_mf if used_f.all() else row_mf[:, used_f]
            self._triangle_ff = fold(self._triangle_ff, np.array(used_mf, order="F"), overwrite=True)


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
        Whether the rows are an upper triangle or trapezoid, too: a third of the work.
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


def stack(trapezoids: Iterable[FloatArray], *, overwrite: bool = False) -> FloatArray:
    """Return the triangular factor of several upper triangles or trapezoids on top of each other.

    Parameters
    ----------
    trapezoids : iterable of ndarray of shape (m, n)
        At least one, none with more rows than columns; they may come one by one.
    overwrite : bool
        Whether they may be overwritten: less memory.
    """
    remaining = iter(trapezoids)
    first_mf = next(remaining)
    total_ff = _square(first_mf if overwrite else np.array(first_mf, order="F"))
    for trapezoid_mf in remaining:
        if len(trapezoid_mf):
            more_mf = trapezoid_mf if overwrite else np.array(trapezoid_mf, order="F")
            total_ff = fold(total_ff, more_mf, triangular=True, overwrite=True)
    return total_ff


def packed(triangle_ff: FloatArray) -> Factor:
    """Return the factor over all columns that an upper triangle or trapezoid is: in half of the memory."""
    n_kept, n_columns = triangle_ff.shape
    return Factor.of(triangle_ff, np.arange(n_columns), n_kept)


def weighted(factors: Sequence[tuple[Factor, float]]) -> Factor:
    """Return the factor of the rows of several factors over the same columns, each times its weight."""
    largest_first = sorted(factors, key=lambda pair: -pair[0].n_kept)
    total_ff = stack((factor.rows(weight) for factor, weight in largest_first), overwrite=True)
    return Factor.of(total_ff, factors[0][0].column_f, sum(factor.n_rows for factor, _ in factors))


def joined(factors: Sequence[Factor], n_columns: int) -> Factor:
    """Return the factor of the rows of several factors over all columns of the larger system."""
    total_ff = stack((factor.wide_rows(n_columns) for factor in factors), overwrite=True)
    return Factor.of(total_ff, np.arange(n_columns + 1), sum(factor.n_rows for factor in factors))


def _own_zeros(n_rows: int, n_columns: int) -> FloatArray:
    """Return zeros in memory of their own, which the system gets back as soon as they are not needed."""
    return np.frombuffer(mmap(-1, 8 * n_rows * n_columns)).reshape(n_rows, n_columns)


def _square(trapezoid_mf: FloatArray) -> FloatArray:
    """Return an upper trapezoid with rows of zeros below, as a triangle."""
    n_rows, n_columns = trapezoid_mf.shape
    if n_rows == n_columns:
        return trapezoid_mf
    square_ff = np.zeros((n_columns, n_columns), order="F")
    square_ff[:n_rows] = trapezoid_mf
    return square_ff


def residual(triangle_ff: FloatArray, coefficient_f: FloatArray) -> float:
    """Return the sum of squared residuals of coefficients over the rows of a factor."""
    return float(np.sum((triangle_ff @ np.append(coefficient_f, -1.0)) ** 2))


def regularised(triangle_ff: FloatArray, spread_f: FloatArray, ridge: float, *, overwrite: bool = False) -> FloatArray:
    """Return the factor of the rows of a ridge regression for scaled coefficients, prior included.

    Parameters
    ----------
    triangle_ff : ndarray of shape (n + 1, n + 1)
        Factor of the rows (Z, u).
    spread_f : ndarray of shape (n,)
        Prior spread of the coefficients: they are scaled by it.
    ridge : float
        Strength of the prior.
    overwrite : bool
        Whether the triangle may be overwritten: less memory.
    """
    n = len(spread_f)
    scaled_ff = triangle_ff if overwrite else np.array(triangle_ff, order="F")
    scaled_ff[:, :n] *= spread_f
    prior_ff = np.zeros((n, n + 1), order="F")
    prior_ff[np.diag_indices(n)] = np.sqrt(ridge)
    return fold(scaled_ff, prior_ff, triangular=True, overwrite=True)


def solve(triangle_ff: FloatArray, spread_f: FloatArray, ridge: float, *, overwrite: bool = False) -> FloatArray:
    """Return the coefficients that minimise ‖Zθ − u‖² + ridge ‖θ/spread‖².

    Parameters
    ----------
    triangle_ff, spread_f, ridge, overwrite
        As for `regularised`.
    """
    return back_substituted(regularised(triangle_ff, spread_f, ridge, overwrite=overwrite), spread_f)


def back_substituted(factor_ff: FloatArray, spread_f: FloatArray) -> FloatArray:
    """Return the coefficients that a factor of `regularised` determines."""
    n = len(spread_f)
    coefficient_f: FloatArray = spread_f * solve_triangular(factor_ff[:n, :n], factor_ff[:n, n], check_finite=False)
    return coefficient_f
