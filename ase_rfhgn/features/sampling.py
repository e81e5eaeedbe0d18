"""Dense layers x ↦ tanh(Wx + b) whose weights are sampled once and never trained: ELM and SWIM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.features.layers import DenseLayer

TANH_STEEPNESS = float(np.log(3.0))
"""SWIM's s₁ for tanh: with s₂ = s₁/2 a unit is −1/2 at its first and +1/2 at its second point."""

LEAST_STEP = 0.1
"""Smallest distance of the two points of a pair, relative to the root mean square distance of points."""

MOST_DRAWS = 100
"""Rounds of drawing after which there are too few pairs of different points."""


def sample_layer(sampler: str, input_md: FloatArray, n_units: int, rng: np.random.Generator) -> DenseLayer:
    """Return a layer whose weights are sampled for given inputs.

    Parameters
    ----------
    sampler : {"swim", "elm"}
        Through pairs of data points, or blindly within the range of the inputs.
    input_md : ndarray of shape (n_points, n_inputs)
        Data that enter the layer: for a deeper layer, pushed through the layers before it.
    n_units : int
        Width of the layer.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    TrainingDataError
        If the data have too few different points for SWIM.
    """
    if not input_md.shape[1]:
        return DenseLayer(np.empty((0, 0)), np.empty(0))
    if sampler == "elm":
        lowest, highest = (float(input_md.min()), float(input_md.max())) if len(input_md) else (0.0, 0.0)
        return elm_layer(n_units, lowest, highest, input_md.shape[1], rng)
    pair_k2 = sample_pairs(input_md, n_units, rng)
    return swim_layer(input_md[pair_k2[:, 0]], input_md[pair_k2[:, 1]])


def sample_layer_of_parts(
    sampler: str,
    part_md: Sequence[FloatArray],
    n_units: int,
    rng: np.random.Generator,
    species_ms: FloatArray | None = None,
) -> DenseLayer:
    """Return a layer some of whose units see one part of the inputs only, the others all.

    Units are shared evenly between every single part and all parts together. Functions that are
    sums over the parts, such as a kinetic plus a potential energy, then need far fewer units. All units
    see species, in which a step is as long as the spread of what else the unit sees.

    Parameters
    ----------
    sampler : {"swim", "elm"}
        How weights are sampled.
    part_md : sequence of ndarray of shape (n_points, n_inputs)
        Data that enter the layer, part by part.
    n_units : int
        Width of the layer.
    rng : numpy.random.Generator
        Source of randomness.
    species_ms : ndarray of shape (n_points, n_species), optional
        Last inputs, one or zero, that distinguish species.

    Raises
    ------
    TrainingDataError
        If the data have too few different points for SWIM.
    """
    n_parts = len(part_md)
    if species_ms is None:
        species_ms = np.empty((len(part_md[0]) if part_md else 0, 0))
    if n_parts < 2:
        return _sample_layer_of_species(sampler, part_md[0] if part_md else np.empty((0, 0)), species_ms, n_units, rng)
    part_d = np.repeat(np.arange(n_parts), [data.shape[1] for data in part_md])
    input_md = np.concatenate(part_md, axis=1)
    species_d = len(part_d) + np.arange(species_ms.shape[1])
    weight_kd, bias_k = np.zeros((n_units, len(part_d) + len(species_d))), np.zeros(n_units)
    for place in range(n_parts + 1):
        seen_d = np.flatnonzero((part_d == place) | (place == n_parts))
        units = np.arange(place, n_units, n_parts + 1)
        layer = _sample_layer_of_species(sampler, input_md[:, seen_d], species_ms, len(units), rng)
        weight_kd[np.ix_(units, np.concatenate([seen_d, species_d]))], bias_k[units] = layer.weight_kd, layer.bias_k
    return DenseLayer(weight_kd, bias_k)


def _sample_layer_of_species(
    sampler: str, input_md: FloatArray, species_ms: FloatArray, n_units: int, rng: np.random.Generator
) -> DenseLayer:
    """Return a layer sampled for inputs and species; its unit of length is the spread of the inputs."""
    if not species_ms.shape[1]:
        return sample_layer(sampler, input_md, n_units, rng)
    unit = float(np.sqrt(input_md.var(axis=0).sum()))
    layer = sample_layer(sampler, np.concatenate([input_md, unit * species_ms], axis=1), n_units, rng)
    n_inputs = input_md.shape[1]
    weight_kd = np.concatenate([layer.weight_kd[:, :n_inputs], unit * layer.weight_kd[:, n_inputs:]], axis=1)
    return DenseLayer(weight_kd, layer.bias_k)


def sample_pairs(input_md: FloatArray, n_pairs: int, rng: np.random.Generator) -> IntArray:
    """Return pairs of different points, no pair twice: indices of shape (n_pairs, 2).

    Parameters
    ----------
    input_md : ndarray of shape (n_points, n_inputs)
        The points.
    n_pairs : int
        Number of pairs.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    TrainingDataError
        If there are too few pairs of different points.

    Notes
    -----
    Pairs are uniform, as the targets of single nodes and edges are not known. A pair that is much
    closer than the rest is sampled again: its unit would be steeper than anything between the others.
    """
    n_points = len(input_md)
    least = LEAST_STEP * np.sqrt(2.0 * input_md.var(axis=0).sum()) if n_points else 0.0
    found: dict[tuple[int, int], None] = {}
    for _ in range(MOST_DRAWS if least > 0.0 else 0):
        first_m = rng.integers(n_points, size=n_pairs)
        second_m = (first_m + rng.integers(1, n_points, size=n_pairs)) % n_points
        far_m = np.linalg.norm(input_md[second_m] - input_md[first_m], axis=1) > least
        for first, second in zip(first_m[far_m].tolist(), second_m[far_m].tolist(), strict=True):
            if (second, first) not in found:  # the other way round is the same unit with another sign
                found[first, second] = None
        if len(found) >= n_pairs:
            return np.array(list(found)[:n_pairs], dtype=np.int64).reshape(n_pairs, 2)
    message = (
        f"{n_points} data points have only {len(found)} pairs of different points, and a layer needs {n_pairs}: "
        "give more frames, or frames that differ, or fewer units"
    )
    raise TrainingDataError(message)


def elm_layer(n_units: int, lowest: float, highest: float, n_inputs: int, rng: np.random.Generator) -> DenseLayer:
    """Return a layer that ignores the data: normal weights, biases uniform over the range of inputs.

    Parameters
    ----------
    n_units, n_inputs : int
        Width of the layer and dimension of its inputs.
    lowest, highest : float
        Range of the inputs.
    rng : numpy.random.Generator
        Source of randomness.

    Notes
    -----
    Extreme learning machine: Huang, Zhu and Siew, Neurocomputing 70, 489 (2006), as used by
    RF-HGN, arXiv:2506.06558.
    """
    return DenseLayer(rng.normal(size=(n_units, n_inputs)), rng.uniform(lowest, highest, size=n_units))


def swim_layer(first_kd: FloatArray, second_kd: FloatArray) -> DenseLayer:
    """Return the layer whose units are −1/2 at a first and +1/2 at a second data point.

    Parameters
    ----------
    first_kd, second_kd : ndarray of shape (n_units, n_inputs)
        Two different data points per unit.

    Notes
    -----
    Sampling where it matters: Bolager, Burak, Datar, Sun and Dietrich, NeurIPS 2023
    (arXiv:2306.14975), as used by RF-HGN, arXiv:2506.06558:
    w = s₁ (x² − x¹)/‖x² − x¹‖², b = −⟨w, x¹⟩ − s₂ with s₁ = ln 3, s₂ = s₁/2.
    """
    step_kd = second_kd - first_kd
    weight_kd = TANH_STEEPNESS * step_kd / np.einsum("kd,kd->k", step_kd, step_kd)[:, None]
    return DenseLayer(weight_kd, -np.einsum("kd,kd->k", weight_kd, first_kd) - 0.5 * TANH_STEEPNESS)
