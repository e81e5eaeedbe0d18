"""Initialisation of spherical fields: random weights, scaled by a sample of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.harmonics import degree_of_harmonics
from ase_rfhgn.features.layers import DenseLayer
from ase_rfhgn.features.sampling import elm_layer, swim_layer
from ase_rfhgn.features.spherical.density_limit import DensityLimit
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.radial import EdgeEncoder
from ase_rfhgn.structures.graph import NeighbourGraph, typical_nearest

SPECIES_SCALES = (0.02, 1.0)
"""Range of the species length scales of the channels (Å)."""

LEAST_CUTOFF = 0.5
"""Shortest channel cutoff, as a fraction of the way from the shortest distance to the cutoff."""

LEAST_STEP = 0.2
"""Smallest difference of the two distances of a SWIM pair (Å): none is steeper than the data's noise."""

LEAST_SPREAD = 0.03
"""Smallest spread of a degree, relative to the widest of its channel: symmetric sites have none."""

LEAST_VARIATION = 1e-2
"""Smallest assumed variation of the atomic basis between sites, relative to its mean."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Size of spherical fields.

    Attributes
    ----------
    cutoff : float
        Distance beyond which atoms do not interact (Å).
    channels : int
        Radial channels.
    projections : int
        Random projections of the degrees per channel.
    correlation : int
        Highest power of a field.
    degree : int
        Largest degree of the harmonics.
    sampler : {"swim", "elm"}
        How the weights of the edge encoder are sampled.
    """

    cutoff: float
    channels: int
    projections: int
    correlation: int
    degree: int
    sampler: str


def initialise_fields(
    architecture: Architecture,
    species_s: IntArray,
    floor_b: FloatArray,
    largest_density_s: FloatArray,
    sample: Sequence[NeighbourGraph],
    rng: np.random.Generator,
) -> SphericalFields:
    """Return fields with random weights, scaled to unit spread over a sample.

    Parameters
    ----------
    architecture : Architecture
        Size of the fields.
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    floor_b : ndarray of shape (n_species²,)
        Smallest distances of training (Å).
    largest_density_s : ndarray of shape (n_species,)
        Largest densities of neighbours of training.
    sample : sequence of NeighbourGraph
        Structures that stand for the data.
    rng : numpy.random.Generator
        Source of randomness.
    """
    encoder = _initialise_encoder(architecture, species_s, floor_b, sample, rng)
    mean_sk, spread_slk = _basis_statistics(_bare(architecture, species_s, encoder), sample)
    shape = (architecture.projections, architecture.degree + 1, architecture.channels)
    projection_sqlk = rng.normal(size=shape) / spread_slk[:, None]
    return SphericalFields(
        species_s=species_s,
        cutoff=architecture.cutoff,
        encoder=encoder,
        projection_sqlk=projection_sqlk,
        mean_sk=mean_sk,
        correlation=architecture.correlation,
        density_limit=DensityLimit(architecture.cutoff, largest_density_s, strength=1.0),
    )


def _initialise_encoder(
    architecture: Architecture,
    species_s: IntArray,
    floor_b: FloatArray,
    sample: Sequence[NeighbourGraph],
    rng: np.random.Generator,
) -> EdgeEncoder:
    """Return the edge encoder; every channel has a cutoff and a species length scale of its own.

    The species length scale is the distance to which a change of the species is equivalent. If it is
    small, a channel hardly distinguishes the elements, and extrapolates to mixtures. If it is large, the
    channel switches between them.
    """
    n_species, n_channels, cutoff = len(species_s), architecture.channels, architecture.cutoff
    nearest = min(float(floor_b.min()), 0.9 * cutoff)
    cutoff_k = nearest + (cutoff - nearest) * (LEAST_CUTOFF + (1.0 - LEAST_CUTOFF) * _stratified(n_channels, rng))
    species_scale_k = SPECIES_SCALES[0] * (SPECIES_SCALES[1] / SPECIES_SCALES[0]) ** _stratified(n_channels, rng)
    if architecture.sampler == "elm":
        layer = elm_layer(n_channels, 0.0, cutoff, 1 + 2 * n_species, rng)
    else:
        layer = _swim_pairs(sample, species_s, nearest, cutoff_k, species_scale_k, rng)
    shift_kc = species_scale_k[:, None] * layer.weight_kd[:, 1 : 1 + n_species]
    shift_kn = species_scale_k[:, None] * layer.weight_kd[:, 1 + n_species :]
    shift_kcn = layer.bias_k[:, None, None] + shift_kc[:, :, None] + shift_kn[:, None, :]
    return EdgeEncoder(
        cutoff_k=cutoff_k,
        weight_k=np.ascontiguousarray(layer.weight_kd[:, 0]),
        shift_bk=np.ascontiguousarray(shift_kcn.reshape(n_channels, -1).T),
        size_b=_sizes(species_s, sample),
        floor_b=floor_b,
    )


def _sizes(species_s: IntArray, sample: Sequence[NeighbourGraph]) -> FloatArray:
    """Return how much larger than the average the atoms of every pair of species are (Å).

    The size of a species is the median distance of its atoms to their nearest neighbours. Larger
    elements then behave at larger distances as smaller elements do at smaller distances.
    """
    known_s = typical_nearest(sample, species_s)
    size_s = np.nan_to_num(known_s - np.nanmean(known_s)) if np.isfinite(known_s).any() else np.zeros(len(species_s))
    size_b: FloatArray = 0.5 * np.add.outer(size_s, size_s).ravel()
    return size_b


def _swim_pairs(
    sample: Sequence[NeighbourGraph],
    species_s: IntArray,
    nearest: float,
    cutoff_k: FloatArray,
    species_scale_k: FloatArray,
    rng: np.random.Generator,
) -> DenseLayer:
    """Return a SWIM layer through pairs of edges: distances uniform, species as they occur."""
    share_b = _shares(species_s, sample)
    distance_ek = _two_distances(nearest, cutoff_k, rng)
    ends = []
    for distance_k in distance_ek:
        pair_k = np.searchsorted(share_b.cumsum()[:-1], _stratified(len(cutoff_k), rng))
        kind_k2 = np.stack(np.divmod(pair_k, len(species_s)), axis=1)
        one_hot_kd = np.eye(len(species_s))[kind_k2].reshape(len(cutoff_k), -1)
        ends.append(np.column_stack([distance_k, species_scale_k[:, None] * one_hot_kd]))
    return swim_layer(*ends)


def _stratified(n: int, rng: np.random.Generator) -> FloatArray:
    """Return n numbers, one in every n-th of the unit interval, in random order.

    Latin hypercube sampling (McKay, Beckman and Conover, Technometrics 21, 239 (1979)): few
    channels cover their ranges evenly, and seeds differ less.
    """
    return (rng.permutation(n) + rng.uniform(size=n)) / n


def _shares(species_s: IntArray, sample: Sequence[NeighbourGraph]) -> FloatArray:
    """Return how often every pair of species is sampled: as the root of its number of edges, (n_species²,)."""
    count_b = np.zeros(len(species_s) ** 2)
    for graph in sample:
        count_b += np.bincount(graph.pair_p(species_s), minlength=len(count_b))
    count_b = np.sqrt(count_b)
    return count_b / count_b.sum() if count_b.any() else np.full(len(count_b), 1.0 / len(count_b))


def _two_distances(nearest: float, cutoff_k: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return two distances per channel, uniform where they are a least step apart: (2, n_channels)."""
    length_k = cutoff_k - nearest
    least_k = np.minimum(LEAST_STEP, 0.25 * length_k)
    first_k = length_k * _stratified(len(cutoff_k), rng)
    below_k = np.maximum(first_k - least_k, 0.0)
    above_k = np.maximum(length_k - first_k - least_k, 0.0)
    second_k = (below_k + above_k) * _stratified(len(cutoff_k), rng)
    second_k = np.where(second_k < below_k, second_k, second_k - below_k + first_k + least_k)
    return nearest + np.stack([first_k, second_k])


def _bare(architecture: Architecture, species_s: IntArray, encoder: EdgeEncoder) -> SphericalFields:
    """Return spherical fields without projections: they make the atomic basis."""
    shape = (len(species_s), architecture.projections, architecture.degree + 1, architecture.channels)
    return SphericalFields(
        species_s=species_s,
        cutoff=architecture.cutoff,
        encoder=encoder,
        projection_sqlk=np.zeros(shape),
        mean_sk=np.zeros((shape[0], shape[3])),
        correlation=architecture.correlation,
    )


def _basis_statistics(bare: SphericalFields, sample: Sequence[NeighbourGraph]) -> tuple[FloatArray, FloatArray]:
    """Return the mean of A_00 and the spread of A_lm per species of the centre."""
    first_l = np.flatnonzero(np.diff(degree_of_harmonics(bare.degree), prepend=-1))
    n_species, n_levels, n_channels = len(bare.species_s), bare.degree + 1, bare.n_channels
    count_s, mean_sk = np.zeros(n_species), np.zeros((n_species, n_channels))
    square_slk = np.zeros((n_species, n_levels, n_channels))
    for graph in sample:
        for block in bare.blocks(graph):
            of_species_sn = (block.species_n == np.arange(n_species)[:, None]).astype(float)
            count_s += of_species_sn.sum(axis=1)
            mean_sk += of_species_sn @ block.basis_nyk[:, 0]
            square_syk = np.tensordot(of_species_sn, block.basis_nyk**2, axes=1)
            square_slk += np.add.reduceat(square_syk, first_l, axis=1)
    count_s = np.maximum(count_s, 1.0)
    mean_sk /= count_s[:, None]
    square_slk /= count_s[:, None, None]
    square_slk[:, 0] -= mean_sk**2
    spread_slk = np.sqrt(np.maximum(square_slk, 0.0))
    return mean_sk, np.maximum(spread_slk, _least_spread(mean_sk, spread_slk))


def _least_spread(mean_sk: FloatArray, spread_slk: FloatArray) -> FloatArray:
    """Return a floor of the spreads, positive even for perfect crystals and isolated atoms."""
    widest_slk = np.maximum(spread_slk.max(axis=1, keepdims=True), LEAST_VARIATION * np.abs(mean_sk)[:, None])
    return np.where(widest_slk > 0.0, LEAST_SPREAD * widest_slk, 1.0)
