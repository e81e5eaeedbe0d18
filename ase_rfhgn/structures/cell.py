"""Cells: which of their vectors are periodic, and whether they span a volume."""

from __future__ import annotations

from math import sqrt

import numpy as np
from ase import Atoms
from ase.cell import Cell

from ase_rfhgn.arrays import FloatArray

FARTHEST = 1e9
"""Largest coordinate (Å): beyond, distances between neighbours are rounded by more than 10⁻⁷ Å."""

SLENDER = 1e-9
"""Volume of a cell that is surely not flat, in units of a cube whose edge is the root of the cell's sum of squares."""


def periodic_cell(atoms: Atoms) -> FloatArray:
    """Return the cell with zeros in place of the vectors along which nothing is periodic: shape (3, 3).

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    """
    vector_cc: FloatArray = np.where(atoms.pbc[:, None], atoms.cell.array, 0.0)
    return vector_cc


def completed_cell(atoms: Atoms) -> FloatArray:
    """Return three independent vectors: the periodic ones, and unit vectors across them in place of the others.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure whose periodic vectors are independent.
    """
    if not atoms.pbc.any():
        return np.eye(3)
    vector_cc: FloatArray = periodic_cell(atoms)
    return vector_cc if atoms.pbc.all() else Cell(vector_cc).complete().array


def is_truly_periodic(atoms: Atoms) -> bool:
    """Return whether the periodic vectors are independent, as they must be; without any, they are.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure with a finite cell.
    """
    if not atoms.pbc.any():
        return True
    vector_cc = periodic_cell(atoms)
    return _spans_space(vector_cc) or bool(np.linalg.matrix_rank(vector_cc) == np.count_nonzero(atoms.pbc))


def has_volume(atoms: Atoms) -> bool:
    """Return whether the cell spans a volume, without which there is no stress.

    Three vectors that are not zero may still lie in one plane, where nothing is periodic.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    """
    vector_cc = atoms.cell.array
    return _spans_space(vector_cc) or bool(np.isfinite(vector_cc).all() and np.linalg.matrix_rank(vector_cc) == 3)


def _spans_space(vector_cc: FloatArray) -> bool:
    """Return whether three vectors are far from one plane: then their rank needs no singular values."""
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = vector_cc.tolist()
    volume = abs(ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx))
    squares = ax * ax + ay * ay + az * az + bx * bx + by * by + bz * bz + cx * cx + cy * cy + cz * cz
    return bool(SLENDER * squares * sqrt(squares) < volume < np.inf)


LARGEST_CELL = 1e6
"""Longest periodic vector of a cell (Å): no structure of a tenth of a millimetre is evaluated atom by atom."""


def cell_too_large(atoms: Atoms) -> str | None:
    """Return a complaint if a periodic vector is so long that the cell must have exploded, else None.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    """
    length_c = np.abs(periodic_cell(atoms)).max(axis=1)
    far_c = np.flatnonzero(length_c > LARGEST_CELL)
    if not len(far_c):
        return None
    return (
        f"vector {far_c[0]} of the cell is {length_c[far_c[0]]:.2g} Å long, and {LARGEST_CELL:.0e} Å is the limit: the "
        "cell has exploded, or has another unit"
    )


def places_too_far(atoms: Atoms) -> str | None:
    """Return a complaint if a coordinate is too large to distinguish neighbours, else None.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    """
    far_n = np.flatnonzero(np.abs(atoms.positions).max(axis=1, initial=0.0) > FARTHEST)
    if not len(far_n):
        return None
    return (
        f"atom {far_n[0]} has the position {atoms.positions[far_n[0]]}; the largest coordinate is {FARTHEST:.0e} Å, "
        "beyond which distances are rounded: use atoms.wrap() where the cell is periodic, or move the atoms"
    )
