"""Empty space costs nothing, and no edge is lost or invented."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_rfhgn.structures.compaction import BINS, compacted
from ase_rfhgn.structures.frame import frame_of
from ase_rfhgn.structures.graph import build_graph

pytestmark = pytest.mark.quick


@st.composite
def sparse_structures(draw: st.DrawFn) -> Atoms:
    """Draw a few clusters in a large, skewed cell, some atoms some turns away."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pbc = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    cell = rng.uniform(2.0, 40.0, 3)[:, None] * (np.eye(3) + 0.4 * rng.uniform(-1.0, 1.0, (3, 3)))
    centres = rng.uniform(0.0, 1.0, (draw(st.integers(1, 4)), 3)) @ cell
    positions = (centres[:, None] + rng.normal(0.0, 1.5, (len(centres), 3, 3))).reshape(-1, 3)
    turns = rng.integers(-3, 4, positions.shape) * np.array(pbc)
    return Atoms(np.full(len(positions), 29), positions + turns @ cell, cell=cell, pbc=pbc)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(atoms=sparse_structures(), cutoff=st.floats(0.5, 6.0))
def test_edges_of_sparse_structures_are_those_of_ase(atoms: Atoms, cutoff: float) -> None:
    graph = build_graph(atoms, cutoff)
    found = np.column_stack([graph.centre_p, graph.neighbour_p, graph.vector_pc])
    expected = np.column_stack(neighbor_list("ijD", atoms, cutoff))
    assert found.shape == expected.shape
    for row in expected:
        assert np.abs(found - row).max(axis=1).min() < 1e-9


@pytest.mark.parametrize("pbc", [True, (True, False, True), False])
def test_a_molecule_in_a_huge_box_costs_what_its_atoms_cost(pbc: bool | tuple[bool, bool, bool]) -> None:  # noqa: FBT001
    atoms = molecule("CH3CH2OH", cell=[1e5, 2e5, 1e5], pbc=pbc)
    atoms.positions += 0.3 * atoms.cell.array.sum(axis=0)
    tracemalloc.start()
    graph = build_graph(atoms, 1.0)
    frame_of(atoms, "in a box")
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()
    assert compacted(atoms, 1.0).atoms.get_volume() < 1e3
    assert len(graph.centre_p) == 2 * 1  # O–H


def test_a_thin_gas_has_few_bins() -> None:
    rng = np.random.default_rng(0)
    gas = Atoms(np.full(300, 18), rng.uniform(0.0, 1e5, (300, 3)), cell=[1e5] * 3, pbc=True)
    gas += Atoms("Ar2", gas.positions[:2] + np.array([0.9, 0.0, 0.0]))
    compact = compacted(gas, 1.0)
    assert compact.atoms.get_volume() / compact.bin_width**3 < 1.01 * BINS
    assert len(build_graph(gas, 1.0).centre_p) == 4
