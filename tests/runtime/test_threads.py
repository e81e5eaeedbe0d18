"""Work that threads share: in order, not far ahead, errors where they belong, fits the same to the last bit."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from ase_rfhgn import fit
from ase_rfhgn.cli.copper_demo import strained_frames
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.runtime.threads import mapped_ahead, useful_cores

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    second_is_done = threading.Event()

    def slow_first(item: int) -> int:
        if item == 0 and threads > 1:
            assert second_is_done.wait(10.0)
        if item == 1:
            second_is_done.set()
        return item**2

    assert list(mapped_ahead(slow_first, range(12), threads)) == [item**2 for item in range(12)]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_items_are_not_read_far_ahead(threads: int) -> None:
    read = []

    def items() -> Iterator[int]:
        for item in range(100):
            read.append(item)
            yield item

    results = mapped_ahead(abs, items(), threads)
    for item in range(10):
        assert next(results) == item
        assert len(read) <= item + 1 + threads


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_is_raised_at_its_item(threads: int) -> None:
    results = mapped_ahead(lambda item: 1 // (item - 2), range(5), threads)
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_fit_is_the_same_for_any_number_of_threads() -> None:
    frames = list(strained_frames(0.4, np.random.default_rng(0)))
    for atoms in frames:
        atoms.get_stress()
    first, second = (fit(frames, cutoff=4.0, channels=8, projections=2, threads=threads) for threads in (1, 3))
    assert first.ensemble is not None
    assert second.ensemble is not None
    np.testing.assert_array_equal(first.coefficient_sf, second.coefficient_sf)
    np.testing.assert_array_equal(first.ensemble.coefficient_esf, second.ensemble.coefficient_esf)
    np.testing.assert_array_equal(first.ensemble.domain.own.limit_s, second.ensemble.domain.own.limit_s)


def test_no_threads_are_refused() -> None:
    with pytest.raises(SettingsError, match="threads is 0"):
        fit(list(strained_frames(0.4, np.random.default_rng(0))), threads=0)


def test_there_is_a_core() -> None:
    assert useful_cores() >= 1
