"""The spherical-field Hamiltonian: invariant features of atomic neighbourhoods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.graph import NeighbourGraph
from ase_rfhgn.hamiltonian import kernels
from ase_rfhgn.hamiltonian.crowding import CrowdedSites, Crowding
from ase_rfhgn.hamiltonian.encoder import EdgeEncoder
from ase_rfhgn.response import Response
from ase_rfhgn.sphere import HalfSphere, half_sphere, harmonics

EDGES_PER_BLOCK = 2000
"""Edges that are worked on at once: their arrays stay in a processor's cache."""

MONOPOLE = float(np.sqrt(1.0 / (4.0 * np.pi)))
"""The constant harmonic Y_00."""


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Derivatives of the pooled features: what is linear in the coefficients.

    Attributes
    ----------
    energy_f : ndarray of shape (n_features,)
        Features summed over the atoms.
    force_mf : ndarray of shape (3 n, n_features)
        Minus the derivatives by the positions.
    virial_vf : ndarray of shape (6, n_features)
        Derivatives by a homogeneous strain, Voigt order.
    """

    energy_f: FloatArray
    force_mf: FloatArray
    virial_vf: FloatArray


@dataclass(frozen=True)
class SphericalFields:
    """Invariant features of atomic neighbourhoods from random fields on the sphere.

    Every radial channel k of an atom has moments A_{lm} = Σ_j t_k Y_lm. Random mixings q of the
    degrees l make fields s_{qk}(x) on the unit sphere, and the features are the means of their
    powers 2..correlation over it, with the two-body sums Σ_j t_k. Quadrature is exact for these
    polynomials, so the features are invariant to rounding.

    Attributes
    ----------
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    cutoff : float
        Distance beyond which no channel reaches (Å).
    encoder : EdgeEncoder
        Radial channels.
    mixing_sqlk : ndarray of shape (n_species, n_mixings, degree + 1, n_channels)
        Weights of the degrees in the fields, per species of the centre.
    offset_sqk : ndarray of shape (n_species, n_mixings, n_channels)
        Constants subtracted from the fields.
    correlation : int
        Highest power of a field.
    crowding : Crowding, optional
        Limit on the density of neighbours; features of denser sites are held.
    """

    species_s: IntArray
    cutoff: float
    encoder: EdgeEncoder
    mixing_sqlk: FloatArray
    offset_sqk: FloatArray
    correlation: int
    crowding: Crowding | None = None

    @property
    def degree(self) -> int:
        """Largest degree l of the harmonics."""
        return int(self.mixing_sqlk.shape[2]) - 1

    @property
    def n_channels(self) -> int:
        """Number of radial channels."""
        return len(self.encoder.weight_k)

    @property
    def n_features(self) -> int:
        """Number of features per species of the centre."""
        return self.n_channels * (1 + int(self.mixing_sqlk.shape[1]) * (self.correlation - 1))

    @cached_property
    def grid(self) -> HalfSphere:
        """Quadrature that is exact for the highest power of the fields."""
        return half_sphere(self.degree, self.correlation * self.degree)

    @property
    def _shape(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return tuple(range(self.degree + 1)), tuple(range(2, self.correlation + 1))

    @property
    def _points(self) -> tuple[FloatArray, FloatArray]:
        return self.grid.harmonics_xy, self.grid.weight_x

    def blocks(self, graph: NeighbourGraph) -> Iterator[Block]:
        """Yield the atoms of a graph in blocks of about `EDGES_PER_BLOCK` edges, with their moments."""
        species_n = np.searchsorted(self.species_s, graph.number_n)
        first_n = graph.first_n
        start = 0
        while start < graph.n_atoms:
            stop = int(np.searchsorted(first_n, first_n[start] + EDGES_PER_BLOCK, side="right")) - 1
            stop = min(max(stop, start + 1), graph.n_atoms)
            yield self._block(graph, species_n, first_n, slice(start, stop))
            start = stop

    def _block(self, graph: NeighbourGraph, species_n: IntArray, first_n: IntArray, atoms: slice) -> Block:
        edges = slice(first_n[atoms.start], first_n[atoms.stop])
        vector_pc = graph.vector_pc[edges]
        distance_p = np.sqrt(np.einsum("pc,pc->p", vector_pc, vector_pc))
        pair_p = len(self.species_s) * species_n[graph.centre_p[edges]] + species_n[graph.neighbour_p[edges]]
        value_pk, slope_pk = self.encoder.encode(distance_p, pair_p)
        harmonics_py, harmonic_slopes_pcy = harmonics(vector_pc, self.degree)
        first = first_n[atoms.start : atoms.stop + 1]
        return Block(
            atoms=atoms,
            edges=edges,
            first_n=first,
            species_n=species_n[atoms],
            vector_pc=vector_pc,
            distance_p=distance_p,
            value_pk=value_pk,
            slope_pk=slope_pk,
            harmonics_py=harmonics_py,
            harmonic_slopes_pcy=harmonic_slopes_pcy,
            moment_nyk=kernels.moments(first, value_pk, harmonics_py),
        )

    def isolated(self) -> FloatArray:
        """Return the many-body features of an atom without neighbours: (n_species, n_features)."""
        power_osqk = np.stack([(-self.offset_sqk) ** o for o in range(2, self.correlation + 1)])
        many_sf = power_osqk.transpose(1, 2, 0, 3).reshape(len(self.species_s), -1)
        return np.concatenate([np.zeros((len(self.species_s), self.n_channels)), many_sf], axis=1)

    def rows(self, graph: NeighbourGraph, column_s: IntArray, n_columns: int, *, stress: bool) -> FeatureRows:
        """Return the derivatives of the pooled features by positions and strain.

        Parameters
        ----------
        graph : NeighbourGraph
            A structure.
        column_s : ndarray of shape (n_species,)
            First column of the features of every species of the centre.
        n_columns : int
            Number of columns.
        stress : bool
            Whether the virial is wanted.
        """
        rows = FeatureRows(
            energy_f=np.zeros(n_columns),
            force_mf=np.zeros((3 * graph.n_atoms, n_columns)),
            virial_vf=np.zeros((6 if stress else 0, n_columns)),
        )
        for block in self.blocks(graph):
            self._add_block(block, graph.neighbour_p[block.edges], column_s, rows)
        return rows

    def _add_block(self, block: Block, neighbour_p: IntArray, column_s: IntArray, rows: FeatureRows) -> None:
        """Add the features of a block of atoms and their derivatives to the rows."""
        many_nf, slope_nyf = kernels.site_features(
            block.species_n, block.moment_nyk, self._points, *self._shape, self.mixing_sqlk, self.offset_sqk
        )
        feature_nf = np.concatenate([block.moment_nyk[:, 0] / MONOPOLE, many_nf], axis=1)
        feature_nf -= self.isolated()[block.species_n]
        basis_pjy = np.concatenate([block.harmonics_py[:, None], block.harmonic_slopes_pcy], axis=1)
        most_edges = int(np.diff(block.first_n).max(initial=0))
        pull_pjf = np.empty((most_edges, 4, slope_nyf.shape[2]))
        own_cf = np.empty((3, self.n_features))
        for n, atom in enumerate(range(block.atoms.start, block.atoms.stop)):
            e = slice(*(block.first_n[n : n + 2] - block.first_n[0]))
            n_edges = e.stop - e.start
            columns = slice(column_s[block.species_n[n]], column_s[block.species_n[n]] + self.n_features)
            pull = pull_pjf[:n_edges]
            basis = basis_pjy[e].reshape(4 * n_edges, basis_pjy.shape[2])
            np.dot(basis, slope_nyf[n], out=pull.reshape(4 * n_edges, pull.shape[2]))
            kernels.add_gradient_rows(
                (neighbour_p[e], block.vector_pc[e], block.distance_p[e]),
                (block.value_pk[e], block.slope_pk[e]),
                pull,
                columns.start,
                own_cf,
                rows.force_mf,
                rows.virial_vf,
            )
            rows.energy_f[columns] += feature_nf[n]
            rows.force_mf[3 * atom : 3 * atom + 3, columns] += own_cf

    def respond(self, graph: NeighbourGraph, coefficient_sf: FloatArray) -> Response:
        """Return energies, forces and virial of a structure for given coefficients.

        Parameters
        ----------
        graph : NeighbourGraph
            A structure.
        coefficient_sf : ndarray of shape (n_species, n_features)
            Coefficients of the features of every species of the centre (eV).
        """
        return self.respond_all(graph, [coefficient_sf])[0]

    def respond_all(self, graph: NeighbourGraph, coefficients: Iterable[FloatArray]) -> list[Response]:
        """Return the responses for several sets of coefficients, whose moments are computed once."""
        n_atoms, polynomials = graph.n_atoms, [self._polynomials(coefficient_sf) for coefficient_sf in coefficients]
        responses = [Response(np.zeros(n_atoms), np.zeros((n_atoms, 3)), np.zeros((3, 3))) for _ in polynomials]
        for block in self.blocks(graph):
            centre_p, neighbour_p = graph.centre_p[block.edges], graph.neighbour_p[block.edges]
            for response, polynomial in zip(responses, polynomials, strict=True):
                response.energy_n[block.atoms], gradient_pc = self._respond_block(block, polynomial)
                kernels.add_edge_forces(centre_p, neighbour_p, gradient_pc, response.force_nc)
                response.virial_cc[:] += block.vector_pc.T @ gradient_pc
        return responses

    def _polynomials(self, coefficient_sf: FloatArray) -> Polynomials:
        """Return the coefficients sorted by what the kernel multiplies them with."""
        n_species, width = len(self.species_s), self.n_channels
        many_sqok = coefficient_sf[:, width:].reshape(n_species, -1, self.correlation - 1, width)
        return Polynomials(
            linear_sk=coefficient_sf[:, :width] / MONOPOLE,
            field_soqk=np.ascontiguousarray(many_sqok.transpose(0, 2, 1, 3)),
            isolated_s=np.einsum("sf,sf->s", self.isolated(), coefficient_sf),
        )

    def _respond_block(self, block: Block, polynomials: Polynomials) -> tuple[FloatArray, FloatArray]:
        """Return the energies of the atoms of a block and the derivatives by its edge vectors."""
        crowded, density_slope_p = self._crowd(block)
        moment_nyk = block.moment_nyk
        if crowded is not None:
            moment_nyk = moment_nyk * crowded.scale_n[:, None, None]
        energy_n, slope_nyk = kernels.site_energies(
            block.species_n,
            moment_nyk,
            self._points,
            *self._shape,
            self.mixing_sqlk,
            self.offset_sqk,
            polynomials.linear_sk,
            polynomials.field_soqk,
        )
        energy_n -= polynomials.isolated_s[block.species_n]
        unit_pc = block.vector_pc / block.distance_p[:, None]
        push_pc = np.zeros_like(unit_pc)
        if crowded is not None:
            energy_n += crowded.energy_n
            pull_n = np.einsum("nyk,nyk->n", slope_nyk, block.moment_nyk)
            by_density_n = crowded.scale_slope_n * pull_n + crowded.energy_slope_n
            push_pc += (np.repeat(by_density_n, np.diff(block.first_n)) * density_slope_p)[:, None] * unit_pc
            slope_nyk *= crowded.scale_n[:, None, None]
        gradient_pc = kernels.edge_gradients(
            block.first_n,
            block.harmonics_py,
            block.harmonic_slopes_pcy,
            block.value_pk,
            block.slope_pk,
            unit_pc,
            slope_nyk,
        )
        return energy_n, gradient_pc + push_pc

    def _crowd(self, block: Block) -> tuple[CrowdedSites | None, FloatArray]:
        """Return what crowding does to the atoms of a block, None where none is crowded."""
        if self.crowding is None:
            return None, block.distance_p
        density_p, slope_p = self.crowding.edge_density(block.distance_p)
        density_n = kernels.sums(block.first_n, density_p)
        if (density_n <= self.crowding.ceiling_s[block.species_n]).all():
            return None, slope_p
        return self.crowding.sites(density_n, block.species_n), slope_p


@dataclass(frozen=True, slots=True)
class Polynomials:
    """Coefficients of the moments and of the powers of the fields (eV)."""

    linear_sk: FloatArray
    field_soqk: FloatArray
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
    moment_nyk: FloatArray
