"""Hessians: second differences of the forces, whatever the structure; dense and sparse ones agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from conftest import MakePotential

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.features.spherical.density_limit import DensityLimit
from ase_rfhgn.models import hessian as sums
from ase_rfhgn.models.potential import Potential

STEP = 1e-4


def awkward(name: str, rng: np.random.Generator) -> Atoms:
    """Return one of several structures: cells smaller than the cutoff, without a volume, dense, too close."""
    if name == "primitive":
        primitive: Atoms = bulk("Cu", a=3.5)
        return primitive
    if name == "single":
        return Atoms("Cu")
    if name == "slab":
        slab: Atoms = fcc111("Cu", (2, 1, 2))
        slab.numbers[1] = 79
        slab.cell[2] = 0.0
        return _rattled(slab, rng)
    if name == "molecule":
        cluster: Atoms = molecule("CH3OH")
        cluster.numbers[:] = [29, 79, 29, 79, 29, 79]
        return cluster
    atoms: Atoms = bulk("Cu", "bcc", a={"skewed": 3.0, "dense": 2.3}[name], cubic=True)
    atoms.numbers[0] = 79
    atoms.set_cell(atoms.cell.array + rng.normal(0.0, 0.2, (3, 3)), scale_atoms=True)
    return _rattled(atoms, rng)


def _rattled(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    atoms.positions += rng.normal(0.0, 0.1, atoms.positions.shape)
    return atoms


@pytest.fixture(scope="module")
def potential(make_potential: MakePotential) -> Potential:
    """Return a potential with random weights, a density limit, and a repulsion."""
    made = make_potential(("Cu", "Au"), np.random.default_rng(5), channels=3, projections=2)
    limit = DensityLimit(made.cutoff, np.array([4.0, 4.0]), 0.5)
    return replace(made, hamiltonian=replace(made.hamiltonian, density_limit=limit))


def differences(potential: Potential, atoms: Atoms) -> FloatArray:
    """Return the Hessian by central differences of the forces."""
    rows = []
    for coordinate in range(3 * len(atoms)):
        forces = []
        for sign in (1.0, -1.0):
            moved = atoms.copy()
            moved.positions[coordinate // 3, coordinate % 3] += sign * STEP
            forces.append(potential.evaluate(moved).force_nc.ravel())
        rows.append((forces[1] - forces[0]) / (2.0 * STEP))
    return np.array(rows)


NAMES = ("primitive", "single", "slab", "molecule", "skewed", "dense")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_derivative_of_the_forces(name: str, potential: Potential, rng: np.random.Generator) -> None:
    atoms = awkward(name, rng)
    expected = differences(potential, atoms)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(potential.hessian(atoms), expected, rtol=0.0, atol=1e-6 * scale)


def test_the_dense_structure_is_beyond_the_density_limit(potential: Potential, rng: np.random.Generator) -> None:
    limit = potential.hamiltonian.density_limit
    assert limit is not None
    graph = potential._graph(awkward("dense", rng))  # what the features see
    density_n = limit.density(graph)
    effect = limit.sites(density_n, np.zeros(len(density_n), dtype=int))
    assert (effect.scale_n < 1.0).all()
    assert (effect.energy_n > 0.0).any()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_symmetric_and_knows_no_translation(name: str, potential: Potential, rng: np.random.Generator) -> None:
    atoms = awkward(name, rng)
    hessian = potential.hessian(atoms)
    tolerance = 1e-11 * max(1.0, np.abs(hessian).max())
    np.testing.assert_allclose(hessian, hessian.T, rtol=0.0, atol=tolerance)
    shifted = hessian.reshape(3 * len(atoms), len(atoms), 3).sum(axis=1)
    np.testing.assert_allclose(shifted, 0.0, rtol=0.0, atol=10.0 * tolerance)


def test_a_sparse_one_is_the_same(
    potential: Potential, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    atoms = awkward("skewed", rng) * (2, 2, 1)
    dense = potential.hessian(atoms)
    monkeypatch.setattr(sums, "BLOCKS_PER_SUM", 100)
    sparse = potential.sparse_hessian(atoms)
    np.testing.assert_allclose(sparse.toarray(), dense, rtol=0.0, atol=1e-11)
    vector = rng.normal(size=3 * len(atoms))
    np.testing.assert_allclose(sparse @ vector, dense @ vector, rtol=0.0, atol=1e-10)


def test_far_atoms_have_no_block(potential: Potential) -> None:
    atoms = Atoms("Cu4", [(0, 0, 0), (2.2, 0, 0), (30, 0, 0), (32.2, 0, 0)])
    assert potential.sparse_hessian(atoms).nnz == 8 * 9


def test_bad_input_is_refused(potential: Potential) -> None:
    with pytest.raises(StructureError, match="Fe"):
        potential.hessian(Atoms("Fe"))


def test_waves_that_fit_a_supercell_are_its_modes(potential: Potential, rng: np.random.Generator) -> None:
    """Hessians by waves q with period N, together, have the eigenvalues of the Hessian of N cells."""
    atoms = awkward("skewed", rng)
    point_ic = np.array([[number / 3.0, 0.0, 0.0] for number in range(3)])
    wave_vector_ic = 2.0 * np.pi * point_ic @ atoms.cell.reciprocal().array
    waves = sums.bloch_hessians(potential.hessian_parts(atoms), len(atoms), wave_vector_ic)
    np.testing.assert_allclose(waves, waves.conj().transpose(0, 2, 1), atol=1e-10)
    expected = np.linalg.eigvalsh(potential.hessian(atoms * (3, 1, 1)))
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(waves).ravel()), expected, atol=1e-9 * np.abs(expected).max())


def test_waves_are_answered_with_their_phases(potential: Potential, rng: np.random.Generator) -> None:
    """The Hessian by a wave is what a supercell answers to this wave, and not to the one that runs the other way."""
    atoms = awkward("skewed", rng)
    point_c, cells = np.array([1.0 / 3.0, 0.0, 0.0]), atoms * (3, 1, 1)
    wave_vector_c = 2.0 * np.pi * point_c @ atoms.cell.reciprocal().array
    (hessian_ff,) = sums.bloch_hessians(potential.hessian_parts(atoms), len(atoms), wave_vector_c[None])
    motion_nc = rng.normal(size=(len(atoms), 3)) + 1j * rng.normal(size=(len(atoms), 3))
    phase_nc = np.exp(1j * cells.positions @ wave_vector_c)[:, None].repeat(3, axis=1)
    answer = phase_nc[: len(atoms)].ravel() * (hessian_ff @ motion_nc.ravel())
    expected = (potential.hessian(cells) @ (phase_nc * np.tile(motion_nc, (3, 1))).ravel())[: 3 * len(atoms)]
    np.testing.assert_allclose(answer, expected, atol=1e-9 * np.abs(expected).max())
