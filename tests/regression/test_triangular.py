"""Running triangular factors answer what the rows would: residuals, ridge regressions, folds left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.cross_validation import leave_one_out
from ase_rfhgn.regression.triangular import MOST_WAITING, RunningFactor, fold, joined, residual, solve, stack, weighted

sizes = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)
few_examples = settings(max_examples=40, deadline=None)


def gram(row_mf: FloatArray) -> FloatArray:
    """Return the products of all columns, which an orthogonal factorisation preserves."""
    product_ff: FloatArray = row_mf.T @ row_mf
    return product_ff


def triangle_of(row_mf: FloatArray) -> FloatArray:
    """Return the square triangular factor of rows by NumPy's own QR."""
    n_columns = row_mf.shape[1]
    return np.asfortranarray(np.linalg.qr(np.vstack([row_mf, np.zeros((n_columns, n_columns))]), mode="r"))


def assert_factor_of(triangle_ff: FloatArray, row_mf: FloatArray) -> None:
    np.testing.assert_array_equal(triangle_ff, np.triu(triangle_ff))
    expected = gram(row_mf)
    np.testing.assert_allclose(gram(triangle_ff), expected, rtol=0, atol=1e-13 * max(1.0, np.trace(expected)))


def collinear_rows(rng: np.random.Generator, n_rows: int, n_columns: int) -> FloatArray:
    """Return rows (Z, Zθ) whose columns are nearly collinear: a condition number of 1e12."""
    left, _, right = np.linalg.svd(rng.normal(size=(n_rows, n_columns)), full_matrices=False)
    feature_mf = left * np.logspace(0, -12, n_columns) @ right
    return np.column_stack([feature_mf, feature_mf @ rng.normal(size=n_columns)])


# %% Factors


@given(sizes, sizes, seeds)
@few_examples
def test_fold_is_the_factor_of_all_rows(n_columns: int, n_rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    upper_ff = np.triu(rng.normal(size=(n_columns, n_columns)))
    row_mf = rng.normal(size=(n_rows, n_columns))
    assert_factor_of(fold(upper_ff, row_mf), np.vstack([upper_ff, row_mf]))


@given(st.integers(1, 5), sizes, seeds)
@few_examples
def test_stack_is_the_factor_of_all_rows(n_parts: int, n_columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [np.triu(rng.normal(size=(n_columns, n_columns))) for _ in range(n_parts)]
    assert_factor_of(stack(parts), np.vstack(parts))


@pytest.mark.parametrize("order", ["C", "F"])
def test_nothing_that_goes_in_is_overwritten(rng: np.random.Generator, order: str) -> None:
    upper_ff, lower_ff = (np.triu(rng.normal(size=(9, 9))) for _ in range(2))
    inputs = [np.array(a, order="F" if order == "F" else "C") for a in (upper_ff, lower_ff, rng.normal(size=(5, 9)))]
    spread_f = np.ones(8)
    before = [array.copy() for array in inputs]
    upper, lower, rows = inputs
    fold(upper, rows)
    fold(upper, lower, triangular=True)
    stack(inputs[:2])
    solve(upper, spread_f, 1e-3)
    residual(upper, spread_f)
    list(leave_one_out([upper, lower], np.copy, upper.copy()))
    running = RunningFactor(np.arange(9))
    running.add(rows)
    running.factor().full(8, 3.0)
    for array, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(spread_f, np.ones(8))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(1, 12), seeds)
@few_examples
def test_running_factor_holds_all_blocks(lengths: Sequence[int], n_columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = [rng.normal(size=(length, n_columns)) for length in lengths]
    running = RunningFactor(np.arange(n_columns))
    for block_mf in blocks:
        running.add(block_mf)
    factor = running.factor()
    assert factor.n_rows == sum(lengths)
    assert factor.rows().shape == (min(factor.n_rows, n_columns), n_columns)
    assert factor.packed.size <= n_columns * (n_columns + 1) // 2
    assert_factor_of(factor.full(n_columns - 1), np.vstack(blocks))


@pytest.mark.parametrize("n_rows", [MOST_WAITING - 1, MOST_WAITING, MOST_WAITING + 1, 2 * MOST_WAITING + 3])
@pytest.mark.parametrize("length", [7, MOST_WAITING + 1])
def test_rows_are_folded_when_many_wait(rng: np.random.Generator, n_rows: int, length: int) -> None:
    row_mf = rng.normal(size=(n_rows, 3))
    running = RunningFactor(np.arange(3))
    for start in range(0, n_rows, length):
        running.add(row_mf[start : start + length])
    assert running.n_rows == n_rows
    assert_factor_of(running.factor().full(2), row_mf)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 5), seeds)
@few_examples
def test_stacked_factors_hold_all_rows_over_all_columns(lengths: Sequence[int], n_columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors, wide = [], []
    for length in lengths:
        column_f = np.append(np.sort(rng.permutation(8)[:n_columns]), 8)
        row_mf = np.zeros((length, 9))
        row_mf[:, column_f] = rng.normal(size=(length, n_columns + 1))
        running = RunningFactor(column_f)
        running.add(row_mf[:, column_f])
        factors.append(running.factor())
        wide.append(row_mf)
    assert_factor_of(stack(factor.wide_rows(8) for factor in factors), np.vstack(wide))
    assert_factor_of(joined(factors, 8).full(8), np.vstack(wide))
    coefficient_f = rng.normal(size=8)
    expected = np.sum((np.vstack(wide) @ np.append(coefficient_f, -1.0)) ** 2)
    assert sum(factor.residual(coefficient_f) for factor in factors) == pytest.approx(expected, rel=1e-12)
    square_f = sum(factor.column_squares(8, 2.0) for factor in factors)
    np.testing.assert_allclose(square_f, 4.0 * np.sum(np.vstack(wide)[:, :-1] ** 2, axis=0), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_rows", [2, 30])
def test_weighted_factors_of_the_same_columns_make_one(rng: np.random.Generator, n_rows: int) -> None:
    parts = [rng.normal(size=(length, 5)) for length in (1, n_rows, 3)]
    factors = []
    for row_mf in parts:
        running = RunningFactor(np.array([0, 2, 3, 5, 6]))
        running.add(row_mf)
        factors.append(running.factor())
    weights = (2.0, 0.5, 3.0)
    factor = weighted(list(zip(factors, weights, strict=True)))
    assert factor.n_rows == 4 + n_rows
    rows = np.vstack([weight * row_mf for weight, row_mf in zip(weights, parts, strict=True)])
    assert_factor_of(np.vstack([factor.rows(), np.zeros((5 - factor.n_kept, 5))]), rows)


def test_a_resumed_factor_goes_on(rng: np.random.Generator) -> None:
    for n_rows in (2, 20):
        row_mf = rng.normal(size=(n_rows + 5, 7))
        running = RunningFactor(np.arange(7))
        running.add(row_mf[:n_rows])
        resumed = RunningFactor.resumed(running.factor(), 6)
        resumed.add(row_mf[n_rows:])
        assert resumed.n_rows == n_rows + 5
        assert_factor_of(resumed.factor().full(6), row_mf)


def test_a_running_factor_can_be_asked_on_the_way(rng: np.random.Generator) -> None:
    row_mf = rng.normal(size=(11, 4))
    running = RunningFactor(np.arange(4))
    for start, stop in ((0, 2), (2, 3), (3, 11)):
        running.add(row_mf[start:stop])
        assert_factor_of(running.factor().full(3), row_mf[:stop])


@pytest.mark.parametrize("n_rows", [1, 3, 5, 6, 9])
def test_no_row_is_lost_where_columns_are_zero_or_equal(rng: np.random.Generator, n_rows: int) -> None:
    row_mf = rng.normal(size=(n_rows, 6))
    row_mf[:, 0] = 0.0  # forces do not depend on one-body energies
    row_mf[:, 2] = row_mf[:, 1]
    running = RunningFactor(np.arange(6))
    running.add(row_mf)
    assert_factor_of(running.factor().full(5), row_mf)


def test_columns_may_be_zero_for_a_while(rng: np.random.Generator) -> None:
    blocks = [rng.normal(size=(7, 6)) for _ in range(5)]
    running = RunningFactor(np.arange(6))
    for block_mf, zero in zip(blocks, (range(6), [0, 3, 5], [0, 2], [3], []), strict=True):
        block_mf[:, zero] = 0.0
        running.add(block_mf)
        running.factor()
    assert_factor_of(running.factor().full(5), np.vstack(blocks))


def test_full_puts_columns_where_they_belong_and_weighs_rows(rng: np.random.Generator) -> None:
    column_f = np.array([1, 3, 4, 7])
    for n_rows in (2, 9):
        row_mf = rng.normal(size=(n_rows, 4))
        wide_mf = np.zeros((n_rows, 8))
        wide_mf[:, column_f] = row_mf
        running = RunningFactor(column_f)
        running.add(row_mf)
        assert_factor_of(running.factor().full(7, weight=3.0), 3.0 * wide_mf)


def test_residual_is_that_of_the_rows(rng: np.random.Generator) -> None:
    row_mf, coefficient_f = rng.normal(size=(20, 5)), rng.normal(size=4)
    expected = np.sum((row_mf[:, :4] @ coefficient_f - row_mf[:, 4]) ** 2)
    assert residual(triangle_of(row_mf), coefficient_f) == pytest.approx(expected, rel=1e-13)
    running = RunningFactor(np.arange(5))
    running.add(row_mf[:3])
    expected = np.sum((row_mf[:3, :4] @ coefficient_f - row_mf[:3, 4]) ** 2)
    assert running.factor().residual(coefficient_f) == pytest.approx(expected, rel=1e-13)


# %% Solutions


@given(sizes, st.integers(1, 60), st.floats(-10, 2), seeds)
@few_examples
def test_solution_is_that_of_the_augmented_rows(n_columns: int, n_rows: int, power: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row_mf, spread_f, ridge = rng.normal(size=(n_rows, n_columns + 1)), rng.uniform(0.1, 3.0, n_columns), 10.0**power
    prior_ff = np.sqrt(ridge) * np.diag(1.0 / spread_f)
    feature_mf = np.vstack([row_mf[:, :-1], prior_ff])
    expected_f, *_ = np.linalg.lstsq(feature_mf, np.append(row_mf[:, -1], np.zeros(n_columns)), rcond=None)
    tolerance = 1e-13 * np.linalg.cond(feature_mf) * (1.0 + np.abs(expected_f).max())
    np.testing.assert_allclose(solve(triangle_of(row_mf), spread_f, ridge), expected_f, rtol=0, atol=tolerance)


def test_a_coefficient_without_spread_is_zero(rng: np.random.Generator) -> None:
    row_mf = rng.normal(size=(20, 6))
    spread_f = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    coefficient_f = solve(triangle_of(row_mf), spread_f, 1e-6)
    np.testing.assert_array_equal(coefficient_f[[1, 4]], 0.0)
    np.testing.assert_allclose(
        coefficient_f[[0, 2, 3]], solve(triangle_of(row_mf[:, [0, 2, 3, 5]]), np.ones(3), 1e-6), rtol=1e-10
    )


def test_collinear_columns_cost_no_digits_of_the_prediction(rng: np.random.Generator) -> None:
    row_mf = collinear_rows(rng, 300, 40)
    running = RunningFactor(np.arange(41))
    for block_mf in np.array_split(row_mf, 17):
        running.add(block_mf)
    coefficient_f = solve(running.factor().full(40), np.ones(40), 1e-28)
    miss = np.linalg.norm(row_mf[:, :-1] @ coefficient_f - row_mf[:, -1]) / np.linalg.norm(row_mf[:, -1])
    assert miss < 1e-13
    normal_f = np.linalg.solve(gram(row_mf[:, :-1]), row_mf[:, :-1].T @ row_mf[:, -1])  # what must not be done
    assert np.linalg.norm(row_mf[:, :-1] @ normal_f - row_mf[:, -1]) > 1e-9 * np.linalg.norm(row_mf[:, -1])


def test_blocks_in_any_order_give_the_same_coefficients(rng: np.random.Generator) -> None:
    row_mf = rng.normal(size=(60, 9))
    solutions = []
    for _ in range(4):
        running = RunningFactor(np.arange(9))
        for block_mf in np.array_split(rng.permutation(row_mf), rng.integers(1, 30)):
            running.add(block_mf)
        solutions.append(solve(running.factor().full(8), np.ones(8), 1e-4))
    np.testing.assert_allclose(solutions, np.broadcast_to(solutions[0], (4, 8)), rtol=0, atol=1e-14)
