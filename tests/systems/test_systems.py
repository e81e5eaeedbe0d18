"""Reference systems: their forces are gradients, and their constants of motion are constant."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones

from ase_rfhgn import testing
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.dynamics.drivers import StormerVerlet
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.models.gradients import gradients_of
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.calculators import BondedPairs, ExternalField
from ase_rfhgn.systems.classics import fermi_pasta_ulam_tsingou_chain, four_bodies, kepler_orbit, ring_spring
from ase_rfhgn.systems.fields import Field, HarmonicWell, KeplerField, Pendulum
from ase_rfhgn.systems.lattices import chain, every_pair, lattice, ring, unit_atoms
from ase_rfhgn.systems.pair_laws import (
    AnharmonicSpring,
    InverseDistance,
    Morse,
    PairLaw,
    Spring,
    SquaredDistanceSpring,
    fermi_pasta_ulam_tsingou,
)

LAWS: dict[str, PairLaw] = {
    "spring": Spring(2.0, 1.1),
    "spring without length": Spring(1.5),
    "anharmonic": AnharmonicSpring(1.0, -0.6, 0.8, 1.1),
    "Morse": Morse(1.3, 1.7, 0.9),
    "squared distance": SquaredDistanceSpring(0.7, 1.2),
    "inverse distance": InverseDistance(1.4),
    "Fermi-Pasta-Ulam-Tsingou": fermi_pasta_ulam_tsingou(0.3, 0.2, 1.0),
}
FIELDS: dict[str, Field] = {"well": HarmonicWell(1.3), "pendulum": Pendulum(0.7), "Kepler": KeplerField(1.9)}
every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
every_field = pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)


def rattled(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    """Return the atoms off their sites, in all three dimensions."""
    atoms.positions += rng.normal(0.0, 0.15, atoms.positions.shape)
    return atoms


@every_law
def test_slope_of_a_law_is_its_derivative(law: PairLaw) -> None:
    distance_p, step = np.linspace(0.4, 2.5, 40), 1e-5
    slope_p = (law(distance_p + step)[0] - law(distance_p - step)[0]) / (2 * step)
    np.testing.assert_allclose(law(distance_p)[1], slope_p, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("law", [Spring(2.0, 1.1), AnharmonicSpring(3.0, 1.0, 1.0, 1.1), Morse(1.3, 1.7, 1.1)])
def test_bonds_rest_at_their_length(law: PairLaw) -> None:
    np.testing.assert_array_equal(law(np.array([1.1])), np.zeros((2, 1)))


def test_anharmonic_spring_without_higher_terms_is_a_spring() -> None:
    distance_p = np.linspace(0.0, 3.0, 9)
    np.testing.assert_allclose(AnharmonicSpring(2.0, rest_length=1.0)(distance_p), Spring(2.0, 1.0)(distance_p))


@every_law
@pytest.mark.parametrize("shape", [(4,), (3, 3), (2, 2, 3)])
@pytest.mark.parametrize("periodic", [False, True])
def test_forces_and_stress_are_derivatives(
    law: PairLaw, shape: tuple[int, ...], rng: np.random.Generator, *, periodic: bool
) -> None:
    atoms, bonds = lattice(shape, periodic=periodic)
    rattled(atoms, rng).calc = BondedPairs(law, bonds)
    testing.check_forces_are_gradients(atoms)
    testing.check_forces_sum_to_zero(atoms)
    testing.check_energies_sum_to_energy(atoms)
    if atoms.cell.rank == 3:
        testing.check_stress_is_strain_derivative(atoms)


@every_field
def test_forces_of_fields_are_gradients(field: Field, rng: np.random.Generator) -> None:
    atoms = rattled(lattice((2, 2))[0], rng)
    atoms.positions += 0.5
    atoms.calc = ExternalField(field)
    testing.check_forces_are_gradients(atoms)
    testing.check_energies_sum_to_energy(atoms)


def test_energy_of_bonds_is_the_sum_over_a_list(rng: np.random.Generator) -> None:
    atoms = rattled(unit_atoms(5), rng)
    pairs = [(0, 3), (3, 4), (1, 4)]
    atoms.calc = BondedPairs(Morse(), Bonds.between(pairs))
    distance_p = np.array([atoms.get_distance(*pair) for pair in pairs])
    assert atoms.get_potential_energy() == pytest.approx(Morse()(distance_p)[0].sum(), rel=1e-13)


def test_every_pair_has_one_bond() -> None:
    bonds = every_pair(5)
    assert {tuple(sorted(pair)) for pair in zip(bonds.first_j, bonds.second_j, strict=True)} == set(
        combinations(range(5), 2)
    )
    assert len(bonds) == 10


def test_nodes_at_the_same_place_have_no_force_from_a_spring_without_length() -> None:
    atoms, bonds = lattice((2, 2), spacing=0.0)
    atoms.calc = BondedPairs(Spring(), bonds)
    np.testing.assert_array_equal(atoms.get_forces(), np.zeros((4, 3)))


def test_bonds_beyond_the_structure_are_refused() -> None:
    atoms = unit_atoms(3)
    atoms.calc = BondedPairs(Spring(), ring(4))
    with pytest.raises(StructureError, match="bonds name atoms 0 to 3"):
        atoms.get_forces()


@pytest.mark.parametrize(
    ("shape", "periodic", "degrees"),
    [
        ((5,), False, {1: 2, 2: 3}),
        ((5,), True, {2: 5}),
        ((2, 2), False, {2: 4}),
        ((3, 3), False, {2: 4, 3: 4, 4: 1}),
        ((3, 4), True, {4: 12}),
        ((2, 2, 2), False, {3: 8}),
        ((3, 3, 3), False, {3: 8, 4: 12, 5: 6, 6: 1}),
        ((2, 2, 2), True, {6: 8}),
        ((1,), False, {0: 1}),
    ],
)
def test_nodes_of_a_lattice_have_their_degrees(
    shape: tuple[int, ...], degrees: dict[int, int], *, periodic: bool
) -> None:
    atoms, bonds = lattice(shape, periodic=periodic)
    degree_n = np.bincount(np.concatenate([bonds.first_j, bonds.second_j]), minlength=len(atoms))
    assert {int(degree): int(np.sum(degree_n == degree)) for degree in np.unique(degree_n)} == degrees


@pytest.mark.parametrize("shape", [(4,), (3, 2), (2, 3, 4)])
@pytest.mark.parametrize("periodic", [False, True])
def test_every_bond_of_a_lattice_is_one_spacing_long(shape: tuple[int, ...], *, periodic: bool) -> None:
    atoms, bonds = lattice(shape, spacing=1.3, periodic=periodic)
    atoms.calc = BondedPairs(Spring(1.0, 1.3), bonds)
    assert atoms.get_potential_energy() == pytest.approx(0.0, abs=1e-25)
    assert not atoms.positions[:, len(shape) :].any()


@pytest.mark.parametrize("shape", [(), (2, 0), (1, 1, 1, 1)])
def test_senseless_lattices_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="shape of the lattice is"):
        lattice(shape)


@pytest.mark.parametrize("wrong", [{"spacing": -1.0}, {"mass": 0.0}])
def test_senseless_sizes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=r"spacing is .* and mass"):
        chain(3, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("n_nodes", "n_bonds"), [(1, 0), (2, 1), (3, 3), (6, 6)])
def test_rings_close(n_nodes: int, n_bonds: int) -> None:
    assert len(ring(n_nodes)) == n_bonds


def test_ring_springs_are_those_of_the_benchmark() -> None:
    random = np.random.RandomState(42)  # the generator of the benchmark
    states = [ring_spring(5, random) for _ in range(100)]
    np.testing.assert_allclose(states[0].positions[0], [0.74908024, 1.90142861, 0.0], atol=1e-8)
    assert np.mean([atoms.get_total_energy() for atoms in states]) == pytest.approx(6.633, abs=5e-4)


def test_four_bodies_start_as_in_the_benchmark() -> None:
    atoms = four_bodies()
    distances = [8.0, 10.0, 2.0, 2.0, 10.0, 12.0]
    kinetic = 0.05**2 + 0.65**2
    assert atoms.get_total_energy() == pytest.approx(kinetic - np.sum(1.0 / np.array(distances)), rel=1e-14)


def kepler_invariants(atoms: Atoms) -> FloatArray:
    """Return energy, angular momentum and the Laplace–Runge–Lenz vector p × L − q/|q|."""
    q, p = atoms.positions[0], atoms.get_momenta()[0]
    momentum = np.cross(q, p)
    lenz = np.cross(p, momentum) - q / np.linalg.norm(q)
    return np.array([atoms.get_total_energy(), *momentum, *lenz])


def test_kepler_orbit_closes_and_keeps_its_invariants() -> None:
    atoms = kepler_orbit(eccentricity=0.3)
    start, before = atoms.get_positions(), kepler_invariants(atoms)
    np.testing.assert_allclose(before, [-0.5, 0.0, 0.0, np.sqrt(1 - 0.3**2), 0.3, 0.0, 0.0], atol=1e-14)
    StormerVerlet(atoms, 2 * np.pi / 2000).run(2000)
    np.testing.assert_allclose(atoms.positions, start, atol=1e-3)
    np.testing.assert_allclose(kepler_invariants(atoms), before, atol=1e-3)


@pytest.mark.parametrize("wrong", [{"eccentricity": 1.0}, {"axis": 0.0}, {"strength": -1.0}])
def test_orbits_that_are_no_ellipses_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="no ellipse has"):
        kepler_orbit(**wrong)


def test_small_pendulum_has_its_period() -> None:
    atoms = unit_atoms(1, mass=2.0)
    atoms.positions[0, 0] = 1e-3
    atoms.calc = ExternalField(Pendulum(strength=0.5))
    StormerVerlet(atoms, 2 * np.pi * np.sqrt(2.0 / 0.5) / 400).run(100)
    assert abs(atoms.positions[0, 0]) < 1e-6
    assert atoms.get_momenta()[0, 0] == pytest.approx(-1e-3, rel=1e-3)


def test_chain_has_the_energy_of_its_formula() -> None:
    alpha, beta, n_nodes = 0.25, 0.4, 6
    atoms = fermi_pasta_ulam_tsingou_chain(n_nodes, alpha=alpha, beta=beta, amplitude=1.5, mode=2)
    q = atoms.positions[:, 0] - 2.0 * np.arange(n_nodes + 2)
    assert q[0] == 0.0
    assert abs(q[-1]) < 1e-14
    step = q[:-1] - q[1:]
    expected = np.sum(step**2 / 2 + alpha / 3 * step**3 + beta / 4 * step**4)
    assert atoms.get_total_energy() == pytest.approx(expected, rel=1e-13)


def test_harmonic_chain_oscillates_in_its_normal_mode() -> None:
    atoms = fermi_pasta_ulam_tsingou_chain(7, alpha=0.0, amplitude=0.1)
    before = atoms.get_positions()
    period = 2 * np.pi / (2 * np.sin(np.pi / 16))
    StormerVerlet(atoms, period / 1000).run(1000)
    np.testing.assert_allclose(atoms.positions, before, atol=1e-6)


@pytest.mark.parametrize("make", [four_bodies, kepler_orbit, fermi_pasta_ulam_tsingou_chain])
def test_hamiltonian_is_kinetic_plus_potential(make: type[Atoms]) -> None:
    atoms = make()
    gradients = gradients_of(atoms)
    assert gradients.energy == pytest.approx(atoms.get_potential_energy() + atoms.get_kinetic_energy())
    np.testing.assert_array_equal(gradients.velocity_nc, atoms.get_velocities())
    np.testing.assert_array_equal(gradients.force_nc, atoms.get_forces(apply_constraint=False))


def test_smooth_lennard_jones_of_ase_has_exact_forces() -> None:
    atoms = lattice((3, 3, 3), spacing=1.4, periodic=True)[0]
    atoms.rattle(0.05, seed=0)
    atoms.calc = LennardJones(rc=2.5, smooth=True)
    testing.check_forces_are_gradients(atoms)
