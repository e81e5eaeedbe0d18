"""Dense layers x ↦ tanh(Wx + b): values and slopes. Weights are sampled by `ase_rfhgn.features.sampling`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays


@dataclass(frozen=True, slots=True)
class DenseLayer(ReadOnlyArrays):
    """Weights and biases of a dense layer with tanh as its activation.

    Attributes
    ----------
    weight_kd : ndarray of shape (n_units, n_inputs)
        Weights.
    bias_k : ndarray of shape (n_units,)
        Biases.
    """

    weight_kd: FloatArray
    bias_k: FloatArray

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.bias_k)

    @property
    def n_inputs(self) -> int:
        """Dimension of the inputs."""
        return int(self.weight_kd.shape[1])

    def activate(self, input_md: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the values of the units and their slopes by the argument of tanh, both (m, n_units)."""
        return activation(input_md @ self.weight_kd.T + self.bias_k)

    def slopes(self, bend_mk: FloatArray, n_inputs: int | None = None) -> FloatArray:
        """Return the slopes of the units by all or the first inputs, (m, n_inputs, n_units).

        Parameters
        ----------
        bend_mk : ndarray of shape (m, n_units)
            Slopes of the units by the argument of tanh.
        n_inputs : int, optional
            How many inputs; by default all.
        """
        weight_dk = np.ascontiguousarray(self.weight_kd[:, :n_inputs].T)  # else, units would not be contiguous
        return bend_mk[:, None, :] * weight_dk


def activation(argument_mk: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return tanh of arguments, which are overwritten, and its slopes."""
    value_mk: FloatArray = np.tanh(argument_mk, out=argument_mk)
    return value_mk, 1.0 - value_mk**2
