"""Phase-space networks: exact gradients through the axes, invariance, and defects that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from phase_points import NODES, moved, permuted, random_network, random_points, random_vector_network
from scipy.stats import special_ortho_group

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.phase_space import networks as phase_space
from ase_rfhgn.features.phase_space.inputs import AXES, Encoding
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.points import PhasePoints, joined
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork

EVERYTHING = (("position", "momentum"), ("displacement", "distance"))
INPUTS = (EVERYTHING, (("momentum",), ("distance",)), ((), ("distance", "displacement")), (("position",), ()))
STEP = 1e-5


def networks(
    rng: np.random.Generator, n_dimensions: int, axes: str, inputs: tuple[tuple[str, ...], tuple[str, ...]]
) -> list[GraphNetwork | VectorNetwork]:
    encoding = Encoding(axes, *inputs)
    graph = [random_network(rng, encoding, n_dimensions, cutoff) for cutoff in (None, 3.0)]
    return [*graph, *([random_vector_network(rng, encoding, n_dimensions)] if inputs[0] else [])]


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("n_dimensions", [1, 2, 3])
def test_gradients_are_exact_through_the_axes(
    rng: np.random.Generator, n_dimensions: int, axes: str, inputs: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    points = random_points(rng, n_dimensions)
    direction_nc = rng.normal(size=(2, *points.position_nc.shape))
    for network in networks(rng, n_dimensions, axes, inputs):
        pooled = network.features(points)
        analytic_f = np.einsum("nc,ncf->f", direction_nc[0], pooled.position_ncf)
        analytic_f += np.einsum("nc,ncf->f", direction_nc[1], pooled.momentum_ncf)
        ends = [
            network.features(
                moved(
                    points,
                    points.position_nc + shift * direction_nc[0],
                    points.momentum_nc + shift * direction_nc[1],
                )
            ).value_if.sum(axis=0)
            for shift in (STEP, -STEP)
        ]
        np.testing.assert_allclose((ends[0] - ends[1]) / (2.0 * STEP), analytic_f, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("n_dimensions", [1, 2, 3])
def test_a_combination_is_the_sum_of_the_features(rng: np.random.Generator, n_dimensions: int, axes: str) -> None:
    points = random_points(rng, n_dimensions)
    for network in networks(rng, n_dimensions, axes, EVERYTHING):
        coefficient_f = rng.normal(size=network.n_features)
        pooled, combined = network.features(points), network.combination(points, coefficient_f)
        np.testing.assert_allclose(combined.value_if[:, 0], pooled.value_if @ coefficient_f, atol=1e-12)
        np.testing.assert_allclose(combined.position_ncf[:, :, 0], pooled.position_ncf @ coefficient_f, atol=1e-11)
        np.testing.assert_allclose(combined.momentum_ncf[:, :, 0], pooled.momentum_ncf @ coefficient_f, atol=1e-12)


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_features_do_not_change_under_translation_rotation_and_permutation(
    rng: np.random.Generator, n_dimensions: int
) -> None:
    points = random_points(rng, n_dimensions, n_structures=1)
    network = random_network(rng, Encoding("nearest node", *EVERYTHING), n_dimensions)
    value_if = network.features(points).value_if
    rotation_cc = special_ortho_group.rvs(n_dimensions, random_state=rng)
    turned = moved(points, points.position_nc @ rotation_cc.T + 3.0, points.momentum_nc @ rotation_cc.T)
    np.testing.assert_allclose(network.features(turned).value_if, value_if, atol=1e-11)
    np.testing.assert_allclose(
        network.features(permuted(points, rng.permutation(NODES))).value_if, value_if, atol=1e-12
    )


def test_the_axes_of_the_coordinates_are_not_invariant_to_rotation_but_to_translation(rng: np.random.Generator) -> None:
    points = random_points(rng, 2, n_structures=1)
    network = random_network(rng, Encoding("mean position", *EVERYTHING), 2)
    value_if = network.features(points).value_if
    shifted = moved(points, points.position_nc + 3.0, points.momentum_nc)
    np.testing.assert_allclose(network.features(shifted).value_if, value_if, atol=1e-12)
    turn_cc = np.array([[0.0, -1.0], [1.0, 0.0]])
    turned = moved(points, points.position_nc @ turn_cc, points.momentum_nc @ turn_cc)
    assert not np.allclose(network.features(turned).value_if, value_if, atol=1e-3)


def test_structures_of_a_batch_have_the_features_that_they_have_alone(rng: np.random.Generator) -> None:
    parts = [random_points(rng, 3, n_structures) for n_structures in (1, 2)]
    network = random_network(rng, Encoding("nearest node", *EVERYTHING), 3)
    together, alone = network.features(joined(parts)), [network.features(part) for part in parts]
    for name in ("value_if", "position_ncf", "momentum_ncf"):
        expected = np.concatenate([getattr(part, name) for part in alone])
        np.testing.assert_allclose(getattr(together, name), expected, atol=1e-12)


def test_blocks_of_edges_change_nothing(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    points = random_points(rng, 3)
    network = random_network(rng, Encoding("nearest node", *EVERYTHING), 3, smooth_cutoff=3.0)
    whole = network.features(points)
    monkeypatch.setattr(phase_space, "NUMBERS_PER_BLOCK", 200)
    blocked = network.features(points)
    np.testing.assert_allclose(blocked.value_if, whole.value_if, atol=1e-12)
    np.testing.assert_allclose(blocked.position_ncf, whole.position_ncf, atol=1e-12)


def test_atoms_at_the_same_place_have_finite_gradients(rng: np.random.Generator) -> None:
    points = random_points(rng, 1)
    at_rest = moved(points, np.zeros_like(points.position_nc), points.momentum_nc)
    network = random_network(rng, Encoding("mean position", *EVERYTHING), 1)
    assert np.isfinite(network.features(at_rest).position_ncf).all()


def pair(rng: np.random.Generator, distance: float, cutoff: float) -> PhasePoints:
    """Return three nodes on a line, two of which have an edge up to a cutoff."""
    position_nc = np.array([[0.0], [distance], [-1.0]])
    edges = np.array([[0, 1], [1, 0]] if distance < cutoff else np.empty((0, 2)), dtype=np.int64)
    momentum_nc = rng.normal(size=(3, 1))
    vector_pc = position_nc[edges[:, 1]] - position_nc[edges[:, 0]]
    kinds = np.zeros(3, dtype=np.int64), np.ones(3)
    return PhasePoints(position_nc, momentum_nc, np.array([0, 3]), edges[:, 0], edges[:, 1], vector_pc, *kinds)


@pytest.mark.parametrize(("smooth_cutoff", "jump"), [(None, True), (2.0, False)])
def test_known_defect_the_energy_jumps_at_a_cutoff_unless_messages_vanish_there(
    smooth_cutoff: float | None, *, jump: bool
) -> None:
    values = []
    for distance in (2.0 - 1e-7, 2.0 + 1e-7):
        rng = np.random.default_rng(3)
        network = random_network(rng, Encoding("mean position", *EVERYTHING), 1, smooth_cutoff)
        values.append(network.features(pair(rng, distance, cutoff=2.0)).value_if)
    assert (np.abs(values[1] - values[0]).max() > 0.1) == jump


def far_copies(points: PhasePoints) -> PhasePoints:
    """Return one structure that consists of a structure and a copy of it far away."""
    there = moved(points, points.position_nc + 50.0, points.momentum_nc)
    return replace(joined([points, there]), first_i=np.array([0, 2 * NODES]))


@pytest.mark.parametrize(("inputs", "extensive"), [(EVERYTHING, False), (((), ("distance",)), True)])
def test_known_defect_positions_in_a_global_axes_are_not_extensive(
    rng: np.random.Generator, inputs: tuple[tuple[str, ...], tuple[str, ...]], *, extensive: bool
) -> None:
    points = random_points(rng, 2, n_structures=1)
    network = random_network(rng, Encoding("nearest node", *inputs), 2)
    twice_f: FloatArray = 2.0 * network.features(points).value_if[0]
    assert np.allclose(network.features(far_copies(points)).value_if[0], twice_f, atol=1e-10) == extensive
