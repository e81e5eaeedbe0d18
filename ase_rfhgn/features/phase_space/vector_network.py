"""The network without a graph, whose features span a Hamiltonian of one size of system: RF-HNN."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.layers import DenseLayer
from ase_rfhgn.features.phase_space.inputs import ChainRule, Encoding
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.features.phase_space.sums import Pooled


@dataclass(frozen=True)
class VectorNetwork:
    """Network of one hidden layer on all positions and momenta at once: no graph, one size of system only.

    Attributes
    ----------
    encoding : Encoding
        Inputs of the network; edges are not used.
    layer : DenseLayer
        The hidden layer.

    Notes
    -----
    RF-HNN: Rahma, Datar and Dietrich, arXiv:2411.17511.
    """

    encoding: Encoding
    layer: DenseLayer

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.layer.n_units

    def features(self, points: PhasePoints) -> Pooled:
        """Return all features at points of phase space."""
        encoded = self.encoding.encode(points)
        node_nd = np.concatenate(encoded.node_parts, axis=1)
        value_if, bend_if = self.layer.activate(node_nd.reshape(points.n_structures, -1))
        slope_idf = self.layer.slopes(bend_if)
        chain = ChainRule(encoded, self.n_features)
        chain.add_nodes(slope_idf.reshape(*node_nd.shape, -1))
        return Pooled(value_if, *chain.derivatives())

    def combination(self, points: PhasePoints, coefficient_f: FloatArray) -> Pooled:
        """Return one linear combination of the features, or several: see `Network`."""
        encoded = self.encoding.encode(points)
        node_nd = np.concatenate(encoded.node_parts, axis=1)
        value_if, bend_if = self.layer.activate(node_nd.reshape(points.n_structures, -1))
        coefficient_fe = coefficient_f.reshape(self.n_features, -1)
        slope_ide = (bend_if[:, :, None] * coefficient_fe).transpose(0, 2, 1) @ self.layer.weight_kd
        chain = ChainRule(encoded, coefficient_fe.shape[1])
        chain.add_nodes(np.moveaxis(slope_ide, 1, 2).reshape(*node_nd.shape, -1))
        return Pooled(value_if @ coefficient_fe, *chain.derivatives())
