"""The graph network whose pooled features span a Hamiltonian of positions and momenta: RF-HGN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.cutoff import cutoff_function
from ase_rfhgn.features.layers import DenseLayer, activation
from ase_rfhgn.features.phase_space.inputs import ChainRule, EncodedPoints, Encoding
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.features.phase_space.sums import Pooled, PooledSums
from ase_rfhgn.features.pooling import pooled

NUMBERS_PER_BLOCK = 2**21
"""Numbers in the largest array of a block of edges (16 MB)."""


class Network(Protocol):
    """The protocol of networks whose features span a Hamiltonian of phase space."""

    @property
    def encoding(self) -> Encoding:
        """Inputs of the network."""

    @property
    def n_features(self) -> int:
        """Number of pooled features."""

    def features(self, points: PhasePoints) -> Pooled:
        """Return all features."""

    def combination(self, points: PhasePoints, coefficient_f: FloatArray) -> Pooled:
        """Return one linear combination of the features, or several: the same numbers at a fraction of the work.

        Parameters
        ----------
        points : PhasePoints
            Where.
        coefficient_f : ndarray of shape (n_features,) or (n_features, n_sets)
            Coefficients; several sets together cost little more than one.
        """


@dataclass(frozen=True)
class GraphNetwork:
    """Hamiltonian graph network of one round of message passing.

    Features are the units of the node encoder h_i = φ_V, summed over nodes. The units of the edge encoder
    h_ij = φ_E and of the message constructor φ_M(h_i, h_j, h_ij), summed over edges i → j, are features,
    too. If there are several species, the encoders see the species of nodes and of both ends of edges.

    Attributes
    ----------
    encoding : Encoding
        Inputs of the network.
    node, edge, message : DenseLayer
        Node encoder, edge encoder and message constructor.
    smooth_cutoff : float, optional
        Distance at which messages vanish smoothly (Å), by a factor (1 − r²/r_c²)³; by default none.

    Notes
    -----
    The network is RF-HGN (arXiv:2506.06558) with two changes. In the paper, messages have no factor, so the
    energy jumps when an edge appears at a cutoff. Here, the units of the encoders are pooled beside the
    messages, so functions of single nodes and edges need no message.
    """

    encoding: Encoding
    node: DenseLayer
    edge: DenseLayer
    message: DenseLayer
    smooth_cutoff: float | None = None

    @property
    def n_features(self) -> int:
        """Number of pooled features."""
        return self.node.n_units + self.edge.n_units + self.message.n_units

    @property
    def _splits(self) -> tuple[int, int]:
        """Where the features of edges and of messages begin."""
        return self.node.n_units, self.node.n_units + self.edge.n_units

    @property
    def _weights(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Weights of the message constructor for centre, neighbour and edge."""
        n = self.node.n_units
        weight_kd = self.message.weight_kd
        return weight_kd[:, :n], weight_kd[:, n : 2 * n], weight_kd[:, 2 * n :]

    def features(self, points: PhasePoints) -> Pooled:
        """Return all features at points of phase space."""
        return self._forward(points, None)

    def combination(self, points: PhasePoints, coefficient_f: FloatArray) -> Pooled:
        """Return one linear combination of the features, by back-propagation, or several: see `Network`."""
        if coefficient_f.ndim > 1:
            return self._forward(points, coefficient_f)
        encoded = self.encoding.encode(points)
        hidden_nh, bend_nh = self.node.activate(encoded.node_nd)
        chain = ChainRule(encoded, 1)
        coefficient_h, coefficient_pf = np.split(coefficient_f, self._splits[:1])
        weight_centre_kh, weight_neighbour_kh, weight_edge_kh = self._weights
        value_n = hidden_nh @ coefficient_h
        by_hidden_nh = np.repeat(coefficient_h[None], points.n_nodes, axis=0)
        for block in self._blocks(encoded, hidden_nh, self.n_features):
            centre_p, neighbour_p = points.centre_p[block.edges], points.neighbour_p[block.edges]
            value_n += pooled(block.value_pf @ coefficient_pf, centre_p, points.n_nodes)
            by_edge_ph, by_message_pk = np.split(block.bend_pf * coefficient_pf, [self.edge.n_units], axis=1)
            by_hidden_nh += pooled(by_message_pk, centre_p, points.n_nodes) @ weight_centre_kh
            by_hidden_nh += pooled(by_message_pk, neighbour_p, points.n_nodes) @ weight_neighbour_kh
            slope_pd = (by_edge_ph + by_message_pk @ weight_edge_kh * block.bend_ph) @ self.edge.weight_kd
            slope_pf = None if block.slope_pf is None else block.slope_pf @ coefficient_pf[:, None]
            chain.add_edges(block.edges, slope_pd[:, :, None], slope_pf)
        chain.add_nodes(((by_hidden_nh * bend_nh) @ self.node.weight_kd)[:, :, None])
        return Pooled(pooled(value_n[:, None], encoded.structure_n, points.n_structures), *chain.derivatives())

    def _forward(self, points: PhasePoints, coefficient_fe: FloatArray | None) -> Pooled:
        """Return all features, or several linear combinations of them."""
        encoded = self.encoding.encode(points)
        hidden_nh, bend_nh = self.node.activate(encoded.node_nd)
        sums = PooledSums(encoded, self.n_features, coefficient_fe)
        n_nodes, n_pooled = self._splits
        sums.add_values(hidden_nh, encoded.structure_n, slice(0, n_nodes))
        slope_ndh = self.node.slopes(bend_nh, encoded.n_node_inputs)
        sums.add_nodes(slope_ndh, slice(0, n_nodes))
        centre_nk, neighbour_nk = np.zeros((2, points.n_nodes, self.message.n_units))
        for block in self._blocks(encoded, hidden_nh, self.n_features * max(1, encoded.n_edge_inputs)):
            structure_p = encoded.structure_n[points.centre_p[block.edges]]
            sums.add_values(block.value_pf, structure_p, slice(n_nodes, None))
            bend_pk = block.bend_pf[:, self.edge.n_units :]
            centre_nk += pooled(bend_pk, points.centre_p[block.edges], points.n_nodes)
            neighbour_nk += pooled(bend_pk, points.neighbour_p[block.edges], points.n_nodes)
            slope_pdf = self._edge_slopes(block, encoded.n_edge_inputs)
            sums.add_edges(block.edges, slope_pdf, block.slope_pf, slice(n_nodes, None))
        weight_centre_kh, weight_neighbour_kh, _ = self._weights
        slope_ndk = _through(slope_ndh, weight_centre_kh) * centre_nk[:, None, :]
        slope_ndk += _through(slope_ndh, weight_neighbour_kh) * neighbour_nk[:, None, :]
        sums.add_nodes(slope_ndk, slice(n_pooled, None))
        return sums.result()

    def _edge_slopes(self, block: EdgeBlock, n_inputs: int) -> FloatArray:
        """Return derivatives of edge encoder and messages by the first inputs of the former: (p, d, f)."""
        bend_ph, bend_pk = np.split(block.bend_pf, [self.edge.n_units], axis=1)
        slope_pdk = _through(self.edge.slopes(block.bend_ph, n_inputs), self._weights[2]) * bend_pk[:, None, :]
        return np.concatenate([self.edge.slopes(bend_ph, n_inputs), slope_pdk], axis=2)

    def _blocks(self, encoded: EncodedPoints, hidden_nh: FloatArray, numbers_per_edge: int) -> Iterator[EdgeBlock]:
        """Yield the contributions of edges, in blocks as large as memory allows."""
        weight_centre_kh, weight_neighbour_kh, weight_edge_kh = self._weights
        from_centre_nk = hidden_nh @ weight_centre_kh.T + self.message.bias_k
        from_neighbour_nk = hidden_nh @ weight_neighbour_kh.T
        edge_pd = encoded.edge_pd
        length = max(1, NUMBERS_PER_BLOCK // max(1, numbers_per_edge))
        for start in range(0, len(encoded.distance_p), length):
            edges = slice(start, start + length)
            hidden_ph, bend_ph = self.edge.activate(edge_pd[edges])
            argument_pk = hidden_ph @ weight_edge_kh.T
            argument_pk += from_centre_nk[encoded.points.centre_p[edges]]
            argument_pk += from_neighbour_nk[encoded.points.neighbour_p[edges]]
            value_pk, bend_pk = activation(argument_pk)
            value_pf, bend_pf = np.hstack([hidden_ph, value_pk]), np.hstack([bend_ph, bend_pk])
            slope_pf = None
            if self.smooth_cutoff is not None:
                factor_p, slope_p = cutoff_function(encoded.distance_p[edges], self.smooth_cutoff)
                slope_pf = value_pf * slope_p[:, None]
                value_pf, bend_pf = value_pf * factor_p[:, None], bend_pf * factor_p[:, None]
            yield EdgeBlock(edges, value_pf, bend_pf, slope_pf, bend_ph)


def _through(slope_mdh: FloatArray, weight_kh: FloatArray) -> FloatArray:
    """Return slopes of the arguments of a layer by those of the layer before it: (m, d, k)."""
    return np.tensordot(slope_mdh, weight_kh, axes=(2, 1))  # one product, where a stack of small ones takes its time


@dataclass(frozen=True, slots=True)
class EdgeBlock:
    """Contributions of a block of edges: units of the edge encoder, then units of the message constructor.

    Attributes
    ----------
    edges : slice
        Which edges.
    value_pf : ndarray
        Units, times the cutoff factor if there is one.
    bend_pf : ndarray
        Their slopes by the argument of tanh, times the same factor.
    slope_pf : ndarray or None
        Their slopes by the distance through the cutoff factor (1/Å).
    bend_ph : ndarray
        Slopes of the edge encoder's units by the argument of tanh, without a factor.
    """

    edges: slice
    value_pf: FloatArray
    bend_pf: FloatArray
    slope_pf: FloatArray | None
    bend_ph: FloatArray
