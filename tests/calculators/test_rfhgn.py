"""The calculator as ASE sees it: errors, caching, copies, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import (
    CalculationFailed,
    CalculatorSetupError,
    InputError,
    PropertyNotImplementedError,
)
from ase.constraints import FixAtoms
from ase.db import connect
from ase.io import Trajectory
from conftest import MakePotential

from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.errors import ModelFileError, RFHGNError, SettingsError, StructureError
from ase_rfhgn.models.potential import Potential


@pytest.fixture(scope="module")
def potential(make_potential: MakePotential) -> Potential:
    return make_potential(["Cu", "H", "O"], np.random.default_rng(5))


@pytest.fixture
def calculator(potential: Potential) -> RFHGNCalculator:
    return RFHGNCalculator(potential)


@pytest.fixture
def crystal(calculator: RFHGNCalculator) -> Atoms:
    atoms: Atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.calc = calculator
    return atoms


@pytest.fixture
def water(calculator: RFHGNCalculator) -> Atoms:
    atoms: Atoms = molecule("H2O")
    atoms.calc = calculator
    return atoms


def test_results_are_those_of_the_potential(crystal: Atoms, potential: Potential) -> None:
    expected = potential.evaluate(crystal)
    assert crystal.get_potential_energy() == expected.energy
    assert crystal.get_potential_energy(force_consistent=True) == expected.energy
    np.testing.assert_array_equal(crystal.get_potential_energies(), expected.energy_n)
    np.testing.assert_array_equal(crystal.get_forces(), expected.force_nc)
    np.testing.assert_array_equal(crystal.get_stress(), expected.stress_v)


def test_one_calculation_gives_everything(crystal: Atoms, monkeypatch: pytest.MonkeyPatch) -> None:
    crystal.get_potential_energy()
    monkeypatch.delattr(RFHGNCalculator, "_evaluate")
    crystal.get_forces()
    crystal.get_stress()
    crystal.get_potential_energies()
    assert not crystal.calc.calculation_required(crystal, RFHGNCalculator.implemented_properties)


@pytest.mark.parametrize("as_path", [str, Path])
def test_a_potential_is_read_from_its_file(
    as_path: type[str | Path], crystal: Atoms, potential: Potential, tmp_path: Path
) -> None:
    path = as_path(str(tmp_path / "copper.npz"))
    potential.save(path)
    expected = crystal.get_potential_energy()
    crystal.calc = RFHGNCalculator(path)
    assert crystal.get_potential_energy() == expected
    assert crystal.calc.todict() == {"potential": str(path), "fingerprint": crystal.calc.potential.fingerprint}


def test_todict_makes_the_calculator_again(crystal: Atoms, potential: Potential, tmp_path: Path) -> None:
    potential.save(tmp_path / "copper.npz")
    expected = crystal.get_potential_energy()
    settings = RFHGNCalculator(tmp_path / "copper.npz").todict()
    crystal.calc = RFHGNCalculator(**settings)
    assert crystal.get_potential_energy() == expected


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"missing\.npz"):
        RFHGNCalculator(tmp_path / "missing.npz")


@pytest.mark.parametrize("error", [SettingsError, RFHGNError, InputError, CalculatorSetupError, ValueError])
def test_there_are_no_settings(potential: Potential, error: type[Exception]) -> None:
    with pytest.raises(error, match="no setting cutoff"):
        RFHGNCalculator(potential, cutoff=6.0)
    with pytest.raises(error, match="no setting kpts, xc"):
        RFHGNCalculator(potential).set(kpts=(1, 1, 1), xc="PBE")


def test_keywords_of_every_ase_calculator_are_taken(potential: Potential, crystal: Atoms, tmp_path: Path) -> None:
    calculator = RFHGNCalculator(potential, atoms=crystal, label="copper", directory=tmp_path)
    assert crystal.calc is calculator
    assert calculator.label == f"{tmp_path}/copper"
    assert calculator.name == "rfhgn"


@pytest.mark.parametrize("error", [StructureError, RFHGNError, InputError, CalculatorSetupError, ValueError])
def test_an_unknown_element_is_our_error_and_that_of_ase(water: Atoms, error: type[Exception]) -> None:
    water.symbols[0] = "Og"
    with pytest.raises(error, match="does not know Og: it was fitted for H, O, Cu"):
        water.get_potential_energy()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_position_that_is_not_finite_is_refused(water: Atoms, value: float) -> None:
    water.positions[2, 1] = value
    with pytest.raises(InputError, match="atom 2"):
        water.get_forces()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cell_that_is_not_finite_is_refused(crystal: Atoms, value: float) -> None:
    crystal.cell[1, 1] = value
    with pytest.raises(InputError, match="cell"):
        crystal.get_forces()


@pytest.mark.parametrize("cell", [[0.0, 0.0, 0.0], [[3.0, 0.0, 0.0], [6.0, 0.0, 0.0], [0.0, 0.0, 3.0]]])
def test_periodic_directions_without_independent_vectors_are_refused(crystal: Atoms, cell: list[float]) -> None:
    crystal.cell = cell
    with pytest.raises(InputError, match="cell"):
        crystal.get_forces()


def test_coincident_atoms_are_refused(water: Atoms) -> None:
    water.positions[1] = water.positions[2]
    with pytest.raises(InputError, match="atoms 1 and 2"):
        water.get_potential_energy()


def test_a_failure_leaves_no_results(crystal: Atoms) -> None:
    crystal.get_potential_energy()
    broken = crystal.copy()
    broken.positions[0] = np.nan
    with pytest.raises(InputError):
        crystal.calc.calculate(broken)
    assert not crystal.calc.results
    crystal.get_potential_energy()


def test_results_that_are_not_finite_are_a_failure(crystal: Atoms) -> None:
    potential = crystal.calc.potential
    broken_sf = np.full_like(potential.coefficient_sf, np.inf)
    crystal.calc = RFHGNCalculator(Potential(potential.hamiltonian, broken_sf, potential.baseline))
    with pytest.raises(CalculationFailed, match="energy is not finite"):
        crystal.get_potential_energy()
    assert not crystal.calc.results


def test_stress_needs_a_volume(water: Atoms) -> None:
    with pytest.raises(PropertyNotImplementedError, match="three independent cell vectors"):
        water.get_stress()
    with pytest.raises(PropertyNotImplementedError, match="three independent cell vectors"):
        water.get_properties(["energy", "stress"])
    water.set_cell([8.0, 8.0, 0.0])
    with pytest.raises(PropertyNotImplementedError):
        water.get_stress()
    water.set_cell([8.0, 8.0, 8.0])
    assert water.get_stress().shape == (6,)


def test_asking_for_a_stress_that_does_not_exist_forgets_nothing(water: Atoms, monkeypatch: pytest.MonkeyPatch) -> None:
    energy = water.get_potential_energy()
    monkeypatch.delattr(RFHGNCalculator, "_evaluate")
    with pytest.raises(PropertyNotImplementedError):
        water.get_stress()
    assert water.get_potential_energy() == energy


def test_stress_is_of_the_sign_and_order_of_ase(potential: Potential) -> None:
    """Positive in tension: energy rises when the cell grows along a direction of positive stress."""
    atoms = bulk("Cu", cubic=True)
    atoms.calc = RFHGNCalculator(potential)
    stress_v, volume, energy = atoms.get_stress(), atoms.get_volume(), atoms.get_potential_energy()
    atoms.set_cell(atoms.cell.array * [1.0, 1.0, 1.0 + 1e-6], scale_atoms=True)
    np.testing.assert_allclose((atoms.get_potential_energy() - energy) / (1e-6 * volume), stress_v[2], rtol=1e-4)


@pytest.mark.parametrize("name", ["dipole", "charges", "magmom", "stresses"])
def test_other_properties_are_not_implemented(crystal: Atoms, name: str) -> None:
    with pytest.raises(PropertyNotImplementedError):
        crystal.calc.get_property(name, crystal)


def test_a_calculator_without_atoms_says_so(calculator: RFHGNCalculator) -> None:
    with pytest.raises(CalculatorSetupError, match="no structure"):
        calculator.calculate()


def test_get_properties_leaves_results_of_the_structure_it_was_asked_about(crystal: Atoms) -> None:
    expected = crystal.get_forces()
    other = crystal.copy()
    other.calc = crystal.calc
    other.positions[0] += 0.2
    assert set(RFHGNCalculator.implemented_properties) <= set(other.get_properties(["energy"]))
    assert crystal.calc.atoms == other
    np.testing.assert_array_equal(crystal.get_forces(), expected)


def test_constraints_change_forces_not_the_potential(crystal: Atoms) -> None:
    free = crystal.get_forces()
    crystal.set_constraint(FixAtoms([0]))
    assert not crystal.get_forces()[0].any()
    np.testing.assert_array_equal(crystal.get_forces(apply_constraint=False), free)


def test_images_share_a_potential_and_not_their_results(potential: Potential) -> None:
    images = [bulk("Cu", a=a) for a in (3.5, 3.6, 3.7)]
    for image in images:
        image.calc = RFHGNCalculator(potential)
    energies = [image.get_potential_energy() for image in images]
    assert len(set(energies)) == 3
    assert [image.calc.results["energy"] for image in images] == energies
    assert all(image.calc.potential is potential for image in images)


def test_a_database_keeps_results_and_the_name_of_the_model(water: Atoms, potential: Potential, tmp_path: Path) -> None:
    potential.save(tmp_path / "water.npz")
    water.calc = RFHGNCalculator(tmp_path / "water.npz")
    energy = water.get_potential_energy()
    with connect(tmp_path / "water.db") as database:
        database.write(water)
    row = connect(tmp_path / "water.db").get(1)
    assert row.calculator == "rfhgn"
    assert row.calculator_parameters["potential"] == str(tmp_path / "water.npz")
    assert set(row.calculator_parameters) == {"potential", "fingerprint"}
    assert row.energy == energy


def test_writing_a_trajectory_computes_nothing(water: Atoms, tmp_path: Path) -> None:
    water.write(tmp_path / "water.traj")
    assert not water.calc.results
    with Trajectory(tmp_path / "water.traj") as trajectory:
        assert not trajectory[0].calc.results


def test_a_trajectory_keeps_what_was_computed(water: Atoms, tmp_path: Path) -> None:
    water.get_forces()
    water.write(tmp_path / "water.traj")
    with Trajectory(tmp_path / "water.traj") as trajectory:
        assert set(trajectory[0].calc.results) == {"energy", "free_energy", "energies", "forces"}
