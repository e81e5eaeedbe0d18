"""Random dense layers: SWIM units pass through their two points, ELM weights have the promised statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.features.sampling import elm_layer, sample_layer, sample_layer_of_parts, sample_pairs, swim_layer


@given(st.integers(1, 6), st.integers(1, 5), st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
def test_swim_units_are_minus_and_plus_a_half_at_their_points(
    n_units: int, n_inputs: int, scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    first_kd, second_kd = (scale * rng.normal(size=(n_units, n_inputs)) for _ in range(2))
    layer = swim_layer(first_kd, second_kd)
    for point_kd, value in ((first_kd, -0.5), (second_kd, 0.5), (0.5 * (first_kd + second_kd), 0.0)):
        argument_k = np.einsum("kd,kd->k", layer.weight_kd, point_kd) + layer.bias_k
        cutoff_k = np.einsum("kd,kd->k", np.abs(layer.weight_kd), np.abs(point_kd)) + np.abs(layer.bias_k)
        assert np.all(np.abs(np.tanh(argument_k) - value) < 1e-14 * (1.0 + cutoff_k))


def test_swim_units_do_not_change_across_the_line_between_their_points(rng: np.random.Generator) -> None:
    first_kd, second_kd = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    step_kd = second_kd - first_kd
    across_kd = np.asarray(np.cross(step_kd, rng.normal(size=(7, 3))))
    weight_kd = swim_layer(first_kd, second_kd).weight_kd
    np.testing.assert_allclose(np.einsum("kd,kd->k", weight_kd, across_kd), 0.0, atol=1e-13)


def test_elm_weights_are_normal_and_biases_uniform(rng: np.random.Generator) -> None:
    layer = elm_layer(40_000, -1.0, 3.0, 2, rng)
    assert layer.weight_kd.shape == (40_000, 2)
    assert layer.bias_k.shape == (40_000,)
    moment_o = [np.mean(layer.weight_kd**order) for order in (1, 2, 3, 4)]
    np.testing.assert_allclose(moment_o, [0.0, 1.0, 0.0, 3.0], atol=0.1)
    assert abs(np.mean(layer.weight_kd[:, 0] * layer.weight_kd[:, 1])) < 0.03
    np.testing.assert_allclose(np.quantile(layer.bias_k, [0.0, 0.25, 0.5, 0.75, 1.0]), [-1, 0, 1, 2, 3], atol=0.06)
    assert layer.bias_k.min() >= -1.0
    assert layer.bias_k.max() <= 3.0


@pytest.mark.parametrize("n_inputs", [1, 5])
def test_a_seed_draws_one_layer_and_another_seed_another(n_inputs: int) -> None:
    first, again, other = (elm_layer(8, 0.0, 5.0, n_inputs, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.weight_kd, again.weight_kd)
    np.testing.assert_array_equal(first.bias_k, again.bias_k)
    assert not np.isin(first.weight_kd, other.weight_kd).any()
    assert not np.isin(first.bias_k, other.bias_k).any()


def test_pairs_are_different_points_and_no_pair_comes_twice(rng: np.random.Generator) -> None:
    input_md = np.repeat(rng.normal(size=(12, 2)), 3, axis=0)  # every point three times
    pair_k2 = sample_pairs(input_md, 150, rng)
    assert np.linalg.norm(input_md[pair_k2[:, 0]] - input_md[pair_k2[:, 1]], axis=1).min() > 0.0
    assert len({frozenset(pair) for pair in pair_k2.tolist()}) == 150


@pytest.mark.parametrize("input_md", [np.zeros((50, 2)), np.array([[0.0], [1.0]]), np.empty((0, 3))])
def test_too_few_different_points_are_told(rng: np.random.Generator, input_md: FloatArray) -> None:
    with pytest.raises(TrainingDataError, match="a layer needs 2: give more frames"):
        sample_pairs(input_md, 2, rng)


def test_a_drawn_swim_layer_switches_between_data_points(rng: np.random.Generator) -> None:
    input_md = rng.normal(size=(30, 4))
    value_mk, slope_mk = sample_layer("swim", input_md, 9, rng).activate(input_md)
    assert np.all(np.isclose(value_mk, -0.5).any(axis=0) & np.isclose(value_mk, 0.5).any(axis=0))
    np.testing.assert_allclose(slope_mk, 1.0 - value_mk**2)


@pytest.mark.parametrize("sampler", ["swim", "elm"])
def test_units_see_one_part_of_the_inputs_or_all(rng: np.random.Generator, sampler: str) -> None:
    layer = sample_layer_of_parts(sampler, [rng.normal(size=(20, 2)), rng.normal(size=(20, 3))], 10, rng)
    seen = (layer.weight_kd != 0.0).tolist()
    first, second, both = [True, True, False, False, False], [False, False, True, True, True], [True] * 5
    assert [seen.count(pattern) for pattern in (first, second, both)] == [4, 3, 3]


@pytest.mark.parametrize("n_units", [1, 2])
@pytest.mark.parametrize("sampler", ["swim", "elm"])
def test_there_may_be_fewer_units_than_parts(rng: np.random.Generator, sampler: str, n_units: int) -> None:
    layer = sample_layer_of_parts(sampler, [rng.normal(size=(20, 2)), rng.normal(size=(20, 3))], n_units, rng)
    assert layer.weight_kd.any(axis=0).tolist() == [True, True, *[n_units == 2] * 3]


def test_a_layer_without_inputs_has_no_units(rng: np.random.Generator) -> None:
    assert sample_layer_of_parts("swim", [], 5, rng).n_units == 0
