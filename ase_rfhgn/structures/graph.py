"""Graphs of atoms, by a cutoff or by bonds: the only module that knows periodic images and matscipy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import StructureError
from ase_rfhgn.structures.cell import completed_cell, periodic_cell
from ase_rfhgn.structures.compaction import compacted


@dataclass(frozen=True)
class NeighbourGraph:
    """Directed graph of pairs of atoms: every pair is there in both directions.

    Attributes
    ----------
    number_n : ndarray of shape (n_atoms,)
        Atomic numbers.
    centre_p, neighbour_p : ndarray of shape (n_edges,)
        Atoms at the tail and at the head of each edge, tails sorted.
    vector_pc : ndarray of shape (n_edges, 3)
        Head minus tail, through the periodic image that the edge crosses (Å).
    """

    number_n: IntArray
    centre_p: IntArray
    neighbour_p: IntArray
    vector_pc: FloatArray

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.number_n)

    @cached_property
    def first_n(self) -> IntArray:
        """First edge of every atom, and the number of edges: shape (n_atoms + 1,)."""
        return np.searchsorted(self.centre_p, np.arange(self.n_atoms + 1)).astype(np.int64)

    @cached_property
    def distance_p(self) -> FloatArray:
        """Lengths of the edges (Å)."""
        distance_p: FloatArray = np.sqrt(np.einsum("pc,pc->p", self.vector_pc, self.vector_pc))
        return distance_p

    def nearest(self) -> tuple[IntArray, FloatArray]:
        """Return the atoms that have neighbours, and the distance of each to its nearest one (Å)."""
        connected_n = np.flatnonzero(np.diff(self.first_n))
        if not len(connected_n):
            return connected_n, np.empty(0)
        return connected_n, np.minimum.reduceat(self.distance_p, self.first_n[connected_n])

    def pair_p(self, species_s: IntArray) -> IntArray:
        """Return the ordered pair of species of every edge, centre first, as one index.

        Parameters
        ----------
        species_s : ndarray of shape (n_species,)
            Atomic numbers, ascending.
        """
        species_n = np.searchsorted(species_s, self.number_n)
        return len(species_s) * species_n[self.centre_p] + species_n[self.neighbour_p]


def typical_nearest(graphs: Iterable[NeighbourGraph], species_s: IntArray) -> FloatArray:
    """Return the median distance of the atoms of every species to their nearest neighbours (Å), NaN without any.

    Parameters
    ----------
    graphs : iterable of NeighbourGraph
        Structures.
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    """
    found: list[list[FloatArray]] = [[] for _ in species_s]
    for graph in graphs:
        connected_n, distance_n = graph.nearest()
        for s, number in enumerate(species_s):
            found[s].append(distance_n[graph.number_n[connected_n] == number])
    distances = [np.concatenate(parts) if parts else np.empty(0) for parts in found]
    return np.array([np.median(one) if len(one) else np.nan for one in distances])


@dataclass(frozen=True, slots=True)
class Bonds(ReadOnlyArrays):
    """Bonds: static edges between pairs of atoms, whatever their distance.

    Attributes
    ----------
    first_j, second_j : ndarray of shape (n_bonds,)
        The two atoms of each bond; a bond is listed once.
    image_jc : ndarray of shape (n_bonds, 3)
        Cell vectors that a bond crosses from its first to its second atom. Bonds follow moving atoms, so
        positions must not be wrapped back into the cell.
    """

    first_j: IntArray
    second_j: IntArray
    image_jc: IntArray

    @classmethod
    def between(cls, pairs: Iterable[tuple[int, int]]) -> Bonds:
        """Return bonds between pairs of atoms; no bond crosses a cell vector.

        Parameters
        ----------
        pairs : iterable of (int, int)
            The atoms of each bond.
        """
        pair_j = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
        return cls(pair_j[:, 0], pair_j[:, 1], np.zeros((len(pair_j), 3), dtype=np.int64))

    def __len__(self) -> int:
        """Return the number of bonds."""
        return len(self.first_j)


def bonded_graph(atoms: Atoms, bonds: Bonds) -> NeighbourGraph:
    """Return the graph whose edges are given bonds.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    bonds : Bonds
        Bonds of the structure.

    Raises
    ------
    StructureError
        If a bond names an atom that does not exist.
    """
    end_p = np.concatenate([bonds.first_j, bonds.second_j])
    head_p = np.concatenate([bonds.second_j, bonds.first_j])
    if len(end_p) and not 0 <= end_p.min() <= end_p.max() < len(atoms):
        message = f"bonds name atoms {end_p.min()} to {end_p.max()}, but the structure has atoms 0 to {len(atoms) - 1}"
        raise StructureError(message)
    shift_pc = np.concatenate([bonds.image_jc, -bonds.image_jc]) @ atoms.cell.array
    order_p = np.argsort(end_p, kind="stable")
    return Pairs(end_p[order_p], head_p[order_p], shift_pc[order_p]).graph(atoms, np.inf)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of atoms that may be edges of a graph, for any positions near those that they were searched for.

    Attributes
    ----------
    centre_p, neighbour_p : ndarray of shape (n_pairs,)
        Atoms at the tail and at the head of each pair, tails sorted.
    shift_pc : ndarray of shape (n_pairs, 3), or (0, 3) if no pair crosses any
        Sum of the cell vectors that the pair crosses (Å).
    """

    centre_p: IntArray
    neighbour_p: IntArray
    shift_pc: FloatArray

    def graph(self, atoms: Atoms, cutoff: float) -> NeighbourGraph:
        """Return the graph of the pairs that are closer than a cutoff (Å)."""
        near_p, vector_pc = self.near(atoms.positions, cutoff)
        return NeighbourGraph(
            atoms.numbers.astype(np.int64), self.centre_p[near_p], self.neighbour_p[near_p], vector_pc
        )

    def closer_than(self, atoms: Atoms, reach: float) -> Pairs:
        """Return the pairs that are closer than a distance (Å)."""
        near_p, _ = self.near(atoms.positions, reach)
        return Pairs(self.centre_p[near_p], self.neighbour_p[near_p], self.shift_pc[near_p])

    def near(self, position_nc: FloatArray, cutoff: float) -> tuple[BoolArray | slice, FloatArray]:
        """Return which pairs are closer than a cutoff (Å), and the vectors from their tails to their heads."""
        vector_pc: FloatArray = np.take(position_nc, self.neighbour_p, axis=0)
        vector_pc -= np.take(position_nc, self.centre_p, axis=0)
        if len(self.shift_pc):
            vector_pc += self.shift_pc
        near_p = np.einsum("pc,pc->p", vector_pc, vector_pc) < cutoff**2
        if near_p.all():
            return slice(None), vector_pc
        return near_p, vector_pc[near_p]


def build_graph(atoms: Atoms, cutoff: float) -> NeighbourGraph:
    """Return the graph of all pairs of atoms closer than a cutoff, periodic images included.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure: molecules, chains, slabs, cells smaller than the cutoff.
    cutoff : float
        Largest length of an edge (Å).
    """
    return find_pairs(atoms, cutoff).graph(atoms, cutoff)


def find_pairs(atoms: Atoms, reach: float) -> Pairs:
    """Return all pairs of atoms closer than a distance (Å), periodic images included."""
    compact = compacted(atoms, reach)
    tail_p, head_p, image_pc = neighbour_list("ijS", compact.atoms, compact.bin_width)
    turn_pc = image_pc + (compact.turn_nc[tail_p] - compact.turn_nc[head_p])
    pairs = Pairs(tail_p.astype(np.int64), head_p.astype(np.int64), turn_pc @ periodic_cell(atoms))
    return pairs if compact.bin_width == reach else pairs.closer_than(atoms, reach)


def nearest_image(vector_nc: FloatArray, atoms: Atoms) -> FloatArray:
    """Return short vectors in place of vectors that may cross periodic boundaries.

    Exact for vectors shorter than half of the smallest thickness of the cell.

    Parameters
    ----------
    vector_nc : ndarray of shape (n, 3)
        Vectors that are known up to whole cell vectors (Å).
    atoms : ase.Atoms
        Whose cell and boundary conditions they are.
    """
    if not atoms.pbc.any():
        return vector_nc
    direction_cc = completed_cell(atoms)
    turns_nc = np.round(vector_nc @ np.linalg.inv(direction_cc))
    shortened_nc: FloatArray = vector_nc - np.where(atoms.pbc, turns_nc, 0.0) @ direction_cc
    return shortened_nc
