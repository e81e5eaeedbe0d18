"""Labels under given names: energies, forces, stresses and virials, with their signs, shapes and volumes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from labelled import labelled, shaken

from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.label_keys import LabelKeys
from ase_rfhgn.structures.training_set import TrainingSet


def crystal() -> Atoms:
    """Return a labelled crystal."""
    atoms = shaken(1)
    strain_cc = np.array([[1.0, 0.02, 0.01], [0.0, 1.03, 0.0], [0.0, 0.0, 1.0]])
    atoms.set_cell(atoms.cell.array @ strain_cc, scale_atoms=True)
    return labelled(atoms)


def frame_with(atoms: Atoms, **keys: str) -> Frame:
    return TrainingSet.open([atoms], keys=LabelKeys(**keys))[0]


def test_names_that_are_given_win() -> None:
    atoms = crystal()
    atoms.info["REF_energy"], atoms.arrays["REF_forces"] = 7.0, 2.0 * atoms.get_forces()
    frame = frame_with(atoms, energy="REF_energy", forces="REF_forces")
    assert frame.energy == 7.0
    np.testing.assert_array_equal(frame.force_nc, 2.0 * atoms.get_forces())
    assert frame.label_names == {"energy": "REF_energy", "forces": "REF_forces", "stress": "stress"}
    assert {(one.kind, one.place, one.name) for one in frame.other_labels} == {
        ("energy", "results", "energy"),
        ("forces", "results", "forces"),
    }


def test_a_name_that_is_given_has_no_substitute() -> None:
    atoms = crystal()
    assert frame_with(atoms, energy="REF_energy").energy is None
    with pytest.raises(
        TrainingDataError, match=r"no frame has 'REF_energy', which is energy_key; .* results\['energy'\]"
    ):
        TrainingSet.open([atoms], keys=LabelKeys(energy="REF_energy")).require_labels()


def test_free_energies_can_be_chosen() -> None:
    atoms = labelled(shaken(0), energy=-1.0, free_energy=-2.0)
    assert (frame_with(atoms).energy, frame_with(atoms, energy="free_energy").energy) == (-1.0, -2.0)
    assert [one.name for one in frame_with(atoms).other_labels] == ["free_energy"]
    equal = labelled(shaken(0), energy=-1.0, free_energy=-1.0)
    assert not frame_with(equal).other_labels, "one number under two names is one label"


@pytest.mark.parametrize("shape", [(6,), (9,), (3, 3)])
def test_a_virial_is_minus_stress_times_volume(shape: tuple[int, ...]) -> None:
    atoms = crystal()
    stress_v = atoms.get_stress()
    assert np.abs(stress_v[3:]).min() > 1e-4, "shears tell orders apart"
    full = -atoms.get_volume() * voigt_6_to_full_3x3_stress(stress_v)
    atoms.info["virial"] = -atoms.get_volume() * stress_v if shape == (6,) else full.reshape(shape)
    atoms.info["strange name"] = atoms.info["virial"]
    for name in ("virial", "strange name"):
        np.testing.assert_allclose(frame_with(atoms, virials=name).stress_v, stress_v, rtol=1e-12)  # type: ignore[arg-type]
    assert not frame_with(atoms).other_labels, "the same stress as a virial is not ignored"


def test_a_stress_of_a_given_name_goes_before_virials() -> None:
    atoms = crystal()
    atoms.info["dft_stress"], atoms.info["dft_virial"] = [1.0] * 6, np.eye(3)
    frame = frame_with(atoms, stress="dft_stress", virials="dft_virial")
    np.testing.assert_array_equal(frame.stress_v, np.ones(6))
    del atoms.info["dft_stress"]
    frame = frame_with(atoms, stress="dft_stress", virials="dft_virial")
    np.testing.assert_allclose(frame.stress_v, -np.array([1, 1, 1, 0, 0, 0]) / atoms.get_volume())  # type: ignore[arg-type]


def test_a_molecule_has_no_stress() -> None:
    atoms = Atoms("Cu2", [[0, 0, 0], [2.2, 0, 0]])
    atoms.info["virial"] = np.eye(3)
    frame = frame_with(labelled(atoms), virials="virial")
    assert frame.stress_v is None
    assert ("stress", "virial") in {(one.kind, one.name) for one in frame.other_labels}


@pytest.mark.parametrize(
    ("place", "name", "value", "complaint"),
    [
        ("info", "energy", "low", r"energy \(X_energy\) of type"),
        ("info", "energy", [1.0, 2.0], r"energy \(X_energy\) .* shape \(2,\)"),
        ("info", "energy", np.nan, r"energy \(X_energy\): nan is not finite"),
        ("arrays", "forces", np.ones(4), r"forces \(X_forces\) .* shape \(4,\)"),
        ("info", "stress", [[0, 1, 0], [0, 0, 0], [0, 0, 0]], "or a symmetric matrix"),
        ("info", "stress", [[0], [1, 2]], r"stress \(X_stress\) of type"),
    ],
)
def test_bad_values_are_named(place: str, name: str, value: Any, complaint: str) -> None:  # noqa: ANN401
    atoms = crystal()
    getattr(atoms, place)[f"X_{name}"] = value
    with pytest.raises(TrainingDataError, match=complaint):
        frame_with(atoms, **{name: f"X_{name}"})


def test_names_are_words() -> None:
    with pytest.raises(SettingsError, match="energy_key is 3: it must be a name"):
        LabelKeys(energy=3)  # type: ignore[arg-type]


def test_frames_have_groups() -> None:
    atoms = crystal()
    assert frame_with(atoms).group is None
    atoms.info |= {"config_type": "liquid", "origin": 5}
    assert (frame_with(atoms).group, frame_with(atoms, group="origin").group) == ("liquid", "5")
