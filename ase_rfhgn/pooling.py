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
        What is summed.
    index_m : ndarray of shape (m,)
        To which sum a row belongs.
    n_sums : int
        Number of sums; those without rows are zero.
    """
    n_rows = len(index_m)
    selection = csc_array((np.ones(n_rows), index_m, np.arange(n_rows + 1)), shape=(n_sums, n_rows))
    sums = np.asarray(selection @ value_m.reshape(n_rows, math.prod(value_m.shape[1:])), dtype=np.float64)
    return sums.reshape(n_sums, *value_m.shape[1:])
