"""Mixtures: structures of a training set with random elements on their sites."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.structures.graph import NeighbourGraph

CLOSENESS = 0.9
"""Mixtures with pairs closer than this, in units of the smallest distance of training, are not made."""


def random_elements(n_atoms: int, species_s: IntArray, rng: np.random.Generator) -> IntArray:
    """Return atomic numbers of a mixture of random composition.

    Parameters
    ----------
    n_atoms : int
        Number of atoms.
    species_s : ndarray of shape (n_species,)
        Atomic numbers to choose from.
    rng : numpy.random.Generator
        Source of randomness.
    """
    share_s = rng.dirichlet(np.ones(len(species_s)))
    return rng.choice(species_s, size=n_atoms, p=share_s)


def is_open(graph: NeighbourGraph, species_s: IntArray, floor_b: FloatArray) -> bool:
    """Return whether no pair of atoms is much closer than in the training set.

    Parameters
    ----------
    graph : NeighbourGraph
        A structure.
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    floor_b : ndarray of shape (n_species²,)
        Smallest distances of training (Å).
    """
    return bool(np.all(graph.distance_p > CLOSENESS * floor_b[graph.pair_p(species_s)]))
