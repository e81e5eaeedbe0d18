"""Every law bites: each is shown a calculator with one planted fault, and must fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import misbehaving
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from conftest import MakePotential
from misbehaving import Fault

from ase_rfhgn import testing
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.models.potential import Potential

Law = Callable[[Atoms], None]


FAULTS: dict[str, tuple[Fault, Law, str]] = {
    "forces of the wrong sign": (misbehaving.wrong_sign, testing.check_forces_are_gradients, "crystal"),
    "forces of two atoms swapped": (misbehaving.swapped_atoms, testing.check_forces_are_gradients, "crystal"),
    "a force without its reaction": (
        misbehaving.one_force_is_not_returned,
        testing.check_forces_sum_to_zero,
        "crystal",
    ),
    "a torque": (misbehaving.spurious_torque, testing.check_torque_is_zero, "molecule"),
    "no virial": (misbehaving.no_virial, testing.check_stress_is_strain_derivative, "crystal"),
    "no shear": (misbehaving.no_shear, testing.check_stress_is_strain_derivative, "crystal"),
    "shear components in reverse": (misbehaving.swapped_shear, testing.check_stress_is_strain_derivative, "crystal"),
    "stress times two": (misbehaving.twice_the_stress, testing.check_stress_is_strain_derivative, "crystal"),
    "no shear, seen from aside": (misbehaving.no_shear, testing.check_rotation, "crystal"),
    "an external field": (misbehaving.external_field, testing.check_translation, "molecule"),
    "a preferred axis": (misbehaving.preferred_axis, testing.check_rotation, "molecule"),
    "a preferred hand": (misbehaving.preferred_hand, testing.check_mirror, "molecule"),
    "a special first atom": (misbehaving.first_atom_is_special, testing.check_permutation, "molecule"),
    "swapped forces, reordered": (misbehaving.swapped_atoms, testing.check_permutation, "molecule"),
    "atoms that know their cell": (misbehaving.depends_on_the_cell_an_atom_is_in, testing.check_wrapping, "crystal"),
    "a preferred basis": (misbehaving.depends_on_the_vectors_of_the_cell, testing.check_lattice_basis, "crystal"),
    "an energy per cell": (misbehaving.energy_of_the_whole_cell, testing.check_supercell_is_extensive, "crystal"),
    "a long range": (misbehaving.long_range, testing.check_far_fragments_add, "molecule"),
    "energies that do not sum": (misbehaving.energies_that_do_not_sum, testing.check_energies_sum_to_energy, "crystal"),
    "a jump at the cutoff": (
        misbehaving.jump_at_the_cutoff,
        lambda atoms: testing.check_smooth_at_cutoff(atoms, 4.0),
        "molecule",
    ),
    "a kink at the cutoff": (
        misbehaving.kink_at_the_cutoff,
        lambda atoms: testing.check_smooth_at_cutoff(atoms, 4.0),
        "molecule",
    ),
    "an isolated atom with a wrong energy": (
        misbehaving.energy_of_the_whole_cell,
        lambda atoms: testing.check_isolated_atoms_have_one_body_energies(atoms, one_body_energies(atoms)),
        "molecule",
    ),
}


MISBEHAVIOURS: dict[type[RFHGNCalculator], Law] = {
    misbehaving.RemembersTooMuch: testing.check_results_are_never_stale,
    misbehaving.OverlooksTheCell: testing.check_results_are_never_stale,
    misbehaving.BelongsToAnotherStructure: testing.check_results_are_never_stale,
    misbehaving.HandsOutItsOwnArrays: testing.check_results_are_own_copies,
    misbehaving.MindsCharges: testing.check_charges_cost_nothing,
    misbehaving.WritesIntoTheStructure: testing.check_input_is_untouched,
    misbehaving.SharesItselfWithItsCopies: testing.check_calculator_copies,
    misbehaving.ForgetsToPickle: testing.check_calculator_copies,
    misbehaving.SharesScratchSpace: testing.check_threads,
    misbehaving.AcceptsEveryElement: testing.check_unknown_element_is_refused,
}


def one_body_energies(atoms: Atoms) -> dict[str, float]:
    """Return the one-body energies of the potential behind a structure."""
    potential = atoms.calc.potential
    return dict(zip(["H", "C", "O", "Cu"], potential.baseline.one_body_s.tolist(), strict=True))


@pytest.fixture(scope="module")
def potential(make_potential: MakePotential) -> Potential:
    return make_potential(["H", "C", "O", "Cu"], np.random.default_rng(2))


def structure(name: str) -> Atoms:
    """Return a small structure on which no force and no stress component vanishes."""
    atoms: Atoms = bulk("Cu", cubic=True) if name == "crystal" else molecule("CH3OH")
    atoms.rattle(0.1, seed=3)
    return atoms


@pytest.mark.parametrize("name", FAULTS)
def test_law_finds_fault(name: str, potential: Potential) -> None:
    fault, law, kind = FAULTS[name]
    atoms = structure(kind)
    atoms.calc = RFHGNCalculator(potential)
    law(atoms)
    atoms.calc = misbehaving.Faulty(potential, fault)
    with pytest.raises(AssertionError):
        law(atoms)


@pytest.mark.parametrize("calculator", MISBEHAVIOURS, ids=lambda calculator: calculator.__doc__)
def test_law_finds_misbehaviour(calculator: type[RFHGNCalculator], potential: Potential) -> None:
    atoms = structure("crystal")
    atoms.calc = calculator(potential)
    with pytest.raises(AssertionError):
        MISBEHAVIOURS[calculator](atoms)


@pytest.mark.parametrize("suffix", ["traj", "db"])
def test_law_finds_results_that_are_not_written(suffix: str, potential: Potential, tmp_path: Path) -> None:
    atoms = structure("crystal")
    atoms.calc = misbehaving.WritesNothing(potential)
    with pytest.raises(AssertionError):
        testing.check_file_round_trip(atoms, tmp_path / f"atoms.{suffix}")


def test_law_finds_a_potential_that_is_saved_with_few_digits(potential: Potential, tmp_path: Path) -> None:
    atoms = structure("crystal")
    atoms.calc = RFHGNCalculator(
        misbehaving.SinglePrecision(potential.hamiltonian, potential.coefficient_sf, potential.baseline)
    )
    with pytest.raises(AssertionError):
        testing.check_save_and_load(atoms, tmp_path / "potential.npz")


def test_every_law_is_shown_a_fault() -> None:
    bitten = {law.__name__ for _, law, _ in FAULTS.values()} | {law.__name__ for law in MISBEHAVIOURS.values()}
    elsewhere = {
        "check_file_round_trip",
        "check_save_and_load",
        "check_smooth_at_cutoff",
        "check_isolated_atoms_have_one_body_energies",
    }
    assert bitten - {"<lambda>"} | elsewhere == set(testing.__all__)


def test_laws_hold_for_calculators_of_ase() -> None:
    atoms = structure("crystal")
    atoms.calc = EMT()
    testing.check_forces_are_gradients(atoms)
    testing.check_stress_is_strain_derivative(atoms)
    testing.check_rotation(atoms)
    testing.check_supercell_is_extensive(atoms)
