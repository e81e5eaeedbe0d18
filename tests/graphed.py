"""Frames with graphs, and makers of rows, for tests of what goes through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ase import Atoms
from labelled import frames_of

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import GraphedFrame, WithinCutoff


def graphed(frames: Iterable[Frame], cutoff: float = 4.0) -> list[GraphedFrame]:
    """Return frames with their graphs."""
    make = WithinCutoff(cutoff, 0.0)
    return [make(i, frame) for i, frame in enumerate(frames)]


def graphed_structures(structures: list[Atoms], cutoff: float = 4.0) -> list[GraphedFrame]:
    """Return structures as frames with their graphs."""
    return graphed(frames_of(structures), cutoff)


@dataclass(frozen=True)
class RowsBy:
    """A maker of rows by a function of one frame."""

    function: Callable[[GraphedFrame], Mapping[str, FloatArray]]

    def rows(self, items: Sequence[GraphedFrame]) -> list[Mapping[str, FloatArray]]:
        """Return the rows of every frame."""
        return [self.function(item) for item in items]

    def size(self, item: GraphedFrame) -> float:  # noqa: ARG002  # all are alike
        """Return 1: frames come alone."""
        return 1.0
