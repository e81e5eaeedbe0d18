"""Threads of BLAS: one, because the products of this package are small and many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep BLAS from spreading small products over threads, inside of a ``with`` block."""
    with threadpool_limits(limits=1):
        yield
