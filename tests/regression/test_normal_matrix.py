"""Solutions from a normal matrix are those of orthogonal factorisations, however weak the ridge."""

from __future__ import annotations

import numpy as np
import pytest

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.many_ridges import ManyRidges
from ase_rfhgn.regression.normal_matrix import NormalMatrix
from ase_rfhgn.regression.triangular import packed, solve

N = 60


def ill_conditioned(rng: np.random.Generator, digits: float) -> FloatArray:
    """Return the factor of rows whose columns of unit norm depend on each other, up to some digits."""
    turn_ff = np.linalg.qr(rng.normal(size=(N, N))).Q
    feature_mf = rng.normal(size=(3 * N, N)) * 10.0 ** np.linspace(0.0, -digits, N) @ turn_ff
    feature_mf /= np.linalg.norm(feature_mf, axis=0)
    label_m = feature_mf @ rng.normal(size=N) + 0.01 * rng.normal(size=3 * N)
    return np.asfortranarray(np.linalg.qr(np.column_stack([feature_mf, label_m]), mode="r"))


@pytest.mark.parametrize("ridge", [0.0, 1e-20, 1e-14, 1e-12, 1e-9, 1e-3, 10.0])
def test_predictions_are_those_of_the_orthogonal_factorisation(rng: np.random.Generator, ridge: float) -> None:
    triangle_ff, spread_f = ill_conditioned(rng, 9.0), rng.uniform(0.3, 1.0, N)
    found_f = NormalMatrix.of(packed(triangle_ff), spread_f).solve(ridge)
    if found_f is None:
        assert ridge < 1e-9
        return
    expected_f = solve(triangle_ff, spread_f, ridge)
    difference_m = triangle_ff[:N, :N] @ (found_f - expected_f)
    assert np.linalg.norm(difference_m) < 1e-7 * np.linalg.norm(triangle_ff[:, N])
    if ridge >= 1e-9:
        np.testing.assert_allclose(found_f, expected_f, rtol=0, atol=1e-6 * np.abs(expected_f).max())


def test_columns_without_prior_spread_have_no_coefficient(rng: np.random.Generator) -> None:
    triangle_ff, spread_f = ill_conditioned(rng, 2.0), np.ones(N)
    spread_f[:3] = 0.0
    found_f = NormalMatrix.of(packed(triangle_ff), spread_f).solve(1e-6)
    assert found_f is not None
    assert not found_f[:3].any()
    np.testing.assert_allclose(found_f, solve(triangle_ff, spread_f, 1e-6), rtol=0, atol=1e-9 * np.abs(found_f).max())


def test_many_ridges_are_solved_for_as_accurately_as_one(rng: np.random.Generator) -> None:
    triangle_ff, spread_f = ill_conditioned(rng, 9.0), rng.uniform(0.3, 1.0, N)
    too_weak: set[float] = set()
    for _ in range(2):  # the second one knows which ridges are too weak
        regression = ManyRidges(packed(triangle_ff), too_weak)
        for ridge in (1e-20, 1e-18, 1e-16, 1e-9, 1e-3, 1e-18, 1e-9):
            difference_f = regression.solve(spread_f, ridge) - solve(triangle_ff, spread_f, ridge)
            difference_m = triangle_ff[:N, :N] @ difference_f
            assert np.linalg.norm(difference_m) < 1e-7 * np.linalg.norm(triangle_ff[:, N])
        assert too_weak <= {1e-18, 1e-16}
    assert too_weak
