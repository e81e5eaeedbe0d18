"""Errors: their definitions, their units, and that the order of the frames does not matter."""

import json
from typing import TypeAlias

import numpy as np
import pytest
from ase.units import GPa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.posterior import left_free
from ase_rfhgn.reports.metrics import ErrorAccumulator, Errors

FrameErrors: TypeAlias = tuple[float | None, FloatArray | None, FloatArray | None]

sizes = st.floats(-10.0, 10.0)
frames = st.tuples(
    st.none() | sizes,
    st.none() | st.integers(1, 4).flatmap(lambda n_atoms: arrays(np.float64, (n_atoms, 3), elements=sizes)),
    st.none() | arrays(np.float64, 6, elements=sizes),
)


def accumulated(errors: list[FrameErrors]) -> Errors:
    accumulator = ErrorAccumulator()
    for energy, force_nc, stress_v in errors:
        accumulator.add(energy, force_nc, stress_v, n_atoms=2)
    return accumulator.errors()


def test_units_are_mev_per_atom_ev_per_angstrom_and_gpa() -> None:
    force_error_nc = np.array([[0.3, 0.0, 0.0], [0.0, 0.0, -0.3]])
    errors = accumulated([(0.003, force_error_nc, np.full(6, 2.0 * GPa)), (-0.004, None, None)])
    assert errors.energy_mae == pytest.approx(3.5)
    assert errors.energy_rmse == pytest.approx(np.sqrt(12.5))
    assert errors.force_mae == pytest.approx(0.1)
    assert errors.force_rmse == pytest.approx(np.sqrt(0.03))
    assert errors.stress_mae == errors.stress_rmse == pytest.approx(2.0)
    assert (errors.n_frames, errors.n_atoms) == (2, 4)


@given(st.lists(frames, max_size=6))
def test_streamed_errors_are_those_of_all_values_at_once(errors: list[FrameErrors]) -> None:
    forces = [force_nc.ravel() for _, force_nc, _ in errors if force_nc is not None]
    result = accumulated(errors)
    if forces:
        all_forces = np.concatenate(forces)
        assert result.force_rmse == pytest.approx(np.sqrt(np.mean(all_forces**2)))
        assert result.force_mae == pytest.approx(np.mean(np.abs(all_forces)))
    else:
        assert result.force_rmse is None
        assert result.force_mae is None


@given(st.lists(frames, max_size=6))
def test_order_of_frames_does_not_matter(errors: list[FrameErrors]) -> None:
    assert accumulated(errors).as_dict() == pytest.approx(accumulated(errors[::-1]).as_dict())


@given(st.lists(frames, max_size=6))
def test_mean_absolute_error_never_exceeds_the_root_mean_square(errors: list[FrameErrors]) -> None:
    result = accumulated(errors)
    for mae, rmse in [
        (result.energy_mae, result.energy_rmse),
        (result.force_mae, result.force_rmse),
        (result.stress_mae, result.stress_rmse),
    ]:
        assert (mae is None) == (rmse is None)
        if mae is not None and rmse is not None:
            assert mae <= rmse * (1.0 + 1e-12) + 1e-100  # squares of smaller numbers are zero


def test_absent_labels_give_none_and_null() -> None:
    errors = accumulated([(None, None, None)])
    assert json.loads(json.dumps(errors.as_dict())) == {
        "energy_rmse": None,
        "energy_mae": None,
        "force_rmse": None,
        "force_mae": None,
        "stress_rmse": None,
        "stress_mae": None,
        "n_frames": 1,
        "n_atoms": 2,
    }


def test_a_prediction_that_is_not_a_number_is_not_hidden() -> None:
    assert np.isnan(accumulated([(np.nan, None, None), (0.0, None, None)]).energy_rmse or 0.0)


def test_values_that_symmetry_fixes_are_told_by_their_predicted_uncertainty() -> None:
    expected_m = np.array([1.0, 1e-9, 0.0, 1e-3])
    np.testing.assert_array_equal(left_free(expected_m), [True, False, False, True])
    np.testing.assert_array_equal(left_free(1e-12 * expected_m), [True, False, False, True])
    assert not left_free(np.zeros(3)).any()
    assert not len(left_free(np.zeros(0)))
