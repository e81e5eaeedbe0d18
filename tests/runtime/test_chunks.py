"""Work in chunks: results do not depend on who works, and are merged in their order."""

from __future__ import annotations

import numpy as np
import pytest

from ase_rfhgn.runtime.chunks import Here, merged_in_pairs, ranges


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 100])
@pytest.mark.parametrize("threads", [1, 3])
def test_results_are_merged_in_their_order(n: int, threads: int) -> None:
    found = Here(threads).reduced(lambda i: (i,), range(n), lambda one, other: one + other)
    assert found == tuple(range(n))


def test_few_results_wait() -> None:
    depth = merged_in_pairs([0] * 1000, lambda one, other: 1 + max(one, other))
    assert depth <= 15


@pytest.mark.parametrize("threads", [2, 5])
def test_rounding_does_not_depend_on_threads(rng: np.random.Generator, threads: int) -> None:
    numbers = rng.normal(size=1001).tolist()
    results = {Here(n).reduced(float, numbers, float.__add__) for n in (1, threads)}
    assert len(results) == 1


def test_ranges_hold_everything_once_and_little_at_a_time() -> None:
    size_i = [0.4, 0.4, 0.4, 3.0, 0.1, 0.1]
    found = ranges(size_i, 1.0)
    assert [i for one in found for i in one] == list(range(len(size_i)))
    assert all(len(one) == 1 or sum(size_i[i] for i in one) <= 1.0 for one in found)
    assert len(found) == 4
