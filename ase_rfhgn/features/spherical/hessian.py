"""Second derivatives of the energy of a structure by the positions of its atoms, site by site."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.cutoff import cutoff_curvature
from ase_rfhgn.features.harmonic_hessians import harmonic_hessians
from ase_rfhgn.features.response import PairBlocks
from ase_rfhgn.features.spherical import hessian_kernels, kernels
from ase_rfhgn.features.spherical.blocks import Block, Polynomials, SiteFields
from ase_rfhgn.features.spherical.density_limit import DenseSites
from ase_rfhgn.features.spherical.radial import EdgeEncoder
from ase_rfhgn.structures.graph import NeighbourGraph


class CurvedFields(SiteFields, Protocol):
    """The protocol of spherical fields in Hessians."""

    @property
    def degree(self) -> int:
        """Largest degree l of the harmonics."""

    @property
    def encoder(self) -> EdgeEncoder:
        """Radial channels."""


def hessian_blocks(fields: CurvedFields, graph: NeighbourGraph, polynomials: Polynomials) -> Iterator[PairBlocks]:
    """Yield the second derivatives of the energies of sites, a block of atoms at a time.

    Parameters
    ----------
    fields : CurvedFields
        The features.
    graph : NeighbourGraph
        A structure.
    polynomials : Polynomials
        Coefficients of a model.
    """
    for block in fields.blocks(graph):
        yield _block_hessian(fields, graph, block, polynomials)


def _block_hessian(fields: CurvedFields, graph: NeighbourGraph, block: Block, polynomials: Polynomials) -> PairBlocks:
    dense, density = _density(fields, block)
    basis_nyk = block.basis_nyk * dense.scale_n[:, None, None]
    _, slope_nyk = fields.site_energies(block.species_n, basis_nyk, polynomials)
    neighbour_p = graph.neighbour_p[block.edges]
    first_t, second_t, vector_tc = _nodes(block, neighbour_p)
    block_tcc = np.empty((len(first_t), 3, 3))
    pair_p = graph.pair_p(fields.species_s)[block.edges]
    hessian_kernels.add_site_hessians(
        (block.first_n, block.vector_pc / block.distance_p[:, None], block.distance_p),
        (block.value_pk, block.slope_pk, fields.encoder.curvatures(block.distance_p, pair_p)),
        (block.harmonics_py, block.harmonic_slopes_pcy, harmonic_hessians(block.vector_pc, fields.degree)),
        (block.species_n, block.basis_nyk, fields.centred(basis_nyk, block.species_n), slope_nyk),
        density,
        fields.points,
        fields.shape,
        (fields.projection_sqlk, polynomials.square_slk, polynomials.power_soqk),
        block_tcc,
    )
    return PairBlocks(first_t, second_t, vector_tc, block_tcc)


def _density(fields: CurvedFields, block: Block) -> tuple[DenseSites, tuple[FloatArray, ...]]:
    """Return the effect of the density limit on the atoms of a block, and its derivatives for the kernel."""
    limit = fields.density_limit
    if limit is None:
        dense, slope_p, curvature_p = DenseSites.nowhere(len(block.species_n)), *np.zeros((2, len(block.distance_p)))
    else:
        density_n, slope_p = kernels.densities(block.first_n, block.distance_p, limit.cutoff)
        curvature_p = cutoff_curvature(block.distance_p, limit.cutoff)
        dense = limit.sites(density_n, block.species_n)
    scales = dense.scale_n, dense.scale_slope_n, dense.scale_curvature_n
    return dense, (*scales, dense.energy_slope_n, dense.energy_curvature_n, slope_p, curvature_p)


def _nodes(block: Block, neighbour_p: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the two atoms, and their difference, of all pairs of nodes of a site: the atom, then its neighbours."""
    first, second, vectors = [], [], []
    bounds_n = block.first_n - block.first_n[0]
    for n, (start, stop) in enumerate(pairwise(bounds_n)):
        node = np.concatenate([[block.atoms.start + n], neighbour_p[start:stop]])
        first.append(np.repeat(node, len(node)))
        second.append(np.tile(node, len(node)))
        place_c = np.concatenate([np.zeros((1, 3)), block.vector_pc[start:stop]])
        vectors.append((place_c[None] - place_c[:, None]).reshape(-1, 3))
    return np.concatenate(first), np.concatenate(second), np.concatenate(vectors)
