"""Neighbour lists with a skin: searched seldom, and never a different graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, fcc111, molecule
from ase.md.verlet import VelocityVerlet
from conftest import MakePotential
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_rfhgn.calculators.opening import SettingsInputError
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph
from ase_rfhgn.structures.neighbour_list import NeighbourList

CUTOFF, SKIN = 3.5, 0.4

STRUCTURES: dict[str, Callable[[], Atoms]] = {
    "crystal": lambda: bulk("Cu", cubic=True) * (2, 2, 2),
    "small sheared cell": lambda: bulk("Cu"),
    "slab": lambda: fcc111("Cu", (2, 2, 3), vacuum=4.0),
    "molecule": lambda: molecule("CH3CH2OH"),
    "two far molecules": lambda: molecule("H2O") + Atoms("Cu2", [(80.0, 0.0, 0.0), (82.0, 0.0, 0.0)]),
    "single atom": lambda: Atoms("Cu"),
    "no atoms": Atoms,
}


def edges_of(graph: NeighbourGraph) -> list[tuple[int, int, float, float, float]]:
    """Return the edges in an order that does not depend on how they were found."""
    rounded_pc = np.round(graph.vector_pc, 9) + 0.0
    return sorted(zip(graph.centre_p, graph.neighbour_p, *rounded_pc.T, strict=True))


def assert_same_graph(found: NeighbourGraph, expected: NeighbourGraph) -> None:
    assert (np.diff(found.centre_p) >= 0).all()
    assert edges_of(found) == edges_of(expected)


@pytest.mark.parametrize("name", STRUCTURES)
@given(seed=st.integers(0, 2**32 - 1), step=st.sampled_from([0.01, 0.05, 0.2]))
@settings(deadline=None, max_examples=10)
def test_graphs_along_a_walk_are_those_of_new_searches(name: str, seed: int, step: float) -> None:
    rng, atoms, neighbours = np.random.default_rng(seed), STRUCTURES[name](), NeighbourList(CUTOFF, SKIN)
    for _ in range(6):
        assert_same_graph(neighbours.graph(atoms), build_graph(atoms, CUTOFF))
        atoms.positions += rng.normal(0.0, step, atoms.positions.shape)


def test_atoms_that_hardly_move_are_not_searched_again() -> None:
    atoms, neighbours = STRUCTURES["crystal"](), NeighbourList(CUTOFF, SKIN)
    for _ in range(5):
        neighbours.graph(atoms)
        atoms.positions[3, 0] += 0.11 * SKIN
    assert neighbours.searches == 1
    neighbours.graph(atoms)
    assert neighbours.searches == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda atoms: atoms.set_cell(1.01 * atoms.cell, scale_atoms=False),
        lambda atoms: atoms.set_pbc((True, True, False)),
        lambda atoms: atoms.set_atomic_numbers(np.roll(atoms.numbers, 1)),
        lambda atoms: atoms.pop(),
        lambda atoms: atoms.set_positions(atoms.positions + atoms.cell[0]),
        lambda atoms: atoms.set_positions(atoms.positions[::-1]),
    ],
    ids=["cell", "periodicity", "elements", "an atom less", "a lattice vector on", "order"],
)
def test_other_changes_are_noticed(change: Callable[[Atoms], None]) -> None:
    atoms, neighbours = STRUCTURES["crystal"](), NeighbourList(CUTOFF, SKIN)
    atoms.symbols[::3] = "Au"
    neighbours.graph(atoms)
    change(atoms)
    found = neighbours.graph(atoms)
    assert_same_graph(found, build_graph(atoms, CUTOFF))
    np.testing.assert_array_equal(found.number_n, atoms.numbers)


def test_the_structure_of_the_last_search_is_kept_apart() -> None:
    atoms, neighbours = STRUCTURES["crystal"](), NeighbourList(CUTOFF, SKIN)
    neighbours.graph(atoms)
    atoms.positions *= 1.2  # in place: a list that kept the array would not notice
    assert_same_graph(neighbours.graph(atoms), build_graph(atoms, CUTOFF))


@pytest.mark.parametrize("skin", [0.0, 0.3, 2.0])
def test_forces_do_not_depend_on_the_skin(make_potential: MakePotential, rng: np.random.Generator, skin: float) -> None:
    potential, atoms = make_potential(["Cu"], rng), STRUCTURES["crystal"]()
    neighbours = NeighbourList(potential.cutoff, skin)
    for _ in range(4):
        atoms.positions += rng.normal(0.0, 0.03, atoms.positions.shape)
        found, expected = potential.evaluate(atoms, neighbours=neighbours), potential.evaluate(atoms)
        scale = np.abs(expected.force_nc).max()
        np.testing.assert_allclose(found.force_nc, expected.force_nc, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_threads_change_no_bit(make_potential: MakePotential, rng: np.random.Generator, threads: int) -> None:
    potential, atoms = make_potential(["Cu", "Au"], rng), bulk("Cu", cubic=True) * (5, 5, 5)
    atoms.rattle(0.1, seed=0)
    atoms.symbols[::3] = "Au"
    shared, alone = potential.evaluate(atoms, threads=threads), potential.evaluate(atoms)
    np.testing.assert_array_equal(shared.energy_n, alone.energy_n)
    np.testing.assert_array_equal(shared.force_nc, alone.force_nc)
    np.testing.assert_array_equal(shared.stress_v, alone.stress_v)


@pytest.mark.parametrize("settings", [{"skin": 0.0}, {"skin": 1.0}, {"threads": 2}])
def test_dynamics_do_not_depend_on_skin_and_threads(
    make_potential: MakePotential, rng: np.random.Generator, settings: dict[str, float]
) -> None:
    potential, ends = make_potential(["Cu"], rng), []
    for chosen in ({}, settings):
        atoms = STRUCTURES["crystal"]()
        atoms.rattle(0.05, seed=1)
        atoms.calc = RFHGNCalculator(potential, **chosen)  # type: ignore[arg-type]
        VelocityVerlet(atoms, timestep=1.0 * units.fs).run(20)
        ends.append(atoms.positions)
    np.testing.assert_allclose(ends[1], ends[0], rtol=0, atol=1e-10)


@pytest.mark.parametrize("wrong", [{"skin": -0.1}, {"skin": np.inf}, {"skin": np.nan}, {"threads": 0}])
def test_impossible_skins_and_threads_are_refused(
    make_potential: MakePotential, rng: np.random.Generator, wrong: dict[str, float]
) -> None:
    with pytest.raises(SettingsInputError, match=r"skin is .* threads are"):
        RFHGNCalculator(make_potential(["Cu"], rng), **wrong)  # type: ignore[arg-type]
