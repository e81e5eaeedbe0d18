"""Spherical fields: invariant features of atomic neighbourhoods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.features.harmonics import MONOPOLE, HalfSphere, half_sphere, harmonics
from ase_rfhgn.features.response import PairBlocks, Response, SiteResponse
from ase_rfhgn.features.spherical import evaluation, kernels, quartic_kernels
from ase_rfhgn.features.spherical.blocks import Block, Polynomials, slices_of
from ase_rfhgn.features.spherical.density_limit import DensityLimit
from ase_rfhgn.features.spherical.descriptors import DESCRIBED, n_around
from ase_rfhgn.features.spherical.evaluation import Answers, Reduced
from ase_rfhgn.features.spherical.hessian import hessian_blocks
from ase_rfhgn.features.spherical.prior import relative_spread
from ase_rfhgn.features.spherical.radial import EdgeEncoder
from ase_rfhgn.features.spherical.rows import FeatureRows, feature_rows, isolated_features
from ase_rfhgn.structures.graph import NeighbourGraph

MOST_SHARED = 20_000
"""Edges of a graph whose blocks are kept until both its descriptors and its rows are made."""


@dataclass(frozen=True)
class SphericalFields(ReadOnlyArrays):
    """Invariant features of atomic neighbourhoods from random fields on the sphere.

    Every radial channel k of an atom has an atomic basis A_{lm} = Σ_j t_k Y_lm, as in the atomic
    cluster expansion (ACE); A_00 is taken relative to its mean. Random projections q make fields
    s_{qk}(x) = Σ_l ω_{qlk} Σ_m A_{lm} Y_lm(x) on the unit sphere. The features are the two-body sums
    Σ_j t_k; the mean squares of every degree over the sphere, Σ_m A_lm² / 4π; and the means of the
    powers 3..correlation of the fields. (The mean squares of all projections are linear in the mean
    squares of the degrees.)

    Quadrature is exact for these polynomials, so the features are invariant up to rounding.

    Attributes
    ----------
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    cutoff : float
        Largest channel cutoff (Å).
    encoder : EdgeEncoder
        Radial channels.
    projection_sqlk : ndarray of shape (n_species, n_projections, degree + 1, n_channels)
        Weights of the degrees in the fields, per species of the centre.
    mean_sk : ndarray of shape (n_species, n_channels)
        Means that are subtracted from the atomic basis A_00.
    correlation : int
        Highest power of a field.
    density_limit : DensityLimit, optional
        Limit on the density of neighbours; features of denser sites are held.
    """

    species_s: IntArray
    cutoff: float
    encoder: EdgeEncoder
    projection_sqlk: FloatArray
    mean_sk: FloatArray
    correlation: int
    density_limit: DensityLimit | None = None

    @property
    def degree(self) -> int:
        """Largest degree l of the harmonics."""
        return int(self.projection_sqlk.shape[2]) - 1

    @property
    def n_channels(self) -> int:
        """Number of radial channels."""
        return len(self.encoder.weight_k)

    @property
    def n_features(self) -> int:
        """Number of features per species of the centre."""
        return self.n_channels * (2 + self.degree + int(self.projection_sqlk.shape[1]) * (self.correlation - 2))

    @cached_property
    def grid(self) -> HalfSphere:
        """Quadrature that is exact for the highest power of the fields."""
        return half_sphere(self.degree, self.correlation * self.degree)

    @cached_property
    def isolated_sf(self) -> FloatArray:
        """Features of an isolated atom of every species, which are subtracted: (n_species, n_features)."""
        return isolated_features(self)

    @property
    def shape(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Degrees of the harmonics and powers of the fields, as tuples: compiled loops over them are unrolled."""
        return tuple(range(self.degree + 1)), tuple(range(3, self.correlation + 1))

    @property
    def points(self) -> tuple[FloatArray, FloatArray]:
        """Harmonics at the points of the quadrature, and their weights."""
        return self.grid.harmonics_xy, self.grid.weight_x

    @cached_property
    def tiles(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Harmonics at the points of the quadrature, the same times weights, and weights: whole tiles of points."""
        return quartic_kernels.tiled(*self.points)

    def blocks(self, graph: NeighbourGraph) -> Iterator[Block]:
        """Yield the atoms of a graph in blocks of about `EDGES_PER_BLOCK` edges, with their atomic basis."""
        species_n, first_n = np.searchsorted(self.species_s, graph.number_n), graph.first_n
        for atoms in slices_of(first_n):
            yield self.block(graph, species_n, first_n, atoms)

    def block(self, graph: NeighbourGraph, species_n: IntArray, first_n: IntArray, atoms: slice) -> Block:
        """Return some atoms of a graph with their atomic basis."""
        edges = slice(first_n[atoms.start], first_n[atoms.stop])
        vector_pc = graph.vector_pc[edges]
        distance_p = graph.distance_p[edges]
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
            basis_nyk=kernels.atomic_basis(first, value_pk, harmonics_py),
        )

    def centred(self, basis_nyk: FloatArray, species_n: IntArray) -> FloatArray:
        """Return the atomic basis, A_00 relative to its mean."""
        centred_nyk = basis_nyk.copy()
        centred_nyk[:, 0] -= self.mean_sk[species_n]
        return centred_nyk

    def evaluate(
        self,
        graph: NeighbourGraph,
        polynomials: Sequence[Polynomials],
        reduced: Reduced | None = None,
        threads: int = 1,
    ) -> Answers:
        """Return the answers of models for a structure; see `ase_rfhgn.features.spherical.evaluation.evaluate`."""
        return evaluation.evaluate(self, graph, polynomials, reduced, threads)

    def respond(self, graph: NeighbourGraph, coefficient_sf: FloatArray, threads: int = 1) -> Response:
        """Return energies, forces and virial of a structure for given coefficients.

        Parameters
        ----------
        graph : NeighbourGraph
            A structure.
        coefficient_sf : ndarray of shape (n_species, n_features)
            Coefficients of the features of every species of the centre (eV).
        threads : int
            Threads that share the work; the result is the same to the last bit.
        """
        return self.evaluate(graph, [self.polynomials(coefficient_sf)], threads=threads).responses[0]

    def respond_by_edges(self, graph: NeighbourGraph, polynomials: Polynomials) -> SiteResponse:
        """Return the energies of atoms and their derivatives by the edges of a structure."""
        answers = self.evaluate(graph, [polynomials])
        return SiteResponse(answers.responses[0].energy_n, answers.gradient_epc[0])

    def hessian(self, graph: NeighbourGraph, polynomials: Polynomials) -> Iterator[PairBlocks]:
        """Yield second derivatives of the energy; see `ase_rfhgn.features.spherical.hessian.hessian_blocks`."""
        return hessian_blocks(self, graph, polynomials)

    def encoded(self, graph: NeighbourGraph) -> tuple[Block, ...] | None:
        """Return all blocks of a graph, which `rows` and `descriptors` share; None if they are many."""
        return tuple(self.blocks(graph)) if len(graph.centre_p) <= MOST_SHARED else None

    def rows(
        self,
        graph: NeighbourGraph,
        column_s: IntArray,
        n_columns: int,
        *,
        stress: bool,
        encoded: Sequence[Block] | None = None,
    ) -> FeatureRows:
        """Return the derivatives of the pooled features; see `ase_rfhgn.features.spherical.rows.feature_rows`."""
        return feature_rows(self, graph, column_s, n_columns, stress=stress, blocks=encoded)

    def descriptors(self, graph: NeighbourGraph, encoded: Sequence[Block] | None = None) -> FloatArray:
        """Return descriptors of the neighbourhoods of atoms, for grades: shape (n_atoms, n_descriptors).

        Parameters
        ----------
        graph : NeighbourGraph
            A structure.
        encoded : sequence of Block, optional
            What `encoded` returned for the graph.
        """
        if encoded is not None:
            return evaluation.site_descriptors(self, graph, encoded)
        low = replace(self, projection_sqlk=self.projection_sqlk[:, :, : DESCRIBED + 1])
        return evaluation.site_descriptors(low, graph)

    @property
    def n_around(self) -> int:
        """Number of descriptors, the last ones, that are averages over the surroundings of an atom."""
        return n_around(self.n_channels, self.degree)

    def prior_spread(self, species_power: float) -> FloatArray:
        """Return the prior spread of the features of a species, relative to each other; see `relative_spread`."""
        n_projections, n_levels = self.projection_sqlk.shape[1:3]
        copies_o = np.repeat([1, n_levels, n_projections], [1, 1, self.correlation - 2])
        return relative_spread(self.encoder.shift_bk, copies_o, species_power)

    def polynomials(self, coefficient_sf: FloatArray) -> Polynomials:
        """Return coefficients in the order of the kernel's sums: work to be done once per set of coefficients.

        Parameters
        ----------
        coefficient_sf : ndarray of shape (n_species, n_features)
            Coefficients of the features of every species of the centre (eV).
        """
        n_species, width, n_levels = len(self.species_s), self.n_channels, self.degree + 1
        linear_sk, square_sf, power_sf = np.split(coefficient_sf, [width, width * (1 + n_levels)], axis=1)
        linear_sk, square_sf = linear_sk / MONOPOLE, MONOPOLE**2 * square_sf
        shape_soqk = n_species, self.correlation - 2, self.projection_sqlk.shape[1], width
        square_slk = square_sf.reshape(n_species, n_levels, width)
        power_soqk = np.ascontiguousarray(power_sf).reshape(shape_soqk)
        quartic = power_soqk.size and max(self.degree, self.correlation) <= quartic_kernels.DEGREE
        absolute = Polynomials(
            linear_sk=linear_sk,
            square_slk=square_slk,
            power_soqk=power_soqk,
            term_sik=quartic_kernels.quartic_terms(self.projection_sqlk, linear_sk, square_slk, power_soqk)
            if quartic
            else None,
            isolated_s=np.zeros(n_species),
        )
        isolated_s, _ = self.site_energies(np.arange(n_species), self.nothing(), absolute)
        return replace(absolute, isolated_s=isolated_s)

    def site_energies(
        self, species_n: IntArray, basis_nyk: FloatArray, polynomials: Polynomials
    ) -> tuple[FloatArray, FloatArray]:
        """Return the energies of sites and their derivatives by the atomic basis."""
        low = polynomials.linear_sk, polynomials.square_slk
        if polynomials.term_sik is not None:
            energy_n, slope_nyk = quartic_kernels.quartic_site_energies(
                species_n, basis_nyk, self.mean_sk, self.tiles, polynomials.term_sik
            )
        elif polynomials.power_soqk.size:
            sites = species_n, self.centred(basis_nyk, species_n), self.points, *self.shape, self.projection_sqlk
            energy_n, slope_nyk = kernels.site_energies(*sites, *low, polynomials.power_soqk)
        else:
            centred_nyk = self.centred(basis_nyk, species_n)
            energy_n, slope_nyk = kernels.quadratic_site_energies(species_n, centred_nyk, *low)
        return energy_n - polynomials.isolated_s[species_n], slope_nyk

    def nothing(self) -> FloatArray:
        """Return the atomic basis of isolated atoms: (n_species, n_harmonics, n_channels)."""
        return np.zeros((len(self.species_s), (self.degree + 1) ** 2, self.n_channels))
