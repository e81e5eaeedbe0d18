"""Spherical harmonics and quadrature, compared with an independent product quadrature and SciPy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from product_quadrature import product_quadrature
from scipy.special import sph_harm_y

from ase_rfhgn.features.harmonic_hessians import harmonic_hessians
from ase_rfhgn.features.harmonics import degree_of_harmonics, half_sphere, harmonics


@pytest.mark.parametrize("degree", [0, 1, 3, 6, 9])
def test_harmonics_are_orthonormal(degree: int) -> None:
    point_xc, weight_x = product_quadrature(2 * degree)
    value_xy, _ = harmonics(point_xc, degree)
    overlap_yy = 4.0 * np.pi * np.einsum("x,xy,xz->yz", weight_x, value_xy, value_xy)
    np.testing.assert_allclose(overlap_yy, np.eye((degree + 1) ** 2), atol=1e-12)


def test_harmonics_are_those_of_scipy_up_to_sign(rng: np.random.Generator) -> None:
    vector_pc = rng.normal(size=(20, 3))
    value_py, _ = harmonics(vector_pc, 4)
    x, y, z = vector_pc.T
    polar_p, azimuth_p = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    for degree in range(5):
        for order in range(-degree, degree + 1):
            complex_p = sph_harm_y(degree, abs(order), polar_p, azimuth_p)
            expected_p = (
                complex_p.real if order == 0 else np.sqrt(2.0) * (complex_p.real if order > 0 else complex_p.imag)
            )
            actual_p = value_py[:, degree * (degree + 1) + order]
            np.testing.assert_allclose(np.abs(actual_p), np.abs(expected_p), atol=1e-12)


def test_harmonics_do_not_depend_on_the_length(rng: np.random.Generator) -> None:
    vector_pc = rng.normal(size=(10, 3))
    np.testing.assert_allclose(harmonics(vector_pc, 5)[0], harmonics(7.3 * vector_pc, 5)[0], atol=1e-13)


@pytest.mark.parametrize("degree", [0, 1, 3, 7])
def test_gradients_are_derivatives(degree: int, rng: np.random.Generator) -> None:
    vector_pc, step = rng.normal(size=(12, 3)), 1e-5
    _, gradient_pcy = harmonics(vector_pc, degree)
    for c, step_c in enumerate(step * np.eye(3)):
        ahead_py, behind_py = harmonics(vector_pc + step_c, degree)[0], harmonics(vector_pc - step_c, degree)[0]
        np.testing.assert_allclose(gradient_pcy[:, c], (ahead_py - behind_py) / (2.0 * step), atol=1e-7)


@pytest.mark.parametrize("axis", [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
def test_gradients_are_finite_and_tangential_on_the_axes(axis: list[float]) -> None:
    _, gradient_pcy = harmonics(np.array([axis]), 6)
    assert np.isfinite(gradient_pcy).all()
    np.testing.assert_allclose(np.einsum("c,pcy->py", axis, gradient_pcy), 0.0, atol=1e-12)


def test_no_vectors_have_no_harmonics() -> None:
    value_py, gradient_pcy = harmonics(np.empty((0, 3)), 2)
    assert value_py.shape == (0, 9)
    assert gradient_pcy.shape == (0, 3, 9)


@pytest.mark.parametrize("degree", [3, 9])
def test_harmonics_are_the_same_in_several_threads(degree: int, rng: np.random.Generator) -> None:
    inputs = [rng.normal(size=(2000, 3)) for _ in range(8)]
    expected = [harmonics(vector_pc, degree) for vector_pc in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for actual, alone in zip(pool.map(lambda v: harmonics(v, degree), inputs), expected, strict=True):
                np.testing.assert_array_equal(actual[0], alone[0])
                np.testing.assert_array_equal(actual[1], alone[1])


def test_degrees_follow_the_order_of_the_harmonics() -> None:
    np.testing.assert_array_equal(degree_of_harmonics(2), [0, 1, 1, 1, 2, 2, 2, 2, 2])


@pytest.mark.parametrize("exact", [0, 1, 2, 3, 6, 9, 12, 15, 20, 31])
def test_half_sphere_integrates_harmonics_up_to_its_degree(exact: int) -> None:
    grid = half_sphere(exact, exact)
    parity_y = (-1.0) ** degree_of_harmonics(exact)
    mean_y = grid.weight_x @ (grid.harmonics_xy + parity_y * grid.harmonics_xy)
    expected_y = np.zeros_like(mean_y)
    expected_y[0] = np.sqrt(1.0 / (4.0 * np.pi))
    np.testing.assert_allclose(mean_y, expected_y, atol=1e-13)


@pytest.mark.parametrize(("degree", "power"), [(1, 2), (2, 3), (3, 4), (3, 5), (4, 4), (5, 3)])
def test_half_sphere_integrates_powers_of_fields(degree: int, power: int, rng: np.random.Generator) -> None:
    grid = half_sphere(degree, power * degree)
    weight_y = rng.normal(size=(degree + 1) ** 2)
    parity_y = (-1.0) ** degree_of_harmonics(degree)
    field_x, opposite_x = grid.harmonics_xy @ weight_y, grid.harmonics_xy @ (parity_y * weight_y)
    point_xc, expected_weight_x = product_quadrature(power * degree)
    expected = expected_weight_x @ (harmonics(point_xc, degree)[0] @ weight_y) ** power
    np.testing.assert_allclose(grid.weight_x @ (field_x**power + opposite_x**power), expected, rtol=1e-12)


def test_half_sphere_holds_one_point_of_each_pair() -> None:
    grid = half_sphere(1, 9)
    direction_xc = grid.harmonics_xy[:, 1:]
    overlap_xx = direction_xc @ direction_xc.T / (direction_xc**2).sum(axis=1)
    assert len(direction_xc) == 19  # half of Lebedev's 38
    assert overlap_xx.min() > -1.0 + 1e-6
    np.testing.assert_allclose(grid.weight_x.sum(), 0.5, rtol=1e-13)


def test_half_sphere_refuses_what_no_rule_integrates() -> None:
    with pytest.raises(ValueError, match="at most 131"):
        half_sphere(3, 132)


@pytest.mark.parametrize("degree", [0, 1, 4])
def test_hessians_are_derivatives_of_gradients(degree: int, rng: np.random.Generator) -> None:
    vector_pc, step = rng.normal(0.0, 2.0, (6, 3)), 1e-5
    hessian_pcdy = harmonic_hessians(vector_pc, degree)
    for axis, move in enumerate(step * np.eye(3)):
        after, before = (harmonics(vector_pc + sign * move, degree)[1] for sign in (1.0, -1.0))
        np.testing.assert_allclose(hessian_pcdy[:, :, axis], (after - before) / (2.0 * step), atol=1e-7)
