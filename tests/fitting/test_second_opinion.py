"""What frames alone do not show is named by small fits that do not know the labels they judge."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from planted_faults import FAULTS, scaled, sound_frames

from ase_rfhgn.errors import TrainingDataError, TrainingDataWarning
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential

SMALL: dict[str, Any] = {"channels": 12, "projections": 1, "correlation": 3, "degree": 2}
PLANTED = {fault.name: fault for fault in FAULTS}


def fitted(frames: list[Atoms], **settings: Any) -> Potential:  # noqa: ANN401 - settings are of any type
    """Return a small potential; its suspicions are in its record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingDataWarning)
        return fit(frames, **SMALL, **settings)


@pytest.mark.parametrize("system", ["Cu", "Al", "CH4"])
def test_sound_frames_are_not_suspected(system: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingDataWarning)
        warnings.filterwarnings("ignore", ".* molecular dynamics", TrainingDataWarning)  # the fit is small
        assert fit(sound_frames(system, 24), **SMALL).record["suspicions"] == []


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("stress of the wrong sign", "Cu"),
        ("stress of the wrong sign", "Al"),
        ("forces of the wrong sign", "Cu13"),
        ("forces of the wrong sign, every fourth", "Cu"),
        ("forces of the wrong sign, every fourth", "CH4"),
        ("forces in Hartree/Bohr, every fourth", "Al"),
        ("forces in Hartree/Bohr, every fourth", "H2O"),
        ("energies per atom", "Cu13"),
        ("every third 0.5 eV/atom off", "Cu"),
        ("every third 0.5 eV/atom off", "H2O"),
        ("second half 1 eV/atom off", "Cu"),
        ("energies of the frame before", "Al"),
        ("energies of the frame before", "H2O"),
        ("stress in the order of VASP", "Al"),
        ("stress as xx yy zz xy xz yz", "Cu"),
        ("forces of atoms in another order", "Cu"),
        ("one frame with other forces", "Cu"),
        ("one frame with other forces", "CH4"),
    ],
)
def test_a_fault_is_named(name: str, system: str) -> None:
    fault = PLANTED[name]
    found = fitted(fault.plant(sound_frames(system, 30))).record["suspicions"]
    assert {one["kind"] for one in found} & set(fault.kinds)


def test_frames_with_another_reference_are_named_one_by_one() -> None:
    found = fitted(PLANTED["every third 0.5 eV/atom off"].plant(sound_frames("Al", 24))).record["suspicions"]
    (line,) = [one["line"] for one in found if one["kind"] == "references"]
    assert line.startswith("structures, frame 1; structures, frame 4;")
    assert "(8 of 24 frames): energies 0.5 eV/atom above" in line


def test_what_contradicts_itself_is_refused_and_the_advice_helps() -> None:
    frames = scaled("forces", -1.0)(sound_frames("Al", 16))
    with pytest.raises(TrainingDataError, match=r"forces of the wrong sign .*, or set force_weight to 0") as told:
        fitted(frames)
    assert "force_weight to 0" in str(told.value)
    assert isinstance(fitted(frames, force_weight=0.0), Potential)


def test_a_fit_that_is_no_better_than_the_mean_says_so(rng: np.random.Generator) -> None:
    frames = sound_frames("Cu", 12)
    for atoms in frames:
        atoms.calc.results["forces"] = rng.normal(size=atoms.positions.shape)
    kinds = [one["kind"] for one in fitted(frames).record["suspicions"]]
    assert "no better than the mean" in kinds


@pytest.mark.parametrize("in_turn", [False, True])
def test_copies_do_not_make_a_fit_confident(in_turn: bool) -> None:  # noqa: FBT001 - a parameter of the test
    frames, test = sound_frames("Cu", 30), sound_frames("Cu", 20, seed=5)
    copies = [atoms for _ in range(6) for atoms in frames] if in_turn else [atoms for atoms in frames for _ in range(6)]
    errors, expected = [], []
    potential = fitted(copies)
    for atoms in test:
        answer = potential.evaluate(atoms, uncertainty=True)
        assert answer.uncertainty is not None
        errors.append(np.abs(answer.force_nc - atoms.calc.results["forces"]))
        expected.append(answer.uncertainty.force_nc)
    assert 0.5 < np.mean(np.concatenate(errors) < np.concatenate(expected)) < 0.85
    assert [one["kind"] for one in potential.record["suspicions"]] == ["copies"]
