"""Graphs of one domain of a decomposed structure: own atoms, and copies of the atoms around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.structures.checks import COINCIDENT
from ase_rfhgn.structures.graph import NeighbourGraph, Pairs, find_pairs
from ase_rfhgn.structures.neighbour_list import has_hardly_moved


@dataclass(frozen=True, slots=True)
class LocalAtoms:
    """Atoms of a domain: its own ones first, then copies of own and foreign atoms around it (ghost atoms).

    Attributes
    ----------
    number_n : ndarray of shape (n_atoms,)
        Atomic numbers.
    position_nc : ndarray of shape (n_atoms, 3)
        Positions (Å); copies across a periodic boundary stand where they are seen.
    identity_n : ndarray of shape (n_atoms,)
        Number of every atom, which its copies share.
    n_own : int
        Number of own atoms.
    """

    number_n: IntArray
    position_nc: FloatArray
    identity_n: IntArray
    n_own: int

    def owner_n(self) -> IntArray:
        """Return the own atom that each atom is, or is a copy of; −1 for foreign atoms."""
        order_n = np.argsort(self.identity_n[: self.n_own], kind="stable")
        known_n = self.identity_n[order_n]
        place_n = np.minimum(np.searchsorted(known_n, self.identity_n), self.n_own - 1)
        return np.where(known_n[place_n] == self.identity_n, order_n[place_n], -1)


@dataclass(frozen=True, slots=True)
class LocalGraph:
    """Graph of a domain, from which the forces on its own atoms follow.

    The energy of a foreign atom depends on own atoms, too. So copies of foreign atoms are centres as well, if
    an own atom is near. Copies of own atoms are no centres: an edge to a copy leads to the atom itself.

    Attributes
    ----------
    graph : NeighbourGraph
        Own atoms, copies of foreign atoms that are centres, and one atom per element for all others. Only edges
        at centres are there.
    n_own : int
        Number of own atoms, which come first.
    n_centres : int
        Number of centres, which come first.
    """

    graph: NeighbourGraph
    n_own: int
    n_centres: int


@dataclass(frozen=True, slots=True)
class _LocalPairs:
    """Pairs of atoms of a domain that may be edges, as atoms and as nodes of the graph."""

    atoms: Pairs
    tail_p: IntArray
    head_p: IntArray
    node_number_n: IntArray
    n_centres: int


class LocalNeighbours:
    """Graphs of a domain whose atoms move a little from call to call.

    Copies must be there up to twice the cutoff around the domain; if there are no foreign atoms, up to the cutoff.

    Parameters
    ----------
    cutoff : float
        Largest length of an edge (Å).
    skin : float
        Distance by which the search goes beyond the cutoff (Å); see `NeighbourList`.
    """

    def __init__(self, cutoff: float, skin: float = 0.5) -> None:
        self.cutoff = cutoff
        self.skin = skin
        self.searches = 0
        self._searched: LocalAtoms | None = None
        self._pairs: _LocalPairs | None = None

    def graph(self, atoms: LocalAtoms) -> LocalGraph:
        """Return the graph of the pairs of atoms closer than the cutoff.

        Parameters
        ----------
        atoms : LocalAtoms
            A domain.

        Raises
        ------
        StructureError
            If a position is not finite, or atoms are at the same place.
        """
        if self._pairs is None or not self._still_holds(atoms):
            if not np.isfinite(atoms.position_nc).all():
                bad = int(np.argmin(np.isfinite(atoms.position_nc).all(axis=1)))
                message = f"position of atom {atoms.identity_n[bad]} is not finite: {atoms.position_nc[bad]}"
                raise StructureError(message)
            self._pairs = _search(atoms, self.cutoff + self.skin)
            self._searched = atoms
            self.searches += 1
        pairs = self._pairs
        near_p, vector_pc = pairs.atoms.near(atoms.position_nc, self.cutoff)
        graph = NeighbourGraph(pairs.node_number_n, pairs.tail_p[near_p], pairs.head_p[near_p], vector_pc)
        _refuse_coincident(atoms, pairs, near_p, graph)
        return LocalGraph(graph, atoms.n_own, pairs.n_centres)

    def _still_holds(self, atoms: LocalAtoms) -> bool:
        """Return whether the pairs of the last search still hold."""
        before = self._searched
        if before is None or before.n_own != atoms.n_own:
            return False
        if not np.array_equal(before.identity_n, atoms.identity_n):
            return False
        if not np.array_equal(before.number_n, atoms.number_n):
            return False
        return has_hardly_moved(before.position_nc, atoms.position_nc, self.skin)


def _search(atoms: LocalAtoms, reach: float) -> _LocalPairs:
    """Return the pairs with a centre that are closer than a distance."""
    if not atoms.n_own:
        nobody = np.empty(0, dtype=np.int64)
        return _LocalPairs(Pairs(nobody, nobody, np.empty((0, 3))), nobody, nobody, nobody, 0)
    owner_n = atoms.owner_n()
    kept_n = np.flatnonzero(_may_matter(atoms, reach * (2.0 if (owner_n < 0).any() else 1.0)))
    found = find_pairs(Atoms(atoms.number_n[kept_n], atoms.position_nc[kept_n]), reach)
    return _with_nodes(atoms, owner_n, kept_n[found.centre_p], kept_n[found.neighbour_p])


def _may_matter(atoms: LocalAtoms, distance: float) -> BoolArray:
    """Return which atoms are within a distance of the box around the own atoms."""
    own_nc = atoms.position_nc[: atoms.n_own]
    above_nc, below_nc = atoms.position_nc > own_nc.min(axis=0) - distance, atoms.position_nc < own_nc.max(0) + distance
    inside_n: BoolArray = (above_nc & below_nc).all(axis=1)
    return inside_n


def _with_nodes(atoms: LocalAtoms, owner_n: IntArray, tail_p: IntArray, head_p: IntArray) -> _LocalPairs:
    """Return those of all pairs that have a centre, and the nodes of their atoms."""
    n_own, foreign_n = atoms.n_own, owner_n < 0
    seen_n = np.unique(head_p[(tail_p < n_own) & foreign_n[head_p]])
    n_centres = n_own + len(seen_n)
    species_s = np.unique(atoms.number_n)
    node_n = n_centres + np.searchsorted(species_s, atoms.number_n)  # of others, who are told apart by element alone
    node_n[:n_own], node_n[seen_n] = np.arange(n_own), np.arange(n_own, n_centres)
    is_centre_p = node_n[tail_p] < n_centres
    tail_p, head_p = tail_p[is_centre_p], head_p[is_centre_p]
    # Seen from an own atom, a copy is the atom itself. Seen from a copy, other copies may not count: there may
    # be several copies of this foreign atom, and each has its own share of the force on an own atom.
    copy_p = (tail_p < n_own) & ~foreign_n[head_p]
    other_p = (tail_p >= n_own) & (head_p >= n_own)
    outside_p = n_centres + np.searchsorted(species_s, atoms.number_n[head_p])
    head_node_p = np.where(copy_p, owner_n[head_p], np.where(other_p, outside_p, node_n[head_p]))
    node_number_n = np.concatenate([atoms.number_n[:n_own], atoms.number_n[seen_n], species_s])
    pairs = Pairs(tail_p, head_p, np.zeros((0, 3)))
    return _LocalPairs(pairs, node_n[tail_p], head_node_p, node_number_n, n_centres)


def _refuse_coincident(atoms: LocalAtoms, pairs: _LocalPairs, near_p: BoolArray | slice, graph: NeighbourGraph) -> None:
    """Refuse atoms at the same place, and name them."""
    if graph.distance_p.min(initial=np.inf) >= COINCIDENT:
        return
    p = np.arange(len(pairs.tail_p))[near_p][int(graph.distance_p.argmin())]
    pair = atoms.identity_n[[pairs.atoms.centre_p[p], pairs.atoms.neighbour_p[p]]]
    message = f"atoms {pair[0]} and {pair[1]} are less than {COINCIDENT:g} Å apart: remove one of them"
    raise StructureError(message)
