"""Every law of `ase_rfhgn.testing` on every kind of structure, as named cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, graphene, molecule
from conftest import MakePotential

from ase_rfhgn import testing
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.models.potential import Potential

pytestmark = pytest.mark.quick

SYMBOLS = ["H", "C", "O", "Cu", "Au"]


def sheared(atoms: Atoms) -> Atoms:
    """Return a structure under a large homogeneous strain."""
    strain_cc = np.array([[1.05, 0.4, 0.2], [0.0, 0.95, -0.3], [0.0, 0.0, 1.0]])
    atoms.set_cell(atoms.cell.array @ strain_cc, scale_atoms=True)
    return atoms


def alloy() -> Atoms:
    """Return a random alloy of copper and gold."""
    atoms: Atoms = bulk("Cu", a=3.8, cubic=True) * (2, 1, 1)
    atoms.symbols[[0, 3, 5]] = "Au"
    return atoms


def slab() -> Atoms:
    """Return a slab with an adsorbate in a cell with vacuum: periodic along two of three vectors."""
    atoms: Atoms = fcc111("Cu", (2, 2, 2), vacuum=4.0)
    atoms.info.clear()
    atoms.append("O")
    atoms.positions[-1] = atoms.positions[-2] + [0.0, 0.0, 1.6]
    return atoms


def slab_without_third_vector() -> Atoms:
    """Return a layer with two cell vectors only, the periodic ones not the first."""
    layer = graphene()
    atoms = Atoms(layer.symbols, layer.positions[:, [2, 0, 1]], pbc=(False, True, True))
    atoms.cell[1:] = layer.cell.array[:2][:, [2, 0, 1]]
    return atoms


def wire() -> Atoms:
    """Return a zigzag chain along its only cell vector."""
    return Atoms("CuAu", [(0.0, 0.0, 0.3), (0.8, 0.0, 2.4)], cell=[(0, 0, 0), (0, 0, 0), (0, 0, 4.4)], pbc=(0, 0, 1))


def outside() -> Atoms:
    """Return a crystal whose atoms lie several cells away from the origin."""
    atoms: Atoms = bulk("Cu", cubic=True)
    atoms.positions += [[-30.0, 5.0, 0.0], [0.0, 50.0, 0.0], [0.0, 0.0, -20.0], [9.0, 9.0, 9.0]]
    atoms.positions[0] -= atoms.cell[1]
    return atoms


def boxed_molecule() -> Atoms:
    """Return a molecule in a cell that is not periodic, half of it outside."""
    atoms: Atoms = molecule("CH3CH2OH")
    atoms.set_cell([5.0, 6.0, 7.0])
    return atoms


def left_handed() -> Atoms:
    """Return a crystal whose cell vectors form a left-handed system."""
    atoms: Atoms = bulk("Cu", cubic=True) * (1, 1, 2)
    atoms.set_cell(atoms.cell.array[[1, 0, 2]])
    return atoms


def far_fragments() -> Atoms:
    """Return two molecules that cannot see each other."""
    other = molecule("H2O")
    other.positions += [40.0, -60.0, 30.0]
    together: Atoms = molecule("CH3OH") + other
    return together


STRUCTURES: dict[str, Callable[[], Atoms]] = {
    "crystal": lambda: bulk("Cu", cubic=True) * (2, 1, 1),
    "one-atom cell": lambda: bulk("Cu"),
    "one-atom cell, sheared": lambda: sheared(bulk("Cu", a=3.9)),
    "tiny cell": lambda: bulk("Cu", "sc", a=2.2),
    "flat cell": lambda: sheared(bulk("CuAu", "rocksalt", a=5.2)),
    "alloy": alloy,
    "alloy, sheared": lambda: sheared(alloy()),
    "atoms outside of the cell": outside,
    "left-handed cell": left_handed,
    "slab in vacuum": slab,
    "layer without a third vector": slab_without_third_vector,
    "wire": wire,
    "molecule": lambda: molecule("CH3CH2OH"),
    "molecule in a cell": boxed_molecule,
    "linear molecule": lambda: molecule("CO2"),
    "one isolated atom": lambda: Atoms("Au"),
    "two far fragments": far_fragments,
}

WITH_VOLUME = [name for name, make in STRUCTURES.items() if make().cell.rank == 3]
NOT_CRYSTALS = [name for name, make in STRUCTURES.items() if not make().pbc.all()]

LAWS: dict[str, Callable[[Atoms], None]] = {
    "forces are gradients": testing.check_forces_are_gradients,
    "energies sum to energy": testing.check_energies_sum_to_energy,
    "forces sum to zero": testing.check_forces_sum_to_zero,
    "torque is zero": testing.check_torque_is_zero,
    "rotation": testing.check_rotation,
    "mirror": testing.check_mirror,
    "translation": testing.check_translation,
    "permutation": testing.check_permutation,
    "wrapping": testing.check_wrapping,
    "lattice basis": testing.check_lattice_basis,
    "supercell": testing.check_supercell_is_extensive,
    "never stale": testing.check_results_are_never_stale,
    "own copies": testing.check_results_are_own_copies,
    "charges cost nothing": testing.check_charges_cost_nothing,
    "input untouched": testing.check_input_is_untouched,
    "calculator copies": testing.check_calculator_copies,
    "unknown element": testing.check_unknown_element_is_refused,
}


@pytest.fixture(scope="module")
def potential(make_potential: MakePotential) -> Potential:
    return make_potential(SYMBOLS, np.random.default_rng(1))


@pytest.fixture(params=STRUCTURES)
def atoms(request: pytest.FixtureRequest, potential: Potential) -> Atoms:
    structure = STRUCTURES[request.param]()
    structure.rattle(0.05, seed=7)
    structure.calc = RFHGNCalculator(potential)
    return structure


@pytest.mark.parametrize("law", LAWS)
def test_law(law: str, atoms: Atoms) -> None:
    LAWS[law](atoms)


@pytest.mark.parametrize("atoms", WITH_VOLUME, indirect=True)
def test_stress_is_strain_derivative(atoms: Atoms) -> None:
    testing.check_stress_is_strain_derivative(atoms)


@pytest.mark.parametrize("atoms", NOT_CRYSTALS, indirect=True)
def test_far_fragments_add(atoms: Atoms) -> None:
    testing.check_far_fragments_add(atoms)


@pytest.mark.parametrize("suffix", ["traj", "db", "extxyz"])
def test_file_round_trip(suffix: str, atoms: Atoms, tmp_path: Path) -> None:
    testing.check_file_round_trip(atoms, tmp_path / f"atoms.{suffix}")


@pytest.mark.parametrize("name", ["crystal", "slab in vacuum", "two far fragments"])
def test_threads(name: str, potential: Potential) -> None:
    structure = STRUCTURES[name]()
    structure.calc = RFHGNCalculator(potential)
    testing.check_threads(structure)


def test_smooth_at_the_cutoff_of_every_channel(potential: Potential) -> None:
    atoms = Atoms("HAu")
    atoms.calc = RFHGNCalculator(potential)
    for cutoff in potential.hamiltonian.encoder.cutoff_k:
        testing.check_smooth_at_cutoff(atoms, cutoff)


def test_smooth_at_the_radius_of_the_core_and_at_the_floor_of_the_encoder(potential: Potential) -> None:
    atoms = Atoms("HAu")
    atoms.calc = RFHGNCalculator(potential)
    for distance in (potential.baseline.core.radius_b[0], potential.hamiltonian.encoder.floor_b[0]):
        testing.check_smooth_at_cutoff(atoms, distance)


def test_isolated_atoms_have_one_body_energies(potential: Potential) -> None:
    atoms = Atoms(SYMBOLS)
    atoms.calc = RFHGNCalculator(potential)
    one_body = dict(zip(SYMBOLS, potential.baseline.one_body_s.tolist(), strict=True))
    testing.check_isolated_atoms_have_one_body_energies(atoms, one_body)


def test_save_and_load(potential: Potential, tmp_path: Path) -> None:
    atoms = alloy()
    atoms.calc = RFHGNCalculator(potential)
    testing.check_save_and_load(atoms, tmp_path / "potential.npz")
