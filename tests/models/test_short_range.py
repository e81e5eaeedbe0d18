"""One-body energies and the short-range core, against ZBL's formula as printed in textbooks."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.models.baselines.short_range import Baseline, ShortRangeCore, screened_coulomb
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph

PAIRS = [("H", "H"), ("O", "H"), ("Si", "Si"), ("Cu", "Au"), ("W", "W")]
RADIUS = 1.8


def zbl(first: str, second: str, distance: FloatArray) -> FloatArray:
    """Return ZBL's universal potential (eV) with the rounded constants of the textbooks."""
    first_charge, second_charge = atomic_numbers[first], atomic_numbers[second]
    reduced = distance * (first_charge**0.23 + second_charge**0.23) / 0.46850
    screening = (
        0.18175 * np.exp(-3.19980 * reduced)
        + 0.50986 * np.exp(-0.94229 * reduced)
        + 0.28022 * np.exp(-0.40290 * reduced)
        + 0.02817 * np.exp(-0.20162 * reduced)
    )
    energy: FloatArray = 14.399645 * first_charge * second_charge / distance * screening
    return energy


def numbers(symbol: str, count: int) -> IntArray:
    """Return the atomic number of an element, repeated."""
    return np.full(count, atomic_numbers[symbol])


def core_of(*symbols: str, radius: float = RADIUS, strength: float = 1.0) -> ShortRangeCore:
    """Return a core with one radius and one strength for all pairs."""
    species_s = np.array(sorted(atomic_numbers[symbol] for symbol in symbols))
    n_pairs = len(species_s) ** 2
    return ShortRangeCore(species_s, np.full(n_pairs, radius), np.full(n_pairs, strength))


def dimer(first: str, second: str, distance: float) -> NeighbourGraph:
    """Return the graph of a dimer."""
    return build_graph(Atoms([first, second], [(0.0, 0.0, 0.0), (0.0, distance, 0.0)]), 5.0)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_screened_coulomb_is_zbl(first: str, second: str) -> None:
    distance_p = np.geomspace(0.01, 3.0, 40)
    value_p, _, _ = screened_coulomb(distance_p, numbers(first, 40), numbers(second, 40))
    np.testing.assert_allclose(value_p, zbl(first, second, distance_p), rtol=1e-4)


def test_screened_coulomb_is_bare_at_contact() -> None:
    value_p, _, _ = screened_coulomb(np.array([1e-9]), numbers("Cu", 1), numbers("O", 1))
    np.testing.assert_allclose(value_p * 1e-9, 29 * 8 * 14.399645, rtol=1e-5)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_derivatives_of_screened_coulomb(first: str, second: str) -> None:
    distance_p = np.geomspace(0.1, 3.0, 25)
    charges = numbers(first, 25), numbers(second, 25)
    step_p = 1e-5 * distance_p
    value, slope, curvature = zip(
        *(screened_coulomb(distance_p + sign * step_p, *charges) for sign in (-1, 0, 1)), strict=True
    )
    np.testing.assert_allclose(slope[1], (value[2] - value[0]) / (2 * step_p), rtol=1e-6)
    np.testing.assert_allclose(curvature[1], (slope[2] - slope[0]) / (2 * step_p), rtol=1e-6)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_core_is_the_rest_of_a_taylor_expansion(first: str, second: str) -> None:
    response = core_of(first, second).respond(dimer(first, second, 0.9))
    value_p, slope_p, curvature_p = screened_coulomb(np.array([RADIUS]), numbers(first, 1), numbers(second, 1))
    expansion = value_p[0] - 0.9 * slope_p[0] + 0.5 * 0.9**2 * curvature_p[0]
    expected = zbl(first, second, np.array([0.9]))[0] - expansion
    np.testing.assert_allclose(response.energy_n.sum(), expected, rtol=1e-3)


def test_core_vanishes_smoothly_at_its_radius() -> None:
    core, pair_p = core_of("Cu"), np.zeros(1, dtype=np.int64)
    for step in (1e-2, 1e-3):
        energy_p, slope_p = core.pair_energy(np.array([RADIUS - step]), pair_p)
        assert 0.0 < energy_p[0] < 1e4 * step**3
        assert 0.0 > slope_p[0] > -3e4 * step**2


def test_core_is_silent_beyond_its_radius() -> None:
    response = core_of("Cu").respond(dimer("Cu", "Cu", RADIUS + 1e-9))
    assert not response.energy_n.any()
    assert not response.force_nc.any()
    assert not response.virial_cc.any()


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_core_rises_ever_faster_as_atoms_approach(first: str, second: str) -> None:
    core = core_of(first, second)
    energy_d = [core.respond(dimer(first, second, d)).energy_n.sum() for d in np.linspace(RADIUS, 0.02, 200)]
    assert (np.diff(energy_d) > 0.0).all()
    assert (np.diff(energy_d, n=2) > 0.0).all()
    assert energy_d[-1] > 100.0


def test_forces_and_virial_are_derivatives(rng: np.random.Generator) -> None:
    core = core_of("Cu", "O")
    atoms = Atoms("CuOCuO", rng.uniform(0.0, 1.8, (4, 3)), cell=[2.5, 2.7, 2.6], pbc=True)
    response, step = core.respond(build_graph(atoms, 3.0)), 1e-6

    def energy(strain_cc: FloatArray, displacement_nc: FloatArray) -> float:
        moved = atoms.copy()
        moved.positions += displacement_nc
        moved.set_cell(moved.cell.array @ (np.eye(3) + strain_cc), scale_atoms=True)
        return float(core.respond(build_graph(moved, 3.0)).energy_n.sum())

    for index in np.ndindex(4, 3):
        shift_nc = np.zeros((4, 3))
        shift_nc[index] = step
        slope = (energy(np.zeros((3, 3)), shift_nc) - energy(np.zeros((3, 3)), -shift_nc)) / (2 * step)
        np.testing.assert_allclose(response.force_nc[index], -slope, rtol=1e-5, atol=1e-5)
    for index in np.ndindex(3, 3):
        strain_cc = np.zeros((3, 3))
        strain_cc[index] = step
        slope = (energy(strain_cc, np.zeros((4, 3))) - energy(-strain_cc, np.zeros((4, 3)))) / (2 * step)
        np.testing.assert_allclose(response.virial_cc[index], slope, rtol=1e-5, atol=1e-5)


def test_every_pair_of_species_has_its_own_radius_and_strength() -> None:
    species_s = np.array([8, 29])
    core = ShortRangeCore(species_s, np.array([0.5, 1.5, 1.5, 2.5]), np.array([1.0, 2.0, 2.0, 3.0]))
    near = {pair: core.respond(dimer(*pair, 1.4)).energy_n for pair in [("O", "O"), ("O", "Cu"), ("Cu", "Cu")]}
    assert not near["O", "O"].any()
    np.testing.assert_allclose(
        near["O", "Cu"], 2.0 * core_of("O", "Cu", radius=1.5).respond(dimer("O", "Cu", 1.4)).energy_n
    )
    np.testing.assert_allclose(
        near["Cu", "Cu"], 3.0 * core_of("Cu", radius=2.5).respond(dimer("Cu", "Cu", 1.4)).energy_n
    )


def test_both_atoms_of_a_pair_carry_half_of_its_energy() -> None:
    response = core_of("Cu", "O").respond(dimer("Cu", "O", 1.0))
    np.testing.assert_allclose(response.energy_n[0], response.energy_n[1])
    np.testing.assert_allclose(response.force_nc.sum(axis=0), 0.0, atol=1e-12)
    assert response.force_nc[1, 1] > 0.0


def test_baseline_adds_one_body_energies() -> None:
    core = core_of("Cu", "O")
    response = Baseline(np.array([-1.0, -10.0]), core).respond(Atoms("CuO"), dimer("Cu", "O", 3.0))
    np.testing.assert_allclose(response.energy_n, [-10.0, -1.0])
    assert not response.force_nc.any()
