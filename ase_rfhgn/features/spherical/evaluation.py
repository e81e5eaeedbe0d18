"""Energies, forces and virial of structures from spherical fields, for a model and its reduced-basis ensemble."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.response import Response
from ase_rfhgn.features.spherical import kernels
from ase_rfhgn.features.spherical.blocks import Block, Polynomials, SiteFields, slices_of
from ase_rfhgn.features.spherical.density_limit import DenseSites
from ase_rfhgn.features.spherical.descriptors import averaged, descriptors_of, n_around
from ase_rfhgn.structures.graph import NeighbourGraph


@dataclass(frozen=True, slots=True)
class Reduced:
    """Models over the first channels of fields, and the low body orders alone: cheap where others are evaluated.

    Attributes
    ----------
    fields : SiteFields
        The first channels of the full fields.
    polynomials : tuple of Polynomials
        Coefficients of every model.
    """

    fields: SiteFields
    polynomials: tuple[Polynomials, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of several models for a structure.

    Attributes
    ----------
    responses : tuple of Response
        Of every full model, then of every reduced one.
    descriptor_nd : ndarray of shape (n_atoms, n_descriptors) or None
        Descriptors of the atoms, where reduced models, or an empty tuple of them, were given.
    gradient_epc : ndarray of shape (n_models, n_edges, 3)
        Derivatives of the energies of the centres by the edge vectors (eV/Å).
    """

    responses: tuple[Response, ...]
    descriptor_nd: FloatArray | None
    gradient_epc: FloatArray


def evaluate(
    fields: SiteFields,
    graph: NeighbourGraph,
    polynomials: Sequence[Polynomials],
    reduced: Reduced | None = None,
    threads: int = 1,
) -> Answers:
    """Return the answers of models for a structure; the atomic basis is computed once for all of them.

    Parameters
    ----------
    fields : SiteFields
        The features.
    graph : NeighbourGraph
        A structure.
    polynomials : sequence of Polynomials
        Coefficients of full models.
    reduced : Reduced, optional
        Models over the first channels.
    threads : int
        Threads that share the work; the result is the same to the last bit.
    """
    species_n, first_n = np.searchsorted(fields.species_s, graph.number_n), graph.first_n
    n_models = len(polynomials) + (0 if reduced is None else len(reduced.polynomials))
    energy_en = np.empty((n_models, graph.n_atoms))
    gradient_epc = np.empty((n_models, *graph.vector_pc.shape))
    descriptors: dict[int, FloatArray] = {}

    def work(atoms: slice) -> None:
        block = fields.block(graph, species_n, first_n, atoms)
        dense, density_slope_p = _dense_sites(fields, block)
        for e, polynomial in enumerate(polynomials):
            found = _respond(fields, block, dense, density_slope_p, polynomial)
            energy_en[e, atoms], gradient_epc[e, block.edges] = found
        if reduced is None:
            return
        descriptors[atoms.start] = descriptors_of(block)
        small, held = _first_channels(block, reduced), None if dense is None else _without_repulsion(dense)
        for e, polynomial in enumerate(reduced.polynomials, start=len(polynomials)):
            found = _respond(reduced.fields, small, held, density_slope_p, polynomial)
            energy_en[e, atoms], gradient_epc[e, block.edges] = found

    _share(work, list(slices_of(first_n)), threads)
    responses = tuple(_response(graph, *parts) for parts in zip(energy_en, gradient_epc, strict=True))
    parts = [descriptors[start] for start in sorted(descriptors)]
    return Answers(responses, _averaged(fields, graph, parts) if parts else None, gradient_epc)


def site_descriptors(fields: SiteFields, graph: NeighbourGraph, blocks: Iterable[Block] | None = None) -> FloatArray:
    """Return the descriptors of all atoms of a graph; see `ase_rfhgn.features.spherical.descriptors`."""
    known = fields.blocks(graph) if blocks is None else blocks
    return _averaged(fields, graph, [descriptors_of(block) for block in known])


def _averaged(fields: SiteFields, graph: NeighbourGraph, parts: Sequence[FloatArray]) -> FloatArray:
    """Return the descriptors of blocks, the last ones averaged over the surroundings of every atom."""
    last = n_around(fields.projection_sqlk.shape[3], fields.projection_sqlk.shape[2] - 1)
    return averaged(np.concatenate(parts), graph, fields.cutoff, last)


def _share(work: Callable[[slice], None], slices: Sequence[slice], threads: int) -> None:
    """Do some work for every slice."""
    if threads == 1:
        for atoms in slices:
            work(atoms)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, slices))  # a list, so that errors are raised


def _first_channels(block: Block, reduced: Reduced) -> Block:
    """Return a block with the channels that reduced models know."""
    n_channels = reduced.fields.projection_sqlk.shape[3]
    return replace(
        block,
        value_pk=np.ascontiguousarray(block.value_pk[:, :n_channels]),
        slope_pk=np.ascontiguousarray(block.slope_pk[:, :n_channels]),
        basis_nyk=np.ascontiguousarray(block.basis_nyk[:, :, :n_channels]),
    )


def _without_repulsion(dense: DenseSites) -> DenseSites:
    """Return dense sites that are held, but do not repel."""
    zero_n = np.zeros_like(dense.energy_n)
    return replace(dense, energy_n=zero_n, energy_slope_n=zero_n, energy_curvature_n=zero_n)


def _respond(
    fields: SiteFields,
    block: Block,
    dense: DenseSites | None,
    density_slope_p: FloatArray,
    polynomials: Polynomials,
) -> tuple[FloatArray, FloatArray]:
    """Return the energies of the atoms of a block and the derivatives by its edge vectors."""
    basis_nyk = block.basis_nyk if dense is None else block.basis_nyk * dense.scale_n[:, None, None]
    energy_n, slope_nyk = fields.site_energies(block.species_n, basis_nyk, polynomials)
    if dense is None:
        return energy_n, _edge_gradients(block, slope_nyk)
    pull_n = np.einsum("nyk,nyk->n", slope_nyk, block.basis_nyk)
    by_density_n = dense.scale_slope_n * pull_n + dense.energy_slope_n
    push_p = np.repeat(by_density_n, np.diff(block.first_n)) * density_slope_p / block.distance_p
    slope_nyk *= dense.scale_n[:, None, None]
    return energy_n + dense.energy_n, _edge_gradients(block, slope_nyk) + push_p[:, None] * block.vector_pc


def _edge_gradients(block: Block, slope_nyk: FloatArray) -> FloatArray:
    """Return the derivatives of energies by the edge vectors, given those by the atomic basis."""
    gradient_pc: FloatArray = kernels.edge_gradients(
        block.first_n,
        block.vector_pc,
        block.distance_p,
        block.harmonics_py,
        block.harmonic_slopes_pcy,
        block.value_pk,
        block.slope_pk,
        slope_nyk,
    )
    return gradient_pc


def _dense_sites(fields: SiteFields, block: Block) -> tuple[DenseSites | None, FloatArray]:
    """Return the effect of the density limit on the atoms of a block, None if no atom is beyond it."""
    if fields.density_limit is None:
        return None, block.distance_p
    density_n, slope_p = kernels.densities(block.first_n, block.distance_p, fields.density_limit.cutoff)
    if (density_n <= fields.density_limit.largest_density_s[block.species_n]).all():
        return None, slope_p
    return fields.density_limit.sites(density_n, block.species_n), slope_p


def _response(graph: NeighbourGraph, energy_n: FloatArray, gradient_pc: FloatArray) -> Response:
    """Return the response of energies of atoms and of derivatives by the edge vectors."""
    force_nc = np.zeros((graph.n_atoms, 3))
    kernels.add_edge_forces(graph.centre_p, graph.neighbour_p, gradient_pc, force_nc)
    return Response(energy_n, force_nc, graph.vector_pc.T @ gradient_pc)
