"""Compositions of layers of canonical maps, and how they are read back from model files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.models.archive import Arrays, shaped, with_prefix, without_prefix
from ase_rfhgn.symmetries.charts import CircularOrbits, PlanarOrbits, SpatialOrbits
from ase_rfhgn.symmetries.layers import Layer, LinearSymplectic, RidgeShears, Shift
from ase_rfhgn.symmetries.symplectic import symplectic_form


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

    @property
    def opening(self) -> Composition:
        """The layers without shears: what the map starts from."""
        kept = (layer for layer in self.layers if not isinstance(layer, RidgeShears))
        return Composition(
            tuple(WithinOrbit(layer.inner.opening) if isinstance(layer, WithinOrbit) else layer for layer in kept)
        )

    @property
    def n_shears(self) -> int:
        """Number of layers of shears."""
        counts = (layer.inner.n_shears if isinstance(layer, WithinOrbit) else 0 for layer in self.layers)
        return sum(counts) + sum(isinstance(layer, RidgeShears) for layer in self.layers)

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

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:
        """Return the Jacobian of all layers times the Jacobian of what comes before."""
        for layer in self.layers:
            jacobian_mdd = layer.carry(state_md, jacobian_mdd)
            state_md = layer.forward(state_md)
        return jacobian_mdd

    def jacobian(self, state_md: FloatArray) -> FloatArray:
        """Return the derivatives of the new variables by the old ones, shape (m, 2n, 2n)."""
        return self.carry(state_md, np.repeat(np.eye(state_md.shape[1])[None], len(state_md), axis=0))

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


@dataclass(frozen=True, slots=True)
class WithinOrbit:
    """Layers that act on the motion within the plane of an orbit, (r, θ; p_r, L), the same for either sense.

    Where L < 0, they see (r, −θ; p_r, −L), the mirror image. Other pairs of variables are left as they are.

    Attributes
    ----------
    inner : Composition
        Layers of two pairs with a positive L.
    """

    inner: Composition

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""
        return self._changed(state_md, self.inner.forward(self._seen(state_md)))

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables."""
        return self._changed(state_md, self.inner.inverse(self._seen(state_md)))

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:
        """Return the Jacobian of the layers times the Jacobian of what comes before."""
        columns = within_orbit(state_md.shape[1] // 2)
        sign_md = signs_of_sense(state_md)[:, :, None]
        carried_mdd = jacobian_mdd.copy()
        carried_mdd[:, columns] = sign_md * self.inner.carry(self._seen(state_md), sign_md * jacobian_mdd[:, columns])
        return carried_mdd

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"within_orbit": np.array([len(self.inner.layers)]), **self.inner.arrays()}

    def _seen(self, state_md: FloatArray) -> FloatArray:
        return signs_of_sense(state_md) * state_md[:, within_orbit(state_md.shape[1] // 2)]

    def _changed(self, state_md: FloatArray, new_md: FloatArray) -> FloatArray:
        changed_md = state_md.copy()
        changed_md[:, within_orbit(state_md.shape[1] // 2)] = signs_of_sense(state_md) * new_md
        return changed_md


def within_orbit(n: int) -> list[int]:
    """Return which of 2n variables are (r, θ; p_r, L)."""
    return [0, 1, n, n + 1]


def signs_of_sense(state_md: FloatArray) -> FloatArray:
    """Return the signs that (r, θ; p_r, L) take so that L is positive, shape (m, 4)."""
    sense_m = np.where(state_md[:, state_md.shape[1] // 2 + 1] < 0.0, -1.0, 1.0)
    one_m = np.ones_like(sense_m)
    return np.stack([one_m, sense_m, one_m, sense_m], axis=1)


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
    around = _layer_around_a_centre(arrays, n)
    return _shears_of(arrays, n) if around is None else around


def _layer_around_a_centre(arrays: Arrays, n: int) -> Layer | None:
    if "planar_orbits" in arrays and n == 2:
        return PlanarOrbits()
    if "spatial_orbits" in arrays and n == 3:
        return SpatialOrbits()
    if "within_orbit" in arrays and n > 1:
        return WithinOrbit(layers_of(arrays, int(shaped(arrays, "within_orbit", (1,))[0]), 2))
    if "radius" in arrays and n == 2:
        radius_k, scale_k = (shaped(arrays, name, (None,)) for name in ("radius", "scale"))
        return CircularOrbits(radius_k, scale_k, float(shaped(arrays, "exponent", (1,))[0]))
    return None


def _shears_of(arrays: Arrays, n: int) -> RidgeShears:
    coefficient_k = shaped(arrays, "coefficient", (None,))
    n_units = (len(coefficient_k),)
    weight_kd = shaped(arrays, "weight", (*n_units, 2 * n))
    bias_k, power_k = shaped(arrays, "bias", n_units), shaped(arrays, "power", n_units)
    repeats = int(shaped(arrays, "repeats", (1,))[0])
    if power_k.dtype != np.int64 or power_k.min(initial=0) < 0 or repeats < 1:
        message = "powers or repeats of shears are not natural numbers"
        raise ValueError(message)
    return RidgeShears(weight_kd, bias_k, power_k, coefficient_k, repeats)
