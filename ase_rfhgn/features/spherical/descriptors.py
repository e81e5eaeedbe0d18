"""Descriptors of neighbourhoods for extrapolation grades: of an atom itself, and averaged over its surroundings.

A single atom of a hot liquid may have any neighbourhood for a moment. In a crystal of the wrong kind or
density, all atoms around have an odd one. So averages over an atom and its neighbours tell more.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.cutoff import cutoff_function
from ase_rfhgn.features.spherical.blocks import Block
from ase_rfhgn.structures.graph import NeighbourGraph

DESCRIBED = 3
"""Largest degree that descriptors are made of."""

SHARE = 2
"""One of so many channels describes surroundings."""


def descriptors_of(block: Block) -> FloatArray:
    """Return the descriptors of the atoms of a block, before they are averaged: (n_atoms, n_descriptors).

    First come the atomic basis of degree 0 and the lengths of its vectors of degree 1. They describe how
    many neighbours an atom has at which distances, and how lopsided they lie. Then come the basis of
    degree 0 and the lengths of all degrees of some channels, which `averaged` turns into those of the
    surroundings. None of them changes under rotation.
    """
    basis_nyk = block.basis_nyk
    some_nyk = basis_nyk[:, :, ::SHARE]
    lengths = [np.linalg.norm(some_nyk[:, l * l : (l + 1) ** 2], axis=1) for l in range(1, _n_levels(basis_nyk))]
    own = [basis_nyk[:, 0], *([np.linalg.norm(basis_nyk[:, 1:4], axis=1)] if lengths else [])]
    return np.concatenate([*own, some_nyk[:, 0], *lengths], axis=1)


def n_around(n_channels: int, degree: int) -> int:
    """Return how many of the descriptors, the last ones, are about the surroundings."""
    return (min(degree, DESCRIBED) + 1) * len(range(0, n_channels, SHARE))


def averaged(descriptor_nd: FloatArray, graph: NeighbourGraph, cutoff: float, last: int) -> FloatArray:
    """Return the descriptors, the last ones averaged over every atom and its neighbours.

    Parameters
    ----------
    descriptor_nd : ndarray of shape (n_atoms, n_descriptors)
        Descriptors of all atoms of a graph.
    graph : NeighbourGraph
        A structure.
    cutoff : float
        Distance at which neighbours cease to count (Å).
    last : int
        How many are averaged.
    """
    weight_p, _ = cutoff_function(graph.distance_p, cutoff)
    weight_nn = csr_array((weight_p, graph.neighbour_p, graph.first_n), shape=(graph.n_atoms, graph.n_atoms))
    own_nd, around_nd = descriptor_nd[:, :-last], descriptor_nd[:, -last:]
    total_n = 1.0 + np.bincount(graph.centre_p, weight_p, graph.n_atoms)
    return np.concatenate([own_nd, (around_nd + weight_nn @ around_nd) / total_n[:, None]], axis=1)


def _n_levels(basis_nyk: FloatArray) -> int:
    """Return the number of degrees of an atomic basis that are described."""
    return min(int(np.sqrt(basis_nyk.shape[1])), DESCRIBED + 1)
