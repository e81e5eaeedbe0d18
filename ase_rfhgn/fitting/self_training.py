"""Self-training: pseudo-labels on unlabelled structures keep a fit in bounds just outside of its data.

Some combinations of features vanish, or almost vanish, on the whole training set, but not just outside of
it. Examples are a bond that is longer than any bond of the data, or a mixture of elements that occur only
in pairs. A weak ridge leaves these combinations free, and a strong ridge costs accuracy everywhere.
So a teacher with a strong ridge labels structures of the training set with displaced atoms, or, where
chemical systems are left out, with random elements. The fit with a weak ridge follows these pseudo-labels
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

from ase_rfhgn.fitting.far_lessons import DisplacedRows
from ase_rfhgn.fitting.far_structures import far_structures, share_of
from ase_rfhgn.fitting.mixtures import is_open, random_elements
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.models.extrapolation import FAR_GRADE, Domain
from ase_rfhgn.regression.triangular import Factor, RunningFactor
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame
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
    weighted = ((_unlabelled(*made), square_weight) for made in _up_to(enough, structures))
    return _factor(weighted, model, weights)


def far_rows(
    items: FrameGraphs,
    model: SphericalModel,
    weights: Mapping[str, float],
    domain: Domain,
    rng: np.random.Generator,
) -> Factor:
    """Return the factor of the rows of structures far away from the data; there may be none.

    Parameters
    ----------
    items, model, weights, rng
        As for `unlabelled_rows`.
    domain : Domain
        Neighbourhoods of the frames.
    """
    fields = model.fields
    made = far_structures(items, fields.species_s, fields.cutoff, fields.encoder.floor_b, rng)
    unlabelled = ((_unlabelled(atoms, build_graph(atoms, fields.cutoff)), weight) for atoms, weight in made)
    return _far_factor(unlabelled, model, weights, domain)


def displaced_rows(
    items: FrameGraphs, model: SphericalModel, weights: Mapping[str, float], domain: Domain, rng: np.random.Generator
) -> DisplacedRows:
    """Return the rows of frames displaced far beyond the data, on which teachers of low order answer.

    Parameters
    ----------
    items, model, weights, domain, rng
        As for `far_rows`.
    """
    enough = share_of(len(items)) * ATOMS_DISPLACED
    strayed = _up_to(enough, _strayed(items, model.fields.cutoff, rng))
    factor = _far_factor(((_unlabelled(*one), 1.0) for one in strayed), model, weights, domain)
    return DisplacedRows(factor, (model.pair_columns, model.triplet_columns))


def _far_factor(
    items: Iterable[tuple[GraphedFrame, float]], model: SphericalModel, weights: Mapping[str, float], domain: Domain
) -> Factor:
    """Return the factor of the rows of those structures that are far from the training set."""
    encoded = ((model.encoded(item), weight) for item, weight in items)
    return _factor((pair for pair in encoded if _is_far(pair[0], model, domain)), model, weights)


def _unlabelled(atoms: Atoms, graph: NeighbourGraph) -> GraphedFrame:
    """Return a structure as a frame whose labels are zero."""
    return GraphedFrame(0, Frame(atoms, 0.0, np.zeros((len(atoms), 3)), None, "unlabelled"), graph)


def _is_far(item: GraphedFrame, model: SphericalModel, domain: Domain) -> bool:
    """Return whether the training set has nothing like a structure."""
    return bool(domain.grade(*model.descriptors(item)).max() > FAR_GRADE)


def _factor(items: Iterable[tuple[GraphedFrame, float]], model: SphericalModel, weights: Mapping[str, float]) -> Factor:
    """Return the factor of the rows of unlabelled structures, each with a squared weight."""
    everything = tuple(range(model.layout.n_species))
    running = RunningFactor(model.layout.columns(everything))
    plain = replace(model, baseline=Baseline.nothing(model.fields.species_s))
    for item, square_weight in items:
        (rows,) = plain.rows([item], everything)
        for kind, row_mf in rows.items():
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
        atoms = items[int(i)].frame.atoms.copy()
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
