"""Sums of rows by index: those of a loop, also of none."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.features.pooling import pooled, pooled_differences


def test_sums_are_those_of_a_loop(rng: np.random.Generator) -> None:
    value_mcf, index_m = rng.normal(size=(20, 3, 2)), rng.integers(0, 5, 20)
    expected = np.array([value_mcf[index_m == place].sum(axis=0) for place in range(6)])
    np.testing.assert_allclose(pooled(value_mcf, index_m, 6), expected, atol=1e-14)


def test_no_rows_sum_to_zero() -> None:
    np.testing.assert_array_equal(pooled(np.empty((0, 4)), np.empty(0, dtype=np.int64), 2), np.zeros((2, 4)))


def test_an_edge_adds_to_its_head_what_it_takes_from_its_tail(rng: np.random.Generator) -> None:
    value_pcf, tail_p, head_p = rng.normal(size=(20, 3, 2)), *rng.integers(0, 5, (2, 20))
    assert (tail_p == head_p).any()  # the edge to an image of the same node
    expected = pooled(value_pcf, head_p, 6) - pooled(value_pcf, tail_p, 6)
    np.testing.assert_allclose(pooled_differences(value_pcf, tail_p, head_p, 6), expected, atol=1e-14)
