"""Laws of canonical maps: symplectic, invertible, canonical brackets, time reversal, composition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.symmetries.charts import CircularOrbits, PlanarOrbits, SpatialOrbits
from ase_rfhgn.symmetries.composition import Composition, WithinOrbit, layers_of
from ase_rfhgn.symmetries.ensemble import radii
from ase_rfhgn.symmetries.layers import Layer, LinearSymplectic, RidgeShears, Shift
from ase_rfhgn.symmetries.ridge_functions import sample_ridge_functions
from ase_rfhgn.symmetries.symplectic import (
    IwasawaFactors,
    inverse_symplectic,
    normal_form,
    symplectic_form,
    time_reversal,
    travelling_waves,
    unitary_symplectic,
    williamson,
)

EXACT = 1e-12


def symplectic_matrix(n: int, rng: np.random.Generator) -> FloatArray:
    symmetric_dd = 0.15 * rng.normal(size=(2 * n, 2 * n)) / np.sqrt(n)
    return np.asarray(expm(symplectic_form(n) @ (symmetric_dd + symmetric_dd.T)))


def shears(n: int, rng: np.random.Generator, repeats: int = 1) -> RidgeShears:
    state_md = rng.normal(size=(100, 2 * n))
    functions = sample_ridge_functions(state_md, {0: 8, 2: 4, 3: 5, 6: 5}, time_reversal(n), rng, both_signs=True)
    return RidgeShears(*functions.terms(0.02 * rng.normal(size=22)), repeats)


def layers(kind: str, n: int, rng: np.random.Generator) -> list[Layer]:
    known: dict[str, list[Layer]] = {
        "shift": [Shift(rng.normal(size=2 * n))],
        "linear": [LinearSymplectic(symplectic_matrix(n, rng))],
        "shears": [shears(n, rng)],
        "repeated shears": [shears(n, rng, repeats=3)],
        "all": [
            Shift(0.3 * rng.normal(size=2 * n)),
            LinearSymplectic(symplectic_matrix(n, rng)),
            shears(n, rng),
            LinearSymplectic(symplectic_matrix(n, rng)),
            shears(n, rng),
        ],
    }
    return known[kind]


@pytest.mark.parametrize("kind", ["shift", "linear", "shears", "repeated shears", "all"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_is_canonical_and_invertible(kind: str, n: int, rng: np.random.Generator) -> None:
    mapping = Composition(tuple(layers(kind, n, rng)))
    state_md = 0.5 * rng.normal(size=(20, 2 * n))
    form_dd = symplectic_form(n)
    jacobian_mdd = mapping.jacobian(state_md)
    size = max(1.0, float(np.abs(jacobian_mdd).max()) ** 2)
    assert np.abs(np.swapaxes(jacobian_mdd, 1, 2) @ form_dd @ jacobian_mdd - form_dd).max() < EXACT * size
    assert np.abs(mapping.brackets(state_md) - form_dd).max() < EXACT * size
    assert np.abs(mapping.inverse(mapping.forward(state_md)) - state_md).max() < EXACT * size


@pytest.mark.parametrize("kind", ["linear", "shears", "repeated shears"])
def test_jacobian_is_the_derivative(kind: str, rng: np.random.Generator) -> None:
    mapping = Composition(tuple(layers(kind, 2, rng)))
    state_md, step_md = 0.5 * rng.normal(size=(2, 6, 4))
    ahead, behind = (mapping.forward(state_md + sign * 1e-5 * step_md) for sign in (1.0, -1.0))
    along_md = np.einsum("mdw,mw->md", mapping.jacobian(state_md), step_md)
    np.testing.assert_allclose((ahead - behind) / 2e-5, along_md, atol=1e-7)


def orbit_shears(rng: np.random.Generator) -> RidgeShears:
    state_md = np.concatenate([rng.normal(size=(100, 3)), rng.uniform(0.5, 1.5, (100, 1))], axis=1)
    reversal_dd = np.diag([1.0, -1.0, -1.0, 1.0])
    functions = sample_ridge_functions(state_md, {0: 10, 1: 2, 2: 2}, reversal_dd, rng, both_signs=True, rotations=(1,))
    return RidgeShears(*functions.terms(0.02 * rng.normal(size=14)))


def orbit_layers(n: int, exponent: float, rng: np.random.Generator) -> Composition:
    circles = CircularOrbits(np.array([0.1, 1.9, 0.2, 0.03]), np.array([0.05, 0.4, -0.1, 0.02]), exponent)
    return Composition(
        (PlanarOrbits() if n == 2 else SpatialOrbits(), WithinOrbit(Composition((circles, orbit_shears(rng)))))
    )


def orbits(n: int, rng: np.random.Generator) -> FloatArray:
    """States of either sense and any inclination, with retrograde ones, but no radial ones."""
    state_md = rng.normal(size=(400, 2 * n))
    place_mc, momentum_mc = (np.pad(part, ((0, 0), (0, 3 - n))) for part in np.split(state_md, 2, axis=1))
    angular_mc = np.cross(place_mc, momentum_mc)
    size_m = np.linalg.norm(angular_mc, axis=1)
    kept_m = (size_m > 0.3) & ((n == 2) | (angular_mc[:, 2] > -0.9 * size_m))
    return np.asarray(state_md[kept_m][:100])


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 0.25, 1.0])
@pytest.mark.parametrize("n", [2, 3])
def test_charts_of_orbits_are_canonical_and_invertible(n: int, exponent: float, rng: np.random.Generator) -> None:
    mapping, state_md = orbit_layers(n, exponent, rng), orbits(n, rng)
    jacobian_mdd, form_dd = mapping.jacobian(state_md), symplectic_form(n)
    size_m = np.maximum(np.abs(jacobian_mdd).max(axis=(1, 2)) ** 2, 1.0)
    error_mdd = np.swapaxes(jacobian_mdd, 1, 2) @ form_dd @ jacobian_mdd - form_dd
    assert (np.abs(error_mdd).max(axis=(1, 2)) < EXACT * size_m).all()
    assert (np.abs(mapping.inverse(mapping.forward(state_md)) - state_md).max(axis=1) < EXACT * size_m).all()
    step_md = rng.normal(size=state_md.shape)
    ahead, behind = (mapping.forward(state_md + sign * 1e-6 * step_md) for sign in (1.0, -1.0))
    along_md = np.einsum("mdw,mw->md", jacobian_mdd, step_md)
    assert (np.abs((ahead - behind) / 2e-6 - along_md).max(axis=1) < 1e-6 * size_m**1.5).all()


@pytest.mark.parametrize("n", [2, 3])
def test_angular_momentum_is_kept_and_turns_only_shift_the_angle(n: int, rng: np.random.Generator) -> None:
    mapping, state_md = orbit_layers(n, 0.25, rng), orbits(n, rng)
    mapped_md = mapping.forward(state_md)
    places, momenta = np.split(np.pad(state_md.reshape(-1, 2, n), ((0, 0), (0, 0), (0, 3 - n))), 2, axis=1)
    angular_mc = np.cross(places[:, 0], momenta[:, 0])
    known_m = angular_mc[:, 2] if n == 2 else np.linalg.norm(angular_mc, axis=1)
    np.testing.assert_allclose(mapped_md[:, n + 1], known_m, rtol=1e-13)
    if n == 3:
        np.testing.assert_allclose(0.5 * radii(mapped_md)[:, 2], known_m - angular_mc[:, 2], atol=1e-13)
    turn_cc = np.eye(n)
    turn_cc[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    turned_md = mapping.forward(np.einsum("cd,mpd->mpc", turn_cc, state_md.reshape(-1, 2, n)).reshape(-1, 2 * n))
    np.testing.assert_allclose(turned_md[:, [0, n, n + 1]], mapped_md[:, [0, n, n + 1]], atol=1e-12)
    shift_m = turned_md[:, 1] - mapped_md[:, 1] - np.arctan2(0.6, 0.8)
    np.testing.assert_allclose(np.sin(0.5 * shift_m), 0.0, atol=1e-12)


def test_orbits_of_the_other_sense_are_mirror_images(rng: np.random.Generator) -> None:
    mapping, state_md = orbit_layers(2, 0.25, rng), orbits(2, rng)
    mirrored_md = mapping.forward(state_md * np.array([1.0, -1.0, 1.0, -1.0]))
    np.testing.assert_allclose(mirrored_md, mapping.forward(state_md) * np.array([1.0, -1.0, 1.0, -1.0]), atol=1e-13)


def test_an_orbit_opposite_to_the_axis_has_finite_variables() -> None:
    state_md = np.array([[1.0, 0.2, 0.0, 0.3, -0.9, 0.0]])
    again_md = SpatialOrbits().inverse(SpatialOrbits().forward(state_md))
    np.testing.assert_allclose(again_md, state_md, atol=1e-7)  # as exact as the chart is at its singular point


def test_a_planted_fault_breaks_the_law(rng: np.random.Generator) -> None:
    matrix_dd = symplectic_matrix(2, rng)
    matrix_dd[0, 0] += 1e-6
    jacobian_dd = Composition((LinearSymplectic(matrix_dd),)).jacobian(np.zeros((1, 4)))[0]
    assert np.abs(jacobian_dd.T @ symplectic_form(2) @ jacobian_dd - symplectic_form(2)).max() > 1e-7


def test_odd_generators_commute_with_time_reversal(rng: np.random.Generator) -> None:
    reversal_dd = time_reversal(2)
    functions = sample_ridge_functions(rng.normal(size=(100, 4)), {0: 6, 3: 6}, reversal_dd, rng)
    state_md = rng.normal(size=(20, 4))
    errors = []
    for size in (0.02, 0.01):  # up to the third order of the coefficients
        layer = RidgeShears(*functions.terms(np.full(12, size)))
        errors.append(np.abs(layer.forward(state_md @ reversal_dd) @ reversal_dd - layer.forward(state_md)).max())
    assert errors[1] < errors[0] / 6.0


def test_brackets_of_actions_are_first_order_changes(rng: np.random.Generator) -> None:
    state_md = rng.normal(size=(30, 4))
    functions = sample_ridge_functions(state_md, {0: 5, 4: 5}, time_reversal(2), rng, both_signs=True)
    coefficient_f = rng.normal(size=10)
    ahead, behind = (
        radii(RidgeShears(*functions.terms(sign * 1e-4 * coefficient_f)).forward(state_md)) for sign in (1.0, -1.0)
    )
    expected_um = functions.brackets(state_md) @ coefficient_f
    np.testing.assert_allclose((ahead - behind) / 2e-4, expected_um.T, atol=1e-5 * np.abs(expected_um).max())


@pytest.mark.parametrize("n", [1, 3, 6])
def test_factors_of_a_symplectic_matrix(n: int, rng: np.random.Generator) -> None:
    matrix_dd = symplectic_matrix(n, rng)
    factors = IwasawaFactors.of(matrix_dd)
    size = np.abs(matrix_dd).max()
    np.testing.assert_allclose(factors.matrix(), matrix_dd, atol=EXACT * size**2)
    np.testing.assert_allclose(factors.unitary_uu @ factors.unitary_uu.conj().T, np.eye(n), atol=EXACT)
    np.testing.assert_allclose(inverse_symplectic(matrix_dd) @ matrix_dd, np.eye(2 * n), atol=EXACT * size**2)


def test_a_matrix_that_is_not_symplectic_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(SettingsError, match="not symplectic"):
        IwasawaFactors.of(rng.normal(size=(4, 4)))


@pytest.mark.parametrize("n", [1, 4])
def test_normal_forms(n: int, rng: np.random.Generator) -> None:
    root_dd = rng.normal(size=(2 * n, 2 * n))
    form_dd = root_dd @ root_dd.T + np.eye(2 * n)
    matrix_dd, frequency_u = williamson(form_dd)
    omega_dd = symplectic_form(n)
    np.testing.assert_allclose(matrix_dd.T @ form_dd @ matrix_dd, np.diag(np.tile(frequency_u, 2)), atol=1e-11)
    np.testing.assert_allclose(matrix_dd.T @ omega_dd @ matrix_dd, omega_dd, atol=1e-12)
    stiffness_uu, inertia_uu = form_dd[:n, :n], form_dd[n:, n:]
    modes_dd, frequency_u = normal_form(stiffness_uu, inertia_uu)
    np.testing.assert_allclose(modes_dd.T @ omega_dd @ modes_dd, omega_dd, atol=1e-12)
    back_dd = inverse_symplectic(modes_dd)
    energy_dd = np.zeros((2 * n, 2 * n))
    energy_dd[:n, :n], energy_dd[n:, n:] = stiffness_uu, inertia_uu
    np.testing.assert_allclose(back_dd.T @ energy_dd @ back_dd, np.diag(np.tile(frequency_u, 2)), atol=1e-11)


def test_waves_are_symplectic_where_frequencies_are_equal() -> None:
    waves_dd = travelling_waves(np.array([1.0, 1.001, 2.0]))
    np.testing.assert_allclose(waves_dd.T @ symplectic_form(3) @ waves_dd, symplectic_form(3), atol=1e-15)
    assert not np.allclose(waves_dd, np.eye(6))
    assert np.allclose(travelling_waves(np.array([1.0, 1.5])), unitary_symplectic(np.eye(2, dtype=complex)))


def test_zero_centre_takes_the_mean_off(rng: np.random.Generator) -> None:
    state_md = rng.normal(size=(30, 4)) + 3.0
    assert np.abs(Shift.zero_centre(state_md).forward(state_md).mean(axis=0)).max() < 1e-14


def test_layers_come_back_from_their_arrays(rng: np.random.Generator) -> None:
    mapping = Composition((*layers("all", 2, rng), shears(2, rng, repeats=2)))
    again = layers_of(mapping.arrays(), len(mapping.layers), 2)
    state_md = 0.3 * rng.normal(size=(5, 4))
    assert (again.forward(state_md) == mapping.forward(state_md)).all()


@pytest.mark.parametrize("n", [2, 3])
def test_layers_of_orbits_come_back_from_their_arrays(n: int, rng: np.random.Generator) -> None:
    mapping, state_md = orbit_layers(n, 0.25, rng), orbits(n, rng)
    again = layers_of(mapping.arrays(), len(mapping.layers), n)
    assert (again.forward(state_md) == mapping.forward(state_md)).all()
    assert again.n_shears == 1
    assert again.opening.n_shears == 0
