"""Unlabelled structures that keep a fit from running wild where no label holds it.

Combinations of features that vanish, or almost vanish, on the whole training set need not vanish a
little outside: at a bond that is longer than any in the data, in a mixture of elements that only
occur in pairs. A weak ridge leaves them free, and a strong one costs accuracy everywhere. So the
structures of the training set are displaced, or, where there are several chemical systems, get
random elements on their sites, and the fit with a weak ridge is asked to stay there, loosely,
close to a fit with a strong one. This is self-training with a cautious teacher (Lee, Workshop on
Challenges in Representation Learning, ICML 2013) in closed form: one more block of rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.fitting.mixtures import is_open, random_elements
from ase_rfhgn.fitting.rows import Layout, frame_rows
from ase_rfhgn.fitting.survey import Survey
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.regression.triangular import Factor, RunningFactor
from ase_rfhgn.structures.graph import build_graph
from ase_rfhgn.structures.training_set import Frame, TrainingSet

ATOMS_DISPLACED, ATOMS_MIXED = 2500, 6000
"""Atoms of unlabelled structures of either kind that are made, about."""

DISPLACEMENT = 0.2
"""Standard deviation of displacements in every direction (Å)."""

WEIGHT_DISPLACED = 1e-3
"""Squared weight of the rows of displaced structures against labelled ones."""

WEIGHT_MIXED = 0.1
"""Squared weight of the rows of mixtures against labelled ones."""


def unlabelled_rows(
    frames: TrainingSet,
    surveyed: Survey,
    hamiltonian: SphericalFields,
    weights: dict[str, float],
    rng: np.random.Generator,
    *,
    mixed: bool,
) -> Factor:
    """Return the factor of the rows of unlabelled structures; it has no rows where none can be made.

    Parameters
    ----------
    frames : TrainingSet
        Labelled structures; their labels are not used.
    surveyed : Survey
        What they hold.
    hamiltonian : SphericalFields
        The features.
    weights : dict
        Weights of the kinds of rows.
    rng : numpy.random.Generator
        Source of randomness.
    mixed : bool
        Whether elements are mixed; otherwise atoms are displaced.
    """
    layout = Layout(len(surveyed.species_s), hamiltonian.n_features)
    everything = tuple(range(layout.n_species))
    running = RunningFactor(layout.columns(everything))
    nothing = Baseline.nothing(surveyed.species_s)
    weight = np.sqrt(WEIGHT_MIXED if mixed else WEIGHT_DISPLACED)
    structures = _mixtures(frames, surveyed, hamiltonian.cutoff, rng) if mixed else _displaced(frames, rng)
    n_atoms = 0
    for atoms in structures:
        frame = Frame(atoms, 0.0, np.zeros((len(atoms), 3)), None, "unlabelled")
        graph = build_graph(atoms, hamiltonian.cutoff)
        for kind, row_mf in frame_rows(hamiltonian, nothing, frame, graph, everything).items():
            running.add(weight * weights[kind] * row_mf)
        n_atoms += len(atoms)
        if n_atoms > (ATOMS_MIXED if mixed else ATOMS_DISPLACED):
            break
    return running.factor()


def _displaced(frames: TrainingSet, rng: np.random.Generator) -> Iterator[Atoms]:
    """Yield structures of the training set with displaced atoms."""
    for i in rng.permutation(len(frames)):
        atoms = frames[int(i)].atoms
        atoms.positions += rng.normal(0.0, DISPLACEMENT, size=(len(atoms), 3))
        yield atoms


def _mixtures(frames: TrainingSet, surveyed: Survey, cutoff: float, rng: np.random.Generator) -> Iterator[Atoms]:
    """Yield structures of the training set with random elements, unless atoms get too close."""
    for i in rng.permutation(len(frames)):
        atoms = frames[int(i)].atoms
        atoms.numbers = random_elements(len(atoms), surveyed.species_s, rng)
        if is_open(build_graph(atoms, cutoff), surveyed.species_s, surveyed.floor_b):
            yield atoms
