"""Ridge functions f(w·z + b) of states z, the terms of generating functions: tanh and powers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.features.sampling import sample_pairs, swim_layer

SAME = 1e-3
"""Relative spread of the action of a rotation below which trajectories do not tell what depends on it."""

TANH = 0
"""Stands for tanh where others have the exponent of a power."""


def slope(power: int, argument_m: FloatArray) -> FloatArray:
    """Return the derivative of tanh, if the power is 0, or of a power."""
    if power == TANH:
        return 1.0 - np.tanh(argument_m) ** 2
    return power * _power(argument_m, power - 1)


def bend(power: int, argument_m: FloatArray) -> FloatArray:
    """Return the second derivative of tanh, if the power is 0, or of a power."""
    if power == TANH:
        value_m = np.tanh(argument_m)
        return -2.0 * value_m * (1.0 - value_m**2)
    if power == 1:
        return np.zeros_like(argument_m)
    return power * (power - 1) * _power(argument_m, power - 2)


def _power(base_m: FloatArray, exponent: int) -> FloatArray:
    """Return an integer power by repeated squaring, many times faster than NumPy's."""
    result_m = np.ones_like(base_m)
    while exponent:
        if exponent & 1:
            result_m = result_m * base_m
        exponent >>= 1
        if exponent:
            base_m = base_m * base_m
    return result_m


@dataclass(frozen=True, slots=True)
class RidgeFunctions(ReadOnlyArrays):
    """Terms W_f(z) = f(w·z + b) + s f(w·Rz + b) with s = −1 or 1: odd or even under the time reversal R.

    A map whose generator is odd commutes with time reversal. A composition of flows of single terms does so
    only up to the third order of its coefficients; even terms correct the rest.

    Attributes
    ----------
    weight_fd : ndarray of shape (n_terms, 2n)
        w.
    bias_f : ndarray of shape (n_terms,)
        b.
    power_f : ndarray of shape (n_terms,)
        Powers, 0 for tanh.
    sign_f : ndarray of shape (n_terms,)
        s.
    reversal_dd : ndarray of shape (2n, 2n)
        R.
    """

    weight_fd: FloatArray
    bias_f: FloatArray
    power_f: IntArray
    sign_f: FloatArray
    reversal_dd: FloatArray

    @property
    def mirrored_fd(self) -> FloatArray:
        """Directions of the mirror images: w·Rz = (Rᵀw)·z."""
        return self.weight_fd @ self.reversal_dd

    def brackets(self, state_md: FloatArray, pairs: Sequence[int] | None = None) -> FloatArray:
        """Return {r_u, W_f} for r_u = Q_u² + P_u² of all pairs or of some, shape (n_pairs, m, n_terms)."""
        n = state_md.shape[1] // 2
        pairs = range(n) if pairs is None else pairs
        bracket_umf = np.zeros((len(pairs), len(state_md), len(self.bias_f)))
        for weight_fd, sign_f in ((self.weight_fd, np.ones_like(self.sign_f)), (self.mirrored_fd, self.sign_f)):
            argument_mf = state_md @ weight_fd.T + self.bias_f
            for power in np.unique(self.power_f):
                columns = self.power_f == power
                argument_mf[:, columns] = slope(int(power), argument_mf[:, columns])
            for place, u in enumerate(pairs):
                across_mf = np.outer(state_md[:, u], 2.0 * sign_f * weight_fd[:, n + u])
                across_mf -= np.outer(state_md[:, n + u], 2.0 * sign_f * weight_fd[:, u])
                across_mf *= argument_mf
                bracket_umf[place] += across_mf
        return bracket_umf

    def terms(self, coefficient_f: FloatArray) -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
        """Return weights, biases, powers and coefficients of single terms; a term is beside its image."""
        width = self.weight_fd.shape[1]
        weight_kd = np.stack([self.weight_fd, self.mirrored_fd], axis=1).reshape(-1, width)
        coefficient_k = np.stack([coefficient_f, self.sign_f * coefficient_f], axis=1).ravel()
        return weight_kd, np.repeat(self.bias_f, 2), np.repeat(self.power_f, 2), coefficient_k


def sample_ridge_functions(
    state_md: FloatArray,
    units: Mapping[int, int],
    reversal_dd: FloatArray,
    rng: np.random.Generator,
    *,
    both_signs: bool = False,
    rotations: Sequence[int] = (),
) -> RidgeFunctions:
    """Return terms with random directions: tanh through pairs of states (SWIM), powers along any direction.

    Terms do not see the angles of rotations, so that shears keep their actions; they see differences of these from
    the mean.

    Parameters
    ----------
    state_md : ndarray of shape (m, 2n)
        States that the terms are for.
    units : mapping of int to int
        Number of terms of each power, 0 for tanh.
    reversal_dd : ndarray of shape (2n, 2n)
        Time reversal.
    rng : numpy.random.Generator
        Source of randomness.
    both_signs : bool, default False
        Whether every second term is even under time reversal, instead of all being odd.
    rotations : sequence of int, default ()
        Pairs that are an angle and its action.
    """
    n = state_md.shape[1] // 2
    spread_d, centre_d = state_md.std(axis=0), np.zeros(2 * n)
    for u in rotations:
        centre_d[n + u] = state_md[:, n + u].mean()
        spread_d[n + u] = max(spread_d[n + u], SAME * abs(centre_d[n + u]))
    seen_d = np.setdiff1d(np.arange(2 * n), list(rotations))
    scaled_md = ((state_md - centre_d) / spread_d)[:, seen_d]
    parts = [_sampled(power, n_units, scaled_md, rng) for power, n_units in units.items()]
    seen_weight_fd, bias_f = (np.concatenate(part) for part in zip(*parts, strict=True))
    weight_fd = np.zeros((len(bias_f), 2 * n))
    weight_fd[:, seen_d] = seen_weight_fd / spread_d[seen_d]
    bias_f = bias_f - weight_fd @ centre_d
    power_f = np.repeat(np.array(list(units), dtype=np.int64), list(units.values()))
    sign_f = np.where(both_signs & (np.arange(len(bias_f)) % 2 == 1), 1.0, -1.0)
    return RidgeFunctions(weight_fd, bias_f, power_f, sign_f, reversal_dd)


def _sampled(
    power: int, n_units: int, scaled_md: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return weights and biases for states of unit spread."""
    if power == TANH:
        pair_k2 = sample_pairs(scaled_md, n_units, rng)
        layer = swim_layer(scaled_md[pair_k2[:, 0]], scaled_md[pair_k2[:, 1]])
        return layer.weight_kd, layer.bias_k
    width = scaled_md.shape[1]
    if width == 2:  # evenly spread directions of the plane condition best
        angle_k = np.pi * (np.arange(n_units) + rng.random()) / n_units
        return 0.5 * np.stack([np.cos(angle_k), np.sin(angle_k)], axis=1), np.zeros(n_units)
    weight_kd = rng.normal(size=(n_units, width))
    return 0.5 * weight_kd / np.linalg.norm(weight_kd, axis=1, keepdims=True), np.zeros(n_units)
