"""The survey of a training set: elements, compositions, shortest distances, densities, a sample."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import covalent_radii
from labelled import labelled, shaken

from ase_rfhgn.fitting.survey import (
    CLOSEST,
    DEFAULT_CUTOFF,
    LEAST_DENSITY,
    SAMPLE_FRAMES,
    Survey,
)
from ase_rfhgn.fitting.survey import surveyed as survey_of
from ase_rfhgn.structures.training_set import TrainingSet

CUTOFF = 4.0


def surveyed(structures: list[Atoms], cutoff: float | None = CUTOFF) -> Survey:
    return survey_of(TrainingSet.open(structures), cutoff)[0]


def with_energy(atoms: Atoms, energy: float = 0.0) -> Atoms:
    atoms.calc = SinglePointCalculator(atoms, energy=energy)
    return atoms


def dimer(symbols: str, distance: float) -> Atoms:
    return with_energy(Atoms(symbols, [(0.0, 0.0, 0.0), (0.0, 0.0, distance)]))


def test_elements_and_compositions_are_counted() -> None:
    found = surveyed([dimer("AuCu", 2.6), with_energy(Atoms("Cu"), -0.5), dimer("CuCu", 2.4), dimer("AuAu", 2.7)])
    np.testing.assert_array_equal(found.species_s, [29, 79])
    np.testing.assert_array_equal(found.count_is, [[1, 1], [1, 0], [2, 0], [0, 2]])
    assert found.system_i == [(0, 1), (0,), (0,), (1,)]


def test_frames_without_energy_are_marked() -> None:
    found = surveyed([labelled(shaken(0), energy=None), labelled(shaken(1), energy=-3.5)])
    assert np.isnan(found.energy_i[0])
    assert found.energy_i[1] == -3.5


def test_floors_are_the_shortest_distances_of_every_pair() -> None:
    found = surveyed(
        [dimer("AuCu", 2.5), dimer("CuAu", 2.6), dimer("CuCu", 2.4), dimer("CuCu", 2.3), dimer("AuAu", 2.8)]
    )
    np.testing.assert_allclose(found.floor_b, [2.3, 2.5, 2.5, 2.8])


def test_unlike_elements_may_come_as_close_as_like_ones() -> None:
    found = surveyed([dimer("AuCu", 3.5), dimer("CuCu", 2.3), dimer("AuAu", 2.8)])
    np.testing.assert_allclose(found.floor_b, [2.3, 2.55, 2.55, 2.8])


def test_pairs_never_seen_have_a_floor_below_a_bond() -> None:
    found = surveyed([with_energy(Atoms("Cu")), with_energy(Atoms("Au"))])
    radius_s = covalent_radii[[29, 79]]
    np.testing.assert_allclose(found.floor_b, CLOSEST * np.add.outer(radius_s, radius_s).ravel())


def test_distances_through_the_boundary_count() -> None:
    assert surveyed([labelled(bulk("Cu"))]).floor_b == pytest.approx(3.61 / np.sqrt(2.0))


def test_densities_are_the_largest_of_every_element() -> None:
    crystal = bulk("Cu", cubic=True)
    squeezed = bulk("Cu", a=3.4, cubic=True)
    distance_p = np.array([3.4 / np.sqrt(2.0)] * 12 + [3.4] * 6)
    expected = np.sum((1.0 - (distance_p / CUTOFF) ** 2) ** 3)
    found = surveyed([labelled(crystal), labelled(squeezed), with_energy(Atoms("H"))])
    np.testing.assert_allclose(found.largest_density_s, [LEAST_DENSITY, expected])


def test_the_densest_site_of_a_structure_counts() -> None:
    arms = 2.4 * np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])
    expected = 6.0 * (1.0 - (2.4 / CUTOFF) ** 2) ** 3
    assert expected > LEAST_DENSITY
    assert surveyed([with_energy(Atoms("Cu7", arms))]).largest_density_s == pytest.approx(expected)


def test_volume_is_the_mean_per_atom_of_frames_with_stress() -> None:
    small, large, unlabelled = (bulk("Cu", a=a, cubic=True) for a in (3.4, 3.8, 4.4))
    found = surveyed([labelled(small), labelled(large), labelled(unlabelled, stress=None)])
    assert found.volume == pytest.approx(0.5 * (3.4**3 + 3.8**3) / 4.0)
    assert surveyed([labelled(unlabelled, stress=None)]).volume == 0.0


def test_sample_is_spread_over_the_whole_set() -> None:
    n_frames = 2 * SAMPLE_FRAMES
    found = surveyed([with_energy(Atoms(["He", "Ne"][i >= SAMPLE_FRAMES])) for i in range(n_frames)], 1.0)
    numbers = [graph.number_n[0] for graph in found.sample]
    assert len(numbers) == SAMPLE_FRAMES
    assert numbers.count(2) == numbers.count(10) == SAMPLE_FRAMES // 2
    few = surveyed([dimer("CuCu", 2.3 + 0.1 * i) for i in range(5)])
    np.testing.assert_allclose([graph.distance_p[0] for graph in few.sample], 2.3 + 0.1 * np.arange(5))


@pytest.mark.parametrize(
    ("atoms", "expected"),
    [
        (bulk("Cu"), DEFAULT_CUTOFF),
        (molecule("H2O"), DEFAULT_CUTOFF),
        (Atoms("Ar"), DEFAULT_CUTOFF),
        (bulk("K"), 1.9 * 5.23 * np.sqrt(0.75)),
    ],
)
def test_default_cutoff_follows_the_nearest_neighbours(atoms: Atoms, expected: float) -> None:
    assert surveyed([with_energy(atoms)], None).cutoff == pytest.approx(expected, abs=0.006)
