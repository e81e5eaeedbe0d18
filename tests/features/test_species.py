"""Nodes of several species: told apart by element and mass, with exact gradients and the symmetries that remain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from phase_points import NODES, moved, permuted, random_network, random_points, random_vector_network

from ase_rfhgn.errors import StructureError
from ase_rfhgn.features.phase_space import networks as phase_space
from ase_rfhgn.features.phase_space.initialise import MOST_GROWTH, initialise_network
from ase_rfhgn.features.phase_space.inputs import AXES, Encoding
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.points import joined
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings

EVERYTHING = (("position", "momentum"), ("displacement", "distance"))
INPUTS = (EVERYTHING, (("momentum",), ("distance",)), ((), ("distance", "displacement")), (("position",), ()))
ISOTOPES = Species(np.array([1, 1, 2]), np.array([1.0, 2.0, 4.0]))
STEP = 1e-5


def networks(
    rng: np.random.Generator,
    n_dimensions: int,
    axes: str = "mean position",
    inputs: tuple[tuple[str, ...], tuple[str, ...]] = EVERYTHING,
) -> list[GraphNetwork | VectorNetwork]:
    encoding = Encoding(axes, *inputs, ISOTOPES)
    graph = [random_network(rng, encoding, n_dimensions, cutoff) for cutoff in (None, 3.0)]
    return [*graph, *([random_vector_network(rng, encoding, n_dimensions)] if inputs[0] else [])]


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("n_dimensions", [1, 2, 3])
def test_gradients_are_exact_for_several_species(
    rng: np.random.Generator, n_dimensions: int, axes: str, inputs: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    points = random_points(rng, n_dimensions, species=ISOTOPES)
    step_nc = rng.normal(size=(2, *points.position_nc.shape))
    for network in networks(rng, n_dimensions, axes, inputs):
        pooled = network.features(points)
        analytic_f = np.einsum("nc,ncf->f", step_nc[0], pooled.position_ncf)
        analytic_f += np.einsum("nc,ncf->f", step_nc[1], pooled.momentum_ncf)
        ends = [
            moved(points, points.position_nc + shift * step_nc[0], points.momentum_nc + shift * step_nc[1])
            for shift in (STEP, -STEP)
        ]
        there, back = (network.features(end).value_if.sum(axis=0) for end in ends)
        np.testing.assert_allclose((there - back) / (2.0 * STEP), analytic_f, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("axes", AXES)
def test_combinations_are_sums_of_the_features_one_or_many_at_a_time(
    rng: np.random.Generator, axes: str, inputs: tuple[tuple[str, ...], tuple[str, ...]], *, several: bool
) -> None:
    points = random_points(rng, 2, species=ISOTOPES)
    for network in networks(rng, 2, axes, inputs):
        coefficient_fe = rng.normal(size=(network.n_features, 3))
        pooled = network.features(points)
        given = coefficient_fe if several else coefficient_fe[:, 0]
        combined = network.combination(points, given)
        for name in ("value_if", "position_ncf", "momentum_ncf"):
            expected = getattr(pooled, name) @ coefficient_fe[:, : given.size // network.n_features]
            np.testing.assert_allclose(getattr(combined, name), expected, atol=1e-11)


def test_several_sets_of_coefficients_are_one_at_a_time(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phase_space, "NUMBERS_PER_BLOCK", 200)
    points = random_points(rng, 3, species=ISOTOPES)
    for network in networks(rng, 3, "nearest node"):
        coefficient_fe = rng.normal(size=(network.n_features, 4))
        together = network.combination(points, coefficient_fe)
        alone = [network.combination(points, coefficient_f) for coefficient_f in coefficient_fe.T]
        for name in ("value_if", "position_ncf", "momentum_ncf"):
            expected = np.concatenate([getattr(one, name) for one in alone], axis=-1)
            np.testing.assert_allclose(getattr(together, name), expected, atol=1e-11)


def test_nodes_change_places_within_a_species_only(rng: np.random.Generator) -> None:
    points = random_points(rng, 2, n_structures=1, species=ISOTOPES)  # nodes 0 and 3 are one species, 0 and 1 are not
    network = random_network(rng, Encoding("mean position", *EVERYTHING, ISOTOPES), 2)
    value_if = network.features(points).value_if
    anyhow = permuted(points, rng.permutation(NODES))
    np.testing.assert_allclose(network.features(anyhow).value_if, value_if, atol=1e-12)
    for other, changes in ((3, False), (1, True)):
        order_n = np.arange(NODES)
        order_n[[0, other]] = other, 0
        swapped = replace(points, number_n=points.number_n[order_n], mass_n=points.mass_n[order_n])
        assert (np.abs(network.features(swapped).value_if - value_if).max() > 1e-2) == changes


@pytest.mark.parametrize("part", ["position", "momentum"])
def test_every_part_of_the_nodes_and_edges_sees_species(rng: np.random.Generator, part: str) -> None:
    sample = random_points(rng, 2, n_structures=20, species=ISOTOPES)
    settings = PhaseSpaceSettings(node_units=40, edge_units=40, message_units=9, axes="mean position")
    network = initialise_network(settings.architecture, sample, rng)
    assert isinstance(network, GraphNetwork)
    place = slice(0, 2) if part == "position" else slice(2, 4)
    alone = ~network.node.weight_kd[:, 4 - place.stop : 6 - place.stop].any(axis=1)
    assert alone.any()
    assert network.node.weight_kd[alone, 4:].any()
    assert network.node.weight_kd.shape[1] == 4 + 3
    assert network.edge.weight_kd.shape[1] == 3 + 2 * 3


def test_units_switch_between_nodes_and_edges_of_the_data(rng: np.random.Generator) -> None:
    sample = random_points(rng, 2, n_structures=20, species=ISOTOPES)
    settings = PhaseSpaceSettings(node_units=40, edge_units=40, message_units=9, axes="mean position")
    network = initialise_network(settings.architecture, sample, rng)
    assert isinstance(network, GraphNetwork)
    encoded = network.encoding.encode(sample)
    for layer, input_md in ((network.node, encoded.node_nd), (network.edge, encoded.edge_pd)):
        value_mk, _ = layer.activate(input_md)
        low, high = (np.isclose(value_mk, value).any(axis=0) for value in (-0.5, 0.5))
        assert (low & high).all()


def test_edges_see_the_species_of_both_ends(rng: np.random.Generator) -> None:
    points = random_points(rng, 2, species=ISOTOPES)
    encoded = Encoding("laboratory", *EVERYTHING, ISOTOPES).encode(points)
    centre_ps, neighbour_ps = np.split(encoded.edge_pd[:, 3:], 2, axis=1)
    np.testing.assert_array_equal(centre_ps @ ISOTOPES.mass_s, points.mass_n[points.centre_p])
    np.testing.assert_array_equal(neighbour_ps @ ISOTOPES.mass_s, points.mass_n[points.neighbour_p])


def test_widths_grow_with_the_number_of_species_up_to_a_limit(rng: np.random.Generator) -> None:
    for n_species, growth in ((1, 1), (2, 2), (NODES, MOST_GROWTH)):
        species = Species(np.ones(n_species, dtype=np.int64), np.linspace(1.0, 2.0, n_species))
        sample = random_points(rng, 2, n_structures=20, species=species)
        settings = PhaseSpaceSettings(node_units=9, edge_units=7, message_units=8)
        network = initialise_network(settings.architecture, sample, rng)
        assert network.n_features == growth * 24
        assert network.encoding.species.n_species == n_species


def test_momenta_are_seen_over_the_root_of_the_mass(rng: np.random.Generator) -> None:
    points = random_points(rng, 2, species=ISOTOPES)
    encoded = Encoding("laboratory", *EVERYTHING, ISOTOPES).encode(points)
    np.testing.assert_allclose(encoded.momentum_na * np.sqrt(points.mass_n[:, None]), points.momentum_nc, rtol=1e-14)


def test_masses_that_files_have_rounded_are_one() -> None:
    number_n, mass_n = np.array([8, 1, 1, 1]), np.array([15.999, 2.014, 1.008, 1.00800001])
    species = Species.of_nodes(number_n, mass_n)
    np.testing.assert_array_equal(species.number_s, [1, 1, 8])
    np.testing.assert_allclose(species.mass_s, [1.008, 2.014, 15.999])
    np.testing.assert_array_equal(species.indices(number_n, mass_n), [2, 1, 0, 0])


@pytest.mark.parametrize("mass", [0.0, -1.0, np.nan, np.inf])
def test_masses_must_be_positive(mass: float) -> None:
    with pytest.raises(StructureError, match=r"mass of atom 1 is .*: masses must be positive numbers"):
        Species.of_nodes(np.array([1, 1]), np.array([1.0, mass]))


def test_a_network_of_several_species_refuses_others(rng: np.random.Generator) -> None:
    points = random_points(rng, 2, species=ISOTOPES)
    network = random_network(rng, Encoding("mean position", *EVERYTHING, ISOTOPES), 2)
    with pytest.raises(StructureError, match=r"does not know H of mass 3 \(atom 0\): it was fitted for masses of 1, 2"):
        network.features(replace(points, mass_n=np.full(points.n_nodes, 3.0)))
    with pytest.raises(StructureError, match="does not know Li: it was fitted for H, He"):
        network.features(replace(points, number_n=np.full(points.n_nodes, 3)))


def test_batches_keep_the_species_of_their_structures(rng: np.random.Generator) -> None:
    parts = [random_points(rng, 3, n_structures, ISOTOPES) for n_structures in (1, 2)]
    parts[1] = replace(parts[1], number_n=parts[1].number_n[::-1], mass_n=parts[1].mass_n[::-1])
    network = random_network(rng, Encoding("nearest node", *EVERYTHING, ISOTOPES), 3)
    together, alone = network.features(joined(parts)), [network.features(part) for part in parts]
    for name in ("value_if", "position_ncf", "momentum_ncf"):
        expected = np.concatenate([getattr(part, name) for part in alone])
        np.testing.assert_allclose(getattr(together, name), expected, atol=1e-12)
