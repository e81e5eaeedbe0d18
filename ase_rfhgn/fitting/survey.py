"""The first look at a training set: elements, shortest distances, compositions, a sample of graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from ase.data import covalent_radii

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray
from ase_rfhgn.features.spherical.density_limit import DensityLimit
from ase_rfhgn.fitting.options import ALONE, Options
from ase_rfhgn.fitting.passes import pass_over
from ase_rfhgn.structures.doctor.contradicted import SOUND_LABELS, Contradicted
from ase_rfhgn.structures.doctor.examination import Doctor
from ase_rfhgn.structures.doctor.facts import FrameFacts
from ase_rfhgn.structures.doctor.loneliness import refuse_isolation
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame, WithinCutoff
from ase_rfhgn.structures.graph import NeighbourGraph
from ase_rfhgn.structures.training_set import TrainingSet

FRAMES_PER_CHUNK = 500
"""Frames that a worker surveys at a time."""

SAMPLE_FRAMES = 150
"""Frames that represent the data when weights are sampled and scaled."""

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
    """Survey of a training set.

    Attributes
    ----------
    cutoff : float
        Distance beyond which atoms do not interact (Å).
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
    original_i : tuple of int
        First frame with the same structure, for every frame: itself unless it is a copy; empty if not looked for.
    facts : tuple of FrameFacts
        Facts about the frames and their labels.
    suspicions : tuple of Suspicion
        What looks wrong about them, the gravest first.
    contradicted : Contradicted
        Labels that other labels contradict.
    """

    cutoff: float
    species_s: IntArray
    count_is: IntArray
    energy_i: FloatArray
    isolated_i: BoolArray
    floor_b: FloatArray
    largest_density_s: FloatArray
    volume: float
    sample: tuple[NeighbourGraph, ...]
    original_i: tuple[int, ...] = ()
    facts: tuple[FrameFacts, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    contradicted: Contradicted = SOUND_LABELS

    @property
    def system_i(self) -> list[tuple[int, ...]]:
        """Chemical system of every frame: the indices of the species that it holds."""
        return [tuple(np.flatnonzero(count_s).tolist()) for count_s in self.count_is]


def surveyed(frames: TrainingSet, cutoff: float | None, options: Options = ALONE) -> tuple[Survey, FrameGraphs]:
    """Return the survey of a training set, and its frames with their graphs.

    Parameters
    ----------
    frames : TrainingSet
        The frames.
    cutoff : float, optional
        Distance beyond which atoms do not interact (Å). By default 5.5 Å, or 1.9 times the typical
        distance to the nearest neighbour where that is longer: two shells or more of every crystal.
    options : Options
        Workers, and whether progress is shown.
    """
    tried = DEFAULT_CUTOFF if cutoff is None else float(cutoff)
    items = FrameGraphs.of(frames, WithinCutoff(tried, frames.closest))
    found = _survey_of(items, tried, options)
    longer = found.default_cutoff()
    if cutoff is None and longer > tried:
        items = FrameGraphs.of(frames, WithinCutoff(longer, frames.closest))
        found = _survey_of(items, longer, options)
    survey = found.survey()
    refuse_isolation(items, survey.isolated_i, survey.cutoff)
    return survey, items


def _survey_of(items: FrameGraphs, cutoff: float, options: Options) -> Surveyor:
    task = _SurveyOf(len(items), cutoff)
    return pass_over(items, task, task.merged, [1.0 / FRAMES_PER_CHUNK] * len(items), "reading", options)


@dataclass(frozen=True, slots=True)
class _SurveyOf:
    """Surveys frames, as a task."""

    n_frames: int
    cutoff: float

    def __call__(self, items: Iterable[GraphedFrame]) -> Surveyor:
        surveyor = Surveyor(self.n_frames, self.cutoff)
        for item in items:
            surveyor.add(item)
        return surveyor

    def merged(self, one: Surveyor, other: Surveyor) -> Surveyor:
        """Return a survey of both; neither changes."""
        both = Surveyor(self.n_frames, self.cutoff)
        both.merge(one)
        both.merge(other)
        return both


class Surveyor:
    """Collects facts about frames, in any order; the surveyors of several passes merge.

    Parameters
    ----------
    n_frames : int
        Number of frames of the whole training set.
    cutoff : float
        Cutoff of the graphs (Å).
    """

    def __init__(self, n_frames: int, cutoff: float) -> None:
        self.cutoff = cutoff
        self.doctor = Doctor()
        self._sampled = set(np.linspace(0, n_frames - 1, min(SAMPLE_FRAMES, n_frames)).round().astype(int).tolist())
        self._typical = range(0, n_frames, max(1, n_frames // 10))
        self._found: dict[int, _FrameSurvey] = {}
        self._nearest: dict[tuple[int, int], float] = {}
        self._densest: dict[int, float] = {}

    def add(self, item: GraphedFrame) -> None:
        """Take in a frame."""
        frame, graph = item.frame, item.graph
        self.doctor.add(frame, graph, item.index)
        self._found[item.index] = _FrameSurvey(
            count=Counter(graph.number_n.tolist()),
            energy=np.nan if frame.energy is None else frame.energy,
            volume=np.nan if frame.stress_v is None else frame.atoms.get_volume() / graph.n_atoms,
            isolated=not len(graph.centre_p),
            nearest=graph.nearest()[1] if item.index in self._typical else np.empty(0),
            graph=graph if item.index in self._sampled else None,
        )
        _keep_nearest(graph, self._nearest)
        _keep_densest(graph, self.cutoff, self._densest)

    def merge(self, other: Surveyor) -> None:
        """Take in the facts of another surveyor about other frames of the same training set."""
        self.doctor.merge(other.doctor)
        self._found |= other._found
        for pair, distance in other._nearest.items():
            self._nearest[pair] = min(self._nearest.get(pair, np.inf), distance)
        for number, density in other._densest.items():
            self._densest[number] = max(self._densest.get(number, 0.0), density)

    def default_cutoff(self) -> float:
        """Return a cutoff for the elements of the frames (Å); see `surveyed`."""
        nearest = np.concatenate([one.nearest for one in self._found.values()])
        if not len(nearest):
            return DEFAULT_CUTOFF
        return max(DEFAULT_CUTOFF, round(NEIGHBOUR_DISTANCES * float(np.median(nearest)), 2))

    def survey(self) -> Survey:
        """Return the survey of the frames."""
        found = [self._found[i] for i in sorted(self._found)]
        species_s = np.array(sorted(set().union(*(one.count for one in found))), dtype=np.int64)
        volumes = [one.volume for one in found if np.isfinite(one.volume)]
        return Survey(
            cutoff=self.cutoff,
            species_s=species_s,
            count_is=np.array([[one.count[z] for z in species_s.tolist()] for one in found]),
            energy_i=np.array([one.energy for one in found]),
            isolated_i=np.array([one.isolated for one in found]),
            floor_b=_floors(species_s, self._nearest),
            largest_density_s=np.array([max(self._densest[int(z)], LEAST_DENSITY) for z in species_s]),
            volume=float(np.mean(volumes)) if volumes else 0.0,
            sample=tuple(one.graph for one in found if one.graph is not None),
            original_i=tuple(self.doctor.original_i().tolist()),
            facts=self.doctor.facts,
            suspicions=self.doctor.suspicions(),
            contradicted=self.doctor.contradicted(),
        )


@dataclass(frozen=True, slots=True)
class _FrameSurvey:
    """Facts about a frame; NaN for labels that are absent."""

    count: Counter[int]
    energy: float
    volume: float
    isolated: bool
    nearest: FloatArray
    graph: NeighbourGraph | None


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
