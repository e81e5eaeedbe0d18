"""Neighbour lists of structures that move: pairs are searched anew only when they must be."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.graph import NeighbourGraph, Pairs, find_pairs


class NeighbourList:
    """Graphs of a structure that moves a little from call to call.

    Pairs are searched up to the cutoff plus a skin. They are searched anew when an atom has moved by more
    than half of the skin, or when anything else has changed. Before, no other pair can be closer than the
    cutoff (Verlet, Phys. Rev. 159, 98 (1967)).

    Parameters
    ----------
    cutoff : float
        Largest length of an edge (Å).
    skin : float
        Distance by which the search goes beyond the cutoff (Å); with 0 every graph is searched anew.
    """

    def __init__(self, cutoff: float, skin: float = 0.5) -> None:
        self.cutoff = cutoff
        self.skin = skin
        self.searches = 0
        self._searched: Atoms | None = None
        self._pairs: Pairs | None = None

    def graph(self, atoms: Atoms) -> NeighbourGraph:
        """Return the graph of all pairs of atoms closer than the cutoff, periodic images included.

        Parameters
        ----------
        atoms : ase.Atoms
            Any structure.
        """
        if self._pairs is None or not self._has_hardly_moved(atoms):
            self._pairs = find_pairs(atoms, self.cutoff + self.skin)
            self._searched = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
            self.searches += 1
        return self._pairs.graph(atoms, self.cutoff)

    def _has_hardly_moved(self, atoms: Atoms) -> bool:
        """Return whether the pairs of the last search still hold."""
        before = self._searched
        if before is None or len(before) != len(atoms):
            return False
        same_box = np.array_equal(before.pbc, atoms.pbc) and np.array_equal(before.cell.array, atoms.cell.array)
        if not (same_box and np.array_equal(before.numbers, atoms.numbers)):
            return False
        return has_hardly_moved(before.positions, atoms.positions, self.skin)


def has_hardly_moved(before_nc: FloatArray, position_nc: FloatArray, skin: float) -> bool:
    """Return whether no atom has moved by half of a skin (Å) or more; NaN has.

    Parameters
    ----------
    before_nc, position_nc : ndarray of shape (n_atoms, 3)
        Positions of the last search, and now (Å).
    skin : float
        Distance by which the search went beyond the cutoff (Å).
    """
    step_nc = position_nc - before_nc
    return bool(4.0 * np.einsum("nc,nc->n", step_nc, step_nc).max(initial=0.0) < skin**2)
