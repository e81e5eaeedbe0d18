"""Training sets: checked frames of files and of structures in memory, read one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import accumulate, groupby
from typing import TypeAlias

import numpy as np
from ase import Atoms

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.checks import MISTAKEN
from ase_rfhgn.structures.frame import USUAL, Frame, frame_of
from ase_rfhgn.structures.label_keys import LabelKeys
from ase_rfhgn.structures.parts import Part, Source, Structures, parts_of, reason_of

__all__ = ["AnyFrames", "Frame", "Structures", "TrainingSet", "open_frames", "read_structures"]


class TrainingSet:
    """Frames that can be read as often as needed, each checked as it is read.

    Memory does not grow with the number of frames of a .traj file. No file stays open between reads.

    Parameters
    ----------
    parts : sequence of Part
        Where the frames are.
    name : str
        Name of the set in messages.
    closest : float
        Distance below which two atoms are at the same place (Å); those who make graphs check it.
    labelled : bool, default True
        Whether frames keep their labels.
    stressed : bool, default True
        Whether frames keep their stresses.
    keys : LabelKeys, optional
        Names of labels that are no results of a calculator.

    See Also
    --------
    TrainingSet.open : the way to make one.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        name: str,
        *,
        closest: float = MISTAKEN,
        labelled: bool = True,
        stressed: bool = True,
        keys: LabelKeys = USUAL,
    ) -> None:
        self.parts = tuple(parts)
        self._start_of_part = np.array([0, *accumulate(len(part.number_i) for part in self.parts)])
        self._labelled = labelled
        self._stressed = stressed
        self.name = name
        self.closest = closest
        self.keys = keys

    @classmethod
    def open(
        cls,
        source: Source,
        *,
        closest: float = MISTAKEN,
        name: str | None = None,
        keys: LabelKeys = USUAL,
        progress: bool = False,
    ) -> TrainingSet:
        """Return the frames of files, of a list or of a trajectory.

        Parameters
        ----------
        source : path, ase.Atoms, or iterable of these
            Any files that `ase.io.read` knows, also with its index syntax or as globs: "train.traj@::5",
            "run*/OUTCAR"; or structures that carry labels: a list, a `TrajectoryReader`. A list may hold both.
        closest : float
            Distance below which two atoms are refused as being at the same place (Å).
        name : str, optional
            What messages call the set; by default the name of the file, or "structures".
        keys : LabelKeys, optional
            Names of labels that are no results of a calculator.
        progress : bool
            Whether to show progress on a terminal while files are read.

        Raises
        ------
        TrainingDataError
            If a source cannot be read, or has no frames, or the first of them is no sound structure.
        """
        parts = list(parts_of(source, progress=progress))
        if name is not None and len(parts) == 1:
            parts = [replace(parts[0], name=name)]
        frames = cls(parts, _common_name(parts) if name is None else name, closest=closest, keys=keys)
        for part in parts if len(parts) > 1 else ():
            if not len(part.number_i):
                message = f"{part.name}: there are no frames"
                raise TrainingDataError(message)
        if not len(frames):
            message = f"{frames.name}: there are no frames"
            raise TrainingDataError(message)
        frames.without_labels()[0]  # what is no structure is refused at once
        return frames

    def without_labels(self) -> TrainingSet:
        """Return the same frames without their labels."""
        return self._changed(labelled=False)

    def without_stress(self) -> TrainingSet:
        """Return the same frames without their stresses."""
        return self._changed(stressed=False)

    def with_keys(self, keys: LabelKeys) -> TrainingSet:
        """Return the same frames with labels under other names."""
        return self._changed(keys=keys)

    def _changed(
        self,
        *,
        parts: Sequence[Part] | None = None,
        labelled: bool | None = None,
        stressed: bool | None = None,
        keys: LabelKeys | None = None,
    ) -> TrainingSet:
        return TrainingSet(
            self.parts if parts is None else parts,
            self.name,
            closest=self.closest,
            labelled=self._labelled if labelled is None else labelled,
            stressed=self._stressed if stressed is None else stressed,
            keys=self.keys if keys is None else keys,
        )

    def subset(self, indices: Iterable[int]) -> TrainingSet:
        """Return some of the frames, in the order of the set.

        Parameters
        ----------
        indices : iterable of int
            Numbers of frames, from 0.
        """
        chosen = np.unique(np.fromiter(indices, dtype=np.int64))
        parts = []
        for part, start, stop in zip(self.parts, self._start_of_part, self._start_of_part[1:], strict=False):
            inside = chosen[(chosen >= start) & (chosen < stop)] - start
            if len(inside):
                parts.append(Part(part.opener, tuple(part.number_i[i] for i in inside.tolist()), part.name))
        return self._changed(parts=parts)

    def travelling(self, indices: range) -> TrainingSet:
        """Return frames in a row for another process: files as their names, of structures in memory only these.

        Parameters
        ----------
        indices : range
            Numbers of frames, from 0.
        """
        parts = []
        for number in range(self._part_of(indices[0]), self._part_of(indices[-1]) + 1):
            start, stop = self._start_of_part[number : number + 2].tolist()
            inside = range(max(start, indices.start) - start, min(stop, indices.stop) - start)
            if inside:
                parts.append(self.parts[number].only(inside))
        return self._changed(parts=parts)

    def frame_name(self, index: int) -> str:
        """Return what messages call a frame."""
        number = self._part_of(index)
        return self.parts[number].frame_name(index - int(self._start_of_part[number]))

    def require_labels(self) -> None:
        """Refuse frames of which none has labels.

        Raises
        ------
        TrainingDataError
            If no frame has an energy, forces or a stress, or none has a label of a given name.
        """
        self.require_keys()
        if not any(frame.has_labels for frame in self):
            message = f"{self.name}: no frame has labels; attach energies or forces with ASE's SinglePointCalculator"
            raise TrainingDataError(message)

    def require_keys(self) -> None:
        """Refuse names of labels that no frame has.

        Raises
        ------
        TrainingDataError
            If there is one; the message tells what the first frame has instead.
        """
        absent = self.keys.of_labels
        for frame in self if absent else ():
            absent = {key: name for key, name in absent.items() if name not in frame.label_names.values()}
            if not absent:
                return
        for key, name in absent.items():
            others = ", ".join(f"{one.place}[{one.name!r}]" for one in self[0].other_labels) or "no labels"
            message = f"{self.name}: no frame has {name!r}, which is {key}; {self[0].name} has {others}"
            raise TrainingDataError(message)

    def __len__(self) -> int:
        """Return the number of frames."""
        return int(self._start_of_part[-1])

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame in turn."""
        yield from self.read(range(len(self)))

    def read(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield some of the frames, in the order of their indices; without any, nothing is opened."""
        placed = ((self._part_of(index), index) for index in indices)
        for number, together in groupby(placed, key=lambda pair: pair[0]):
            part, start = self.parts[number], int(self._start_of_part[number])
            with _opened(part) as structures:
                for _, index in together:
                    yield self._frame(part, structures, part.number_i[index - start])

    def __getitem__(self, index: int) -> Frame:
        """Return one frame."""
        return next(self.read([range(len(self))[index]]))

    def _part_of(self, index: int) -> int:
        """Return the part that a frame is in."""
        return int(np.searchsorted(self._start_of_part, index, side="right")) - 1

    def _frame(self, part: Part, structures: Structures, number: int) -> Frame:
        name = f"{part.name}, frame {number}"
        try:
            atoms = structures[number]
        except Exception as error:  # readers raise errors of all kinds on a damaged file
            message = f"{name}: cannot be read, the file is damaged from here on ({reason_of(error)})"
            raise TrainingDataError(message) from error
        frame = frame_of(atoms, name, labelled=self._labelled, keys=self.keys)
        return frame if self._stressed else frame.without_stress()


def _opened(part: Part) -> AbstractContextManager[Structures]:
    try:
        return part.opener()
    except OSError as error:
        message = f"{part.name}: cannot be opened ({error}): files must stay where they are, for workers, too"
        raise TrainingDataError(message) from error


def read_structures(source: Source) -> list[Atoms]:
    """Return the structures of files, labelled or not, as they are in the files.

    Parameters
    ----------
    source : path, or iterable of paths
        Any files that `ase.io.read` knows, also with its index syntax or as globs.

    Raises
    ------
    TrainingDataError
        If a file cannot be read.
    """
    found: list[Atoms] = []
    for part in parts_of(source):
        with part.opener() as structures:
            found.extend(structures[number] for number in part.number_i)
    return found


def _common_name(parts: Sequence[Part]) -> str:
    """Return what messages call a set."""
    if not parts:
        return "structures"
    more = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
    return f"{parts[0].name}{more}"


AnyFrames: TypeAlias = Source | TrainingSet
"""What functions take as frames."""


def open_frames(source: AnyFrames, keys: LabelKeys | None = None, *, closest: float = MISTAKEN) -> TrainingSet:
    """Return frames as a training set, which they may be already.

    Parameters
    ----------
    source : path, ase.Atoms, iterable of these, or TrainingSet
        The frames.
    keys : LabelKeys, optional
        Names of labels; by default the names that a training set has already.
    closest : float
        Distance below which two atoms are at the same place (Å), unless a training set knows.
    """
    if not isinstance(source, TrainingSet):
        return TrainingSet.open(source, closest=closest, keys=keys or USUAL)
    return source if keys is None or keys == USUAL else source.with_keys(keys)
