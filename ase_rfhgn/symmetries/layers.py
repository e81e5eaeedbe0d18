"""Layers of canonical maps: each is symplectic to rounding, and is inverted in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.models.archive import Arrays, shaped, with_prefix, without_prefix
from ase_rfhgn.symmetries.ridge_functions import bend, slope
from ase_rfhgn.symmetries.symplectic import conjugate, inverse_symplectic, symplectic_form


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
class LeviCivita:
    """Square-root coordinates of a plane around a centre: q = u² and P = 2ūp as complex numbers.

    u and −u are the same point; the root with a positive real part is taken. Maps that follow must not
    distinguish the two: their generators must be even. Levi-Civita, Acta Math. 42, 99 (1920).
    """

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables (u, P)."""
        root_m = np.sqrt(_complex(state_md[:, :2]))
        return np.concatenate([_real(root_m), _real(2.0 * root_m.conj() * _complex(state_md[:, 2:]))], axis=1)

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables (q, p)."""
        root_m = _complex(state_md[:, :2])
        momentum_m = _complex(state_md[:, 2:]) / (2.0 * root_m.conj())
        return np.concatenate([_real(root_m**2), _real(momentum_m)], axis=1)

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:
        """Return the Jacobian of the layer times the Jacobian of what comes before."""
        root_m1 = np.sqrt(_complex(state_md[:, :2]))[:, None]
        momentum_m1 = _complex(state_md[:, 2:])[:, None]
        place_md, change_md = (jacobian_mdd[:, k] + 1.0j * jacobian_mdd[:, k + 1] for k in (0, 2))
        root_md = place_md / (2.0 * root_m1)
        new_md = 2.0 * (root_md.conj() * momentum_m1 + root_m1.conj() * change_md)
        return np.stack([root_md.real, root_md.imag, new_md.real, new_md.imag], axis=1)

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"levi_civita": np.ones(1, dtype=np.int64)}


def _complex(pair_m2: FloatArray) -> NDArray[np.complex128]:
    return pair_m2[:, 0] + 1.0j * pair_m2[:, 1]


def _real(number_m: NDArray[np.complex128]) -> FloatArray:
    return np.stack([number_m.real, number_m.imag], axis=1)


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


@dataclass(frozen=True, slots=True)
class Composition:
    """Layers one after the other.

    Attributes
    ----------
    layers : tuple of Layer
        The first is applied first.
    """

    layers: tuple[Layer, ...] = ()

    def then(self, *layers: Layer) -> Composition:
        """Return this map followed by further layers."""
        return Composition((*self.layers, *layers))

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""
        for layer in self.layers:
            state_md = layer.forward(state_md)
        return state_md

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables."""
        for layer in reversed(self.layers):
            state_md = layer.inverse(state_md)
        return state_md

    def jacobian(self, state_md: FloatArray) -> FloatArray:
        """Return the derivatives of the new variables by the old ones, shape (m, 2n, 2n)."""
        width = state_md.shape[1]
        jacobian_mdd = np.repeat(np.eye(width)[None], len(state_md), axis=0)
        for layer in self.layers:
            jacobian_mdd = layer.carry(state_md, jacobian_mdd)
            state_md = layer.forward(state_md)
        return jacobian_mdd

    def brackets(self, state_md: FloatArray) -> FloatArray:
        """Return the Poisson brackets of the new variables, shape (m, 2n, 2n): Ω if the map is canonical."""
        jacobian_mdd = self.jacobian(state_md)
        return jacobian_mdd @ symplectic_form(state_md.shape[1] // 2) @ np.swapaxes(jacobian_mdd, 1, 2)

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        parts: Arrays = {}
        for number, layer in enumerate(self.layers):
            parts |= with_prefix(f"layer{number}", layer.arrays())
        return parts


def layers_of(arrays: Arrays, n_layers: int, n: int) -> Composition:
    """Return the layers of a model file, each known by the names of its arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Arrays of the file.
    n_layers : int
        Number of layers.
    n : int
        Degrees of freedom.
    """
    return Composition(tuple(_layer_of(without_prefix(f"layer{number}", arrays), n) for number in range(n_layers)))


def _layer_of(arrays: Arrays, n: int) -> Layer:
    if "centre" in arrays:
        return Shift(shaped(arrays, "centre", (2 * n,)))
    if "matrix" in arrays:
        return LinearSymplectic(shaped(arrays, "matrix", (2 * n, 2 * n)))
    if "levi_civita" in arrays and n == 2:
        return LeviCivita()
    coefficient_k = shaped(arrays, "coefficient", (None,))
    n_units = (len(coefficient_k),)
    weight_kd = shaped(arrays, "weight", (*n_units, 2 * n))
    bias_k, power_k = shaped(arrays, "bias", n_units), shaped(arrays, "power", n_units)
    repeats = int(shaped(arrays, "repeats", (1,))[0])
    if power_k.dtype != np.int64 or power_k.min(initial=0) < 0 or repeats < 1:
        message = "powers or repeats of shears are not natural numbers"
        raise ValueError(message)
    return RidgeShears(weight_kd, bias_k, power_k, coefficient_k, repeats)
