"""Marks of structures and of labels: a few numbers that are equal for copies, and differ otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.structures.frame import Frame, fingerprint_of

MARKS = 3
"""Marks of a structure: all must agree."""

SAME_PLACE = 1e-5
"""Difference of marks up to which structures are copies (Å): coordinates are written with 6 digits or more."""


def kin_of(atoms: Atoms) -> int:
    """Return a number that structures share which can be compared atom by atom: elements in order, periodicity.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure.
    """
    return fingerprint_of(atoms.numbers, atoms.pbc)


def place_marks(atoms: Atoms) -> FloatArray:
    """Return marks of a structure: weighted sums of coordinates and of the cell, shape (3,).

    Parameters
    ----------
    atoms : ase.Atoms
        A structure.
    """
    cell_cc = np.where(atoms.pbc[:, None], atoms.cell.array, 0.0)
    mark_k: FloatArray = _marks(np.concatenate([cell_cc.ravel(), atoms.positions.ravel()]))
    mark_k /= np.sqrt(len(atoms) + 3.0)
    return mark_k


def label_marks(frame: Frame) -> FloatArray:
    """Return energy and marks of the forces, per atom: shape (1 + 3,), NaN without such a label.

    Parameters
    ----------
    frame : Frame
        A frame.
    """
    n_atoms = len(frame.atoms)
    energy = np.nan if frame.energy is None else frame.energy / n_atoms
    force_nc = frame.force_nc
    return np.append(
        energy, np.full(MARKS, np.nan) if force_nc is None else _marks(force_nc.ravel()) / np.sqrt(n_atoms)
    )


def originals(kin: Sequence[int], place: Sequence[FloatArray]) -> IntArray:
    """Return, for every structure, the number of the first one that it is a copy of: itself if it is none.

    Parameters
    ----------
    kin : sequence of int
        Structures with different numbers are no copies.
    place : sequence of ndarray
        Marks of the structures.
    """
    original_i = np.arange(len(kin))
    if not len(kin):
        return original_i
    mark_ik = np.stack(place)
    order = np.lexsort((mark_ik[:, 0], np.array(kin)))
    for at, i in enumerate(order):
        for j in order[:at][::-1]:
            if kin[i] != kin[j] or mark_ik[i, 0] - mark_ik[j, 0] > SAME_PLACE:
                break
            if np.abs(mark_ik[i] - mark_ik[j]).max() <= SAME_PLACE:
                original_i[i] = original_i[j]
                break
    return _first_of_each(original_i)


def _first_of_each(group_i: IntArray) -> IntArray:
    """Return groups renumbered by their first members."""
    first: dict[int, int] = {}
    return np.array([first.setdefault(int(group), i) for i, group in enumerate(group_i)])


def _marks(value_m: FloatArray) -> FloatArray:
    """Return sums with fixed weights that look random."""
    angle_m = np.arange(1.0, len(value_m) + 1.0) ** 1.5
    mark_k: FloatArray = np.array([np.sin((1.0 + k / np.pi) * angle_m) @ value_m for k in range(MARKS)])
    return mark_k
