"""Charts of orbits around a centre: polar coordinates in the plane of an orbit, with angular momentum as a momentum.

The new variables are (r, θ; p_r, L) in a plane. In space the third pair tells how the plane of the orbit is inclined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.models.archive import Arrays

TINY = np.finfo(float).tiny


@dataclass(frozen=True, slots=True)
class PlanarOrbits:
    """Polar coordinates: (x, y; p_x, p_y) becomes (r, θ; p_r, L) with L = x p_y − y p_x of either sign."""

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""
        x_m, y_m, speed_x_m, speed_y_m = state_md.T
        radius_m = np.hypot(x_m, y_m)
        outwards_m = (x_m * speed_x_m + y_m * speed_y_m) / radius_m
        return np.stack([radius_m, np.arctan2(y_m, x_m), outwards_m, x_m * speed_y_m - y_m * speed_x_m], axis=1)

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables."""
        radius_m, angle_m, outwards_m, angular_m = state_md.T
        cosine_m, sine_m, across_m = np.cos(angle_m), np.sin(angle_m), angular_m / radius_m
        columns = [radius_m * cosine_m, radius_m * sine_m]
        columns += [outwards_m * cosine_m - across_m * sine_m, outwards_m * sine_m + across_m * cosine_m]
        return np.stack(columns, axis=1)

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:
        """Return the Jacobian of the layer times the Jacobian of what comes before."""
        x_m1, y_m1, speed_x_m1, speed_y_m1 = state_md.T[:, :, None]
        dx_md, dy_md, speed_dx_md, speed_dy_md = np.moveaxis(jacobian_mdd, 1, 0)
        radius_m1 = np.hypot(x_m1, y_m1)
        cosine_m1, sine_m1 = x_m1 / radius_m1, y_m1 / radius_m1
        turn_md = (cosine_m1 * dy_md - sine_m1 * dx_md) / radius_m1
        across_m1 = cosine_m1 * speed_y_m1 - sine_m1 * speed_x_m1
        outwards_md = cosine_m1 * speed_dx_md + sine_m1 * speed_dy_md + across_m1 * turn_md
        angular_md = x_m1 * speed_dy_md + speed_y_m1 * dx_md - y_m1 * speed_dx_md - speed_x_m1 * dy_md
        return np.stack([cosine_m1 * dx_md + sine_m1 * dy_md, turn_md, outwards_md, angular_md], axis=1)

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"planar_orbits": np.ones(1, dtype=np.int64)}


@dataclass(frozen=True, slots=True)
class SpatialOrbits:
    """Polar coordinates in the plane of an orbit: (x, y, z; p) becomes (r, λ, Q; p_r, L, P).

    L = |q × p| > 0. The longitude λ is the angle from the x axis turned into the plane of the orbit, along the
    shortest way from the z axis to the normal of the plane. (Q² + P²)/2 = L − L_z, and the angle of this pair is that
    of the node, backwards. All is regular except where orbits are radial, or the normal is opposite to the z axis.

    Notes
    -----
    Whittaker's variables (r, u, h; p_r, L, L_z) with Poincaré's regular elements in the place of the node h.
    """

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""
        place_mc, momentum_mc = state_md[:, :3], state_md[:, 3:]
        angular_mc = np.cross(place_mc, momentum_mc)
        radius_m, size_m = np.linalg.norm(place_mc, axis=1), np.linalg.norm(angular_mc, axis=1)
        first_mc, second_mc = _axes(angular_mc / size_m[:, None])
        along_m, across_m = (np.einsum("mc,mc->m", place_mc, axis_mc) for axis_mc in (first_mc, second_mc))
        outwards_m = np.einsum("mc,mc->m", place_mc, momentum_mc) / radius_m
        rise_m = size_m + angular_mc[:, 2]
        opposite_m = rise_m <= 0.0
        factor_m = np.sqrt(2.0 / np.where(opposite_m, 1.0, rise_m))
        columns = [radius_m, np.arctan2(across_m, along_m), -factor_m * angular_mc[:, 0]]
        columns += [outwards_m, size_m, np.where(opposite_m, 2.0 * np.sqrt(size_m), -factor_m * angular_mc[:, 1])]
        return np.stack(columns, axis=1)

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables."""
        radius_m, angle_m, place_m, outwards_m, size_m, momentum_m = state_md.T
        upwards_m = size_m - 0.5 * (place_m**2 + momentum_m**2)
        factor_m = np.sqrt(np.maximum(0.5 * (size_m + upwards_m), 0.0))
        normal_mc = np.stack([-factor_m * place_m, -factor_m * momentum_m, upwards_m], axis=1) / size_m[:, None]
        first_mc, second_mc = _axes(normal_mc)
        cosine_m1, sine_m1 = np.cos(angle_m)[:, None], np.sin(angle_m)[:, None]
        along_mc = cosine_m1 * first_mc + sine_m1 * second_mc
        across_mc = cosine_m1 * second_mc - sine_m1 * first_mc
        speed_mc = outwards_m[:, None] * along_mc + (size_m / radius_m)[:, None] * across_mc
        return np.concatenate([radius_m[:, None] * along_mc, speed_mc], axis=1)

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:
        """Return the Jacobian of the layer times the Jacobian of what comes before."""
        place_m1c, momentum_m1c = state_md[:, None, :3], state_md[:, None, 3:]
        place_mdc, momentum_mdc = (np.swapaxes(jacobian_mdd[:, part], 1, 2) for part in (slice(3), slice(3, 6)))
        angular_m1c = np.cross(place_m1c, momentum_m1c)
        angular_mdc = np.cross(place_mdc, momentum_m1c) + np.cross(place_m1c, momentum_mdc)
        radius_m1, size_m1 = np.linalg.norm(place_m1c, axis=2), np.linalg.norm(angular_m1c, axis=2)
        unit_m1c, normal_m1c = place_m1c / radius_m1[..., None], angular_m1c / size_m1[..., None]
        radius_md, size_md = (place_mdc * unit_m1c).sum(axis=2), (angular_mdc * normal_m1c).sum(axis=2)
        unit_mdc = (place_mdc - unit_m1c * radius_md[..., None]) / radius_m1[..., None]
        normal_mdc = (angular_mdc - normal_m1c * size_md[..., None]) / size_m1[..., None]
        outwards_md = (unit_mdc * momentum_m1c).sum(axis=2) + (unit_m1c * momentum_mdc).sum(axis=2)
        parts = _axis_changes(normal_m1c, normal_mdc)
        along_m1, across_m1 = ((unit_m1c * axis_m1c).sum(axis=2) for axis_m1c, _ in parts)
        along_md, across_md = (
            (unit_mdc * axis_m1c).sum(axis=2) + (unit_m1c * change_mdc).sum(axis=2) for axis_m1c, change_mdc in parts
        )
        rise_m1 = np.maximum(size_m1 + angular_m1c[..., 2], TINY)
        factor_m1 = np.sqrt(2.0 / rise_m1)
        factor_md = -0.5 * factor_m1 * (size_md + angular_mdc[..., 2]) / rise_m1
        tilt_md, lean_md = (-factor_m1 * angular_mdc[..., c] - factor_md * angular_m1c[..., c] for c in (0, 1))
        turn_md = along_m1 * across_md - across_m1 * along_md
        return np.stack([radius_md, turn_md, tilt_md, outwards_md, size_md, lean_md], axis=1)

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"spatial_orbits": np.ones(1, dtype=np.int64)}


def _axes(normal_mc: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the x and y axes after the shortest rotation from the z axis to normals of orbits."""
    opposite_m = normal_mc[:, 2] <= -1.0
    lean_mc = normal_mc / np.where(opposite_m, 1.0, 1.0 + normal_mc[:, 2])[:, None]
    sum_mc = normal_mc + np.array([0.0, 0.0, 1.0])
    first_mc, second_mc = (np.eye(3)[c] - lean_mc[:, c, None] * sum_mc for c in (0, 1))
    second_mc[opposite_m] *= -1.0  # the limit from the node at zero
    return first_mc, second_mc


def _axis_changes(normal_m1c: FloatArray, normal_mdc: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Return the axes of `_axes` with their changes by changes of the normals."""
    rise_m1 = np.maximum(1.0 + normal_m1c[..., 2], TINY)
    sum_m1c = normal_m1c + np.array([0.0, 0.0, 1.0])
    parts = []
    for c in (0, 1):
        lean_m1 = normal_m1c[..., c] / rise_m1
        lean_md = (normal_mdc[..., c] - lean_m1 * normal_mdc[..., 2]) / rise_m1
        change_mdc = -lean_md[..., None] * sum_m1c - lean_m1[..., None] * normal_mdc
        parts.append((np.eye(3)[c] - lean_m1[..., None] * sum_m1c, change_mdc))
    return parts


@dataclass(frozen=True, slots=True)
class CircularOrbits(ReadOnlyArrays):
    """Distance from the circular orbit of the same angular momentum: (r, θ; p_r, L) becomes (X, θ′; P, L), L > 0.

    X = S(L) (ρᵃ − 1)/a with ρ = r/r₀(L), or S ln ρ where a = 0. Then P = p_r ∂r/∂X and θ′ = θ + P ∂X/∂L. With the
    radius r₀ and the radial frequency ω₀ of circular orbits and S = r₀ √ω₀, small oscillations are circles of (X, P).

    Attributes
    ----------
    radius_k, scale_k : ndarray of shape (k,)
        Coefficients of ln r₀ and ln S in powers of ln L, the lowest first.
    exponent : float
        a.
    """

    radius_k: FloatArray
    scale_k: FloatArray
    exponent: float

    def forward(self, state_md: FloatArray) -> FloatArray:
        """Return the new variables."""
        radius_m, angle_m, outwards_m, angular_m = state_md.T
        circle_km, scale_km = self._curves(angular_m)
        ratio_m = radius_m / np.exp(circle_km[0])
        place_m, slope_m, _ = self._stretched(ratio_m)
        size_m = np.exp(scale_km[0])
        momentum_m = outwards_m * np.exp(circle_km[0]) / (size_m * slope_m)
        shift_m = size_m / angular_m * (scale_km[1] * place_m - circle_km[1] * ratio_m * slope_m)
        return np.stack([size_m * place_m, angle_m + momentum_m * shift_m, momentum_m, angular_m], axis=1)

    def inverse(self, state_md: FloatArray) -> FloatArray:
        """Return the old variables."""
        place_m, angle_m, momentum_m, angular_m = state_md.T
        circle_km, scale_km = self._curves(angular_m)
        size_m = np.exp(scale_km[0])
        place_m = place_m / size_m
        ratio_m = np.exp(place_m) if self.exponent == 0.0 else (1.0 + self.exponent * place_m) ** (1.0 / self.exponent)
        slope_m = self._stretched(ratio_m)[1]
        shift_m = size_m / angular_m * (scale_km[1] * place_m - circle_km[1] * ratio_m * slope_m)
        outwards_m = momentum_m * size_m * slope_m / np.exp(circle_km[0])
        return np.stack([ratio_m * np.exp(circle_km[0]), angle_m - momentum_m * shift_m, outwards_m, angular_m], axis=1)

    def carry(self, state_md: FloatArray, jacobian_mdd: FloatArray) -> FloatArray:
        """Return the Jacobian of the layer times the Jacobian of what comes before."""
        radius_m1, _, outwards_m1, angular_m1 = state_md.T[:, :, None]
        radius_md, turn_md, outwards_md, angular_md = np.moveaxis(jacobian_mdd, 1, 0)
        circle_k1, scale_k1 = self._curves(angular_m1)
        circle_m1, size_m1 = np.exp(circle_k1[0]), np.exp(scale_k1[0])
        ratio_m1, growth_md = radius_m1 / circle_m1, angular_md / angular_m1
        ratio_md = radius_md / circle_m1 - ratio_m1 * circle_k1[1] * growth_md
        place_m1, slope_m1, bend_m1 = self._stretched(ratio_m1)
        momentum_m1 = outwards_m1 * circle_m1 / (size_m1 * slope_m1)
        momentum_md = outwards_md * circle_m1 / (size_m1 * slope_m1)
        momentum_md += momentum_m1 * ((circle_k1[1] - scale_k1[1]) * growth_md - bend_m1 / slope_m1 * ratio_md)
        shape_m1 = scale_k1[1] * place_m1 - circle_k1[1] * ratio_m1 * slope_m1
        shape_md = (scale_k1[2] * place_m1 - circle_k1[2] * ratio_m1 * slope_m1) * growth_md
        shape_md += (scale_k1[1] * slope_m1 - circle_k1[1] * (slope_m1 + ratio_m1 * bend_m1)) * ratio_md
        shift_md = size_m1 / angular_m1 * ((scale_k1[1] - 1.0) * shape_m1 * growth_md + shape_md)
        angle_md = turn_md + size_m1 / angular_m1 * shape_m1 * momentum_md + momentum_m1 * shift_md
        place_md = size_m1 * (scale_k1[1] * place_m1 * growth_md + slope_m1 * ratio_md)
        return np.stack([place_md, angle_md, momentum_md, angular_md], axis=1)

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"radius": self.radius_k, "scale": self.scale_k, "exponent": np.array([self.exponent])}

    def _curves(self, angular_m: FloatArray) -> tuple[list[FloatArray], list[FloatArray]]:
        """Return ln r₀ and ln S, each with two derivatives by ln L."""
        power_m = np.log(angular_m)
        polynomials = (np.polynomial.Polynomial(coefficients) for coefficients in (self.radius_k, self.scale_k))
        first, second = ([one.deriv(order)(power_m) for order in range(3)] for one in polynomials)
        return first, second

    def _stretched(self, ratio_m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return (ρᵃ − 1)/a with its first two derivatives."""
        slope_m = ratio_m ** (self.exponent - 1.0)
        place_m = np.log(ratio_m) if self.exponent == 0.0 else (ratio_m * slope_m - 1.0) / self.exponent
        return place_m, slope_m, (self.exponent - 1.0) * slope_m / ratio_m
