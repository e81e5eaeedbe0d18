"""Symmetry of a crystal in its cell, found numerically: operations that map atoms onto equal atoms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.structures.graph import nearest_image

SAME_METRIC = 1e-4
"""Relative change of scalar products of cell vectors that a rotation may make."""


@dataclass(frozen=True, slots=True)
class CrystalSymmetry:
    """Operations of a crystal: every translation after every rotation.

    Attributes
    ----------
    rotations : tuple of (ndarray of shape (3, 3), ndarray of shape (n_atoms,))
        Rotation or reflection, and the atom that each atom is mapped to.
    translations : tuple of ndarray of shape (n_atoms,)
        The atom that each atom is mapped to.
    """

    rotations: tuple[tuple[FloatArray, IntArray], ...]
    translations: tuple[IntArray, ...]

    @property
    def n_operations(self) -> int:
        """Number of operations."""
        return len(self.rotations) * len(self.translations)

    def averaged(self, matrix_dd: FloatArray) -> FloatArray:
        """Return the mean of a matrix of pairs of coordinates over all operations.

        Parameters
        ----------
        matrix_dd : ndarray of shape (3 n_atoms, 3 n_atoms)
            Matrix, such as a covariance of displacements.
        """
        n_atoms = len(matrix_dd) // 3
        block_ncnc = matrix_dd.reshape(n_atoms, 3, n_atoms, 3)
        rotated_ncnc = np.zeros_like(block_ncnc)
        for rotation_cc, image_n in self.rotations:
            turned_ncnc = np.einsum("ac,ncmd,bd->namb", rotation_cc, block_ncnc, rotation_cc, optimize=True)
            rotated_ncnc[_pairs(image_n)] += turned_ncnc
        moved_ncnc = np.zeros_like(block_ncnc)
        for image_n in self.translations:
            moved_ncnc[_pairs(image_n)] += rotated_ncnc
        return moved_ncnc.reshape(matrix_dd.shape) / self.n_operations


def _pairs(image_n: IntArray) -> tuple[Any, ...]:
    """Return the index of all pairs of coordinates of some atoms."""
    axes = np.arange(3)
    return np.ix_(image_n, axes, image_n, axes)


def trivial_symmetry(n_atoms: int) -> CrystalSymmetry:
    """Return the symmetry of atoms without any: the identity."""
    identity_n = np.arange(n_atoms)
    return CrystalSymmetry(((np.eye(3), identity_n),), (identity_n,))


def crystal_symmetry(atoms: Atoms, tolerance: float) -> CrystalSymmetry:
    """Return the symmetry operations of a periodic crystal that its cell has, too.

    Rotations are the integer matrices with entries −1, 0 and 1 that keep the lengths and angles of the cell vectors.

    Parameters
    ----------
    atoms : ase.Atoms
        Structure, periodic in three directions; others have the identity only.
    tolerance : float
        How far an atom may be from the place of an equal atom (Å).
    """
    if not atoms.pbc.all():
        return trivial_symmetry(len(atoms))
    translations = _images_under(np.eye(3), atoms, tolerance, every=True)
    rotations = []
    for rotation_cc in _rotations(atoms.cell.array):
        found = _images_under(rotation_cc, atoms, tolerance, every=False)
        rotations += [(rotation_cc, image_n) for image_n in found]
    return CrystalSymmetry(tuple(rotations), tuple(translations))


def _rotations(cell_cc: FloatArray) -> list[FloatArray]:
    """Return the rotations of a lattice, as Cartesian matrices."""
    metric_cc = cell_cc @ cell_cc.T
    size = float(np.abs(metric_cc).max())
    whole_kcc = np.array(list(product((-1, 0, 1), repeat=9))).reshape(-1, 3, 3)
    whole_kcc = whole_kcc[np.abs(np.linalg.det(whole_kcc)).round() == 1]
    changed_kcc = whole_kcc @ metric_cc @ np.swapaxes(whole_kcc, 1, 2) - metric_cc
    kept = np.abs(changed_kcc).max(axis=(1, 2)) < SAME_METRIC * size
    inverse_cc = np.linalg.inv(cell_cc)
    return [(inverse_cc @ whole_cc @ cell_cc).T for whole_cc in whole_kcc[kept]]


def _images_under(rotation_cc: FloatArray, atoms: Atoms, tolerance: float, *, every: bool) -> list[IntArray]:
    """Return mappings of atoms by a rotation about the first atom and a translation: all of them, or the first."""
    turned_nc = (atoms.positions - atoms.positions[0]) @ rotation_cc.T
    found = []
    for target in np.flatnonzero(atoms.numbers == atoms.numbers[0]):
        image_n = _mapping(turned_nc + atoms.positions[target], atoms, tolerance)
        if image_n is not None:
            found.append(image_n)
            if not every:
                break
    return found


def _mapping(place_nc: FloatArray, atoms: Atoms, tolerance: float) -> IntArray | None:
    """Return which atoms are at places, None if an equal atom is missing at one of them."""
    inverse_cc = np.linalg.inv(atoms.cell.array)
    tree = cKDTree((atoms.positions @ inverse_cc) % 1.0 % 1.0, boxsize=np.ones(3))
    image_n = np.asarray(tree.query((place_nc @ inverse_cc) % 1.0 % 1.0)[1], dtype=np.int64)
    far_nc = nearest_image(place_nc - atoms.positions[image_n], atoms)
    fits = np.linalg.norm(far_nc, axis=1).max() < tolerance and np.array_equal(atoms.numbers[image_n], atoms.numbers)
    return image_n if fits and len(set(image_n.tolist())) == len(image_n) else None
