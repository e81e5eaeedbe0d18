"""Inputs of a network at a point of phase space, and the chain rule back to positions and momenta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.phase_space.axes import GlobalAxes, laboratory_axes, nearest_node_axes
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.features.phase_space.species import ONE_SPECIES, Species
from ase_rfhgn.features.pooling import pooled, pooled_differences

AXES = ("nearest node", "mean position", "laboratory")
NODE_INPUTS = ("position", "momentum")
EDGE_INPUTS = ("displacement", "distance")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Inputs of a network.

    Attributes
    ----------
    axes : {"nearest node", "mean position", "laboratory"}
        The axes of the paper, by the nearest node, with the mean position as origin. Or Cartesian axes
        with the same origin. Or coordinates as they are.
    node_inputs : tuple of {"position", "momentum"}
        Inputs of the node encoder, along the axes.
    edge_inputs : tuple of {"displacement", "distance"}
        Inputs of the edge encoder; displacements are along the axes.
    species : Species
        Species of the nodes; by default all nodes are alike. Momenta are seen times √(m₀/m).
    """

    axes: str
    node_inputs: tuple[str, ...]
    edge_inputs: tuple[str, ...]
    species: Species = ONE_SPECIES

    def encode(self, points: PhasePoints) -> EncodedPoints:
        """Return the inputs of the network at points of phase space."""
        structure_n = points.structure_n
        centred_nc = points.position_nc
        if self.axes != "laboratory":
            centred_nc = centred_nc - _mean(centred_nc, points)[structure_n]
        axes = self._axes(centred_nc, points)
        position_na = axes.project(centred_nc, structure_n)
        species_n = self._species_of(points)
        momentum_na = axes.project(points.momentum_nc, structure_n)
        if self.species.n_species > 1:
            momentum_na = momentum_na * self.species.momentum_scale_s[species_n, None]
        vector_pa = axes.project(points.vector_pc, structure_n[points.centre_p])
        distance_p: FloatArray = np.sqrt(np.einsum("pc,pc->p", points.vector_pc, points.vector_pc))
        node = {"position": position_na, "momentum": momentum_na}
        edge = {"displacement": vector_pa, "distance": distance_p[:, None]}
        return EncodedPoints(
            points=points,
            encoding=self,
            axes=axes,
            structure_n=structure_n,
            species_n=species_n,
            position_na=position_na,
            momentum_na=momentum_na,
            vector_pa=vector_pa,
            distance_p=distance_p,
            node_parts=tuple(node[name] for name in self.node_inputs),
            edge_parts=tuple(edge[name] for name in self.edge_inputs),
        )

    def _species_of(self, points: PhasePoints) -> IntArray:
        """Return the species of every node, zero where there is but one."""
        if self.species.n_species == 1:
            return np.zeros(points.n_nodes, dtype=np.int64)
        return self.species.indices(points.number_n, points.mass_n)

    def _axes(self, centred_nc: FloatArray, points: PhasePoints) -> GlobalAxes:
        """Return the axes; where nothing is projected, the nearest node need not define one."""
        projects = bool(self.node_inputs) or "displacement" in self.edge_inputs
        if self.axes == "nearest node" and projects:
            return nearest_node_axes(centred_nc, points.first_i)
        return laboratory_axes(points.n_structures, points.n_dimensions)


@dataclass(frozen=True, slots=True)
class EncodedPoints:
    """Inputs of a network at points of phase space.

    Attributes
    ----------
    points : PhasePoints
        Where.
    encoding : Encoding
        Which inputs.
    axes : GlobalAxes
        Axes of every structure.
    structure_n : ndarray of shape (n_nodes,)
        Structure of every node.
    species_n : ndarray of shape (n_nodes,)
        Species of every node.
    position_na, momentum_na, vector_pa : ndarray
        Projected positions, momenta and edges; momenta times √(m₀/m).
    distance_p : ndarray of shape (n_edges,)
        Lengths of the edges (Å).
    node_parts, edge_parts : tuple of ndarray
        Inputs of the node and of the edge encoder, each kind for itself.
    """

    points: PhasePoints
    encoding: Encoding
    axes: GlobalAxes
    structure_n: IntArray
    species_n: IntArray
    position_na: FloatArray
    momentum_na: FloatArray
    vector_pa: FloatArray
    distance_p: FloatArray
    node_parts: tuple[FloatArray, ...]
    edge_parts: tuple[FloatArray, ...]

    @property
    def n_node_inputs(self) -> int:
        """Inputs of the node encoder that can be derived by: all but its species."""
        return sum(part.shape[1] for part in self.node_parts)

    @property
    def n_edge_inputs(self) -> int:
        """Inputs of the edge encoder that can be derived by: all but the species of its ends."""
        return sum(part.shape[1] for part in self.edge_parts)

    @property
    def species_ns(self) -> FloatArray:
        """One for the species of a node, zero for others; no columns if there is only one species."""
        n_species = self.encoding.species.n_species
        if n_species == 1 or not self.node_parts:
            return np.empty((self.points.n_nodes, 0))
        return np.asarray(np.eye(n_species)[self.species_n])

    @property
    def ends_ps(self) -> FloatArray:
        """The same for the centre and the neighbour of every edge, side by side."""
        n_species = self.encoding.species.n_species
        if n_species == 1 or not self.edge_parts:
            return np.empty((len(self.distance_p), 0))
        one_ss = np.eye(n_species)
        ends = self.points.centre_p, self.points.neighbour_p
        return np.hstack([one_ss[self.species_n[end_p]] for end_p in ends])

    @property
    def node_nd(self) -> FloatArray:
        """Inputs of the node encoder."""
        return np.concatenate([np.empty((self.points.n_nodes, 0)), *self.node_parts, self.species_ns], axis=1)

    @property
    def edge_pd(self) -> FloatArray:
        """Inputs of the edge encoder."""
        return np.concatenate([np.empty((len(self.distance_p), 0)), *self.edge_parts, self.ends_ps], axis=1)


class ChainRule:
    """Derivatives by inputs, summed up as derivatives by positions and momenta, through the axes.

    Parameters
    ----------
    encoded : EncodedPoints
        Inputs of the network.
    n_features : int
        Number of functions that are derived at once.
    """

    def __init__(self, encoded: EncodedPoints, n_features: int) -> None:
        self._encoded = encoded
        points = encoded.points
        shape = points.n_nodes, points.n_dimensions, n_features
        self._position_ncf = np.zeros(shape)
        self._momentum_ncf = np.zeros(shape)
        self._twist_iwf = np.zeros((points.n_structures, len(encoded.axes.planes[0]), n_features))

    def add_nodes(self, slope_ndf: FloatArray, columns: slice = slice(None)) -> None:
        """Add the derivatives of some features by the inputs of the node encoder."""
        encoded = self._encoded
        targets = {
            "position": (encoded.position_na, self._position_ncf),
            "momentum": (encoded.momentum_na, self._momentum_ncf),
        }
        n_dimensions = encoded.points.n_dimensions
        for place, name in enumerate(encoded.encoding.node_inputs):
            slope_naf = slope_ndf[:, place * n_dimensions : (place + 1) * n_dimensions]
            projected_na, target_ncf = targets[name]
            target_ncf[:, :, columns] += encoded.axes.unproject(slope_naf, encoded.structure_n)
            self._twist(slope_naf, projected_na, encoded.structure_n, columns)

    def add_edges(
        self, edges: slice, slope_pdf: FloatArray, slope_pf: FloatArray | None, columns: slice = slice(None)
    ) -> None:
        """Add the derivatives of some features by the inputs of the edge encoder.

        Parameters
        ----------
        edges : slice
            Which edges.
        slope_pdf : ndarray of shape (n_edges, n_inputs, n_features)
            Derivatives by the inputs.
        slope_pf : ndarray of shape (n_edges, n_features) or None
            More derivatives by the distance.
        columns : slice
            Which features.
        """
        encoded, points = self._encoded, self._encoded.points
        structure_p = encoded.structure_n[points.centre_p[edges]]
        slope_pcf = np.zeros((len(structure_p), points.n_dimensions, 1))
        names = encoded.encoding.edge_inputs
        if "displacement" in names:
            start = names.index("displacement")
            slope_paf = slope_pdf[:, start : start + points.n_dimensions]
            slope_pcf = encoded.axes.unproject(slope_paf, structure_p)
            self._twist(slope_paf, encoded.vector_pa[edges], structure_p, columns)
        if "distance" in names:
            by_distance_pf = slope_pdf[:, points.n_dimensions if names[0] == "displacement" else 0]
            slope_pf = by_distance_pf if slope_pf is None else slope_pf + by_distance_pf
        if slope_pf is not None:
            direction_pc = _direction(points.vector_pc[edges], encoded.distance_p[edges])
            slope_pcf = slope_pcf + direction_pc[:, :, None] * slope_pf[:, None]
        self._position_ncf[:, :, columns] += pooled_differences(
            slope_pcf, points.centre_p[edges], points.neighbour_p[edges], points.n_nodes
        )

    def derivatives(self) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives by positions and by momenta, both (n_nodes, n_dimensions, n_features)."""
        encoded, points = self._encoded, self._encoded.points
        reference_ir = encoded.axes.reference_ir
        if reference_ir.size:  # the references of all structures differ, so no index comes twice
            self._position_ncf[reference_ir] += encoded.axes.turned(self._twist_iwf)
        if encoded.encoding.axes != "laboratory":  # what edges add has no mean: it pulls at both of their ends
            self._position_ncf -= _mean(self._position_ncf, points)[encoded.structure_n]
        if encoded.encoding.species.n_species > 1:
            self._momentum_ncf *= encoded.encoding.species.momentum_scale_s[encoded.species_n, None, None]
        return self._position_ncf, self._momentum_ncf

    def _twist(self, slope_maf: FloatArray, projected_ma: FloatArray, structure_m: IntArray, columns: slice) -> None:
        """Add the effect of a turn of the axes: Σ (g_a x_b − g_b x_a) in every plane."""
        for plane, (a, b) in enumerate(zip(*self._encoded.axes.planes, strict=True)):
            twist_mf = slope_maf[:, a] * projected_ma[:, b, None] - slope_maf[:, b] * projected_ma[:, a, None]
            self._twist_iwf[:, plane, columns] += pooled(twist_mf, structure_m, len(self._twist_iwf))


def _mean(value_nc: FloatArray, points: PhasePoints) -> FloatArray:
    """Return the mean over the nodes of every structure."""
    count_i = np.diff(points.first_i).reshape(-1, *(1,) * (value_nc.ndim - 1))
    return pooled(value_nc, points.structure_n, points.n_structures) / count_i


def _direction(vector_pc: FloatArray, distance_p: FloatArray) -> FloatArray:
    """Return unit vectors along edges; an edge of no length has none, and gets zero."""
    return np.divide(vector_pc, distance_p[:, None], out=np.zeros_like(vector_pc), where=distance_p[:, None] > 0.0)
