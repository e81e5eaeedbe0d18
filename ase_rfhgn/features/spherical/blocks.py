"""Blocks of atoms of a graph that fit into a processor's cache, and the protocol of fields evaluated on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.spherical.density_limit import DensityLimit
from ase_rfhgn.structures.graph import NeighbourGraph

EDGES_PER_BLOCK = 2000
"""Edges that are worked on at once: their arrays stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class Polynomials:
    """Coefficients of the atomic basis, its squares and the powers of the fields; energies without neighbours (eV).

    The same polynomial in terms of levels is there, too, for fields that `quartic_kernels` can evaluate.
    """

    linear_sk: FloatArray
    square_slk: FloatArray
    power_soqk: FloatArray
    term_sik: FloatArray | None
    isolated_s: FloatArray


@dataclass(frozen=True, slots=True)
class Block:
    """Some atoms of a graph with all their edges, encoded (letters: `ase_rfhgn.arrays`)."""

    atoms: slice
    edges: slice
    first_n: IntArray
    species_n: IntArray
    vector_pc: FloatArray
    distance_p: FloatArray
    value_pk: FloatArray
    slope_pk: FloatArray
    harmonics_py: FloatArray
    harmonic_slopes_pcy: FloatArray
    basis_nyk: FloatArray


class SiteFields(Protocol):
    """The protocol of spherical fields in evaluations and rows; see `ase_rfhgn.features.spherical.fields`."""

    @property
    def species_s(self) -> IntArray:
        """Atomic numbers, ascending."""

    @property
    def cutoff(self) -> float:
        """Distance beyond which atoms do not interact (Å)."""

    @property
    def projection_sqlk(self) -> FloatArray:
        """Weights of the degrees in the fields."""

    @property
    def density_limit(self) -> DensityLimit | None:
        """Limit on the density of neighbours."""

    @property
    def n_features(self) -> int:
        """Number of features per species of the centre."""

    @property
    def isolated_sf(self) -> FloatArray:
        """Features of an isolated atom of every species, which are subtracted."""

    @property
    def shape(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Degrees of the harmonics and powers of the fields."""

    @property
    def points(self) -> tuple[FloatArray, FloatArray]:
        """Harmonics at the points of the quadrature, and their weights."""

    def block(self, graph: NeighbourGraph, species_n: IntArray, first_n: IntArray, atoms: slice) -> Block:
        """Return some atoms of a graph with their atomic basis."""

    def blocks(self, graph: NeighbourGraph) -> Iterator[Block]:
        """Yield all atoms of a graph in blocks."""

    def centred(self, basis_nyk: FloatArray, species_n: IntArray) -> FloatArray:
        """Return the atomic basis, A_00 relative to its mean."""

    def nothing(self) -> FloatArray:
        """Return the atomic basis of an isolated atom of every species."""

    def site_energies(
        self, species_n: IntArray, basis_nyk: FloatArray, polynomials: Polynomials
    ) -> tuple[FloatArray, FloatArray]:
        """Return the energies of sites and their derivatives by the atomic basis."""


def slices_of(first_n: IntArray) -> Iterator[slice]:
    """Yield runs of atoms with about `EDGES_PER_BLOCK` edges; an atom is never split."""
    n_atoms, start = len(first_n) - 1, 0
    while start < n_atoms:
        stop = int(np.searchsorted(first_n, first_n[start] + EDGES_PER_BLOCK, side="right")) - 1
        yield slice(start, stop := min(max(stop, start + 1), n_atoms))
        start = stop
