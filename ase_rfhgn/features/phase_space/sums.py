"""Sums over nodes and edges: functions of points of phase space and their exact derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.phase_space.inputs import ChainRule, EncodedPoints
from ase_rfhgn.features.pooling import pooled


@dataclass(frozen=True, slots=True)
class Pooled:
    """Functions of points of phase space, summed over every structure, and their exact derivatives.

    Attributes
    ----------
    value_if : ndarray of shape (n_structures, n_functions)
        Values.
    position_ncf, momentum_ncf : ndarray of shape (n_nodes, n_dimensions, n_functions)
        Derivatives by positions and by momenta.
    """

    value_if: FloatArray
    position_ncf: FloatArray
    momentum_ncf: FloatArray


class PooledSums:
    """Features as they are summed up, or linear combinations of them, made before anything is summed.

    Parameters
    ----------
    encoded : EncodedPoints
        Inputs of the network.
    n_features : int
        Number of features.
    coefficient_fe : ndarray of shape (n_features, n_sets), optional
        Coefficients of the combinations; by default, every feature stands for itself.
    """

    def __init__(self, encoded: EncodedPoints, n_features: int, coefficient_fe: FloatArray | None = None) -> None:
        self._encoded, self._coefficient_fe = encoded, coefficient_fe
        n_functions = n_features if coefficient_fe is None else coefficient_fe.shape[1]
        self._value_if = np.zeros((encoded.points.n_structures, n_functions))
        self._chain = ChainRule(encoded, n_functions)

    def add_values(self, value_mf: FloatArray, structure_m: IntArray, columns: slice) -> None:
        """Add the values of some features at nodes or edges of some structures."""
        value_me, target = self._combined(value_mf, columns)
        self._value_if[:, target] += pooled(value_me, structure_m, len(self._value_if))

    def add_nodes(self, slope_ndf: FloatArray, columns: slice) -> None:
        """Add the derivatives of some features by the inputs of the node encoder."""
        self._chain.add_nodes(*self._combined(slope_ndf, columns))

    def add_edges(self, edges: slice, slope_pdf: FloatArray, slope_pf: FloatArray | None, columns: slice) -> None:
        """Add the derivatives of some features by the inputs of the edge encoder, and more by the distance."""
        slope_pde, target = self._combined(slope_pdf, columns)
        slope_pe = None if slope_pf is None else self._combined(slope_pf, columns)[0]
        self._chain.add_edges(edges, slope_pde, slope_pe, target)

    def result(self) -> Pooled:
        """Return what was summed up."""
        return Pooled(self._value_if, *self._chain.derivatives())

    def _combined(self, value_mf: FloatArray, columns: slice) -> tuple[FloatArray, slice]:
        """Return some features, or what they add to the combinations, and the columns of the sums."""
        if self._coefficient_fe is None:
            return value_mf, columns
        return value_mf @ self._coefficient_fe[columns], slice(None)
