"""Rows taken out of a factor leave what the other rows alone give, or are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import UpdateError
from ase_rfhgn.regression.downdating import downdated
from ase_rfhgn.regression.triangular import RunningFactor, back_substituted, regularised

few_examples = settings(max_examples=40, deadline=None)


def factor_of(row_mf: FloatArray, ridge: float) -> FloatArray:
    """Return the factor of rows and of a prior of unit spread."""
    running = RunningFactor(np.arange(row_mf.shape[1]))
    running.add(row_mf)
    n_columns = row_mf.shape[1] - 1
    return regularised(running.factor().full(n_columns), np.ones(n_columns), ridge)


def rows_of(rng: np.random.Generator, n_rows: int, n_columns: int, condition: float) -> FloatArray:
    """Return rows of a noisy linear law whose columns have a condition number."""
    left, _, right = np.linalg.svd(rng.normal(size=(n_rows, n_columns)), full_matrices=False)
    feature_mf = left * np.logspace(0, -np.log10(condition), left.shape[1]) @ right
    target_m = feature_mf @ rng.normal(size=n_columns) + 0.01 * rng.normal(size=n_rows) / np.sqrt(n_rows)
    return np.column_stack([feature_mf, target_m])


@given(st.integers(1, 12), st.integers(1, 30), st.integers(0, 20), st.integers(0, 2**32 - 1))
@few_examples
def test_what_stays_is_the_solution_of_the_other_rows(n_columns: int, n_kept: int, n_gone: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row_mf = rng.normal(size=(n_kept + n_gone, n_columns + 1))
    kept_mf, gone_mf = row_mf[:n_kept], row_mf[n_kept:]
    expected_ff, found_ff = factor_of(kept_mf, 1e-2), downdated(factor_of(row_mf, 1e-2), gone_mf)
    np.testing.assert_array_equal(found_ff, np.triu(found_ff))
    columns = slice(0, n_columns)
    np.testing.assert_allclose(
        found_ff[:, columns].T @ found_ff[:, columns], expected_ff[:, columns].T @ expected_ff[:, columns], atol=1e-10
    )
    ones_f = np.ones(n_columns)
    np.testing.assert_allclose(back_substituted(found_ff, ones_f), back_substituted(expected_ff, ones_f), atol=1e-8)


@pytest.mark.parametrize("ridge", [1e-6, 1e-10, 1e-13])
def test_digits_survive_condition_numbers_that_normal_equations_do_not(rng: np.random.Generator, ridge: float) -> None:
    row_mf = rows_of(rng, 400, 30, 1e14)
    kept_mf, gone_mf = row_mf[:200], row_mf[200:]
    ones_f = np.ones(30)
    expected_f = back_substituted(factor_of(kept_mf, ridge), ones_f)
    found_f = back_substituted(downdated(factor_of(row_mf, ridge), gone_mf), ones_f)
    np.testing.assert_allclose(kept_mf[:, :-1] @ found_f, kept_mf[:, :-1] @ expected_f, rtol=0, atol=1e-9)


def test_rows_that_alone_hold_a_direction_are_refused(rng: np.random.Generator) -> None:
    row_mf = rng.normal(size=(50, 6))
    row_mf[:-1, 2] = 0.0
    with pytest.raises(UpdateError, match="digits would be lost"):
        downdated(factor_of(row_mf, 1e-12), row_mf[-1:])
    downdated(factor_of(row_mf, 1e-12), row_mf[:1])


def test_rows_that_were_never_there_are_refused_where_they_exceed_what_is(rng: np.random.Generator) -> None:
    row_mf = rng.normal(size=(50, 6))
    with pytest.raises(UpdateError):
        downdated(factor_of(row_mf, 1e-6), 100.0 * row_mf[:1])
