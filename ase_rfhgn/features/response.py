"""Responses of potentials to structures: energies, forces, virial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.structures.graph import NeighbourGraph


@dataclass(frozen=True, slots=True)
class Response:
    """Energies, forces and virial of a structure.

    Attributes
    ----------
    energy_n : ndarray of shape (n_atoms,)
        Energy of every atom (eV).
    force_nc : ndarray of shape (n_atoms, 3)
        Forces (eV/Å).
    virial_cc : ndarray of shape (3, 3)
        Derivative of the energy by a homogeneous strain (eV).
    """

    energy_n: FloatArray
    force_nc: FloatArray
    virial_cc: FloatArray

    def __add__(self, other: Response) -> Response:
        """Return the sum of two responses."""
        return Response(
            self.energy_n + other.energy_n, self.force_nc + other.force_nc, self.virial_cc + other.virial_cc
        )


@dataclass(frozen=True, slots=True)
class SiteResponse:
    """Energies of atoms and their derivatives by the edges of a graph.

    Attributes
    ----------
    energy_n : ndarray of shape (n_atoms,)
        Energy of every atom (eV).
    gradient_pc : ndarray of shape (n_edges, 3)
        Derivative of the energy of an edge's centre by the vector of the edge (eV/Å).
    """

    energy_n: FloatArray
    gradient_pc: FloatArray


@dataclass(frozen=True, slots=True)
class PairBlocks:
    """Parts of a Hessian: second derivatives by the positions of two atoms, which add up.

    Attributes
    ----------
    first_t, second_t : ndarray of shape (n_blocks,)
        The two atoms of every block; a pair may come more than once.
    vector_tc : ndarray of shape (n_blocks, 3)
        Second minus first, through the periodic images that are meant (Å).
    block_tcc : ndarray of shape (n_blocks, 3, 3)
        Second derivatives (eV/Å²).
    """

    first_t: IntArray
    second_t: IntArray
    vector_tc: FloatArray
    block_tcc: FloatArray


def voigt(tensor_cc: FloatArray) -> FloatArray:
    """Return the symmetric part of a tensor in Voigt order."""
    symmetric = 0.5 * (tensor_cc + tensor_cc.T)
    return symmetric[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def pairwise_response(graph: NeighbourGraph, edges: IntArray, energy_p: FloatArray, slope_p: FloatArray) -> Response:
    """Return the response of a pair potential.

    Parameters
    ----------
    graph : NeighbourGraph
        A structure; each pair is there in both directions.
    edges : ndarray of int
        The edges on which the pair potential acts.
    energy_p, slope_p : ndarray of shape (len(edges),)
        Energy of the pair (eV) and its derivative by the distance (eV/Å).
    """
    centre_p, neighbour_p, vector_pc = graph.centre_p[edges], graph.neighbour_p[edges], graph.vector_pc[edges]
    gradient_pc = pair_gradients(vector_pc, slope_p)
    energy_n, force_nc = np.zeros(graph.n_atoms), np.zeros((graph.n_atoms, 3))
    np.add.at(energy_n, centre_p, 0.5 * energy_p)
    np.add.at(force_nc, centre_p, gradient_pc)
    np.subtract.at(force_nc, neighbour_p, gradient_pc)
    return Response(energy_n, force_nc, vector_pc.T @ gradient_pc)


def pair_gradients(vector_pc: FloatArray, slope_p: FloatArray) -> FloatArray:
    """Return the derivatives of half of the energies of pairs by their vectors (eV/Å).

    Parameters
    ----------
    vector_pc : ndarray of shape (n_edges, 3)
        Vectors of the edges (Å).
    slope_p : ndarray of shape (n_edges,)
        Derivatives of the energies of the pairs by the distance (eV/Å).
    """
    distance_p = np.linalg.norm(vector_pc, axis=1)
    # Atoms at the same place have no direction: only laws without a force at zero make sense there.
    tension_p = np.divide(0.5 * slope_p, distance_p, out=np.zeros_like(distance_p), where=distance_p > 0.0)
    gradient_pc: FloatArray = tension_p[:, None] * vector_pc
    return gradient_pc


def pair_hessian(graph: NeighbourGraph, edges: IntArray, slope_p: FloatArray, curvature_p: FloatArray) -> PairBlocks:
    """Return the second derivatives of a pair potential.

    Parameters
    ----------
    graph : NeighbourGraph
        A structure; each pair is there in both directions.
    edges : ndarray of int
        The edges on which the pair potential acts.
    slope_p, curvature_p : ndarray of shape (len(edges),)
        First (eV/Å) and second (eV/Å²) derivatives of the energy of the pair by the distance.
    """
    centre_p, neighbour_p, vector_pc = graph.centre_p[edges], graph.neighbour_p[edges], graph.vector_pc[edges]
    distance_p = np.linalg.norm(vector_pc, axis=1)
    unit_pc, tension_p = vector_pc / distance_p[:, None], slope_p / distance_p
    along_pcc = np.einsum("p,pc,pd->pcd", curvature_p - tension_p, unit_pc, unit_pc)
    own_pcc = 0.5 * (along_pcc + tension_p[:, None, None] * np.eye(3))
    return PairBlocks(
        np.concatenate([centre_p, neighbour_p, centre_p, neighbour_p]),
        np.concatenate([centre_p, neighbour_p, neighbour_p, centre_p]),
        np.concatenate([0.0 * vector_pc, 0.0 * vector_pc, vector_pc, -vector_pc]),
        np.concatenate([own_pcc, own_pcc, -own_pcc, -own_pcc]),
    )
