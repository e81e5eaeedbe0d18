"""Batches of work: items are dealt with together, within a bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], size: Callable[[Item], float], most: float) -> Iterator[list[Item]]:
    """Yield items in lists, in their order, whose sizes add up to no more than is allowed.

    Parameters
    ----------
    items : iterable
        Read no further than for one list.
    size : callable
        Size of an item.
    most : float
        Largest sum of sizes in a list; an item that is larger comes alone.
    """
    batch: list[Item] = []
    total = 0.0
    for item in items:
        added = size(item)
        if batch and total + added > most:
            yield batch
            batch, total = [], 0.0
        batch.append(item)
        total += added
    if batch:
        yield batch
