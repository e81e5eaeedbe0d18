"""Frames with their graphs: each is read, checked and searched for neighbours once per pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ase_rfhgn.errors import StructureError, TrainingDataError
from ase_rfhgn.structures.checks import MISTAKEN, refuse_coincident_atoms
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph
from ase_rfhgn.structures.training_set import TrainingSet

KEPT_BYTES = 2**26
"""Memory for graphs that are kept from one pass to the next (64 MB)."""


SEARCH = 1.0
"""Cutoff in a search for atoms at the same place, which is slow at shorter ones (Å)."""


@dataclass(frozen=True, slots=True)
class GraphedFrame:
    """A frame and its graph.

    Attributes
    ----------
    index : int
        Number of the frame in its set, from 0.
    frame : Frame
        Structure and labels.
    graph : NeighbourGraph
        Graph of the atoms, as the features see it.
    encoded : object, optional
        Work of the features on the graph that several steps of a pass share; frames that are kept have none.
    """

    index: int
    frame: Frame
    graph: NeighbourGraph
    encoded: Any = None

    @property
    def n_bytes(self) -> int:
        """Approximate memory of the frame and its graph, in bytes."""
        graph = self.graph
        arrays = (*vars(graph).values(), self.frame.atoms.positions)
        return 1000 + 3 * int(arrays[-1].nbytes) + sum(int(array.nbytes) for array in arrays)


@dataclass(slots=True)
class _Kept:
    """Graphed frames that are kept, and their memory."""

    by_number: dict[int, GraphedFrame] = field(default_factory=dict)
    n_bytes: int = 0


@dataclass(frozen=True, slots=True)
class FrameGraphs:
    """Frames of a training set with their graphs, in their order; gone through as often as needed.

    The first frames are kept, up to a limit of memory. A second pass neither reads nor searches them.

    Attributes
    ----------
    frames : TrainingSet
        The frames.
    graphed : callable
        Function of the number of a frame and the frame; it returns the graphed frame.
    number_i : range or tuple of int
        Which frames are gone through; by default all.
    kept_bytes : int
        Memory for frames that are kept.
    """

    frames: TrainingSet
    graphed: Callable[[int, Frame], GraphedFrame]
    number_i: range | tuple[int, ...]
    kept_bytes: int = KEPT_BYTES
    _kept: _Kept = field(default_factory=_Kept)

    @classmethod
    def of(cls, frames: TrainingSet, graphed: Callable[[int, Frame], GraphedFrame]) -> FrameGraphs:
        """Return all frames of a set with their graphs."""
        return cls(frames, graphed, range(len(frames)))

    def part(self, number_i: range | tuple[int, ...]) -> FrameGraphs:
        """Return some of the frames; kept frames are shared."""
        return FrameGraphs(self.frames, self.graphed, number_i, self.kept_bytes, self._kept)

    def portions(self, number_r: Sequence[range]) -> list[Portion]:
        """Return frames in a row, for other processes; kept frames stay."""
        return [Portion(self.frames.travelling(numbers), self.graphed, numbers) for numbers in number_r]

    def __len__(self) -> int:
        """Return the number of frames that are gone through."""
        return len(self.number_i)

    def __iter__(self) -> Iterator[GraphedFrame]:
        """Yield the frames in their order."""
        kept = self._kept.by_number
        missing = self.frames.read([i for i in self.number_i if i not in kept])
        for i in self.number_i:
            yield kept[i] if i in kept else self.made(i, next(missing))

    def __getitem__(self, i: int) -> GraphedFrame:
        """Return one frame by its number in the set."""
        kept = self._kept.by_number
        return kept[i] if i in kept else self.made(i, self.frames[i])

    def made(self, i: int, frame: Frame) -> GraphedFrame:
        """Return the graphed frame of a frame that was read already."""
        made = self.graphed(i, frame)
        if self._kept.n_bytes + made.n_bytes <= self.kept_bytes:
            self._kept.by_number[i] = made
            self._kept.n_bytes += made.n_bytes
        return made


@dataclass(frozen=True, slots=True)
class Portion:
    """Frames in a row with their graphs, small enough to travel to another process, which reads the files.

    Attributes
    ----------
    frames : TrainingSet
        These frames alone.
    graphed : callable
        Function of the number of a frame and the frame; it returns the graphed frame.
    number_i : range
        Their numbers in the whole set.
    """

    frames: TrainingSet
    graphed: Callable[[int, Frame], GraphedFrame]
    number_i: range

    def __iter__(self) -> Iterator[GraphedFrame]:
        """Yield the frames in their order."""
        for i, frame in zip(self.number_i, self.frames, strict=True):
            yield self.graphed(i, frame)

    @property
    def name(self) -> str:
        """What messages call the portion."""
        first, last = (self.frames.frame_name(i) for i in (0, len(self.frames) - 1))
        return first if len(self.frames) == 1 else f"{first} to {last}"

    def singles(self) -> list[Portion]:
        """Return portions of one frame each."""
        pairs = enumerate(self.number_i)
        return [Portion(self.frames.travelling(range(i, i + 1)), self.graphed, range(n, n + 1)) for i, n in pairs]


@dataclass(frozen=True, slots=True)
class WithinCutoff:
    """Makes graphs of all pairs of atoms up to a cutoff, periodic images included.

    Attributes
    ----------
    cutoff : float
        Longest edge (Å).
    closest : float
        Distance below which two atoms are at the same place (Å); zero allows all.
    """

    cutoff: float
    closest: float

    def __call__(self, index: int, frame: Frame) -> GraphedFrame:
        """Return a frame with its graph.

        Raises
        ------
        TrainingDataError
            If atoms are at the same place; the message names the frame.
        """
        graph = build_graph(frame.atoms, self.cutoff)
        try:
            refuse_coincident_atoms(graph, self.closest)
        except StructureError as error:
            message = f"{frame.name}: {error}"
            raise TrainingDataError(message) from error
        return GraphedFrame(index, frame, graph)


def refuse_close_atoms(frame: Frame, closest: float = MISTAKEN) -> Frame:
    """Return a frame after a check that no two of its atoms are at the same place; its graph is not kept.

    Raises
    ------
    TrainingDataError
        If two atoms are closer than allowed; the message names the frame.
    """
    return WithinCutoff(SEARCH, closest)(0, frame).frame
