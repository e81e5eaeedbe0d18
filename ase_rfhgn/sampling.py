"""Dense layers x ↦ σ(Wx + b) that are drawn once and never trained: ELM and SWIM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray

TANH_STEEPNESS = float(np.log(3.0))
"""SWIM's s₁ for tanh: with s₂ = s₁/2 a unit is −1/2 at its first and +1/2 at its second point."""


@dataclass(frozen=True, slots=True)
class DenseLayer:
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


def elm_layer(n_units: int, lowest: float, highest: float, n_inputs: int, rng: np.random.Generator) -> DenseLayer:
    """Return a layer that ignores the data: normal weights, biases uniform over the range of inputs.

    Parameters
    ----------
    n_units, n_inputs : int
        Width of the layer and dimension of its inputs.
    lowest, highest : float
        Range of the inputs.
    rng : numpy.random.Generator
        Source of randomness.

    Notes
    -----
    Extreme learning machine: Huang, Zhu and Siew, Neurocomputing 70, 489 (2006), as used by
    RF-HGN, arXiv:2506.06558.
    """
    return DenseLayer(rng.normal(size=(n_units, n_inputs)), rng.uniform(lowest, highest, size=n_units))


def swim_layer(first_kd: FloatArray, second_kd: FloatArray) -> DenseLayer:
    """Return the layer whose units are −1/2 at a first and +1/2 at a second data point.

    Parameters
    ----------
    first_kd, second_kd : ndarray of shape (n_units, n_inputs)
        Two different data points per unit.

    Notes
    -----
    Sampling where it matters: Bolager, Burak, Datar, Sun and Dietrich, NeurIPS 2023
    (arXiv:2306.14975), as used by RF-HGN, arXiv:2506.06558:
    w = s₁ (x² − x¹)/‖x² − x¹‖², b = −⟨w, x¹⟩ − s₂ with s₁ = ln 3, s₂ = s₁/2.
    """
    step_kd = second_kd - first_kd
    weight_kd = TANH_STEEPNESS * step_kd / np.einsum("kd,kd->k", step_kd, step_kd)[:, None]
    return DenseLayer(weight_kd, -np.einsum("kd,kd->k", weight_kd, first_kd) - 0.5 * TANH_STEEPNESS)
