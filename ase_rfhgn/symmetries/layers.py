"""Layers of canonical maps: each is symplectic to rounding, and is inverted in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.models.archive import Arrays
from ase_rfhgn.symmetries.ridge_functions import bend, slope
from ase_rfhgn.symmetries.symplectic import conjugate, inverse_symplectic


class Layer(Protocol):
    """An invertible symplectic map of states z = (q, p), given as rows of shape (m, 2n)."""

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables."""

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:
        """Return the Jacobian of the layer times a Jacobian of what comes before: (m, 2n, 2n)."""

    def arrays(self) -> Arrays:
        """Return what a model file holds."""


@dataclass(frozen=True, slots=True)
class Shift(ReadOnlyArrays):
    """z − μ: the zero of the new variables.

    Attributes
    ----------
    centre_d : ndarray of shape (2n,)
        μ.
    """

    centre_d: FloatArray

    @classmethod
    def zero_centre(cls, state_md: FloatArray) -> Shift:
        """Return the shift after which states have the mean zero.

        Parameters
        ----------
        state_md : ndarray of shape (m, 2n)
            States.
        """
        return cls(state_md.mean(axis=0))

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""
        return state_md - self.centre_d

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables."""
        return state_md + self.centre_d

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:  # noqa: ARG002  # as other layers
        """Return the Jacobian of what comes before: a shift does not change it."""
        return jacobian_mdd

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"centre": self.centre_d}


@dataclass(frozen=True, slots=True)
class LinearSymplectic(ReadOnlyArrays):
    """S z with a symplectic matrix S.

    Attributes
    ----------
    matrix_dd : ndarray of shape (2n, 2n)
        S.
    """

    matrix_dd: FloatArray

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""
        return state_md @ self.matrix_dd.T

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables."""
        return state_md @ inverse_symplectic(self.matrix_dd).T

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:  # noqa: ARG002  # as other layers
        """Return the matrix times the Jacobian of what comes before."""
        return self.matrix_dd @ jacobian_mdd

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"matrix": self.matrix_dd}


@dataclass(frozen=True, slots=True)
class RidgeShears(ReadOnlyArrays):
    """Flow of W = Σ c f(w·z + b) to time 1, as a symmetric composition of the exact flows of its terms.

    The flow of one term is the shear z + c f′(w·z + b) Ωw: it leaves w·z as it is, because wᵀΩw = 0.

    Attributes
    ----------
    weight_kd : ndarray of shape (n_units, 2n)
        Directions w of phase space.
    bias_k : ndarray of shape (n_units,)
        b.
    power_k : ndarray of shape (n_units,)
        Power of f, or 0 for tanh.
    coefficient_k : ndarray of shape (n_units,)
        c.
    repeats : int, default 1
        Number of compositions, each of them to an equal part of the time.
    """

    weight_kd: FloatArray
    bias_k: FloatArray
    power_k: IntArray
    coefficient_k: FloatArray
    repeats: int = 1

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""
        return self._flow(state_md, 0.5)

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables: a symmetric composition is inverted by the other sign."""
        return self._flow(state_md, -0.5)

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:
        """Return the Jacobian of the layer times the Jacobian of what comes before."""
        state_md, jacobian_mdd = state_md.copy(), jacobian_mdd.copy()
        direction_kd = conjugate(self.weight_kd)
        for k in self._order():
            argument_m = state_md @ self.weight_kd[k] + self.bias_k[k]
            half = 0.5 * self.coefficient_k[k] / self.repeats
            along_md = np.einsum("d,mdw->mw", self.weight_kd[k], jacobian_mdd)
            bend_m = half * bend(int(self.power_k[k]), argument_m)
            jacobian_mdd += (bend_m[:, None] * direction_kd[k])[:, :, None] * along_md[:, None, :]
            state_md += np.outer(half * slope(int(self.power_k[k]), argument_m), direction_kd[k])
        return jacobian_mdd

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {
            "weight": self.weight_kd,
            "bias": self.bias_k,
            "power": self.power_k,
            "coefficient": self.coefficient_k,
            "repeats": np.array([self.repeats]),
        }

    def _order(self) -> list[int]:
        order = list(range(len(self.coefficient_k)))
        return (order + order[::-1]) * self.repeats

    def _flow(self, state_md: FloatArray, half: float) -> FloatArray:
        state_dm = np.array(state_md.T, order="C")
        direction_kd = conjugate(self.weight_kd)
        strength_k = half / self.repeats * self.coefficient_k
        for k in self._order():
            argument_m = self.weight_kd[k] @ state_dm + self.bias_k[k]
            argument_m = slope(int(self.power_k[k]), argument_m)
            argument_m *= strength_k[k]
            for d in np.flatnonzero(direction_kd[k]):
                state_dm[d] += direction_kd[k, d] * argument_m
        return np.ascontiguousarray(state_dm.T)
