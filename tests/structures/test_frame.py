"""Frames: labels exactly as stored, structures of every kind welcome, bad ones refused with a reason."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc111, molecule
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io.trajectory import Trajectory
from ase.stress import voigt_6_to_full_3x3_stress
from labelled import labelled, shaken

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.training_set import TrainingSet

# %% Labels


def test_nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    given_label = labelled(shaken(1))
    bare = shaken(0)
    bare.calc = EMT()
    monkeypatch.setattr(EMT, "calculate", lambda *_: pytest.fail("a training set must not compute"))
    assert not TrainingSet.open([bare, given_label])[0].has_labels


def test_results_of_a_calculator_that_has_run_are_labels() -> None:
    atoms = shaken(0)
    atoms.calc = EMT()
    energy = atoms.get_potential_energy()
    assert TrainingSet.open([atoms])[0].energy == energy


def test_forces_on_constrained_atoms_are_kept(tmp_path: Path) -> None:
    atoms = shaken(0)
    atoms.set_constraint(FixAtoms([0, 1, 2, 3]))
    atoms.calc = EMT()
    force_nc = atoms.get_forces(apply_constraint=False)
    with Trajectory(tmp_path / "fixed.traj", "w") as file:
        file.write(atoms)
    for source in ([atoms], tmp_path / "fixed.traj"):
        found_nc = TrainingSet.open(source)[0].force_nc
        assert found_nc is not None
        np.testing.assert_array_equal(found_nc, force_nc)
        assert np.abs(found_nc).max() > 0.1


def test_input_is_neither_changed_nor_shared() -> None:
    atoms = labelled(shaken(0))
    frame = TrainingSet.open([atoms])[0]
    assert frame.atoms.calc is None
    assert atoms.calc is not None
    assert frame.force_nc is not None
    frame.force_nc[:] = 0.0
    frame.atoms.positions += 1.0
    again = TrainingSet.open([atoms])[0]
    assert again.atoms == shaken(0)
    np.testing.assert_array_equal(again.force_nc, atoms.calc.results["forces"])
    assert atoms.calc.results["forces"].any()


@pytest.mark.parametrize("kept", ["energy", "forces", "stress"])
def test_each_label_may_come_alone(kept: str) -> None:
    absent = dict.fromkeys({"energy", "forces", "stress"} - {kept})
    frame = TrainingSet.open([labelled(shaken(0), **absent)])[0]
    present = {"energy": frame.energy, "forces": frame.force_nc, "stress": frame.stress_v}
    assert [label for label, value in present.items() if value is not None] == [kept]


def test_free_energy_stands_in_for_an_absent_energy_only() -> None:
    both = labelled(shaken(0), energy=-1.0, free_energy=-2.0)
    free = labelled(shaken(0), energy=None, free_energy=-2.0)
    blank = labelled(shaken(0), energy=None, free_energy=-3.0)
    blank.calc.results["energy"] = None
    assert [frame.energy for frame in TrainingSet.open([both, free, blank])] == [-1.0, -2.0, -3.0]


def test_stress_as_a_matrix_is_brought_to_voigt_order() -> None:
    stress_v = np.arange(6.0)
    atoms = labelled(shaken(0), stress=voigt_6_to_full_3x3_stress(stress_v))
    np.testing.assert_array_equal(TrainingSet.open([atoms])[0].stress_v, stress_v)


def test_stress_without_a_full_cell_is_ignored() -> None:
    slab = fcc111("Cu", (2, 2, 2))  # two vectors
    assert TrainingSet.open([labelled(slab, stress=np.full(6, np.nan))])[0].stress_v is None


def test_frames_without_labels_are_kept_beside_labelled_ones() -> None:
    training_set = TrainingSet.open([shaken(0), labelled(shaken(1))])
    assert [frame.has_labels for frame in training_set] == [False, True]


def test_labels_of_other_positions_are_refused() -> None:
    atoms = labelled(shaken(0))
    atoms.positions[2] += 0.1
    training_set = TrainingSet.open([atoms])
    with pytest.raises(TrainingDataError, match="belong to other positions"):
        training_set[0]
    assert not training_set.without_labels()[0].has_labels


def test_charges_and_magnetic_moments_do_not_make_labels_stale() -> None:
    atoms = labelled(shaken(0))
    atoms.set_initial_charges([1.0, -1.0, 0.0, 0.0])
    atoms.set_initial_magnetic_moments([1.0, 0.0, 0.0, 0.0])
    assert TrainingSet.open([atoms])[0].has_labels


# %% Structures of every kind are welcome


@pytest.mark.parametrize(
    "atoms",
    [
        Atoms("Cu"),
        molecule("H2"),
        bulk("Cu"),
        bulk("Cu") * (1, 1, 9),
        fcc111("Cu", (2, 2, 2), vacuum=8.0),
        fcc111("Cu", (2, 2, 2)),
        Atoms("Cu2", [[0, 0, 0], [0, 0, 2.3]], cell=[0, 0, 4.6], pbc=[False, False, True]),
        Atoms("Cu2", [[0, 0, 0], [900.0, 0, 0]]),
    ],
    ids=["atom", "molecule", "primitive", "long", "vacuum", "slab", "chain", "far"],
)
def test_structures_of_every_kind_are_read(atoms: Atoms) -> None:
    frame = TrainingSet.open([labelled(atoms)])[0]
    assert frame.atoms == atoms
    assert (frame.stress_v is not None) == (atoms.cell.rank == 3)


# %% Bad frames


def with_position(value: float) -> Atoms:
    atoms = labelled(shaken(0))
    atoms.positions[2, 1] = value
    return atoms


def with_cell(value: float) -> Atoms:
    atoms = labelled(shaken(0))
    atoms.cell[0, 0] = value
    return atoms


def with_force(value: float) -> Atoms:
    force_nc = np.zeros((4, 3))
    force_nc[3, 2] = value
    return labelled(shaken(0), forces=force_nc)


def with_ghost() -> Atoms:
    slab: Atoms = fcc111("Cu", (2, 2, 2), vacuum=8.0)
    add_adsorbate(slab, "X", 2.0)
    return slab


BAD_FRAMES: dict[str, Callable[[], Atoms]] = {
    "there are no atoms": Atoms,
    "atom 8 has the atomic number 0": with_ghost,
    r"atom 2 has the position \[.*nan": lambda: with_position(np.nan),
    r"atom 2 has the position \[.*-inf": lambda: with_position(-np.inf),
    "the cell .*nan.* is not finite": lambda: with_cell(np.nan),
    r"pbc or the cell": lambda: Atoms("Cu", cell=[3.0, 3.0, 0.0], pbc=True),
    r"periodic along \[True, True, True\]": lambda: Atoms("Cu", cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True),
    "energy: nan is not finite": lambda: labelled(shaken(0), energy=np.nan),
    "energy: inf is not finite": lambda: labelled(shaken(0), energy=np.inf),
    "forces of atom 3: nan": lambda: with_force(np.nan),
    "forces of atom 3: -inf": lambda: with_force(-np.inf),
    "stress: nan": lambda: labelled(shaken(0), stress=np.array([0, 0, 0, 0, 0, np.nan])),
    r"forces of type float64 and shape \(3, 3\).* \(4, 3\)": lambda: labelled(shaken(0), forces=np.zeros((3, 3))),
    r"stress .*shape \(3,\).* \(6,\)": lambda: labelled(shaken(0), stress=np.zeros(3)),
    r"energy .*shape \(2,\).* \(\)": lambda: labelled(shaken(0), energy=np.zeros(2)),
    "energy of type <U3": lambda: labelled(shaken(0), energy="low"),
    "energy of type complex128": lambda: labelled(shaken(0), energy=1j),
}


@pytest.mark.parametrize("complaint", BAD_FRAMES)
def test_bad_frame_is_refused_by_name(complaint: str) -> None:
    training_set = TrainingSet.open([labelled(shaken(1)), labelled(shaken(2)), BAD_FRAMES[complaint]()])
    with pytest.raises(TrainingDataError, match=rf"structures, frame 2: .*{complaint}"):
        list(training_set)
