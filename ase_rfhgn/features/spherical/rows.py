"""Rows of the linear system: the pooled features of a structure and their derivatives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.spherical import row_kernels
from ase_rfhgn.features.spherical.blocks import Block, SiteFields
from ase_rfhgn.structures.graph import NeighbourGraph


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Derivatives of the pooled features: energies, forces and virials are linear in them.

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


def feature_rows(
    fields: SiteFields,
    graph: NeighbourGraph,
    column_s: IntArray,
    n_columns: int,
    *,
    stress: bool,
    blocks: Iterable[Block] | None = None,
) -> FeatureRows:
    """Return the derivatives of the pooled features by positions and strain.

    Parameters
    ----------
    fields : SiteFields
        The features.
    graph : NeighbourGraph
        A structure.
    column_s : ndarray of shape (n_species,)
        First column of the features of every species of the centre.
    n_columns : int
        Number of columns.
    stress : bool
        Whether the virial is wanted.
    blocks : iterable of Block, optional
        All blocks of the graph, where they are known.
    """
    rows = FeatureRows(
        energy_f=np.zeros(n_columns),
        force_mf=np.zeros((3 * graph.n_atoms, n_columns)),
        virial_vf=np.zeros((6 if stress else 0, n_columns)),
    )
    for block in fields.blocks(graph) if blocks is None else blocks:
        _add_block(fields, block, graph.neighbour_p[block.edges], column_s, fields.isolated_sf, rows)
    return rows


def isolated_features(fields: SiteFields) -> FloatArray:
    """Return the features of an atom without neighbours, which are subtracted: (n_species, n_features)."""
    n_species, n_features = len(fields.species_s), fields.n_features
    none_p = np.empty(0, dtype=np.int64)
    nobody = NeighbourGraph(fields.species_s, none_p, none_p, np.empty((0, 3)))
    energy_f, force_mf = np.zeros(n_species * n_features), np.zeros((3 * n_species, n_species * n_features))
    rows = FeatureRows(energy_f, force_mf, np.zeros((0, n_species * n_features)))
    (block,) = fields.blocks(nobody)
    column_s = n_features * np.arange(n_species)
    _add_block(fields, block, nobody.neighbour_p, column_s, np.zeros((n_species, n_features)), rows)
    return energy_f.reshape(n_species, n_features)


def _add_block(
    fields: SiteFields,
    block: Block,
    neighbour_p: IntArray,
    column_s: IntArray,
    alone_sf: FloatArray,
    rows: FeatureRows,
) -> None:
    """Add the features of a block of atoms and their derivatives to the rows."""
    basis_nyk = fields.centred(block.basis_nyk, block.species_n)
    axes_pac, basis_pay = row_kernels.edge_axes(
        block.vector_pc, block.distance_p, block.harmonics_py, block.harmonic_slopes_pcy
    )
    row_kernels.add_rows(
        (block.atoms.start, block.first_n, block.species_n, column_s[block.species_n], basis_nyk),
        (neighbour_p, block.distance_p, axes_pac),
        (block.value_pk, block.slope_pk),
        basis_pay,
        fields.points,
        *map(len, fields.shape),
        _flat_projections(fields),
        alone_sf,
        rows.energy_f,
        rows.force_mf,
        rows.virial_vf,
    )


def _flat_projections(fields: SiteFields) -> FloatArray:
    """Return the weights of the degrees, projections and channels on one axis: (n_species, degree + 1, …)."""
    projection_slqk = np.moveaxis(fields.projection_sqlk, 1, 2)
    return projection_slqk.reshape(*projection_slqk.shape[:2], -1)
