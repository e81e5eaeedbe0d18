"""Functions of phase space that integrals of motion are linear in: monomials, tanh units, and both together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.features.layers import DenseLayer
from ase_rfhgn.models.archive import Arrays, shaped, with_prefix, without_prefix
from ase_rfhgn.symmetries.monomials import monomial_gradients, monomials


class Observables(Protocol):
    """Functions φ_f of states z."""

    @property
    def n_features(self) -> int:
        """Number of functions."""

    def values(self, state_md: FloatArray) -> FloatArray:
        """Return φ, shape (m, n_features)."""

    def rates(self, state_md: FloatArray, rate_md: FloatArray) -> FloatArray:
        """Return ∇φ·ż, shape (m, n_features)."""

    def gradients(self, state_md: FloatArray, coefficient_fi: FloatArray) -> FloatArray:
        """Return the gradients of Σ_f c_fi φ_f, shape (m, 2n, n_sets)."""

    def arrays(self) -> Arrays:
        """Return what a model file holds."""


@dataclass(frozen=True, slots=True)
class Scaling(ReadOnlyArrays):
    """(z − mean)/spread, the variables of monomials and units.

    Attributes
    ----------
    mean_d, spread_d : ndarray of shape (2n,)
        Mean and standard deviation of the states.
    """

    mean_d: FloatArray
    spread_d: FloatArray

    @classmethod
    def of(cls, state_md: FloatArray) -> Scaling:
        """Return the scaling of states to unit spread."""
        return cls(state_md.mean(axis=0), state_md.std(axis=0))

    def __call__(self, state_md: FloatArray) -> FloatArray:
        """Return scaled states."""
        return (state_md - self.mean_d) / self.spread_d

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"mean": self.mean_d, "spread": self.spread_d}

    @classmethod
    def of_arrays(cls, arrays: Arrays, width: int) -> Scaling:
        """Return the scaling of a model file."""
        return cls(shaped(arrays, "mean", (width,)), shaped(arrays, "spread", (width,)))


@dataclass(frozen=True, slots=True)
class MonomialObservables(ReadOnlyArrays):
    """Monomials of scaled states.

    Attributes
    ----------
    scaling : Scaling
        To unit spread.
    exponent_fd : ndarray of shape (n_features, 2n)
        Exponents.
    """

    scaling: Scaling
    exponent_fd: IntArray

    @property
    def n_features(self) -> int:
        """Number of functions."""
        return len(self.exponent_fd)

    def values(self, state_md: FloatArray) -> FloatArray:
        """Return φ, shape (m, n_features)."""
        return monomials(self.scaling(state_md), self.exponent_fd)

    def rates(self, state_md: FloatArray, rate_md: FloatArray) -> FloatArray:
        """Return ∇φ·ż, shape (m, n_features)."""
        gradient_mdf = monomial_gradients(self.scaling(state_md), self.exponent_fd)
        rate_mf: FloatArray = np.einsum("md,mdf->mf", rate_md / self.scaling.spread_d, gradient_mdf)
        return rate_mf

    def gradients(self, state_md: FloatArray, coefficient_fi: FloatArray) -> FloatArray:
        """Return the gradients of Σ_f c_fi φ_f, shape (m, 2n, n_sets)."""
        gradient_mdf = monomial_gradients(self.scaling(state_md), self.exponent_fd)
        return gradient_mdf @ coefficient_fi / self.scaling.spread_d[:, None]

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"exponent": self.exponent_fd} | with_prefix("scaling", self.scaling.arrays())


@dataclass(frozen=True, slots=True)
class UnitObservables(ReadOnlyArrays):
    """Units tanh(w·z + b) of scaled states.

    Attributes
    ----------
    scaling : Scaling
        To unit spread.
    layer : DenseLayer
        Weights and biases, sampled by SWIM or ELM.
    """

    scaling: Scaling
    layer: DenseLayer

    @property
    def n_features(self) -> int:
        """Number of functions."""
        return self.layer.n_units

    def values(self, state_md: FloatArray) -> FloatArray:
        """Return φ, shape (m, n_features)."""
        return self.layer.activate(self.scaling(state_md))[0]

    def rates(self, state_md: FloatArray, rate_md: FloatArray) -> FloatArray:
        """Return ∇φ·ż, shape (m, n_features)."""
        bend_mf = self.layer.activate(self.scaling(state_md))[1]
        return bend_mf * ((rate_md / self.scaling.spread_d) @ self.layer.weight_kd.T)

    def gradients(self, state_md: FloatArray, coefficient_fi: FloatArray) -> FloatArray:
        """Return the gradients of Σ_f c_fi φ_f, shape (m, 2n, n_sets)."""
        bend_mf = self.layer.activate(self.scaling(state_md))[1]
        gradient_mdi = (bend_mf[:, None, :] * self.layer.weight_kd.T) @ coefficient_fi
        return gradient_mdi / self.scaling.spread_d[:, None]

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        parts = {"weight": self.layer.weight_kd, "bias": self.layer.bias_k}
        return parts | with_prefix("scaling", self.scaling.arrays())


@dataclass(frozen=True, slots=True)
class JoinedObservables:
    """Several kinds of functions, one after the other.

    Attributes
    ----------
    parts : tuple of Observables
        The kinds.
    """

    parts: tuple[Observables, ...]

    @property
    def n_features(self) -> int:
        """Number of functions."""
        return sum(part.n_features for part in self.parts)

    def values(self, state_md: FloatArray) -> FloatArray:
        """Return φ, shape (m, n_features)."""
        return np.concatenate([part.values(state_md) for part in self.parts], axis=1)

    def rates(self, state_md: FloatArray, rate_md: FloatArray) -> FloatArray:
        """Return ∇φ·ż, shape (m, n_features)."""
        return np.concatenate([part.rates(state_md, rate_md) for part in self.parts], axis=1)

    def gradients(self, state_md: FloatArray, coefficient_fi: FloatArray) -> FloatArray:
        """Return the gradients of Σ_f c_fi φ_f, shape (m, 2n, n_sets)."""
        ends = np.cumsum([part.n_features for part in self.parts])[:-1]
        shares = np.split(coefficient_fi, ends)
        total_mdi: FloatArray = np.sum(
            [part.gradients(state_md, share_fi) for part, share_fi in zip(self.parts, shares, strict=True)], axis=0
        )
        return total_mdi

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        parts: Arrays = {"parts": np.array([len(self.parts)])}
        for number, part in enumerate(self.parts):
            parts |= with_prefix(f"part{number}", part.arrays())
        return parts


def plain_observables_of(arrays: Arrays, width: int) -> MonomialObservables | UnitObservables:
    """Return the monomials or units of a model file, known by the names of their arrays."""
    scaling = Scaling.of_arrays(without_prefix("scaling", arrays), width)
    if "exponent" in arrays:
        exponent_fd = shaped(arrays, "exponent", (None, width))
        if exponent_fd.dtype != np.int64 or exponent_fd.min(initial=0) < 0:
            message = "exponents are not natural numbers"
            raise ValueError(message)
        return MonomialObservables(scaling, exponent_fd)
    bias_k = shaped(arrays, "bias", (None,))
    return UnitObservables(scaling, DenseLayer(shaped(arrays, "weight", (len(bias_k), width)), bias_k))
