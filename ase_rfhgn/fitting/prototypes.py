"""Prototype crystals: the simple structures in which elements and compounds crystallise, at any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Prototype:
    """A crystal whose nearest neighbours are a unit of length apart.

    Attributes
    ----------
    cell_cc : ndarray of shape (3, 3)
        Cell vectors, one per row.
    site_nc : ndarray of shape (n_sites, 3)
        Sites in units of the cell vectors.
    """

    cell_cc: FloatArray
    site_nc: FloatArray

    @property
    def n_sites(self) -> int:
        """Number of sites in the cell."""
        return len(self.site_nc)

    def crystal(self, number_n: IntArray, distance: float) -> Atoms:
        """Return a crystal with given elements on its sites.

        Parameters
        ----------
        number_n : ndarray of shape (n_sites,)
            Atomic numbers.
        distance : float
            Distance of nearest neighbours (Å).
        """
        return Atoms(numbers=number_n, cell=distance * self.cell_cc, scaled_positions=self.site_nc, pbc=True)


FACES = np.array([(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)])
BODY = np.array([(0.0, 0.0, 0.0), (0.5, 0.5, 0.5)])
CORNERS = np.array([(i, j, k) for i in (0.0, 0.5) for j in (0.0, 0.5) for k in (0.0, 0.5)])
HEXAGONAL = np.array([(0.0, 0.0, 0.0), (1 / 6, 2 / 3, 0.5), (0.5, 0.0, 0.0), (2 / 3, 2 / 3, 0.5)])
WHITE_TIN = np.array([(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.0, 0.5, 0.25), (0.5, 0.0, 0.75)])
WHITE_TIN_RATIO = 0.55


def _doubled(site_nc: FloatArray) -> FloatArray:
    """Return the sites of two cells on top of each other along the first vector."""
    half = np.array([0.5, 1.0, 1.0])
    return np.concatenate([half * site_nc, half * site_nc + np.array([0.5, 0.0, 0.0])])


def _hexagonal_cell() -> FloatArray:
    cell_cc: FloatArray = np.array([[2.0, 0.0, 0.0], [-0.5, np.sqrt(0.75), 0.0], [0.0, 0.0, np.sqrt(8 / 3)]])
    return cell_cc


def _white_tin_edge() -> float:
    """Return the edge of the square of white tin whose four nearest neighbours are a unit apart."""
    return float(1.0 / np.sqrt(0.25 + (0.25 * WHITE_TIN_RATIO) ** 2))


def prototypes() -> Mapping[str, Prototype]:
    """Return simple cubic, body-centred, face-centred, hexagonal close-packed, diamond and white-tin crystals."""
    cube = np.eye(3)
    edge = _white_tin_edge()
    return {
        "sc": Prototype(2.0 * cube, CORNERS),
        "bcc": Prototype(np.diag([2.0, 1.0, 1.0]) * 2.0 / np.sqrt(3.0), _doubled(BODY)),
        "fcc": Prototype(np.sqrt(2.0) * cube, FACES),
        "hcp": Prototype(_hexagonal_cell(), HEXAGONAL),
        "diamond": Prototype(4.0 / np.sqrt(3.0) * cube, np.concatenate([FACES, FACES + 0.25])),
        "white tin": Prototype(edge * np.diag([1.0, 1.0, WHITE_TIN_RATIO]), WHITE_TIN),
    }
