"""Structures with bonds: chains, rings and lattices in one, two and three dimensions, and complete graphs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from ase import Atoms

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.structures.graph import Bonds

ELEMENT = "H"
"""Symbol of every node; it has no meaning, because masses are given."""


def lattice(
    shape: Sequence[int], *, spacing: float = 1.0, periodic: bool = False, mass: float = 1.0
) -> tuple[Atoms, Bonds]:
    """Return the nodes of a chain, square or cubic lattice at rest, and the bonds of nearest neighbours.

    Unused coordinates are zero.

    Parameters
    ----------
    shape : sequence of 1 to 3 int
        Number of nodes along each axis, the last running fastest.
    spacing : float, default 1
        Distance of neighbours (Å). Zero puts all nodes at the origin, so that positions are displacements.
    periodic : bool, default False
        Whether opposite faces are bonded, through cell vectors if the spacing is not zero. Two nodes along an
        axis then have two bonds.
    mass : float, default 1
        Mass of every node (amu).

    Raises
    ------
    SettingsError
        If the shape has not 1 to 3 axes with a node each, or spacing or mass make no sense.
    """
    if not 1 <= len(shape) <= 3 or min(shape) < 1:
        message = f"shape of the lattice is {tuple(shape)}: it must be one to three numbers of nodes"
        raise SettingsError(message)
    if not (spacing >= 0.0 and mass > 0.0):
        message = f"spacing is {spacing!r} and mass {mass!r}: they must not be negative, nor the mass zero"
        raise SettingsError(message)
    site_nc = np.zeros((int(np.prod(shape)), 3))
    site_nc[:, : len(shape)] = list(product(*map(range, shape)))
    atoms = unit_atoms(len(site_nc), mass)
    atoms.positions = spacing * site_nc
    if periodic:
        atoms.set_cell(spacing * np.diag([*shape, *[0] * (3 - len(shape))]))
        atoms.pbc = [spacing > 0.0 and axis < len(shape) for axis in range(3)]
    return atoms, _neighbours(shape, periodic=periodic)


def chain(n_nodes: int, *, spacing: float = 1.0, periodic: bool = False, mass: float = 1.0) -> tuple[Atoms, Bonds]:
    """Return the nodes of a chain along x and its bonds: a lattice with one axis.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.
    spacing, periodic, mass
        As for `lattice`.
    """
    return lattice((n_nodes,), spacing=spacing, periodic=periodic, mass=mass)


def ring(n_nodes: int) -> Bonds:
    """Return the bonds of a closed ring; two nodes have one bond, a single node has none.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.
    """
    return Bonds.between((node, (node + 1) % n_nodes) for node in range(n_nodes if n_nodes > 2 else n_nodes - 1))


def every_pair(n_nodes: int) -> Bonds:
    """Return a bond between every two nodes.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.
    """
    return Bonds.between(combinations(range(n_nodes), 2))


def unit_atoms(n_nodes: int, mass: float = 1.0) -> Atoms:
    """Return atoms of equal mass at the origin.

    Parameters
    ----------
    n_nodes : int
        Number of atoms.
    mass : float, default 1
        Mass of each atom (amu).
    """
    return Atoms([ELEMENT] * n_nodes, positions=np.zeros((n_nodes, 3)), masses=[mass] * n_nodes)


def _neighbours(shape: Sequence[int], *, periodic: bool) -> Bonds:
    """Return the bond from every site to the next one along each axis, through the boundary if periodic."""
    number = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
    first, second, image = [], [], []
    for axis, length in enumerate(shape):
        beyond = np.broadcast_to(np.arange(length) == length - 1, np.moveaxis(number, axis, -1).shape)
        crosses = np.moveaxis(beyond, -1, axis).ravel()
        kept = np.flatnonzero(~crosses | periodic)
        first.append(number.ravel()[kept])
        second.append(np.roll(number, -1, axis).ravel()[kept])
        image.append(np.outer(crosses[kept], np.eye(3, dtype=np.int64)[axis]))
    return Bonds(np.concatenate(first), np.concatenate(second), np.concatenate(image))
