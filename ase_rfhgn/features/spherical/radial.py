"""The edge encoder: a dense layer that turns the length of an edge and its species into messages."""

from __future__ import annotations

from dataclasses import dataclass

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.features.spherical import hessian_kernels, kernels


@dataclass(frozen=True, slots=True)
class EdgeEncoder(ReadOnlyArrays):
    """Random dense layer on edges, times a cutoff function: t_k = tanh(w_k (r − d_b) + v_bk) (1 − r²/r_k²)³.

    Below the floor of a pair of species, distances are bent towards a constant. So the encoder never
    sees distances far below the distances of training.

    Attributes
    ----------
    cutoff_k : ndarray of shape (n_channels,)
        Distance at which the messages of a channel vanish (Å).
    weight_k : ndarray of shape (n_channels,)
        Weights of the distance (1/Å).
    shift_bk : ndarray of shape (n_species², n_channels)
        Bias plus the weights of the species of centre and neighbour.
    size_b : ndarray of shape (n_species²,)
        Sizes of the pairs of species, which are subtracted from the distance (Å).
    floor_b : ndarray of shape (n_species²,)
        Smallest distances of training (Å).
    """

    cutoff_k: FloatArray
    weight_k: FloatArray
    shift_bk: FloatArray
    size_b: FloatArray
    floor_b: FloatArray

    def encode(self, distance_p: FloatArray, pair_p: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the messages of edges and their derivatives by the distance (1/Å)."""
        value_pk, slope_pk = kernels.messages(
            distance_p, pair_p, self.floor_b, self.size_b, self.weight_k, self.shift_bk, self.cutoff_k
        )
        return value_pk, slope_pk

    def curvatures(self, distance_p: FloatArray, pair_p: IntArray) -> FloatArray:
        """Return the second derivatives of the messages of edges by the distance (1/Å²)."""
        curvature_pk: FloatArray = hessian_kernels.message_curvatures(
            distance_p, pair_p, self.floor_b, self.size_b, self.weight_k, self.shift_bk, self.cutoff_k
        )
        return curvature_pk
