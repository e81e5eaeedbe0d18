"""Structures without their empty space: the cost of a search for neighbours depends only on the atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.cell import completed_cell, periodic_cell

MARGIN = 1.01
"""Size to which gaps are closed, in units of the search distance: no edge crosses them."""

BINS = 100_000
"""Bins of a search that cost nothing, however few the atoms are."""

BINS_PER_ATOM = 8
"""Bins per atom beyond which wider bins are faster; in a crystal there are less than one."""


@dataclass(frozen=True, slots=True)
class CompactAtoms:
    """A structure in which the same pairs are near, in a cell that contains all atoms.

    Attributes
    ----------
    atoms : ase.Atoms
        Atoms within the cell. Along every direction, gaps wider than the search distance are closed down to it.
    turn_nc : ndarray of shape (n_atoms, 3)
        Cell vectors by which each atom was brought back into the cell.
    bin_width : float
        Distance of a search that makes few bins; it finds other pairs, too (Å).
    """

    atoms: Atoms
    turn_nc: FloatArray
    bin_width: float


def compacted(atoms: Atoms, reach: float) -> CompactAtoms:
    """Return a structure without its empty space.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure whose periodic vectors are independent.
    reach : float
        Distance up to which pairs are searched (Å).
    """
    direction_cc = completed_cell(atoms)
    inverse_cc = np.linalg.inv(direction_cc)
    fraction_nc = atoms.positions @ inverse_cc
    turn_nc = np.where(atoms.pbc, np.floor(fraction_nc), 0.0)
    position_nc = atoms.positions - turn_nc @ periodic_cell(atoms)
    fraction_nc -= turn_nc
    thickness_c = 1.0 / np.sqrt(np.einsum("cd,cd->d", inverse_cc, inverse_cc))
    for axis in range(3) if len(atoms) else ():
        margin, is_periodic = MARGIN * reach / float(thickness_c[axis]), bool(atoms.pbc[axis])
        if is_periodic and margin >= 1.0:
            continue  # no gap is as wide
        shift_n, length = _closed(fraction_nc[:, axis], margin, periodic=is_periodic)
        position_nc += shift_n[:, None] * direction_cc[axis]
        direction_cc[axis] *= length
        thickness_c[axis] *= length
    compact = Atoms(atoms.numbers, position_nc, cell=direction_cc, pbc=atoms.pbc)
    return CompactAtoms(compact, turn_nc, _bin_width(thickness_c, len(atoms), reach))


def _closed(fraction_n: FloatArray, margin: float, *, periodic: bool) -> tuple[FloatArray, float]:
    """Return by how much each coordinate moves when gaps are closed, and the length of what is left."""
    order_n = np.argsort(fraction_n, kind="stable")
    ordered_n = fraction_n[order_n]
    closed_n = np.zeros_like(ordered_n)
    np.maximum(ordered_n[1:] - ordered_n[:-1] - margin, 0.0).cumsum(out=closed_n[1:])
    shift_n = np.empty_like(fraction_n)
    if periodic:
        around = max(1.0 + ordered_n[0] - ordered_n[-1] - margin, 0.0)
        shift_n[order_n] = -closed_n
        return shift_n, 1.0 - float(closed_n[-1]) - around
    shift_n[order_n] = margin - ordered_n[0] - closed_n
    return shift_n, float(ordered_n[-1] - ordered_n[0] - closed_n[-1]) + 2.0 * margin


def _bin_width(thickness_c: FloatArray, n_atoms: int, reach: float) -> float:
    """Return the search distance, or a longer distance if bins of that size would be too many."""
    n_bins = float(np.prod(np.maximum(thickness_c / reach, 1.0)))
    allowed = max(BINS, BINS_PER_ATOM * n_atoms)
    return reach * float(np.cbrt(max(1.0, n_bins / allowed)))
