"""Where frames are read from: files, read on demand where their format allows it, and structures in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from os.path import basename
from pathlib import Path
from typing import Protocol, TypeAlias

from ase import Atoms
from ase.io import iread
from ase.io.formats import filetype
from ase.io.trajectory import SlicedTrajectory, TrajectoryReader

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.sources import expanded, split_index

Source: TypeAlias = str | Path | Atoms | Iterable[Atoms | str | Path]
"""What frames are read from."""


class Structures(Protocol):
    """Source of frames: a list of Atoms, or a trajectory that reads on demand."""

    def __len__(self) -> int:
        """Return the number of structures."""

    def __getitem__(self, index: int, /) -> Atoms:
        """Return one structure."""


Opener: TypeAlias = Callable[[], AbstractContextManager[Structures]]

_REREADABLE = (Sequence, TrajectoryReader, SlicedTrajectory)


@dataclass(frozen=True, slots=True)
class Part:
    """Frames of one file, or of structures in memory.

    Attributes
    ----------
    opener : callable
        Returns a context manager of the structures.
    number_i : sequence of int
        Which of the structures are in the set.
    name : str
        Name of the part in messages.
    """

    opener: Opener
    number_i: Sequence[int]
    name: str

    def frame_name(self, i: int) -> str:
        """Return what messages call a frame of the part."""
        return f"{self.name}, frame {self.number_i[i]}"

    def only(self, i: Sequence[int]) -> Part:
        """Return some frames of the part, small enough to travel: of structures in memory only these."""
        number_i = tuple(self.number_i[one] for one in i)
        if not isinstance(self.opener, Held):
            return Part(self.opener, number_i, self.name)
        structures = self.opener.structures
        return Part(Held({number: structures[number] for number in number_i}), number_i, self.name)


def parts_of(source: Source, *, progress: bool = False) -> Iterator[Part]:
    """Yield the parts of whatever frames are read from.

    Parameters
    ----------
    source : path, ase.Atoms, or iterable of these
        Names of files, maybe with an index or as globs, and structures in memory.
    progress : bool
        Whether to show progress on a terminal while files are read.

    Raises
    ------
    TrainingDataError
        If a file cannot be read.
    """
    if isinstance(source, str | Path | Atoms):
        source = [source]
    if not isinstance(source, (Iterable, *_REREADABLE)):
        message = f"frames are of type {type(source).__name__}: give files, or a list of ase.Atoms"
        raise TrainingDataError(message)
    rereadable = source if isinstance(source, _REREADABLE) else list(source)
    if not isinstance(rereadable, Sequence) or not any(isinstance(one, str | Path) for one in rereadable):
        yield _in_memory(rereadable, getattr(source, "filename", "structures"))
        return
    for is_path, together in groupby(rereadable, key=lambda one: isinstance(one, str | Path)):
        if is_path:
            yield from _from_files(expanded(str(one) for one in together), progress=progress)
        else:
            yield _in_memory([one for one in together if not isinstance(one, str)], "structures")


def _in_memory(structures: Structures | Sequence[Atoms | str | Path], name: str) -> Part:
    """Return structures in memory, or those of a trajectory that its owner has opened."""
    return Part(Held(structures), range(len(structures)), basename(name))  # type: ignore[arg-type]  # noqa: PTH119


def _from_files(names: Sequence[str], *, progress: bool) -> Iterator[Part]:
    """Yield the frames of files; files of the same name are told apart by their folders."""
    base = [Path(split_index(name)[0]).name for name in names]
    shown = progress and len(names) > 1
    for name, short in zip(progress_bar(names, "reading files", total=len(names), shown=shown), base, strict=True):
        path, index = split_index(name)
        with _complaints(name, path):
            opener = _opener(path)
            with opener() as structures:
                number_i = range(len(structures))[index]
        yield Part(opener, number_i, short if base.count(short) == 1 else path)


@contextmanager
def _complaints(source: str, path: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into an error that names it."""
    try:
        yield
    except FileNotFoundError as error:
        message = f"{path}: there is no such file"
        raise TrainingDataError(message) from error
    except Exception as error:  # readers raise errors of all kinds on a damaged file
        message = f"{source}: cannot be read as structures ({reason_of(error)})"
        raise TrainingDataError(message) from error


def _opener(path: str) -> Opener:
    """Return an opener of a file of structures: on demand for .traj, all in memory for other formats."""
    if filetype(path) == "traj":
        return partial(TrajectoryReader, str(Path(path).resolve()))  # the same file in other processes
    return Held(list(iread(path, index=":", do_not_split_by_at_sign=True)))


@dataclass(frozen=True, slots=True)
class Held:
    """Structures in memory, and their opener.

    Attributes
    ----------
    structures : Structures
        The structures, or some of them by their numbers.
    """

    structures: Structures

    def __call__(self) -> AbstractContextManager[Structures]:
        """Return a context manager of the structures."""
        return nullcontext(self.structures)


def reason_of(error: Exception) -> str:
    """Return why something cannot be read, in one line of words."""
    return f"{type(error).__name__}: {error}"
