"""Domains of a decomposed structure: their answers together are those of the structure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from conftest import MakePotential

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.features.response import voigt
from ase_rfhgn.models.domain import evaluate_domain
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.local_graph import LocalAtoms, LocalNeighbours

CUTOFF, SKIN = 3.4, 0.3


@pytest.fixture
def atoms(rng: np.random.Generator) -> Atoms:
    """Return a sheared crystal of two elements, thinner than the cutoff in one direction."""
    crystal: Atoms = bulk("Cu", cubic=True) * (3, 1, 1)
    crystal.numbers[rng.random(len(crystal)) < 0.4] = 13
    crystal.set_cell(crystal.cell.array @ (np.eye(3) + 0.08 * rng.normal(size=(3, 3))), scale_atoms=True)
    crystal.positions += rng.normal(0.0, 0.15, crystal.positions.shape)
    return crystal


@pytest.fixture
def potential(make_potential: MakePotential, rng: np.random.Generator) -> Potential:
    """Return a potential with random weights, whose repulsion is felt."""
    made = make_potential(["Al", "Cu"], rng, cutoff=CUTOFF)
    core = replace(made.baseline.core, radius_b=np.full(4, 2.8))
    return replace(made, baseline=replace(made.baseline, core=core))


def domains(atoms: Atoms, n_domains: int, halo: float) -> Iterator[tuple[IntArray, LocalAtoms]]:
    """Yield the own atoms of every domain, and the domain with all copies within a distance."""
    slab_n = np.floor(atoms.cell.scaled_positions(atoms.positions)[:, 0] % 1.0 * n_domains).astype(int)
    turns = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    image_nc = (atoms.positions[None] + (turns @ atoms.cell.array)[:, None]).reshape(-1, 3)
    identity_n = np.tile(np.arange(len(atoms)), len(turns))
    is_image_n = np.repeat(turns.any(axis=1), len(atoms))
    for domain in range(n_domains):
        own_n = np.flatnonzero(slab_n == domain)
        step_nnc = image_nc[:, None] - atoms.positions[own_n]
        near_n = (np.einsum("nmc,nmc->nm", step_nnc, step_nnc).min(axis=1, initial=np.inf)) < halo**2
        copy_n = np.flatnonzero(near_n & (is_image_n | (slab_n[identity_n] != domain)))
        identities = np.concatenate([own_n, identity_n[copy_n]])
        positions = np.concatenate([atoms.positions[own_n], image_nc[copy_n]])
        yield own_n, LocalAtoms(atoms.numbers[identities].astype(np.int64), positions, identities + 1, len(own_n))


@pytest.mark.parametrize("n_domains", [1, 2, 5])
def test_domains_add_up_to_the_structure(atoms: Atoms, potential: Potential, n_domains: int) -> None:
    wanted, force_nc, energy = potential.evaluate(atoms), np.zeros((len(atoms), 3)), 0.0
    virial_v: FloatArray = np.zeros(6)
    atomic_v: FloatArray = np.zeros(6)
    for own_n, local in domains(atoms, n_domains, (1 if n_domains == 1 else 2) * CUTOFF + SKIN):
        found = evaluate_domain(potential, LocalNeighbours(CUTOFF, SKIN).graph(local))
        energy += found.energy_n.sum()
        np.testing.assert_allclose(found.energy_n, wanted.energy_n[own_n], rtol=0.0, atol=1e-12)
        force_nc[own_n] = found.force_nc
        virial_v += found.virial_v
        atomic_v += found.virial_nv().sum(axis=0)
    assert wanted.stress_v is not None
    assert energy == pytest.approx(wanted.energy, rel=1e-12)
    np.testing.assert_allclose(force_nc, wanted.force_nc, rtol=0.0, atol=1e-11)
    np.testing.assert_allclose(virial_v, wanted.stress_v * atoms.get_volume(), rtol=0.0, atol=1e-10)
    np.testing.assert_allclose(atomic_v, virial_v, rtol=0.0, atol=1e-10)


def test_a_halo_of_one_cutoff_is_too_small_for_two_domains(atoms: Atoms, potential: Potential) -> None:
    wanted = potential.evaluate(atoms).force_nc
    found = [
        np.abs(evaluate_domain(potential, LocalNeighbours(CUTOFF, 0.0).graph(local)).force_nc - wanted[own_n]).max()
        for own_n, local in domains(atoms, 2, CUTOFF)
    ]
    assert max(found) > 1e-3


def test_one_domain_evaluates_own_atoms_alone(atoms: Atoms) -> None:
    local = LocalNeighbours(CUTOFF, SKIN).graph(next(domains(atoms, 1, CUTOFF + SKIN))[1])
    assert local.n_centres == local.n_own == len(atoms)
    assert local.graph.n_atoms == len(atoms) + 2


def test_per_atom_virials_of_pairs_are_shared_in_halves(atoms: Atoms, potential: Potential) -> None:
    pair = replace(potential, coefficient_sf=np.zeros_like(potential.coefficient_sf))
    found = evaluate_domain(pair, LocalNeighbours(CUTOFF, SKIN).graph(next(domains(atoms, 1, CUTOFF + SKIN))[1]))
    graph = found.local.graph
    for n in (0, 5):
        edges = graph.centre_p == n  # the reverse edges are their images: the same share again
        wanted = voigt(graph.vector_pc[edges].T @ found.gradient_pc[edges])
        np.testing.assert_allclose(found.virial_nv()[n], wanted, rtol=0.0, atol=1e-12)
    assert np.abs(found.virial_nv()).max() > 0.1


def test_pairs_are_searched_anew_only_when_they_must_be(atoms: Atoms) -> None:
    neighbours, local = LocalNeighbours(CUTOFF, SKIN), next(domains(atoms, 1, CUTOFF + SKIN))[1]
    neighbours.graph(local)
    neighbours.graph(replace(local, position_nc=local.position_nc + 0.08))
    assert neighbours.searches == 1
    neighbours.graph(replace(local, position_nc=local.position_nc + 0.09))
    assert neighbours.searches == 2
    order = np.r_[1, 0, 2 : len(local.number_n)]
    neighbours.graph(replace(local, identity_n=local.identity_n[order]))
    assert neighbours.searches == 3


def test_an_empty_domain_has_no_energy(potential: Potential) -> None:
    nobody = np.empty(0, dtype=np.int64)
    found = evaluate_domain(potential, LocalNeighbours(CUTOFF).graph(LocalAtoms(nobody, np.empty((0, 3)), nobody, 0)))
    assert found.energy_n.shape == (0,)
    assert found.force_nc.shape == (0, 3)
    assert found.virial_nv().shape == (0, 6)
    np.testing.assert_array_equal(found.virial_v, np.zeros(6))


def test_bad_places_name_the_atom(atoms: Atoms) -> None:
    local = next(domains(atoms, 1, CUTOFF + SKIN))[1]
    position_nc = local.position_nc.copy()
    position_nc[3, 1] = np.nan
    with pytest.raises(StructureError, match="position of atom 4 is not finite"):
        LocalNeighbours(CUTOFF).graph(replace(local, position_nc=position_nc))
    position_nc = local.position_nc.copy()
    position_nc[3] = position_nc[0]
    with pytest.raises(StructureError, match="atoms 1 and 4 are less than 1e-06 Å apart"):
        LocalNeighbours(CUTOFF).graph(replace(local, position_nc=position_nc))
