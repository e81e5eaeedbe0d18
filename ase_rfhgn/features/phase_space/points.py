"""Points of phase space: positions, momenta and edges of one or several structures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.structures.graph import NeighbourGraph


@dataclass(frozen=True, slots=True)
class PhasePoints:
    """Positions, momenta and edges of a batch of structures, whose nodes follow each other.

    Attributes
    ----------
    position_nc, momentum_nc : ndarray of shape (n_nodes, n_dimensions)
        Positions (Å) and momenta (ASE units).
    first_i : ndarray of shape (n_structures + 1,)
        First node of every structure, and the number of nodes.
    centre_p, neighbour_p : ndarray of shape (n_edges,)
        Nodes at the tail and at the head of each edge.
    vector_pc : ndarray of shape (n_edges, n_dimensions)
        Head minus tail, through the periodic image that the edge crosses (Å).
    number_n : ndarray of shape (n_nodes,)
        Atomic numbers.
    mass_n : ndarray of shape (n_nodes,)
        Masses (u): with the atomic numbers, they are the species of nodes.
    """

    position_nc: FloatArray
    momentum_nc: FloatArray
    first_i: IntArray
    centre_p: IntArray
    neighbour_p: IntArray
    vector_pc: FloatArray
    number_n: IntArray
    mass_n: FloatArray

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.position_nc)

    @property
    def n_structures(self) -> int:
        """Number of structures."""
        return len(self.first_i) - 1

    @property
    def n_dimensions(self) -> int:
        """Number of dimensions."""
        return int(self.position_nc.shape[1])

    @property
    def structure_n(self) -> IntArray:
        """Structure of every node."""
        return np.repeat(np.arange(self.n_structures), np.diff(self.first_i))


def phase_point(atoms: Atoms, graph: NeighbourGraph, n_dimensions: int) -> PhasePoints:
    """Return the point of phase space of one structure.

    Parameters
    ----------
    atoms : ase.Atoms
        Positions, momenta, elements and masses.
    graph : NeighbourGraph
        Edges of the structure.
    n_dimensions : int
        Coordinates that exist; all others must be zero, and never enter a model.

    Raises
    ------
    StructureError
        If a value is not finite, or a coordinate that does not exist is not zero.
    """
    position_nc, momentum_nc = atoms.get_positions(), atoms.get_momenta()
    for name, value_nc in (("position", position_nc), ("momentum", momentum_nc)):
        for node in np.flatnonzero(~np.isfinite(value_nc).all(axis=1))[:1]:
            message = f"{name} of atom {node} is not finite: {value_nc[node]}"
            raise StructureError(message)
        for node in np.flatnonzero(value_nc[:, n_dimensions:].any(axis=1))[:1]:
            message = (
                f"{name} of atom {node} is {value_nc[node]}, but the model has {n_dimensions} dimension(s): "
                "the other coordinates must be zero"
            )
            raise StructureError(message)
    return PhasePoints(
        position_nc=position_nc[:, :n_dimensions],
        momentum_nc=momentum_nc[:, :n_dimensions],
        first_i=np.array([0, len(atoms)]),
        centre_p=graph.centre_p,
        neighbour_p=graph.neighbour_p,
        vector_pc=graph.vector_pc[:, :n_dimensions],
        number_n=atoms.numbers,
        mass_n=atoms.get_masses(),
    )


def joined(points: Sequence[PhasePoints]) -> PhasePoints:
    """Return several batches as one; structures keep their order."""
    start = list(accumulate((point.n_nodes for point in points), initial=0))
    return PhasePoints(
        position_nc=np.concatenate([point.position_nc for point in points]),
        momentum_nc=np.concatenate([point.momentum_nc for point in points]),
        first_i=np.concatenate([[0], *(n + point.first_i[1:] for n, point in zip(start, points, strict=False))]),
        centre_p=np.concatenate([n + point.centre_p for n, point in zip(start, points, strict=False)]),
        neighbour_p=np.concatenate([n + point.neighbour_p for n, point in zip(start, points, strict=False)]),
        vector_pc=np.concatenate([point.vector_pc for point in points]),
        number_n=np.concatenate([point.number_n for point in points]),
        mass_n=np.concatenate([point.mass_n for point in points]),
    )
