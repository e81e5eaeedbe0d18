"""Virials of atoms and the heat flux: sums, motion of the energy, and conventions."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from conftest import MakePotential

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.models.potential import Potential


@pytest.fixture(scope="module")
def potential(make_potential: MakePotential) -> Potential:
    """Return a potential with random weights."""
    return make_potential(("Cu", "Au"), np.random.default_rng(6), channels=3)


def moving(rng: np.random.Generator, *, periodic: bool) -> Atoms:
    """Return a rattled alloy with momenta."""
    atoms: Atoms = bulk("Cu", a=3.4, cubic=True) * (2, 1, 1)
    atoms.numbers[::3] = 79
    atoms.positions += rng.normal(0.0, 0.1, atoms.positions.shape)
    if not periodic:
        atoms.cell[:] = 0.0
        atoms.pbc = False
    atoms.set_momenta(rng.normal(0.0, 3.0, atoms.positions.shape))
    return atoms


def energy_moment(potential: Potential, atoms: Atoms) -> FloatArray:
    """Return Σ r e of the atoms, with their kinetic energies."""
    kinetic_n = 0.5 * np.einsum("nc,nc->n", atoms.get_momenta(), atoms.get_velocities())
    moment: FloatArray = (potential.evaluate(atoms).energy_n + kinetic_n) @ atoms.positions
    return moment


def test_the_heat_flux_moves_the_energy(potential: Potential, rng: np.random.Generator) -> None:
    atoms, step = moving(rng, periodic=False), 1e-5
    force_nc, moments = potential.evaluate(atoms).force_nc, []
    for time in (step, -step):
        later = atoms.copy()
        later.positions += time * atoms.get_velocities()
        later.set_momenta(atoms.get_momenta() + time * force_nc)
        moments.append(energy_moment(potential, later))
    np.testing.assert_allclose(potential.heat_flux(atoms), (moments[0] - moments[1]) / (2.0 * step), atol=1e-7)


def test_a_cluster_that_flies_carries_its_energy(potential: Potential, rng: np.random.Generator) -> None:
    atoms = moving(rng, periodic=False)
    velocity = np.array([0.1, -0.2, 0.3])
    atoms.set_momenta(atoms.get_masses()[:, None] * velocity)
    answer = potential.evaluate(atoms)
    virial_cc = potential.atomic_virials(atoms).sum(axis=0)
    energy = answer.energy + atoms.get_kinetic_energy()
    np.testing.assert_allclose(potential.heat_flux(atoms), energy * velocity - virial_cc @ velocity, atol=1e-10)


def test_the_heat_flux_is_extensive(potential: Potential, rng: np.random.Generator) -> None:
    atoms = moving(rng, periodic=True)
    flux = potential.heat_flux(atoms)
    np.testing.assert_allclose(potential.heat_flux(atoms * (2, 1, 1)), 2.0 * flux, atol=1e-9)


def test_virials_add_up_to_the_stress(potential: Potential, rng: np.random.Generator) -> None:
    atoms = moving(rng, periodic=True)
    atoms.calc = RFHGNCalculator(potential)
    np.testing.assert_allclose(atoms.get_stresses().sum(axis=0), atoms.get_stress(), atol=1e-12)
    total_cc = potential.atomic_virials(atoms).sum(axis=0) / atoms.get_volume()
    np.testing.assert_allclose(total_cc, atoms.get_stress(voigt=False), atol=1e-12)


def test_stresses_need_a_volume(potential: Potential, rng: np.random.Generator) -> None:
    atoms = moving(rng, periodic=False)
    atoms.calc = RFHGNCalculator(potential)
    with pytest.raises(PropertyNotImplementedError, match="stresses needs"):
        atoms.get_stresses()
    assert np.isfinite(atoms.get_potential_energy())


def test_stresses_cost_nothing_unless_asked_for(potential: Potential, rng: np.random.Generator) -> None:
    atoms = moving(rng, periodic=True)
    atoms.calc = RFHGNCalculator(potential)
    atoms.get_forces()
    assert "stresses" not in atoms.calc.results


@pytest.mark.parametrize("periodic", [True, False])
def test_energies_by_edges_are_those_of_an_evaluation(
    potential: Potential, rng: np.random.Generator, *, periodic: bool
) -> None:
    atoms = moving(rng, periodic=periodic)
    atoms.positions[0] = atoms.positions[1] + 0.9  # the repulsion acts, too
    response = potential.respond_by_edges(potential._graph(atoms))
    np.testing.assert_allclose(response.energy_n, potential.evaluate(atoms).energy_n, atol=1e-12)
