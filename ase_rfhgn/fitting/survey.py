"""The first look at a training set: elements, shortest distances, compositions, a sample of graphs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import covalent_radii

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray
from ase_rfhgn.features.spherical.density_limit import DensityLimit
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph
from ase_rfhgn.structures.training_set import Frame, TrainingSet
from ase_rfhgn.structures.unit_check import UnitCheck

SAMPLE_FRAMES = 150
"""Frames that stand for the data where weights are drawn and scaled."""

CLOSEST = 0.6
"""Shortest distance assumed for elements never seen together, in units of the sum of covalent radii."""

NEIGHBOUR_DISTANCES = 1.9
"""Least default cutoff, in units of the typical distance to the nearest neighbour."""

DEFAULT_CUTOFF = 5.5
"""Default cutoff where nearest neighbours are not far apart (Å)."""

LEAST_DENSITY = 1.0
"""Smallest density of neighbours that counts as dense: one neighbour may always come close."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a training set holds.

    Attributes
    ----------
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    count_is : ndarray of shape (n_frames, n_species)
        Number of atoms of every species in every frame.
    energy_i : ndarray of shape (n_frames,)
        Energies (eV), NaN where a frame has none.
    isolated_i : ndarray of shape (n_frames,)
        Whether no atom of a frame has a neighbour.
    floor_b : ndarray of shape (n_species²,)
        Smallest distance of every pair of species (Å).
    largest_density_s : ndarray of shape (n_species,)
        Largest density of neighbours around every species, in the sense of `DensityLimit`.
    volume : float
        Mean volume per atom of the frames that have stress labels (Å³); 0 without any.
    sample : tuple of NeighbourGraph
        Graphs of some frames.
    """

    species_s: IntArray
    count_is: IntArray
    energy_i: FloatArray
    isolated_i: BoolArray
    floor_b: FloatArray
    largest_density_s: FloatArray
    volume: float
    sample: tuple[NeighbourGraph, ...]

    @property
    def system_i(self) -> list[tuple[int, ...]]:
        """Chemical system of every frame: the indices of the species that it holds."""
        return [tuple(np.flatnonzero(count_s).tolist()) for count_s in self.count_is]


def survey(frames: Iterable[Frame], n_frames: int, cutoff: float) -> Survey:
    """Return what a training set holds; labels of strange magnitude lead to a warning.

    Parameters
    ----------
    frames : iterable of Frame
        Labelled structures.
    n_frames : int
        Number of frames.
    cutoff : float
        Cutoff of the sampled graphs (Å).
    """
    sampled = set(np.linspace(0, n_frames - 1, min(SAMPLE_FRAMES, n_frames)).round().astype(int).tolist())
    units = UnitCheck()
    number_i, energies, isolated, volumes, sample = [], [], [], [], []
    nearest: dict[tuple[int, int], float] = {}
    densest: dict[int, float] = {}
    for i, frame in enumerate(frames):
        units.add(frame)
        graph = build_graph(frame.atoms, cutoff)
        number_i.append(graph.number_n)
        energies.append(np.nan if frame.energy is None else frame.energy)
        isolated.append(not len(graph.centre_p))
        if frame.stress_v is not None:
            volumes.append(frame.atoms.get_volume() / graph.n_atoms)
        _keep_nearest(graph, nearest)
        _keep_densest(graph, cutoff, densest)
        if i in sampled:
            sample.append(graph)
    units.warn()
    species_s = np.unique(np.concatenate(number_i))
    return Survey(
        species_s=species_s,
        count_is=np.array([[np.count_nonzero(number_n == z) for z in species_s] for number_n in number_i]),
        energy_i=np.array(energies),
        isolated_i=np.array(isolated),
        floor_b=_floors(species_s, nearest),
        largest_density_s=np.array([max(densest[int(z)], LEAST_DENSITY) for z in species_s]),
        volume=float(np.mean(volumes)) if volumes else 0.0,
        sample=tuple(sample),
    )


def default_cutoff(frames: TrainingSet | Sequence[Frame]) -> float:
    """Return a cutoff for the elements of a training set (Å).

    5.5 Å, or 1.9 times the typical distance to the nearest neighbour where that is longer: two
    shells or more of every crystal of the elements.
    """
    step = max(1, len(frames) // 10)
    nearest = list(_nearest_distances(frames[i] for i in range(0, len(frames), step)))
    return max(DEFAULT_CUTOFF, round(NEIGHBOUR_DISTANCES * float(np.median(nearest)), 2)) if nearest else DEFAULT_CUTOFF


def _nearest_distances(frames: Iterable[Frame]) -> Iterator[float]:
    """Yield the distance of every atom to its nearest neighbour, where it has one."""
    for frame in frames:
        graph = build_graph(frame.atoms, DEFAULT_CUTOFF)
        first_n = graph.first_n
        has_edges_n = np.diff(first_n) > 0
        if has_edges_n.any():
            yield from np.minimum.reduceat(graph.distance_p, first_n[:-1][has_edges_n])


def _keep_nearest(graph: NeighbourGraph, nearest: dict[tuple[int, int], float]) -> None:
    """Lower the smallest distance of every pair of elements to those of a graph."""
    pair_p = 1000 * graph.number_n[graph.centre_p] + graph.number_n[graph.neighbour_p]
    distance_p = graph.distance_p
    for pair in np.unique(pair_p):
        key = (int(pair) // 1000, int(pair) % 1000)
        nearest[key] = min(nearest.get(key, np.inf), float(distance_p[pair_p == pair].min()))


def _keep_densest(graph: NeighbourGraph, cutoff: float, densest: dict[int, float]) -> None:
    """Raise the largest density of neighbours around every element to those of a graph."""
    density_n = DensityLimit(cutoff, np.empty(0), 0.0).density(graph)
    for number in np.unique(graph.number_n):
        most = float(density_n[graph.number_n == number].max())
        densest[int(number)] = max(densest.get(int(number), 0.0), most)


def _floors(species_s: IntArray, nearest: dict[tuple[int, int], float]) -> FloatArray:
    """Return the smallest distance of every pair of species.

    For unlike elements it is at most the mean of the like pairs: in data of few mixtures, pairs of
    unlike elements seldom come as close as they may.
    """
    n_species = len(species_s)
    floor_ss = np.empty((n_species, n_species))
    for s, first in enumerate(species_s):
        for t, second in enumerate(species_s):
            assumed = CLOSEST * (covalent_radii[first] + covalent_radii[second])
            floor_ss[s, t] = nearest.get((int(first), int(second)), assumed)
    like_s = floor_ss.diagonal()
    return np.minimum(floor_ss, 0.5 * np.add.outer(like_s, like_s)).ravel()
