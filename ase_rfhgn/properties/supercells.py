"""Supercells that are large enough in every direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ase_rfhgn.errors import SettingsError

LEAST_HEIGHT = 10.0
"""Least distance between opposite faces of a supercell (Å): defects and displaced atoms hardly see their images."""


def repeats(atoms: Atoms, supercell: Sequence[int] | None = None, least: float = LEAST_HEIGHT) -> tuple[int, int, int]:
    """Return how often a cell is repeated along its vectors.

    Parameters
    ----------
    atoms : ase.Atoms
        A crystal.
    supercell : sequence of int, optional
        The numbers, if they are given; by default the smallest ones that make the supercell wide enough.
    least : float
        Least distance between opposite faces (Å).

    Raises
    ------
    SettingsError
        If the numbers are not three positive ones.
    """
    if supercell is None:
        height_c = 1.0 / np.linalg.norm(atoms.cell.reciprocal().array, axis=1)
        wanted = np.ceil(least / height_c - 1e-6).astype(int)
    else:
        wanted = np.asarray(supercell)
    if wanted.shape != (3,) or wanted.min() < 1:
        message = f"supercell is {supercell}: it must be three positive numbers"
        raise SettingsError(message)
    return int(wanted[0]), int(wanted[1]), int(wanted[2])
