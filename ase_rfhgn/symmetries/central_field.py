"""Orbits around a centre: the chart of their plane, and the distance from circular orbits, from forces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import polar

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.symmetries.charts import CircularOrbits, PlanarOrbits, SpatialOrbits
from ase_rfhgn.symmetries.composition import Composition
from ase_rfhgn.symmetries.coordinates import PhaseSpaceCoordinates
from ase_rfhgn.symmetries.ensemble import Ensemble
from ase_rfhgn.symmetries.layers import LinearSymplectic, Shift

MOST_TORQUE = 1e-2
"""Root mean square torque about the centre, relative to force times distance, of a central field."""

CLEAR_TORQUE, CLEAR = 1e-3, 0.1
"""Largest torque, and smallest distance, of motion that is taken for orbits without being asked."""

NEAREST = 0.02
"""Smallest distance from the centre, relative to the mean, that orbits may reach."""

OPPOSITE = 0.02
"""Smallest 1 + cos of the angle between normals of orbits and the z axis; otherwise another axis serves."""

FIELD_DEGREE, CURVE_DEGREE = 8, 3
"""Degrees of −r³F or its logarithm in ln r, and of ln r₀ and ln S in ln L."""

GRID = 200
"""Distances at which circular orbits are found."""

EXPONENTS = (-0.5, 0.0, 0.25, 0.5, 1.0)
"""Powers of the distance that are tried."""


@dataclass(frozen=True, slots=True)
class CentralField(ReadOnlyArrays):
    """The chart of orbits around a centre, and their circular orbits.

    Attributes
    ----------
    chart : Composition
        To (r, θ; p_r, L), and in space to a third pair.
    radius_k, scale_k : ndarray of shape (k,)
        Coefficients of ln r₀ and ln S in powers of ln L, as of `CircularOrbits`.
    """

    chart: Composition
    radius_k: FloatArray
    scale_k: FloatArray

    def circles(self, exponent: float) -> CircularOrbits:
        """Return the layer to distances from circular orbits.

        Parameters
        ----------
        exponent : float
            Power of the distance.
        """
        return CircularOrbits(self.radius_k, self.scale_k, exponent)

    def frequencies(self, angular: float) -> FloatArray:
        """Return the radial and the angular frequency of the circular orbit of an angular momentum, shape (2,).

        Parameters
        ----------
        angular : float
            Angular momentum, positive.
        """
        log_radius, log_scale = (
            float(np.polynomial.Polynomial(curve)(np.log(angular))) for curve in (self.radius_k, self.scale_k)
        )
        return np.exp([2.0 * (log_scale - log_radius), np.log(angular) - 2.0 * log_radius])


def central_field_of(
    coordinates: PhaseSpaceCoordinates,
    ensemble: Ensemble,
    place_mu: FloatArray,
    force_mu: FloatArray,
    *,
    needed: bool,
) -> CentralField | None:
    """Return the chart of orbits around the point about which angular momentum is conserved.

    Parameters
    ----------
    coordinates : PhaseSpaceCoordinates
        What the states are.
    ensemble : Ensemble
        All states.
    place_mu, force_mu : ndarray of shape (m, n)
        Mass-weighted positions with forces.
    needed : bool
        Whether to refuse other motion; otherwise None is returned where orbits are not clearly around a centre.

    Raises
    ------
    TrainingDataError
        If the motion is not in a plane or in space, forces do not point to one centre, orbits come too close to it, or
        there are no stable circular orbits.
    """
    try:
        limits = (MOST_TORQUE, NEAREST) if needed else (CLEAR_TORQUE, CLEAR)
        return _central_field(coordinates, ensemble, place_mu, force_mu, *limits)
    except TrainingDataError:
        if needed:
            raise
    return None


def _central_field(
    coordinates: PhaseSpaceCoordinates,
    ensemble: Ensemble,
    place_mu: FloatArray,
    force_mu: FloatArray,
    most_torque: float,
    nearest: float,
) -> CentralField:
    n = ensemble.n
    if n not in (2, 3):
        message = (
            f"the motion has {n} degrees of freedom: orbits around a centre have 2 in a plane or 3 in space; give runs "
            "of one body, or of two, or leave out chart"
        )
        raise TrainingDataError(message)
    centre_u = _centre(ensemble)
    arm_mu = place_mu - centre_u
    radius_m, size_m = np.linalg.norm(arm_mu, axis=1), np.linalg.norm(force_mu, axis=1)
    radial_m = np.einsum("mu,mu->m", arm_mu, force_mu) / radius_m
    torque = float(np.sqrt(np.maximum(size_m**2 - radial_m**2, 0.0).sum() / (size_m**2).sum()))
    if not torque < most_torque:
        message = (
            f"forces do not point to one centre (a part of {torque:.2g} of them is across): central-field is a chart "
            "for orbits around a centre; leave out chart for oscillations"
        )
        raise TrainingDataError(message)
    chart = _chart(coordinates, ensemble, centre_u, nearest)
    angular_m = np.abs(chart.forward(ensemble.state_md)[:, n + 1])
    return CentralField(chart, *_circular_orbits(radius_m, radial_m, angular_m))


def _chart(coordinates: PhaseSpaceCoordinates, ensemble: Ensemble, centre_u: FloatArray, nearest: float) -> Composition:
    """Return the layers from coordinates to those of orbits."""
    axes_uu = _axes(coordinates)
    centre_d = np.concatenate([centre_u, np.zeros(ensemble.n)])
    opening = Composition((Shift(centre_d), LinearSymplectic(_of_both(axes_uu))))
    _refuse_radial_orbits(opening.forward(ensemble.state_md), ensemble, nearest)
    if ensemble.n == 2:
        return opening.then(PlanarOrbits())
    upright_uu = _upright(opening.forward(ensemble.state_md)) @ axes_uu
    return Composition((Shift(centre_d), LinearSymplectic(_of_both(upright_uu)), SpatialOrbits()))


def _circular_orbits(radius_m: FloatArray, force_m: FloatArray, angular_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the curves of circular orbits, for the angular momenta of an ensemble.

    L² = −r³F(r) is the angular momentum of the circular orbit at r, and its radial frequency ω₀ is that of
    ω₀² r⁴ = dL²/d ln r. Where forces attract everywhere, logarithms are regressed, which is exact for powers of r.
    """
    power_m, square_m = np.log(radius_m), -(radius_m**3) * force_m
    grid_k = np.linspace(power_m.min(), power_m.max(), GRID)
    if (square_m > 0.0).all():
        fitted = np.polynomial.Polynomial.fit(power_m, np.log(square_m), FIELD_DEGREE)
        square_k = np.exp(fitted(grid_k))
        slope_k = fitted.deriv()(grid_k) * square_k
    else:
        fitted = np.polynomial.Polynomial.fit(power_m, square_m, FIELD_DEGREE)
        square_k, slope_k = fitted(grid_k), fitted.deriv()(grid_k)
    inside_k = (square_k >= angular_m.min() ** 2) & (square_k <= angular_m.max() ** 2)
    if inside_k.sum() <= CURVE_DEGREE:
        inside_k = _nearest(square_k, float(angular_m.mean()) ** 2)
    if not ((slope_k[inside_k] > 0.0) & (square_k[inside_k] > 0.0)).all():
        message = "there are no stable circular orbits in this field: bound motion about them has no canonical map"
        raise TrainingDataError(message)
    place_k = grid_k[inside_k]
    frequency_k = 0.5 * np.log(slope_k[inside_k]) - 2.0 * place_k
    log_angular_k = 0.5 * np.log(square_k[inside_k])
    return _curve(log_angular_k, place_k), _curve(log_angular_k, place_k + 0.5 * frequency_k)


def _centre(ensemble: Ensemble) -> FloatArray:
    """Return the point about which angular momentum changes least along trajectories, by linear least squares."""
    n = ensemble.n
    place_mu, momentum_mu = ensemble.state_md[:, :n], ensemble.state_md[:, n:]
    rows, changes = [], []
    for first in range(n):
        for second in range(first + 1, n):
            lever_mu = np.zeros_like(momentum_mu)
            lever_mu[:, first], lever_mu[:, second] = momentum_mu[:, second], -momentum_mu[:, first]
            rows.append(ensemble.deviations(lever_mu))
            changes.append(ensemble.deviations((lever_mu * place_mu).sum(axis=1, keepdims=True))[:, 0])
    return np.asarray(np.linalg.lstsq(np.concatenate(rows), np.concatenate(changes), rcond=None)[0], dtype=np.float64)


def _of_both(rotation_uu: FloatArray) -> FloatArray:
    """Return the symplectic matrix that turns positions and momenta."""
    none_uu = np.zeros_like(rotation_uu)
    return np.block([[rotation_uu, none_uu], [none_uu, rotation_uu]])


def _axes(coordinates: PhaseSpaceCoordinates) -> FloatArray:
    """Return the rotation from coordinates to Cartesian axes, in a plane to axes with a normal along x, y or z."""
    basis_ncu = coordinates.basis_du.reshape(-1, 3, coordinates.n)
    block_cu = basis_ncu[int(np.abs(basis_ncu).sum(axis=(1, 2)).argmax())]
    if coordinates.n == 3:
        return np.asarray(polar(block_cu)[0], dtype=np.float64)
    normal_c = np.cross(block_cu[:, 0], block_cu[:, 1])
    mirrored = normal_c[int(np.abs(normal_c).argmax())] < 0.0
    return np.diag([1.0, -1.0 if mirrored else 1.0])


def _upright(state_md: FloatArray) -> FloatArray:
    """Return the rotation after which no normal of an orbit is opposite to the z axis, if possible none at all."""
    angular_mc = np.cross(state_md[:, :3], state_md[:, 3:])
    normal_mc = angular_mc / np.linalg.norm(angular_mc, axis=1, keepdims=True)
    rise_c, fall_c = 1.0 + normal_mc.min(axis=0), 1.0 - normal_mc.max(axis=0)
    if rise_c[2] > OPPOSITE:
        return np.eye(3)
    c = int(np.maximum(rise_c, fall_c).argmax())
    turned_cc = np.roll(np.eye(3), 2 - c, axis=0)
    return turned_cc if rise_c[c] >= fall_c[c] else np.diag([1.0, -1.0, -1.0]) @ turned_cc


def _refuse_radial_orbits(state_md: FloatArray, ensemble: Ensemble, nearest: float) -> None:
    """Refuse orbits that come very close to the centre or pass it on both sides."""
    n = ensemble.n
    radius_m = np.linalg.norm(state_md[:, :n], axis=1)
    place_mc, momentum_mc = (np.pad(part, ((0, 0), (0, 3 - n))) for part in (state_md[:, :n], state_md[:, n:]))
    angular_mc = np.cross(place_mc, momentum_mc)
    same_m = np.einsum("mc,mc->m", angular_mc, angular_mc[ensemble.start_g[:-1]][ensemble.run_m])
    if radius_m.min() < nearest * radius_m.mean() or same_m.min() <= 0.0:
        message = (
            f"orbits come as close to the centre as {radius_m.min():.2g} of a mean distance of {radius_m.mean():.2g}, "
            "or change their sense: central-field is a chart for orbits that keep going round; leave such runs out"
        )
        raise TrainingDataError(message)


def _nearest(value_k: FloatArray, wanted: float) -> FloatArray:
    """Return where values are among the nearest to a wanted one."""
    near_k = np.zeros(len(value_k), dtype=bool)
    near_k[np.argsort(np.abs(value_k - wanted))[: CURVE_DEGREE + 2]] = True
    return near_k


def _curve(power_k: FloatArray, value_k: FloatArray) -> FloatArray:
    """Return the coefficients of a polynomial through values."""
    fitted = np.polynomial.Polynomial.fit(power_k, value_k, CURVE_DEGREE)
    return np.asarray(fitted.convert().coef, dtype=np.float64)
