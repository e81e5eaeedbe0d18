"""Noise of equations of motion: causes are told apart, and whitened rows have independent noise."""

from __future__ import annotations

import numpy as np
import pytest

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.motion.stencils import law_of_motion
from ase_rfhgn.regression.correlated_noise import Noise, Whitener, autocorrelation, huber_weights, noise_of

LAW = law_of_motion("positions", 1)


def measured(n_equations: int, size: float, rng: np.random.Generator) -> FloatArray:
    """Return second differences of white noise."""
    return np.diff(rng.normal(0.0, size, (n_equations + 2, 60)), n=2, axis=0)


def test_autocorrelation_of_second_differences_is_the_pentadiagonal_pattern() -> None:
    np.testing.assert_array_equal(autocorrelation(LAW.difference_j), [6.0, -4.0, 1.0])
    np.testing.assert_array_equal(autocorrelation(np.array([-1.0, 1.0])), [2.0, -1.0, 0.0])


def test_measurement_noise_is_recognised() -> None:
    rng = np.random.default_rng(0)
    noise = noise_of([measured(300, 0.2, rng), measured(200, 0.2, rng)], LAW.difference_j, LAW.kick_h)
    assert noise.observed == pytest.approx(0.2, rel=0.05)
    assert max(noise.kick, noise.smooth) < 0.1


def test_kicks_are_recognised_also_beside_outliers() -> None:
    rng = np.random.default_rng(1)
    kicks_e = rng.normal(0.0, 0.3, (500, 60))
    kicks_e[rng.random(kicks_e.shape) < 0.01] += 50.0
    noise = noise_of([kicks_e], np.array([-1.0, 1.0]), np.array([1.0, 0.0, 0.0]))
    assert noise.kick == pytest.approx(0.3, rel=0.1)
    assert max(noise.observed, noise.smooth) < 0.1


def test_forces_that_are_missing_are_no_noise() -> None:
    time_e = np.linspace(0.0, 20.0, 400)
    residual_en = 0.1 * np.sin(time_e[:, None] + np.arange(60))
    noise = noise_of([residual_en], LAW.difference_j, LAW.kick_h)
    assert noise.smooth == pytest.approx(0.1 / np.sqrt(2.0), rel=0.05)
    assert max(noise.kick, noise.observed) < 0.02


def test_runs_shorter_than_the_lags_are_no_obstacle() -> None:
    rng = np.random.default_rng(2)
    short = [rng.normal(size=(length, 60)) for length in (1, 2, 3) * 100]
    assert noise_of(short, LAW.difference_j, np.array([1.0, 0.0, 0.0])).kick == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("n_equations", [1, 2, 3, 12])
def test_whitened_rows_have_the_covariance_of_independent_noise(n_equations: int) -> None:
    noise = Noise(smooth=0.1, kick=0.3, observed=0.5)
    difference_ef = np.array(
        [np.roll(np.r_[LAW.difference_j, np.zeros(n_equations - 1)], e) for e in range(n_equations)]
    )
    covariance_ee = 0.25 * difference_ef @ difference_ef.T + (0.01 + 0.09) * np.eye(n_equations)
    whitener = Whitener([noise], LAW.difference_j, n_equations, scale=2.0)
    whitening_ee = np.concatenate([whitener.whiten(row[None]) for row in np.eye(n_equations)])
    np.testing.assert_allclose(whitening_ee @ covariance_ee @ whitening_ee.T, 4.0 * np.eye(n_equations), atol=1e-12)


def test_every_component_is_whitened_by_its_own_noise() -> None:
    noises = [Noise(0.0, 1.0, 0.0), Noise(0.0, 2.0, 0.0)]
    whitener = Whitener(noises, LAW.difference_j, 5, scale=1.0)
    row_mf = np.array([[1.0, 2.0], [3.0, 4.0]])
    kept_mf = row_mf.copy()
    np.testing.assert_allclose(whitener.whiten(row_mf), [[1.0, 2.0], [1.5, 2.0]])
    np.testing.assert_array_equal(row_mf, kept_mf)


def test_pure_measurement_noise_can_be_whitened() -> None:
    whitener = Whitener([Noise(0.0, 0.0, 1.0)], LAW.difference_j, 500, scale=1.0)
    assert np.isfinite([whitener.whiten(np.ones((1, 1))) for _ in range(500)]).all()


def test_outliers_count_as_much_as_the_limit() -> None:
    weight_m = huber_weights(np.array([0.0, 1.0, -13.45]), 1.0)
    np.testing.assert_allclose(weight_m**2, [1.0, 1.0, 0.1])
