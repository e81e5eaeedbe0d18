"""The graph network whose pooled features span a Hamiltonian of positions and momenta: RF-HGN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.cutoff import cutoff_function
from ase_rfhgn.features.layers import DenseLayer, activation
from ase_rfhgn.features.phase_space.inputs import EncodedPoints, Encoding
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.features.phase_space.sums import Pooled, PooledSums
from ase_rfhgn.features.pooling import pooled

NUMBERS_PER_BLOCK = 2**21
"""Numbers in the largest array of a block of edges (16 MB)."""


class Network(Protocol):
    """What a Hamiltonian of phase space is made of."""

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

    Features are the units of the node encoder h_i = φ_V, summed over nodes, and those of the edge
    encoder h_ij = φ_E and of the message constructor φ_M(h_i, h_j, h_ij), summed over edges i → j. Sums
    go over the nodes of one species, and over the edges of one unordered pair of species.

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
    RF-HGN, arXiv:2506.06558. There, messages have no factor, and the energy jumps where an edge that
    is defined by a cutoff appears. Here, the encoders are pooled beside the messages: what single
    nodes and edges tell needs no detour through the message constructor.
    """

    encoding: Encoding
    node: DenseLayer
    edge: DenseLayer
    message: DenseLayer
    smooth_cutoff: float | None = None

    @property
    def n_features(self) -> int:
        """Number of pooled features."""
        return self._n_node_features + self._species.n_pairs * self._n_edge_units

    @property
    def _species(self) -> Species:
        return self.encoding.species

    @property
    def _n_node_features(self) -> int:
        return self._species.n_species * self.node.n_units

    @property
    def _n_edge_units(self) -> int:
        return self.edge.n_units + self.message.n_units

    def _columns(self, pair: int) -> slice:
        """Return which features are sums over the edges of a pair of species."""
        start = self._n_node_features + pair * self._n_edge_units
        return slice(start, start + self._n_edge_units)

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
        sums = PooledSums(encoded, 1)
        own_sh, own_uf = self._own_coefficients(coefficient_f)
        coefficient_nh, pair_p = _rows(own_sh, encoded.species_n), encoded.pair_p
        weight_centre_kh, weight_neighbour_kh, weight_edge_kh = self._weights
        value_n = _weighted_sums(hidden_nh, coefficient_nh)
        by_hidden_nh = np.broadcast_to(coefficient_nh, hidden_nh.shape).copy()
        for block in self._blocks(encoded, hidden_nh, self.n_features, by_pair=False):
            centre_p, neighbour_p = points.centre_p[block.edges], points.neighbour_p[block.edges]
            coefficient_pf = _rows(own_uf, pair_p[block.edges])
            value_n += pooled(_weighted_sums(block.value_pf, coefficient_pf), centre_p, points.n_nodes)
            by_edge_ph, by_message_pk = np.split(block.bend_pf * coefficient_pf, [self.edge.n_units], axis=1)
            by_hidden_nh += pooled(by_message_pk, centre_p, points.n_nodes) @ weight_centre_kh
            by_hidden_nh += pooled(by_message_pk, neighbour_p, points.n_nodes) @ weight_neighbour_kh
            slope_pd = (by_edge_ph + by_message_pk @ weight_edge_kh * block.bend_ph) @ self.edge.weight_kd
            slope_p = None if block.slope_pf is None else _weighted_sums(block.slope_pf, coefficient_pf)[:, None]
            sums.add_edges(slope_pd[:, :, None], slope_p, slice(0, 1), block.edges)
        sums.add_nodes(((by_hidden_nh * bend_nh) @ self.node.weight_kd)[:, :, None], slice(0, 1))
        sums.add_values(value_n[:, None], encoded.structure_n, slice(0, 1))
        return sums.result()

    def _forward(self, points: PhasePoints, coefficient_fe: FloatArray | None) -> Pooled:
        """Return all features, or several linear combinations of them."""
        encoded = self.encoding.encode(points)
        hidden_nh, bend_nh = self.node.activate(encoded.node_nd)
        sums = PooledSums(encoded, self.n_features, coefficient_fe)
        slope_ndh = self.node.slopes(bend_nh)
        for s, nodes in enumerate(_selections(encoded.species_n, self._species.n_species)):
            columns = slice(s * self.node.n_units, (s + 1) * self.node.n_units)
            sums.add_values(hidden_nh[nodes], encoded.structure_n[nodes], columns)
            sums.add_nodes(slope_ndh[nodes], columns, nodes)
        bend_unk = np.zeros((2, self._species.n_pairs, points.n_nodes, self.message.n_units))
        numbers = self._n_edge_units * max(1, self.edge.n_inputs)
        for block in self._blocks(encoded, hidden_nh, numbers, by_pair=True):
            columns, edges = self._columns(block.pair), block.edges
            sums.add_values(block.value_pf, encoded.structure_n[points.centre_p[edges]], columns)
            bend_pk = block.bend_pf[:, self.edge.n_units :]
            for end_unk, node_p in zip(bend_unk, (points.centre_p, points.neighbour_p), strict=True):
                end_unk[block.pair] += pooled(bend_pk, node_p[edges], points.n_nodes)
            sums.add_edges(self._edge_slopes(block), block.slope_pf, columns, edges)
        by_centre_ndk, by_neighbour_ndk = (_through(slope_ndh, weight_kh) for weight_kh in self._weights[:2])
        for pair, (centre_nk, neighbour_nk) in enumerate(zip(*bend_unk, strict=True)):
            slope_ndk = by_centre_ndk * centre_nk[:, None, :] + by_neighbour_ndk * neighbour_nk[:, None, :]
            columns = self._columns(pair)
            sums.add_nodes(slope_ndk, slice(columns.start + self.edge.n_units, columns.stop))
        return sums.result()

    def _own_coefficients(self, coefficient_f: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the coefficients of every species, and of every pair of species."""
        of_nodes, of_edges = np.split(coefficient_f, [self._n_node_features])
        return of_nodes.reshape(self._species.n_species, -1), of_edges.reshape(self._species.n_pairs, -1)

    def _edge_slopes(self, block: EdgeBlock) -> FloatArray:
        """Return the derivatives of edge encoder and messages by the inputs of the edge encoder: (p, d, f)."""
        bend_ph, bend_pk = np.split(block.bend_pf, [self.edge.n_units], axis=1)
        slope_pdk = _through(self.edge.slopes(block.bend_ph), self._weights[2]) * bend_pk[:, None, :]
        return np.concatenate([self.edge.slopes(bend_ph), slope_pdk], axis=2)

    def _blocks(
        self, encoded: EncodedPoints, hidden_nh: FloatArray, numbers_per_edge: int, *, by_pair: bool
    ) -> Iterator[EdgeBlock]:
        """Yield what edges contribute, in blocks as large as memory allows, one pair of species each or not."""
        weight_centre_kh, weight_neighbour_kh, weight_edge_kh = self._weights
        from_centre_nk = hidden_nh @ weight_centre_kh.T + self.message.bias_k
        from_neighbour_nk = hidden_nh @ weight_neighbour_kh.T
        edge_pd = encoded.edge_pd
        length = max(1, NUMBERS_PER_BLOCK // max(1, numbers_per_edge))
        for pair, edges in _edge_blocks(encoded, length, by_pair=by_pair):
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
            yield EdgeBlock(pair, edges, value_pf, bend_pf, slope_pf, bend_ph)


def _through(slope_mdh: FloatArray, weight_kh: FloatArray) -> FloatArray:
    """Return slopes of the arguments of a layer by those of the layer before it: (m, d, k)."""
    return np.tensordot(slope_mdh, weight_kh, axes=(2, 1))  # one product, where a stack of small ones takes its time


def _rows(own_sf: FloatArray, species_m: IntArray) -> FloatArray:
    """Return the coefficients of every node or edge: one row for all where there is but one species."""
    return own_sf if len(own_sf) == 1 else own_sf[species_m]


def _weighted_sums(value_mf: FloatArray, coefficient_mf: FloatArray) -> FloatArray:
    """Return the sums of features times their coefficients, which may be one row for all."""
    if len(coefficient_mf) == 1:
        return np.asarray(value_mf @ coefficient_mf[0])
    return np.asarray(np.einsum("mf,mf->m", value_mf, coefficient_mf))


def _selections(class_m: IntArray, n_classes: int) -> list[slice | IntArray]:
    """Return which rows belong to every class: a slice of all where there is but one."""
    return [slice(None)] if n_classes == 1 else [np.flatnonzero(class_m == one) for one in range(n_classes)]


def _edge_blocks(encoded: EncodedPoints, length: int, *, by_pair: bool) -> Iterator[tuple[int, slice | IntArray]]:
    """Yield edges in blocks of bounded length, of one pair of species each if wanted, and the pair."""
    n_edges, n_pairs = len(encoded.distance_p), encoded.encoding.species.n_pairs
    if n_pairs == 1 or not by_pair:
        yield from ((0, slice(start, start + length)) for start in range(0, n_edges, length))
        return
    pair_p = encoded.pair_p
    for pair in range(n_pairs):
        edge_m = np.flatnonzero(pair_p == pair)
        yield from ((pair, edge_m[start : start + length]) for start in range(0, len(edge_m), length))


@dataclass(frozen=True, slots=True)
class EdgeBlock:
    """What a block of edges contributes: units of the edge encoder, then of the message constructor.

    Attributes
    ----------
    pair : int
        Their pair of species, where blocks have one each.
    edges : slice or ndarray
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

    pair: int
    edges: slice | IntArray
    value_pf: FloatArray
    bend_pf: FloatArray
    slope_pf: FloatArray | None
    bend_ph: FloatArray
