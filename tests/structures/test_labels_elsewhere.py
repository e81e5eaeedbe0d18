"""Labels under names that ASE does not know are named to the user, never passed over in silence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from labelled import labelled, shaken

from ase_rfhgn.errors import TrainingDataError, TrainingDataWarning
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.frame import frame_of
from ase_rfhgn.structures.labels_elsewhere import labels_elsewhere

HIDE: dict[str, tuple[str, Callable[[Atoms, str], None]]] = {
    "force": ("arrays['force']", lambda atoms, name: atoms.arrays.update({name: atoms.calc.results.pop("forces")})),
    "REF_forces": ("arrays[", lambda atoms, name: atoms.arrays.update({name: atoms.calc.results.pop("forces")})),
    "dft_energy": ("info['dft", lambda atoms, name: atoms.info.update({name: atoms.calc.results.pop("energy")})),
    "REF_stress": ("info['REF", lambda atoms, name: atoms.info.update({name: atoms.calc.results.pop("stress")})),
    "virial": (
        "info['virial']",
        lambda atoms, name: atoms.info.update({name: np.eye(3)} if atoms.calc.results.pop("stress").size else {}),
    ),
}


def fitted(frames: list[Atoms]) -> Potential:
    """Return a small potential."""
    return fit(frames, cutoff=4.0, channels=5, projections=1, degree=2)


@pytest.mark.parametrize("name", HIDE)
def test_a_label_under_another_name_is_named(name: str) -> None:
    frames = [labelled(shaken(seed)) for seed in range(4)]
    where, hide = HIDE[name]
    for atoms in frames:
        hide(atoms, name)
    with pytest.warns(TrainingDataWarning, match=rf"frame 0; .*\(4 of 4 frames\): .*{name}'\] .* not used as labels"):
        fitted(frames)
    assert labels_elsewhere(frame_of(frames[0], "x"))[0].startswith(where)


def unlabelled_frames() -> list[Atoms]:
    """Return frames whose labels are all under names that ASE does not know."""
    frames = [labelled(shaken(seed)) for seed in range(4)]
    for atoms in frames:
        atoms.arrays["REF_forces"], atoms.info["REF_energy"] = atoms.get_forces(), atoms.get_potential_energy()
        atoms.calc = None
    return frames


def test_all_labels_under_other_names_are_no_run() -> None:
    with pytest.raises(TrainingDataError, match=r"frame 0 has arrays\['REF_forces'\] and info\['REF_energy'\]: use "):
        fitted(unlabelled_frames())


def test_the_advice_works() -> None:
    frames = unlabelled_frames()
    for atoms in frames:
        atoms.calc = SinglePointCalculator(atoms, energy=atoms.info["REF_energy"], forces=atoms.arrays["REF_forces"])
    assert fitted(frames).record["targets"] == "labels"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("energy_weight", 2.0),
        ("kinetic_energy", 0.1),
        ("REF_energy", "low"),
        ("force", 3.0),
        ("stress", [1.0, [2.0]]),
        (5, 1.0),
    ],
)
def test_other_things_are_not_mistaken_for_labels(name: object, value: object) -> None:
    atoms = shaken(0)
    atoms.info[name] = value
    assert not labels_elsewhere(frame_of(atoms, "x"))


def test_labels_that_are_used_may_stand_elsewhere_too() -> None:
    atoms = labelled(shaken(0))
    atoms.arrays["REF_forces"], atoms.info["virial"] = atoms.get_forces(), np.eye(3)
    assert not labels_elsewhere(frame_of(atoms, "x"))
