"""Global axes: orthonormal, turning with the structure, with exact derivatives, and defects that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import special_ortho_group

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.features.phase_space.axes import laboratory_axes, nearest_node_axes

DIMENSIONS = (1, 2, 3)


def basis(position_nc: FloatArray) -> FloatArray:
    basis_ca: FloatArray = nearest_node_axes(position_nc, np.array([0, len(position_nc)])).basis_ica[0]
    return basis_ca


@pytest.mark.parametrize("n_dimensions", DIMENSIONS)
def test_axes_are_orthonormal_and_the_first_points_to_the_nearest_node(
    rng: np.random.Generator, n_dimensions: int
) -> None:
    position_nc = rng.normal(size=(6, n_dimensions))
    basis_ca = basis(position_nc)
    np.testing.assert_allclose(basis_ca.T @ basis_ca, np.eye(n_dimensions), atol=1e-14)
    nearest = position_nc[np.argmin(np.linalg.norm(position_nc, axis=1))]
    np.testing.assert_allclose(basis_ca[:, 0], nearest / np.linalg.norm(nearest), atol=1e-14)


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_axes_are_right_handed(rng: np.random.Generator, n_dimensions: int) -> None:
    for _ in range(10):
        assert np.linalg.det(basis(rng.normal(size=(4, n_dimensions)))) == pytest.approx(1.0)


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_axes_turn_with_the_structure(rng: np.random.Generator, n_dimensions: int) -> None:
    position_nc = rng.normal(size=(5, n_dimensions))
    rotation_cc = special_ortho_group.rvs(n_dimensions, random_state=rng)
    np.testing.assert_allclose(basis(position_nc @ rotation_cc.T), rotation_cc @ basis(position_nc), atol=1e-13)


def test_a_mirror_image_has_another_axes_in_space(rng: np.random.Generator) -> None:
    position_nc = rng.normal(size=(5, 3))
    mirror_cc = np.diag([1.0, 1.0, -1.0])
    assert not np.allclose(basis(position_nc @ mirror_cc), mirror_cc @ basis(position_nc))


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_turning_of_the_axes_is_the_derivative_of_projections(rng: np.random.Generator, n_dimensions: int) -> None:
    position_nc, vector_c, slope_a = rng.normal(size=(4, n_dimensions)), *rng.normal(size=(2, n_dimensions))
    first_i, step = np.array([0, 4]), 1e-6
    axes = nearest_node_axes(position_nc, first_i)
    x_a = vector_c @ axes.basis_ica[0]
    twist_w = [slope_a[a] * x_a[b] - slope_a[b] * x_a[a] for a, b in zip(*axes.planes, strict=True)]
    turned_rc = axes.turned(np.array(twist_w)[None, :, None])[0, :, :, 0]
    for reference, slope_c in zip(axes.reference_ir[0], turned_rc, strict=True):
        for axis in range(n_dimensions):
            ends = []
            for sign in (1.0, -1.0):
                shifted_nc = position_nc.copy()
                shifted_nc[reference, axis] += sign * step
                ends.append(slope_a @ (vector_c @ basis(shifted_nc)))
            assert (ends[0] - ends[1]) / (2.0 * step) == pytest.approx(slope_c[axis], rel=1e-6, abs=1e-8)


def test_structures_of_a_batch_have_the_axes_that_they_have_alone(rng: np.random.Generator) -> None:
    parts = [rng.normal(size=(n_nodes, 3)) for n_nodes in (4, 2, 7)]
    axes = nearest_node_axes(np.concatenate(parts), np.array([0, 4, 6, 13]))
    for place, part in enumerate(parts):
        np.testing.assert_allclose(axes.basis_ica[place], basis(part), atol=1e-14)


def test_known_defect_the_axes_jumps_when_another_node_becomes_the_nearest() -> None:
    here, there = (np.array([[1.0, 0.0], [0.0, 1.0 + shift], [-3.0, 0.0]]) for shift in (1e-9, -1e-9))
    assert np.linalg.norm(basis(here) - basis(there)) > 1.0


def test_known_defect_the_axes_is_undefined_when_the_nearest_node_sits_on_the_origin() -> None:
    odd_lattice = np.array([(x, y) for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)])
    with pytest.raises(StructureError, match=r"node 4, the nearest to the mean position, sits on it"):
        basis(odd_lattice)


def test_known_defect_the_axes_turns_fast_near_the_origin() -> None:
    close, far = (
        nearest_node_axes(np.array([[distance, 0.0], [3.0, 1.0]]), np.array([0, 2])) for distance in (1e-3, 1.0)
    )
    twist_iwf = np.ones((1, 1, 1))
    assert np.abs(close.turned(twist_iwf)).max() == pytest.approx(1e3 * np.abs(far.turned(twist_iwf)).max())


def test_nodes_on_a_line_give_no_axes_in_space() -> None:
    with pytest.raises(StructureError, match="lies on the line of the nearest node"):
        basis(np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [4.0, 1.0, 0.0]]))


def test_too_few_nodes_give_no_axes() -> None:
    with pytest.raises(StructureError, match="3 dimensions need 2 nodes"):
        basis(np.array([[1.0, 0.0, 0.0]]))


def test_laboratory_axes_are_those_of_the_coordinates(rng: np.random.Generator) -> None:
    vector_nc = rng.normal(size=(4, 3))
    axes = laboratory_axes(2, 3)
    np.testing.assert_array_equal(axes.project(vector_nc, np.array([0, 0, 1, 1])), vector_nc)
