"""Neighbour graphs, compared with ASE's own search."""

from __future__ import annotations

import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.structures.graph import Bonds, NeighbourGraph, bonded_graph, build_graph


def sorted_edges(centre_p: IntArray, neighbour_p: IntArray, vector_pc: FloatArray) -> FloatArray:
    """Return a row (tail, head, vector) per edge, in an order that does not depend on rounding."""
    edge_p = np.column_stack([centre_p, neighbour_p, vector_pc])
    return edge_p[np.lexsort(np.round(edge_p, 6).T[::-1])]


def assert_same_edges(graph: NeighbourGraph, atoms: Atoms, cutoff: float) -> None:
    """Assert that a graph has the edges that ASE finds."""
    actual = sorted_edges(graph.centre_p, graph.neighbour_p, graph.vector_pc)
    expected = sorted_edges(*neighbor_list("ijD", atoms, cutoff))
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=1e-9)


@st.composite
def structures(draw: st.DrawFn) -> Atoms:
    """Draw one to six atoms in a random cell, skewed and left-handed ones too, atoms outside included."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pbc = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    n_atoms = draw(st.integers(1, 6))
    shear = draw(st.sampled_from([0.0, 0.3, 2.0]))
    cell = rng.uniform(1.5, 6.0) * (np.eye(3) + shear * rng.uniform(-1.0, 1.0, (3, 3)))
    if abs(np.linalg.det(cell)) < 2.0 or draw(st.booleans()):
        cell = np.diag(rng.uniform(1.5, 6.0, 3))[rng.permutation(3)]
    positions = rng.uniform(-1.5, 2.5, (n_atoms, 3)) @ cell
    return Atoms(np.full(n_atoms, 29), positions, cell=cell, pbc=pbc)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(atoms=structures(), cutoff=st.floats(0.5, 6.0))
def test_edges_are_those_of_ase(atoms: Atoms, cutoff: float) -> None:
    assert_same_edges(build_graph(atoms, cutoff), atoms, cutoff)


@pytest.mark.parametrize("missing", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_directions_that_are_not_periodic_need_no_cell_vector(missing: tuple[int, ...]) -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.3, seed=1)
    atoms.pbc[list(missing)] = False
    with_vectors = build_graph(atoms, 4.0)
    atoms.cell[list(missing)] = 0.0
    without = build_graph(atoms, 4.0)
    np.testing.assert_allclose(
        sorted_edges(without.centre_p, without.neighbour_p, without.vector_pc),
        sorted_edges(with_vectors.centre_p, with_vectors.neighbour_p, with_vectors.vector_pc),
        atol=1e-12,
    )
    assert_same_edges(without, atoms, 4.0)


def test_cell_much_smaller_than_the_cutoff() -> None:
    atoms = bulk("Cu", "sc", a=1.0)
    graph = build_graph(atoms, 5.05)
    lattice_pc = np.array(np.meshgrid(*[np.arange(-6, 7)] * 3)).reshape(3, -1).T
    n_near = np.count_nonzero(np.linalg.norm(lattice_pc, axis=1) < 5.05) - 1
    assert len(graph.centre_p) == n_near
    assert not graph.centre_p.any()
    assert not graph.neighbour_p.any()


def test_every_edge_has_its_reverse() -> None:
    atoms = molecule("CH3CH2OH")
    graph = build_graph(atoms, 3.0)
    there = sorted_edges(graph.centre_p, graph.neighbour_p, graph.vector_pc)
    back = sorted_edges(graph.neighbour_p, graph.centre_p, -graph.vector_pc)
    np.testing.assert_allclose(there, back, atol=1e-12)


def test_edges_are_grouped_by_their_tails() -> None:
    atoms = molecule("CH3CH2OH") + Atoms("Au", [(50.0, 0.0, 0.0)])
    graph = build_graph(atoms, 2.0)
    assert (np.diff(graph.centre_p) >= 0).all()
    np.testing.assert_array_equal(np.diff(graph.first_n), np.bincount(graph.centre_p, minlength=len(atoms)))
    assert np.diff(graph.first_n)[-1] == 0


def test_vectors_join_the_atoms() -> None:
    atoms = molecule("CH3CH2OH")
    graph = build_graph(atoms, 3.0)
    expected = atoms.positions[graph.neighbour_p] - atoms.positions[graph.centre_p]
    np.testing.assert_allclose(graph.vector_pc, expected, atol=1e-12)
    np.testing.assert_allclose(graph.distance_p, np.linalg.norm(expected, axis=1), atol=1e-12)
    np.testing.assert_array_equal(graph.number_n, atoms.numbers)


@pytest.mark.parametrize("atoms", [Atoms(), Atoms("Au"), Atoms(cell=[4.0, 4.0, 4.0], pbc=True)], ids=str)
def test_structures_without_a_neighbour_have_no_edges(atoms: Atoms) -> None:
    graph = build_graph(atoms, 5.0)
    assert graph.vector_pc.shape == (0, 3)
    assert graph.n_atoms == len(atoms)
    np.testing.assert_array_equal(graph.first_n, np.zeros(len(atoms) + 1))


@pytest.mark.parametrize("distance", [1e3, 1e5, 1e9])
def test_atoms_far_apart_cost_no_memory(distance: float) -> None:
    atoms = Atoms("Cu3", [(0.0, 0.0, 0.0), (2.5, 0.0, 0.0), (distance, -distance, distance)])
    start = time.process_time()
    graph = build_graph(atoms, 5.0)
    assert time.process_time() - start < 1.0
    np.testing.assert_array_equal(graph.centre_p, [0, 1])


def test_bonds_are_edges_in_both_directions_through_their_images() -> None:
    atoms = Atoms("H2", positions=[(0.5, 0.0, 0.0), (1.5, 0.0, 0.0)], cell=[2.5, 1.0, 1.0], pbc=True)
    bonds = Bonds(np.array([0, 1]), np.array([1, 0]), np.array([(0, 0, 0), (1, 0, 0)]))
    graph = bonded_graph(atoms, bonds)
    assert list(zip(graph.centre_p, graph.neighbour_p, strict=True)) == [(0, 1), (0, 1), (1, 0), (1, 0)]
    np.testing.assert_allclose(graph.vector_pc[:, 0], [1.0, -1.5, 1.5, -1.0])
    assert not graph.vector_pc[:, 1:].any()


def test_bonds_of_nearest_neighbours_are_those_of_the_cutoff() -> None:
    atoms = bulk("Cu", cubic=True) * (3, 1, 1)
    expected = build_graph(atoms, 2.8)
    images_pc = np.rint(
        (expected.vector_pc - atoms.positions[expected.neighbour_p] + atoms.positions[expected.centre_p])
        @ np.linalg.inv(atoms.cell.array)
    ).astype(int)
    once = [
        (first, second, tuple(image)) < (second, first, tuple(-image))
        for first, second, image in zip(expected.centre_p, expected.neighbour_p, images_pc, strict=True)
    ]
    bonds = Bonds(expected.centre_p[once], expected.neighbour_p[once], images_pc[once])
    assert len(bonds) == 6 * len(atoms)
    assert_same_edges(bonded_graph(atoms, bonds), atoms, 2.8)


def test_atoms_without_bonds_have_no_edges() -> None:
    assert len(bonded_graph(Atoms("H2"), Bonds.between([])).centre_p) == 0


@pytest.mark.parametrize("pair", [(0, 2), (-1, 1)])
def test_bond_to_a_missing_atom_is_an_error(pair: tuple[int, int]) -> None:
    with pytest.raises(StructureError, match=f"bonds name atoms .*{max(pair) if max(pair) > 1 else -1}.* 0 to 1"):
        bonded_graph(Atoms("H2"), Bonds.between([pair]))
