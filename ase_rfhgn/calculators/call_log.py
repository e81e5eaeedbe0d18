"""The call log of an active run: labelled frames and one line per call, on the disk and safe against a kill.

``frames.traj`` is replaced as a whole, once its new version is safely on the disk: it holds all
frames at any time. ``calls.jsonl`` has one JSON object per line; a line that a kill cut short is
dropped. The frames come first: after a kill between the two there is one call without a line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.io import Trajectory, write

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.training_set import TrainingSet

FRAMES, CALLS = "frames.traj", "calls.jsonl"


class CallLog:
    """Labelled frames and a log of calls in a folder, which is made if it does not exist.

    Parameters
    ----------
    directory : str or Path
        The folder. Frames that are there already are read.

    Raises
    ------
    TrainingDataError
        If the folder cannot be made, or the frames there cannot be read.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{directory}: cannot be made a folder ({error.strerror})"
            raise TrainingDataError(message) from error
        self.frames: list[Atoms] = []
        self._fingerprints: set[int] = set()
        path = self.directory / FRAMES
        if path.exists():
            self._fingerprints = {frame.fingerprint for frame in TrainingSet.open(path)}  # damaged frames are refused
            with Trajectory(path) as trajectory:
                self.frames = list(trajectory)

    def add_frames(self, checked: Iterable[Frame]) -> None:
        """Add labelled frames that passed their checks to the file and to `frames`, those that are new.

        Parameters
        ----------
        checked : iterable of Frame
            All are read before any is added.
        """
        new = {frame.fingerprint: frame for frame in checked}
        new = {key: frame for key, frame in new.items() if key not in self._fingerprints}
        if new:
            frames = [*self.frames, *(frame.as_atoms() for frame in new.values())]
            atomic_write(self.directory / FRAMES, lambda path: write(path, frames))
            self.frames = frames
            self._fingerprints |= new.keys()

    def add_call(self, call: Mapping[str, Any]) -> None:
        """Add a line to the log."""
        path = self.directory / CALLS
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # what a kill cut short must not spoil the next line
                    file.write(b"\n")
            file.write(json.dumps(call).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def calls(self) -> list[dict[str, Any]]:
        """Return all calls of the log, of earlier runs, too."""
        path = self.directory / CALLS
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return found
