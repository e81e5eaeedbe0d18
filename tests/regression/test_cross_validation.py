"""Cross-validation from triangular factors: rests without a fold each, scores of ridges, the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from test_triangular import assert_factor_of, triangle_of

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.cross_validation import LARGEST_ERROR, Score, choose_ridge, leave_one_out, left_out_score


@pytest.mark.parametrize("n_folds", [2, 3, 4, 7])
def test_leave_one_out_leaves_out_exactly_one(rng: np.random.Generator, n_folds: int) -> None:
    folds = [rng.normal(size=(int(rng.integers(1, 15)), 6)) for _ in range(n_folds)]
    rest_ff = list(leave_one_out(folds, triangle_of))
    assert len(rest_ff) == n_folds
    for left_out, triangle_ff in enumerate(rest_ff):
        others = [row_mf for i, row_mf in enumerate(folds) if i != left_out]
        assert_factor_of(triangle_ff, np.vstack(others))


def test_what_is_never_left_out_is_in_every_rest(rng: np.random.Generator) -> None:
    always_mf, *folds = (rng.normal(size=(9, 6)) for _ in range(4))
    rest_ff = leave_one_out(folds, triangle_of, triangle_of(always_mf))
    for left_out, triangle_ff in enumerate(rest_ff):
        others = [row_mf for i, row_mf in enumerate(folds) if i != left_out]
        assert_factor_of(triangle_ff, np.vstack([always_mf, *others]))
    (alone_ff,) = leave_one_out(folds[:1], triangle_of, triangle_of(always_mf))
    assert_factor_of(alone_ff, always_mf)


RIDGES = tuple(10.0**power for power in range(-8, 5))


def noisy_folds(rng: np.random.Generator, noise: float) -> list[FloatArray]:
    """Return four folds of few rows with many columns, whose coefficients are normal with unit spread."""
    feature_mf, true_f = rng.normal(size=(160, 40)), rng.normal(size=40)
    target_m = feature_mf @ true_f + noise * rng.normal(size=160)
    return list(np.split(np.column_stack([feature_mf, target_m]), 4))


def score_of_refits(folds: Sequence[FloatArray], ridge: float) -> float:
    """Return the sum of squared residuals of every fold, by explicit fits to all others."""
    score = 0.0
    for left_out, row_mf in enumerate(folds):
        rest_mf = np.vstack([other for i, other in enumerate(folds) if i != left_out])
        n_columns = rest_mf.shape[1] - 1
        augmented_mf = np.vstack([rest_mf[:, :-1], np.sqrt(ridge) * np.eye(n_columns)])
        theta_f, *_ = np.linalg.lstsq(augmented_mf, np.append(rest_mf[:, -1], np.zeros(n_columns)), rcond=None)
        score += float(np.sum((row_mf[:, :-1] @ theta_f - row_mf[:, -1]) ** 2))
    return score


@pytest.mark.parametrize("noise", [0.1, 10.0])
def test_chosen_ridge_is_the_largest_close_to_the_best(rng: np.random.Generator, noise: float) -> None:
    folds = noisy_folds(rng, noise)
    left_out = [triangle_of(row_mf) for row_mf in folds]
    choice = choose_ridge(left_out_score(list(leave_one_out(left_out, np.copy)), left_out, np.ones(40)), RIDGES)
    expected = [score_of_refits(folds, ridge) for ridge in choice.tried]
    np.testing.assert_allclose(choice.score, expected, rtol=1e-9)
    assert list(choice.tried) == sorted(set(choice.tried))
    best = min(score_of_refits(folds, ridge) for ridge in RIDGES)
    assert choice.best == pytest.approx(best)
    assert score_of_refits(folds, choice.ridge) <= 1.02 * best
    stronger = [ridge for ridge in RIDGES if ridge > 1.01 * choice.ridge]
    assert all(score_of_refits(folds, ridge) > 1.02 * best for ridge in stronger)
    # Bayes: the best ridge is the variance of the noise over that of the coefficients
    assert 0.05 * noise**2 < choice.ridge < 20.0 * noise**2


def test_search_ends_where_scores_only_rise(rng: np.random.Generator) -> None:
    left_out = [triangle_of(row_mf) for row_mf in noisy_folds(rng, 0.1)]
    choice = choose_ridge(left_out_score(list(leave_one_out(left_out, np.copy)), left_out, np.ones(40)), RIDGES)
    assert max(choice.tried) < RIDGES[-1]
    assert max(choice.score) > 1.1 * choice.best


def scores(excess_i: dict[float, FloatArray]) -> Callable[[float], Score]:
    """Return scores of ridges, from the squares of single frames beyond one each."""

    def score(ridge: float) -> Score:
        part_i = 1.0 + excess_i.get(ridge, np.full(100, 5.0))
        return Score(float(part_i.sum()), part_i, len(part_i))

    return score


def test_a_stronger_ridge_is_taken_within_one_standard_error_of_paired_differences(rng: np.random.Generator) -> None:
    scatter_i = rng.normal(size=100)
    scatter_i -= scatter_i.mean()
    nothing = np.zeros(100)
    within = choose_ridge(scores({1e-8: nothing, 1e-4: 0.05 + scatter_i}), [1e-8, 1e-4], 0.005)
    beyond = choose_ridge(scores({1e-8: nothing, 1e-4: 0.05 + 0.3 * scatter_i}), [1e-8, 1e-4], 0.005)
    assert (within.ridge, beyond.ridge) == (1e-4, 1e-8)


def test_an_error_that_a_few_frames_make_large_grants_no_more_than_a_bound(rng: np.random.Generator) -> None:
    scatter_i = 50.0 * rng.normal(size=100)
    scatter_i -= scatter_i.mean()
    for excess, ridge in ((0.9 * LARGEST_ERROR, 1e-4), (1.1 * LARGEST_ERROR, 1e-8)):
        choice = choose_ridge(scores({1e-8: np.zeros(100), 1e-4: excess + scatter_i}), [1e-8, 1e-4], 0.005)
        assert choice.ridge == ridge
