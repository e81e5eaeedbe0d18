"""Self-training: pseudo-labels on unlabelled structures keep a fit in bounds just outside of its data.

Some combinations of features vanish, or almost vanish, on the whole training set, but not just outside of
it. Examples are a bond that is longer than any bond of the data, or a mixture of elements that occur only
in pairs. A weak ridge leaves these combinations free, and a strong ridge costs accuracy everywhere.
So a teacher with a strong ridge labels structures of the training set with displaced atoms, or, if there
are several chemical systems, with random elements. The fit with a weak ridge follows these pseudo-labels
with a small weight. This is self-training with a cautious teacher in closed form (Lee, Workshop on
Challenges in Representation Learning, ICML 2013): one more block of rows.

Other blocks have structures far away from the data, where teachers are more cautious still
(`ase_rfhgn.fitting.far_lessons`): other crystals, compressed frames and dimers
(`ase_rfhgn.fitting.far_structures`), and frames whose atoms are displaced by a little or a lot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import cycle

import numpy as np
from ase import Atoms

from ase_rfhgn.fitting.far_lessons import FarRows
from ase_rfhgn.fitting.far_structures import far_structures, share_of
from ase_rfhgn.fitting.mixtures import is_open, random_elements
from ase_rfhgn.fitting.rows import frame_rows
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.regression.triangular import Factor, RunningFactor
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import FrameGraphs
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph

ATOMS_DISPLACED, ATOMS_MIXED = 2500, 6000
"""Atoms of unlabelled structures of either kind that are made, about."""

DISPLACEMENT = 0.2
"""Standard deviation of displacements in every direction (Å)."""

STRAYED = (0.05, 0.4)
"""Range of the standard deviation of displacements in every direction, far away from the data (Å)."""

WEIGHT_DISPLACED = 1e-3
"""Squared weight of pseudo-labels on displaced structures, relative to labels."""

WEIGHT_MIXED = 0.1
"""Squared weight of pseudo-labels on mixtures of elements, relative to labels."""

FAR_GRADE = 2.5
"""Extrapolation grade above which a structure is far away from the data."""


def unlabelled_rows(
    items: FrameGraphs, model: SphericalModel, weights: Mapping[str, float], rng: np.random.Generator, *, mixed: bool
) -> Factor:
    """Return the factor of the rows of unlabelled structures; it has no rows where none can be made.

    Parameters
    ----------
    items : FrameGraphs
        Labelled structures; their labels are not used.
    model : SphericalModel
        The model whose coefficients are solved for.
    weights : mapping
        Weights of the kinds of rows.
    rng : numpy.random.Generator
        Source of randomness.
    mixed : bool
        Whether elements are mixed; otherwise atoms are displaced.
    """
    structures = _mixtures(items, model, rng) if mixed else _displaced(items, model.fields.cutoff, rng)
    enough = ATOMS_MIXED if mixed else ATOMS_DISPLACED
    square_weight = WEIGHT_MIXED if mixed else WEIGHT_DISPLACED
    weighted = ((atoms, graph, square_weight) for atoms, graph in _up_to(enough, structures))
    return _factor(weighted, model, weights)


def far_rows(
    items: FrameGraphs,
    model: SphericalModel,
    weights: Mapping[str, float],
    domain: Domain,
    rng: np.random.Generator,
) -> FarRows:
    """Return the rows of structures far away from the data; there are none where none can be made.

    Parameters
    ----------
    items, model, weights, rng
        As for `unlabelled_rows`.
    domain : Domain
        Neighbourhoods of the frames.
    """
    fields = model.fields
    made = far_structures(items, fields.species_s, fields.cutoff, fields.encoder.floor_b, rng)
    graphed = ((atoms, build_graph(atoms, fields.cutoff), weight) for atoms, weight in made)
    elsewhere = _factor((made for made in graphed if _is_far(made[1], model, domain)), model, weights)
    enough = share_of(len(items)) * ATOMS_DISPLACED
    displaced = ((atoms, graph, 1.0) for atoms, graph in _up_to(enough, _strayed(items, fields.cutoff, rng)))
    return FarRows(
        elsewhere=elsewhere,
        displaced=_factor((made for made in displaced if _is_far(made[1], model, domain)), model, weights),
        pair_f=model.pair_columns,
    )


def _is_far(graph: NeighbourGraph, model: SphericalModel, domain: Domain) -> bool:
    """Return whether the training set has nothing like a structure."""
    grade_n = domain.grade(model.fields.descriptors(graph), np.searchsorted(model.fields.species_s, graph.number_n))
    return bool(grade_n.max() > FAR_GRADE)


def _factor(
    structures: Iterable[tuple[Atoms, NeighbourGraph, float]], model: SphericalModel, weights: Mapping[str, float]
) -> Factor:
    """Return the factor of the rows of structures, each with a squared weight; labels are zero."""
    species_s, layout = model.fields.species_s, model.layout
    everything = tuple(range(layout.n_species))
    running = RunningFactor(layout.columns(everything))
    nothing = Baseline.nothing(species_s)
    for atoms, graph, square_weight in structures:
        frame = Frame(atoms, 0.0, np.zeros((len(atoms), 3)), None, "unlabelled")
        for kind, row_mf in frame_rows(model.fields, nothing, frame, graph, everything).items():
            running.add(np.sqrt(square_weight) * weights[kind] * row_mf)
    return running.factor()


def _up_to(enough: float, structures: Iterable[tuple[Atoms, NeighbourGraph]]) -> Iterator[tuple[Atoms, NeighbourGraph]]:
    """Yield structures until they have enough atoms."""
    n_atoms = 0
    for atoms, graph in structures:
        yield atoms, graph
        n_atoms += len(atoms)
        if n_atoms > enough:
            return


def _displaced(items: FrameGraphs, cutoff: float, rng: np.random.Generator) -> Iterator[tuple[Atoms, NeighbourGraph]]:
    """Yield structures of the training set with displaced atoms."""
    for i in rng.permutation(len(items)):
        atoms = items.frames[int(i)].atoms
        atoms.positions += rng.normal(0.0, DISPLACEMENT, size=(len(atoms), 3))
        yield atoms, build_graph(atoms, cutoff)


def _strayed(items: FrameGraphs, cutoff: float, rng: np.random.Generator) -> Iterator[tuple[Atoms, NeighbourGraph]]:
    """Yield structures of the training set whose atoms are displaced by a little or a lot, again and again."""
    for i in cycle(rng.permutation(len(items))):
        atoms = items.frames[int(i)].atoms.copy()
        atoms.positions += rng.normal(0.0, rng.uniform(*STRAYED), size=(len(atoms), 3))
        yield atoms, build_graph(atoms, cutoff)


def _mixtures(
    items: FrameGraphs, model: SphericalModel, rng: np.random.Generator
) -> Iterator[tuple[Atoms, NeighbourGraph]]:
    """Yield structures of the training set with random elements, unless atoms get too close."""
    species_s, floor_b = model.fields.species_s, model.fields.encoder.floor_b
    for i in rng.permutation(len(items)):
        item = items[int(i)]
        number_n = random_elements(item.graph.n_atoms, species_s, rng)
        graph = replace(item.graph, number_n=number_n)
        if is_open(graph, species_s, floor_b):
            atoms = item.frame.atoms.copy()
            atoms.numbers = number_n
            yield atoms, graph
