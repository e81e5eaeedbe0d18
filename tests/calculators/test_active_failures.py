"""Active runs in which something goes wrong: nothing wrong is kept, and the run can go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import CalculationFailed
from ase.calculators.emt import EMT
from ase.io import read, write
from labelled import labelled, shaken
from test_active import SMALL, CountingEMT, crystal

from ase_rfhgn.calculators.active import ActiveCalculator, ReferenceAnswerError
from ase_rfhgn.calculators.call_log import CallLog
from ase_rfhgn.calculators.opening import StructureInputError
from ase_rfhgn.errors import TrainingDataError


class Unconverged(CountingEMT):
    """EMT that once answers without having converged."""

    def __init__(self, label: str, value: float, at_call: int) -> None:
        super().__init__()
        self.label, self.value, self.at_call = label, value, at_call

    def calculate(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Calculate, and spoil one answer."""
        super().calculate(*args, **kwargs)
        if self.n_calls == self.at_call:
            self.results[self.label] = np.full_like(self.results[self.label], self.value)


@pytest.mark.parametrize("at_call", [1, 3, 5])
@pytest.mark.parametrize(("label", "value"), [("forces", np.nan), ("energy", np.inf), ("stress", np.nan)])
def test_a_bad_answer_is_told_and_forgotten(label: str, value: float, at_call: int, tmp_path: Path) -> None:
    reference = Unconverged(label, value, at_call)
    calculator = ActiveCalculator(reference, tmp_path, grade=1e-6, **SMALL)
    complaints = []
    for seed in range(4):
        for _ in range(2):  # a driver may ask again for the same structure
            try:
                calculator.get_property("energy", crystal(seed))
                break
            except ReferenceAnswerError as error:
                complaints.append(str(error))
    assert len(complaints) == 1
    assert issubclass(ReferenceAnswerError, CalculationFailed)
    assert complaints[0].startswith("answer of the reference to evaluation ")
    assert label in complaints[0]
    n_frames = len(calculator.call_log.frames)
    again = ActiveCalculator(EMT(), tmp_path, **SMALL)
    assert again.potential is not None
    assert again.potential.record["n_frames"] == n_frames


def test_a_refused_structure_does_not_poison_the_folder(tmp_path: Path) -> None:
    reference = CountingEMT()
    calculator = ActiveCalculator(reference, tmp_path, **SMALL | {"displacement": 0.001})
    atoms = crystal()
    sound = atoms.positions.copy()
    atoms.positions[1] = atoms.positions[0] + [0.0, 0.0, 0.05]
    atoms.calc = calculator
    with pytest.raises(StructureInputError, match=r"atoms 0 and 1 are 0\.05 Å apart"):
        atoms.get_potential_energy()
    assert reference.n_calls == 0
    assert not calculator.call_log.frames
    atoms.positions = sound
    assert np.isfinite(atoms.get_potential_energy())


def seeds(n_frames: int = 3) -> list[Atoms]:
    """Return labelled crystals."""
    return [labelled(shaken(seed)) for seed in range(n_frames)]


@pytest.mark.parametrize("kind", [list, tuple, iter, "path", str])
def test_frames_given_at_every_start_count_once(kind: Any, tmp_path: Path) -> None:  # noqa: ANN401
    write(tmp_path / "seed.extxyz", seeds())
    path = tmp_path / "seed.extxyz"
    for start in range(3):
        frames = path if kind == "path" else str(path) if kind is str else kind(read(path, ":"))
        calculator = ActiveCalculator(EMT(), tmp_path / "run", frames=frames, **SMALL)
        assert len(calculator.call_log.frames) == 3, start
    calculator.get_property("energy", shaken(5))
    assert calculator.potential is not None


def test_frames_are_added_together_or_not_at_all(tmp_path: Path) -> None:
    frames = seeds()
    frames[2].calc.results["forces"][1, 2] = np.nan
    with pytest.raises(TrainingDataError, match="frame 2: forces of atom 1"):
        ActiveCalculator(EMT(), tmp_path, frames=frames, **SMALL)
    assert not CallLog(tmp_path).frames
    with pytest.raises(TrainingDataError, match="frame 1: there are no labels"):
        ActiveCalculator(EMT(), tmp_path, frames=[frames[0], shaken(1)], **SMALL)
    assert not CallLog(tmp_path).frames
