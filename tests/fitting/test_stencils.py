"""Laws of motion: exact for velocity Verlet, and of the order they claim between frames."""

from __future__ import annotations

import numpy as np
import pytest

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.motion.stencils import (
    NODES,
    combined,
    frame_weights,
    law_of_displacement,
    law_of_motion,
    relative_error,
)

OBSERVED = ("momenta", "positions")


def verlet(n_steps: int, timestep: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return positions, momenta and forces of an anharmonic oscillator of mass one."""
    position, momentum = 1.0, 0.3
    rows = []
    for _ in range(n_steps):
        force = -position - 0.3 * position**3
        rows.append((position, momentum, force))
        momentum += 0.5 * timestep * force
        position += timestep * momentum
        momentum += 0.5 * timestep * (-position - 0.3 * position**3)
    position_i, momentum_i, force_i = np.array(rows).T
    return position_i, momentum_i, force_i


def residuals(observed: str, stride: int, n_frames: int, timestep: float) -> FloatArray:
    """Return by how much every equation of a run misses."""
    position_i, momentum_i, force_i = (one[::stride] for one in verlet(stride * n_frames, timestep))
    interval = stride * timestep
    observed_i = momentum_i / interval if observed == "momenta" else position_i / interval**2
    sides = combined(
        law_of_motion(observed, stride), n_frames, list(zip(observed_i[:, None], force_i[:, None], strict=True))
    )
    return np.array([difference[0] - average[0] for difference, average in sides])


@pytest.mark.parametrize("observed", OBSERVED)
def test_every_step_obeys_the_law_exactly(observed: str) -> None:
    assert np.abs(residuals(observed, 1, 40, 0.3)).max() < 1e-12


@pytest.mark.parametrize("observed", OBSERVED)
@pytest.mark.parametrize("stride", [2, 5])
def test_frames_between_strides_obey_it_to_high_order(observed: str, stride: int) -> None:
    middle = slice(NODES // 2, -(NODES // 2))
    coarse, fine = (
        np.abs(residuals(observed, stride, n, timestep)[middle]).max()
        for n, timestep in ((40, 0.2 / stride), (80, 0.1 / stride))
    )
    assert NODES - 0.5 < np.log2(coarse / fine) < NODES + 1.5


@pytest.mark.parametrize("observed", OBSERVED)
def test_ends_of_a_run_are_of_fourth_order(observed: str) -> None:
    coarse, fine = (abs(residuals(observed, 4, n, timestep)[0]) for n, timestep in ((40, 0.05), (80, 0.025)))
    assert 3.5 < np.log2(coarse / fine) < 5.5


def test_three_frames_are_numerovs_formula() -> None:
    stencil = law_of_motion("positions", 1000).stencil(0, 3)
    np.testing.assert_allclose(stencil.quadrature_j, [1 / 12, 10 / 12, 1 / 12], atol=1e-6)


def test_three_frames_of_momenta_are_simpsons_rule() -> None:
    stencil = law_of_motion("momenta", 1000).stencil(0, 3)
    np.testing.assert_allclose(stencil.quadrature_j, [1 / 6, 4 / 6, 1 / 6], atol=1e-6)


def test_seven_frames_are_the_implicit_stoermer_cowell_formula() -> None:
    central = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    square = np.array([0.0, 0.0, 1.0, -2.0, 1.0, 0.0, 0.0])
    fourth = np.array([0.0, 1.0, -4.0, 6.0, -4.0, 1.0, 0.0])
    sixth = np.array([1.0, -6.0, 15.0, -20.0, 15.0, -6.0, 1.0])
    stencil = law_of_motion("positions", 5000).stencil(2, 7)
    np.testing.assert_allclose(
        stencil.quadrature_j, central + square / 12 - fourth / 240 + 31 * sixth / 60480, atol=1e-6
    )


@pytest.mark.parametrize("stride", [1, 3])
def test_displacements_are_averages_of_velocities(stride: int) -> None:
    position_i, momentum_i, _ = (one[::stride] for one in verlet(30 * stride, 0.1 / stride))
    frames = list(zip(position_i[:, None] / 0.1, momentum_i[:, None], strict=True))
    misses = [float(moved[0] - mean[0]) for moved, mean in combined(law_of_displacement(stride), 30, frames)]
    assert np.abs(misses).max() < (1e-12 if stride == 1 else 1e-4)


@pytest.mark.parametrize("observed", OBSERVED)
@pytest.mark.parametrize("n_frames", [0, 1, 2, 3, 4, 9])
def test_a_run_gives_as_many_equations_as_differences(observed: str, n_frames: int) -> None:
    law = law_of_motion(observed, 2)
    frames = [(np.zeros(1), np.zeros(1))] * n_frames
    assert len(list(combined(law, n_frames, frames))) == law.n_equations(n_frames) == max(0, n_frames - 2)


def test_weights_of_frames_add_up_to_one() -> None:
    weights = frame_weights(np.array([0.2, 1.7]), np.array([0.4, 0.6]), np.arange(4.0))
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(frame_weights(np.array([2.0]), np.ones(1), np.arange(4.0)), [0, 0, 1, 0])


def test_frames_are_asked_for_when_they_are_needed() -> None:
    asked = iter(range(50))
    sides = combined(law_of_motion("positions", 3), 50, ((np.zeros(1), np.full(1, float(i))) for i in asked))
    for equation, _ in enumerate(sides):
        if equation == 20:
            assert next(asked) == 20 + 1 + NODES // 2 + 1
            break


@pytest.mark.parametrize("observed", OBSERVED)
def test_error_of_the_interpolation_is_what_an_oscillator_shows(observed: str) -> None:
    assert relative_error(law_of_motion(observed, 1), 2.0, 9) == pytest.approx(0.0, abs=1e-14)
    errors = [relative_error(law_of_motion(observed, 4), phase, 40) for phase in (0.25, 0.5, 1.0, 2.0, 2.5)]
    assert errors == sorted(errors)
    assert errors[2] / errors[1] == pytest.approx(2.0 ** (NODES + 1), rel=0.5)
    assert 20.0 * errors[3] < 0.2 < 6.0 * errors[4]
    assert relative_error(law_of_motion(observed, 4), 1.0, 3) > 100.0 * errors[2]
