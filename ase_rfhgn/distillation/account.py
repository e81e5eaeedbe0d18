"""The account of a distillation: frames, calls, failures and finished stages, on the disk and safe against a kill."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from ase_rfhgn.calculators.call_log import FRAMES, CallLog
from ase_rfhgn.distillation.reference import Reference, ReferenceFailedError
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.frame import Frame, fingerprint_of, frame_of
from ase_rfhgn.structures.frame_graphs import refuse_close_atoms

STATE, FAILED, TEST = "state.json", "failed.traj", "test"

PREPARED = ("start", "volumes", "strained", "rattled", "vacancy", "surface 1", "surface 2", "surface 3", "selected")
"""Groups of frames that are not named after a stage."""

FREE = ("calls", "time")
"""Settings that may change from one start to the next."""


class BudgetSpentError(Exception):
    """All calls of the reference that were allowed are spent."""


class Account:
    """Frames and calls of a distillation in its folder.

    Parameters
    ----------
    directory : str or Path
        The folder; it is made if it does not exist.
    reference : Reference
        What labels structures.
    settings : dict
        Plain values. A folder that was begun with others is refused.

    Raises
    ------
    SettingsError
        If the folder belongs to something else.
    TrainingDataError
        If it cannot be made, or its frames cannot be read.
    """

    def __init__(self, directory: str | Path, reference: Reference, settings: dict[str, Any]) -> None:
        self.directory, self.reference = Path(directory), reference
        self._state = self._opened(settings)
        self.train, self.test = CallLog(self.directory), CallLog(self.directory / TEST)
        # A reference that had no answer at all was perhaps repaired: it is asked again.
        self.failed = self._failures() if self.train.frames else []
        self.allowed = int(settings["calls"])
        self._save()

    def _opened(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the state of the folder, which must be of the same settings, or a new one."""
        path = self.directory / STATE
        if not path.exists():
            if (self.directory / FRAMES).exists():
                message = f"{self.directory} holds frames of something else: give another directory"
                raise SettingsError(message)
            return {"settings": settings, "stages": {}}
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        begun = state["settings"]
        changed = [name for name in settings if name not in FREE and settings[name] != begun.get(name)]
        if changed:
            name = changed[0]
            message = (
                f"{self.directory} was begun with {name} {begun.get(name)}, and not {settings[name]}: "
                "give the same settings to go on, or another directory"
            )
            raise SettingsError(message)
        return {**state, "settings": settings}

    def _failures(self) -> list[Atoms]:
        """Return the structures for which the reference had no answer in earlier parts of the run."""
        path = self.directory / FAILED
        failed = read(path, ":") if path.exists() else []
        assert isinstance(failed, list)  # noqa: S101  # a slice was asked for
        return failed

    @property
    def n_calls(self) -> int:
        """Calls of the reference so far, in earlier parts of the run, too; failures count."""
        return len(self.train.frames) + len(self.test.frames) + len(self.failed)

    @property
    def left(self) -> int:
        """Calls that are left."""
        return self.allowed - self.n_calls

    @property
    def stages(self) -> dict[str, dict[str, Any]]:
        """Results of finished stages by name."""
        return dict(self._state["stages"])

    def finish(self, stage: str, **result: Any) -> dict[str, Any]:  # noqa: ANN401  # plain JSON values
        """Keep the result of a finished stage, and return it."""
        self._state["stages"][stage] = result
        self._save()
        return result

    def ask(self, atoms: Atoms, reason: str, *, test: bool = False) -> Frame | None:
        """Return a structure with the labels of the reference, None where it has none.

        An answer that is in the folder already costs no call.

        Parameters
        ----------
        atoms : ase.Atoms
            The structure.
        reason : str
            Why it is labelled, for the log.
        test : bool, default False
            Whether the frame is one of the test, and not for training.

        Raises
        ------
        BudgetSpentError
            If no call is left.
        """
        log = self.test if test else self.train
        known = self._known(atoms, log.frames)
        if known is not None:
            return known
        if self._known(atoms, self.failed) is not None:
            return None
        if self.left < 1:
            raise BudgetSpentError
        try:
            frame = self.answer(atoms)
        except (ReferenceFailedError, TrainingDataError) as error:
            self.add_failure(atoms, reason, error)
            return None
        log.add_frames([frame])
        log.add_call({"reason": reason, "n_frames": len(log.frames)})
        return frame

    def answer(self, atoms: Atoms) -> Frame:
        """Return a structure with the labels of the reference, checked.

        Raises
        ------
        ReferenceFailedError, TrainingDataError
            If the reference raises an error, or its answer is not finite; or if atoms coincide.
        """
        refuse_close_atoms(frame_of(atoms, "the structure", labelled=False))
        asked = atoms.copy()
        asked.set_constraint()
        asked.calc = self.reference
        results = {"energy": asked.get_potential_energy(), "forces": asked.get_forces()}
        if "stress" in self.reference.implemented_properties and has_volume(asked) and asked.pbc.all():
            results["stress"] = asked.get_stress()
        asked.calc = SinglePointCalculator(asked, **results)
        try:
            return frame_of(asked, "answer of the reference")
        except TrainingDataError:
            self.reference.results = {}  # or it would answer the same when asked again
            raise

    def add_failure(self, atoms: Atoms, reason: str, error: Exception) -> None:
        """Keep a structure for which the reference has no answer, and log why."""
        failed = atoms.copy()
        failed.calc = None
        failed.info = {"failure": str(error)}
        everything = [*self.failed, failed]
        atomic_write(self.directory / FAILED, lambda path: write(path, everything))
        self.failed = everything
        self.train.add_call({"reason": reason, "failure": str(error)})

    def refuse_failures(self) -> None:
        """Refuse a reference that fails for most structures.

        Raises
        ------
        TrainingDataError
            If there are more than twice as many failures as answers; the message has the last failure.
        """
        if len(self.failed) > 2 * len(self.train.frames):
            message = (
                f"{self.reference.label_text} failed for {len(self.failed)} of {self.n_calls} structures, "
                f"the last time with: {self.failed[-1].info['failure']}"
            )
            raise TrainingDataError(message)

    def by_reason(self) -> dict[str, int]:
        """Return the numbers of calls for prepared cells, runs, picked frames, the test, and without an answer."""
        groups = Counter(str(atoms.info.get("config_type")) for atoms in self.train.frames)
        counts = {group: groups.pop(group) for group in PREPARED if group in groups}
        found = {**counts, "dynamics": groups.total(), "test": len(self.test.frames), "failed": len(self.failed)}
        return {reason: count for reason, count in found.items() if count}

    @staticmethod
    def _known(atoms: Atoms, frames: list[Atoms]) -> Frame | None:
        """Return the frame of the same structure, None if there is none."""
        mark = place_of(atoms)
        for one in frames:
            if len(one) == len(atoms) and place_of(one) == mark:
                return frame_of(one, "known frame")
        return None

    def _save(self) -> None:
        text = json.dumps(self._state, indent=1)
        atomic_write(self.directory / STATE, lambda path: path.write_text(text, encoding="utf-8"))


def place_of(atoms: Atoms) -> int:
    """Return a number that distinguishes a structure from any other."""
    return fingerprint_of(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)
