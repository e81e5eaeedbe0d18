"""Training sets: checked frames of trajectories, read one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

from ase import Atoms
from ase.io import iread
from ase.io.formats import filetype
from ase.io.trajectory import SlicedTrajectory, TrajectoryReader

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.checks import MISTAKEN
from ase_rfhgn.structures.frame import Frame, frame_of
from ase_rfhgn.structures.sources import split_index

__all__ = ["Frame", "Structures", "TrainingSet"]


class Structures(Protocol):
    """Source of frames: a list of Atoms, or a trajectory that reads on demand."""

    def __len__(self) -> int:
        """Return the number of structures."""

    def __getitem__(self, index: int, /) -> Atoms:
        """Return one structure."""


Opener: TypeAlias = Callable[[], AbstractContextManager[Structures]]

_REREADABLE = (Sequence, TrajectoryReader, SlicedTrajectory)


class TrainingSet:
    """Frames that can be read as often as needed, each checked as it is read.

    LinearSystem does not grow with the number of frames of a .traj file. No file stays open between reads.

    Parameters
    ----------
    opener : callable
        Returns a context manager of the structures.
    number_i : sequence of int
        Which of the structures are in the set.
    name : str
        Name of the set in messages.
    closest : float
        Distance below which two atoms are at the same place (Å); those who make graphs check it.
    labelled : bool, default True
        Whether frames keep their labels.

    See Also
    --------
    TrainingSet.open : the way to make one.
    """

    def __init__(
        self, opener: Opener, number_i: Sequence[int], name: str, *, closest: float = MISTAKEN, labelled: bool = True
    ) -> None:
        self._opener = opener
        self._number_i = number_i
        self._labelled = labelled
        self.name = name
        self.closest = closest

    @classmethod
    def open(
        cls, source: str | Path | Iterable[Atoms], *, closest: float = MISTAKEN, name: str | None = None
    ) -> TrainingSet:
        """Return the frames of a file, a list or a trajectory.

        Parameters
        ----------
        source : path, or iterable of ase.Atoms
            Any file that `ase.io.read` knows, also with its index syntax: "train.traj@::5";
            or structures that carry a calculator's results: a list, a `TrajectoryReader`.
        closest : float
            Distance below which two atoms are refused as being at the same place (Å).

        name : str, optional
            What messages call the set; by default the name of the file, or "structures".

        Raises
        ------
        TrainingDataError
            If the source cannot be read, or has no frames, or the first of them is no sound structure.
        """
        if isinstance(source, str | Path):
            frames = _from_file(str(source), closest)
        else:
            frames = _from_structures(source, closest)
        frames.name = frames.name if name is None else name
        if not len(frames):
            message = f"{frames.name}: there are no frames"
            raise TrainingDataError(message)
        frames.without_labels()[0]  # what is no structure is refused at once
        return frames

    def without_labels(self) -> TrainingSet:
        """Return the same frames without their labels."""
        return TrainingSet(self._opener, self._number_i, self.name, closest=self.closest, labelled=False)

    def require_labels(self) -> None:
        """Refuse frames of which none has labels.

        Raises
        ------
        TrainingDataError
            If no frame has an energy, forces or a stress.
        """
        if not any(frame.has_labels for frame in self):
            message = f"{self.name}: no frame has labels; attach energies or forces with ASE's SinglePointCalculator"
            raise TrainingDataError(message)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._number_i)

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame in turn."""
        yield from self.read(range(len(self)))

    def read(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield some of the frames, in the order of their indices; without any, nothing is opened."""
        if not len(indices):
            return
        with self._opener() as structures:
            for index in indices:
                yield self._frame(structures, self._number_i[index])

    def __getitem__(self, index: int) -> Frame:
        """Return one frame."""
        number = self._number_i[index]
        with self._opener() as structures:
            return self._frame(structures, number)

    def _frame(self, structures: Structures, number: int) -> Frame:
        name = f"{self.name}, frame {number}"
        try:
            atoms = structures[number]
        except Exception as error:  # readers raise errors of all kinds on a damaged file
            message = f"{name}: cannot be read, the file is damaged from here on ({_reason(error)})"
            raise TrainingDataError(message) from error
        return frame_of(atoms, name, labelled=self._labelled)


def read_structures(source: str) -> list[Atoms]:
    """Return the structures of a file, labelled or not.

    Parameters
    ----------
    source : str
        Any file that `ase.io.read` knows, also with its index syntax.

    Raises
    ------
    TrainingDataError
        If the file cannot be read.
    """
    path, index = split_index(source)
    with _complaints(source, path), _opener(path)() as structures:
        return [structures[i] for i in range(len(structures))[index]]


def _from_file(source: str, closest: float) -> TrainingSet:
    """Return the frames of a file; the frames of a .traj file stay on the disk."""
    path, index = split_index(source)
    with _complaints(source, path):
        opener = _opener(path)
        with opener() as structures:
            number_i = range(len(structures))[index]
    return TrainingSet(opener, number_i, Path(path).name, closest=closest)


@contextmanager
def _complaints(source: str, path: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into an error that names it."""
    try:
        yield
    except FileNotFoundError as error:
        message = f"{path}: there is no such file"
        raise TrainingDataError(message) from error
    except Exception as error:  # readers raise errors of all kinds on a damaged file
        message = f"{source}: cannot be read as structures ({_reason(error)})"
        raise TrainingDataError(message) from error


def _from_structures(source: Iterable[Atoms], closest: float) -> TrainingSet:
    """Return the frames of structures in memory, or of a trajectory that its owner has opened."""
    structures: Structures = source if isinstance(source, _REREADABLE) else list(source)
    name = Path(getattr(source, "filename", "structures")).name
    return TrainingSet(_in_memory(structures), range(len(structures)), name, closest=closest)


def _opener(path: str) -> Opener:
    """Return an opener of a file of structures: on demand for .traj, all in memory for other formats."""
    if filetype(path) == "traj":
        return partial(TrajectoryReader, path)
    return _in_memory(list(iread(path, index=":", do_not_split_by_at_sign=True)))


def _in_memory(structures: Structures) -> Opener:
    return lambda: nullcontext(structures)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
