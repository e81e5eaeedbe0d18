"""Self-training: pseudo-labels on unlabelled structures keep a fit in bounds just outside of its data.

Some combinations of features vanish, or almost vanish, on the whole training set, but not just outside of
it. Examples are a bond that is longer than any bond of the data, or a mixture of elements that occur only
in pairs. A weak ridge leaves these combinations free, and a strong ridge costs accuracy everywhere.
So a teacher with a strong ridge labels structures of the training set with displaced atoms, or, if there
are several chemical systems, with random elements. The fit with a weak ridge follows these pseudo-labels
with a small weight. This is self-training with a cautious teacher in closed form (Lee, Workshop on
Challenges in Representation Learning, ICML 2013): one more block of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from ase import Atoms

from ase_rfhgn.fitting.mixtures import is_open, random_elements
from ase_rfhgn.fitting.rows import frame_rows
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.regression.triangular import Factor, RunningFactor
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import FrameGraphs
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph

ATOMS_DISPLACED, ATOMS_MIXED = 2500, 6000
"""Atoms of unlabelled structures of either kind that are made, about."""

DISPLACEMENT = 0.2
"""Standard deviation of displacements in every direction (Å)."""

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
    species_s, layout = model.fields.species_s, model.layout
    everything = tuple(range(layout.n_species))
    running = RunningFactor(layout.columns(everything))
    nothing = Baseline.nothing(species_s)
    weight = np.sqrt(WEIGHT_MIXED if mixed else WEIGHT_DISPLACED)
    structures = _mixtures(items, model, rng) if mixed else _displaced(items, model.fields.cutoff, rng)
    n_atoms = 0
    for atoms, graph in structures:
        frame = Frame(atoms, 0.0, np.zeros((len(atoms), 3)), None, "unlabelled")
        for kind, row_mf in frame_rows(model.fields, nothing, frame, graph, everything).items():
            running.add(weight * weights[kind] * row_mf)
        n_atoms += len(atoms)
        if n_atoms > (ATOMS_MIXED if mixed else ATOMS_DISPLACED):
            break
    return running.factor()


def _displaced(items: FrameGraphs, cutoff: float, rng: np.random.Generator) -> Iterator[tuple[Atoms, NeighbourGraph]]:
    """Yield structures of the training set with displaced atoms."""
    for i in rng.permutation(len(items)):
        atoms = items.frames[int(i)].atoms
        atoms.positions += rng.normal(0.0, DISPLACEMENT, size=(len(atoms), 3))
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
