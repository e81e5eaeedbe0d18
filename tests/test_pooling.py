"""Sums of rows by index: those of a loop, also of none."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.pooling import pooled


def test_sums_are_those_of_a_loop(rng: np.random.Generator) -> None:
    value_mcf, index_m = rng.normal(size=(20, 3, 2)), rng.integers(0, 5, 20)
    expected = np.array([value_mcf[index_m == place].sum(axis=0) for place in range(6)])
    np.testing.assert_allclose(pooled(value_mcf, index_m, 6), expected, atol=1e-14)


def test_no_rows_sum_to_zero() -> None:
    np.testing.assert_array_equal(pooled(np.empty((0, 4)), np.empty(0, dtype=np.int64), 2), np.zeros((2, 4)))
