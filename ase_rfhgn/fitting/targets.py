"""Targets of a fit: the labels of every frame. Laws of motion: `ase_rfhgn.fitting.motion.equations`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.runtime.batches import batched
from ase_rfhgn.runtime.threads import mapped_ahead
from ase_rfhgn.structures.frame_graphs import GraphedFrame


class RowMaker(Protocol):
    """The protocol of objects that turn frames into rows of the linear system."""

    def rows(self, items: Sequence[GraphedFrame]) -> list[Mapping[str, FloatArray]]:
        """Return the rows of every frame by kind, right-hand side last."""

    def size(self, item: GraphedFrame) -> float:
        """Return the size of a frame: frames up to a sum of 1 are dealt with together."""


class Targets(Protocol):
    """The protocol of targets: labels, or equations of motion."""

    @property
    def description(self) -> str:
        """The targets in words."""

    def equations(self, items: Iterable[GraphedFrame], maker: RowMaker) -> Iterator[tuple[int, str, FloatArray]]:
        """Yield the number of a frame, a kind and its rows, right-hand side last."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Energies, forces, stresses and velocities, whichever a frame has.

    Attributes
    ----------
    threads : int
        Threads that make rows of several frames at a time; the rows are the same to the last bit.
    """

    threads: int = 1

    @property
    def description(self) -> str:
        """The targets in words."""
        return "labels"

    def equations(self, items: Iterable[GraphedFrame], maker: RowMaker) -> Iterator[tuple[int, str, FloatArray]]:
        """Yield the number of a frame, a kind and its rows, right-hand side last."""

        def made(batch: list[GraphedFrame]) -> list[tuple[int, Mapping[str, FloatArray]]]:
            return list(zip((item.index for item in batch), maker.rows(batch), strict=True))

        for rows_of_frames in mapped_ahead(made, batched(items, maker.size, 1.0), self.threads):
            for i, rows in rows_of_frames:
                for kind, row_mf in rows.items():
                    yield i, kind, row_mf


LABELS = Labels()
"""The usual targets."""
