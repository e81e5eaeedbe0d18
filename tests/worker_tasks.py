"""What workers of a Dask cluster do in tests: read frames that kill them, and count."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.io.trajectory import TrajectoryReader

from ase_rfhgn.structures.parts import Part
from ase_rfhgn.structures.training_set import TrainingSet


@dataclass(frozen=True)
class Deadly:
    """Opens a trajectory of which one frame kills whoever reads it, except the process that made this."""

    path: str
    number: int
    journal: str
    at: int | None
    own_pid: int

    @contextmanager
    def __call__(self) -> Iterator[Deadly]:
        """Return itself as structures."""
        yield self

    def __len__(self) -> int:
        """Return the number of frames."""
        with TrajectoryReader(self.path) as frames:
            return len(frames)

    def __getitem__(self, number: int) -> Atoms:
        """Return a frame, or die."""
        if number == self.number and os.getpid() != self.own_pid:
            with Path(self.journal).open("a", encoding="utf-8") as journal:
                journal.write("x")
            if self.at in (None, Path(self.journal).stat().st_size):
                os.kill(os.getpid(), signal.SIGKILL)
        with TrajectoryReader(self.path) as frames:
            atoms: Atoms = frames[number]
            return atoms


def deadly(path: Path, number: int, at: int | None = None) -> TrainingSet:
    """Return the frames of a file, one of which kills a worker: always, or when it is read for the nth time."""
    opener = Deadly(str(path), number, str(path.with_name(f"journal{number}")), at, os.getpid())
    return TrainingSet([Part(opener, range(len(opener)), path.name)], path.name)


@dataclass(frozen=True)
class Slow:
    """Leaves a mark in a folder for every chunk, slowly."""

    folder: str

    def __call__(self, chunk: int) -> int:
        """Return the chunk after its mark is left."""
        time.sleep(0.1)
        Path(self.folder, str(chunk)).touch()
        return chunk
