"""The protocol of features of atomic neighbourhoods: what fits and potentials ask of every kind of features."""

from __future__ import annotations

from typing import Any, Protocol

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.response import Response
from ase_rfhgn.structures.graph import NeighbourGraph


class Rows(Protocol):
    """Derivatives of pooled features; see `ase_rfhgn.features.spherical.rows.FeatureRows`."""

    @property
    def energy_f(self) -> FloatArray:
        """Features summed over the atoms."""

    @property
    def force_mf(self) -> FloatArray:
        """Minus the derivatives by the positions."""

    @property
    def virial_vf(self) -> FloatArray:
        """Derivatives by a homogeneous strain, Voigt order."""


class Features(Protocol):
    """Features of atoms: the potential energy is linear in their sums, per species of the centre."""

    @property
    def species_s(self) -> IntArray:
        """Atomic numbers that are known, ascending."""

    @property
    def cutoff(self) -> float:
        """Distance beyond which atoms do not interact (Å)."""

    @property
    def n_features(self) -> int:
        """Number of features per species of the centre."""

    def polynomials(self, coefficient_sf: FloatArray) -> Any:  # noqa: ANN401  # each kind has its own
        """Return coefficients in the form that `evaluate` takes: work to be done once per model."""

    def respond(self, graph: NeighbourGraph, coefficient_sf: FloatArray, threads: int = 1) -> Response:
        """Return energies, forces and virial of a structure for given coefficients."""

    def encoded(self, graph: NeighbourGraph) -> Any:  # noqa: ANN401  # each kind has its own
        """Return the work on a graph that `rows` and `descriptors` share; None if each does it anew."""

    def rows(
        self,
        graph: NeighbourGraph,
        column_s: IntArray,
        n_columns: int,
        *,
        stress: bool,
        encoded: Any = None,  # noqa: ANN401
    ) -> Rows:
        """Return the derivatives of the pooled features by positions and strain."""

    def descriptors(self, graph: NeighbourGraph, encoded: Any = None) -> FloatArray:  # noqa: ANN401
        """Return descriptors of the neighbourhoods of atoms, for grades: shape (n_atoms, n_descriptors)."""

    def prior_spread(self, species_power: float) -> FloatArray:
        """Return the prior spread of the features of a species, relative to each other."""
