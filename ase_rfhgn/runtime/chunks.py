"""Work in chunks: each is worked on by itself, and results are merged in pairs, here or on workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ase_rfhgn.runtime.batches import batched
from ase_rfhgn.runtime.threads import mapped_ahead

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class Executor(Protocol):
    """The protocol of what works on chunks: this process, its threads, or workers elsewhere."""

    def reduced(
        self,
        task: Callable[[Any], Result],
        chunks: Sequence[Any],
        merge: Callable[[Result, Result], Result],
    ) -> Result:
        """Return the merged results of all chunks, of which there is at least one.

        Parameters
        ----------
        task : callable
            What is done with a chunk: a pure function.
        chunks : sequence
            The chunks.
        merge : callable
            Joins the results of two neighbours, the earlier one first: a pure function.
        """


@dataclass(frozen=True, slots=True)
class Here:
    """The calling process, as an `Executor`.

    Attributes
    ----------
    threads : int
        Threads that work on chunks.
    """

    threads: int = 1

    def reduced(
        self,
        task: Callable[[Any], Result],
        chunks: Sequence[Any],
        merge: Callable[[Result, Result], Result],
    ) -> Result:
        """Return the merged results of all chunks; see `Executor.reduced`."""
        return merged_in_pairs(mapped_ahead(task, chunks, self.threads), merge)


def merged_in_pairs(values: Iterable[Piece], merge: Callable[[Piece, Piece], Piece]) -> Piece:
    """Return the merger of all values, which come in their order.

    Parameters
    ----------
    values : iterable
        At least one value, or a future of one.
    merge : callable
        Joins two neighbours, the earlier one first.

    Notes
    -----
    A tree whose shape depends on the number of values alone: so does rounding. While values come, few of
    their mergers wait, as many as the binary number of the values has ones.
    """
    waiting: list[tuple[int, Piece]] = []
    for value in values:
        size, merged = 1, value
        while waiting and waiting[-1][0] == size:
            merged = merge(waiting.pop()[1], merged)
            size *= 2
        waiting.append((size, merged))
    total = waiting.pop()[1]
    while waiting:
        total = merge(waiting.pop()[1], total)
    return total


def ranges(size_i: Sequence[float], most: float) -> list[range]:
    """Return ranges of numbers, one after the other, whose sizes add up to no more than is allowed.

    Parameters
    ----------
    size_i : sequence of float
        Size of every number from 0.
    most : float
        Largest sum of a range; what is larger is a range of its own.
    """
    return list(_ranges(size_i, most))


def _ranges(size_i: Sequence[float], most: float) -> Iterator[range]:
    for together in batched(range(len(size_i)), lambda i: size_i[i], most):
        yield range(together[0], together[-1] + 1)
