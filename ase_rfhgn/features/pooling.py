"""Sums of rows that belong together: edges into nodes, nodes into structures."""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csc_array

from ase_rfhgn.arrays import FloatArray, IntArray


def pooled(value_m: FloatArray, index_m: IntArray, n_sums: int) -> FloatArray:
    """Return sums over the first axis of an array, one per index.

    Parameters
    ----------
    value_m : ndarray of shape (m, ...)
        Rows to sum.
    index_m : ndarray of shape (m,)
        To which sum a row belongs.
    n_sums : int
        Number of sums; those without rows are zero.
    """
    return _combined(value_m, index_m[:, None], np.ones(1), n_sums)


def pooled_differences(value_p: FloatArray, tail_p: IntArray, head_p: IntArray, n_sums: int) -> FloatArray:
    """Return sums over edges, which add a row to their heads and subtract it from their tails.

    Parameters
    ----------
    value_p : ndarray of shape (n_edges, ...)
        Contributions of the edges.
    tail_p, head_p : ndarray of shape (n_edges,)
        Ends of every edge.
    n_sums : int
        Number of ends; those without edges get zero.
    """
    return _combined(value_p, np.column_stack([tail_p, head_p]), np.array([-1.0, 1.0]), n_sums)


def _combined(value_m: FloatArray, index_me: IntArray, factor_e: FloatArray, n_sums: int) -> FloatArray:
    """Return sums to which every row adds itself, times a factor, as often as it has indices."""
    n_rows, n_ends = index_me.shape
    start_m = np.arange(0, n_rows * n_ends + 1, n_ends)
    selection = csc_array((np.tile(factor_e, n_rows), index_me.ravel(), start_m), shape=(n_sums, n_rows))
    sums = np.asarray(selection @ value_m.reshape(n_rows, math.prod(value_m.shape[1:])), dtype=np.float64)
    return sums.reshape(n_sums, *value_m.shape[1:])
