"""Threads: one for BLAS, because products are small and many; several for rows of frames."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_CORES = 4
"""Cores beyond which a fit gains little: factors of rows are made by one."""


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep BLAS from spreading small products over threads, inside of a ``with`` block."""
    with threadpool_limits(limits=1):
        yield


def useful_cores() -> int:
    """Return the number of cores that this process may use, at most `MOST_CORES`."""
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(allowed, MOST_CORES)


def mapped_ahead(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield what a function makes of every item, in their order; threads work on the next ones meanwhile.

    Parameters
    ----------
    function : callable
        The function; its results must not depend on the order of calls.
    items : iterable
        Read by the calling thread, no further ahead than there are threads.
    threads : int
        Number of threads; with one, the calling thread does everything.
    """
    if threads == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
