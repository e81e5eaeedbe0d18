"""Closed forms of what a fit without some rows says, draws from the posterior, widths of intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.posterior import LEVELS, Omission, growth_left_out, half_widths, sample_members
from ase_rfhgn.regression.ridge import Regression
from ase_rfhgn.regression.triangular import Factor, RunningFactor

N = 9


def factor_of(row_mf: FloatArray) -> Factor:
    """Return the factor of rows."""
    running = RunningFactor(np.arange(N + 1))
    running.add(row_mf)
    return running.factor()


def regression_of(row_mf: FloatArray, rng: np.random.Generator, *, teacher: bool) -> Regression:
    """Return a regression on rows, with or without a teacher on unlabelled ones."""
    unlabelled = factor_of(np.random.default_rng(5).normal(size=(12, N + 1)))
    plain = Regression(factor_of(row_mf), rng.uniform(0.5, 2.0, N), 1e-3)
    return replace(plain, teacher_ridge=2.0, unlabelled=unlabelled) if teacher else plain


@pytest.mark.parametrize("teacher", [False, True])
def test_residuals_of_rows_left_out_are_those_of_a_fit_without_them(rng: np.random.Generator, *, teacher: bool) -> None:
    row_mf = rng.normal(size=(40, N + 1))
    regression = regression_of(row_mf, rng, teacher=teacher)
    parts = slice(0, 1), slice(3, 9), slice(20, 40)
    left = Omission(regression, regression.solve()).residuals([row_mf[part] for part in parts])
    for part, residual_m in zip(parts, left, strict=True):
        without = replace(regression, labelled=factor_of(np.delete(row_mf, part, axis=0))).solve()
        left_mf = row_mf[part]
        expected_m = left_mf[:, -1] - left_mf[:, :-1] @ without.coefficient_f
        np.testing.assert_allclose(residual_m, expected_m, rtol=0, atol=1e-10)
        spreads = [
            np.linalg.norm(np.linalg.solve(one.root_ff.T, (left_mf[:, :-1] * one.spread_f).T), axis=0)
            for one in (without, regression.solve())
        ]
        growth_m = growth_left_out(regression.solve(), left_mf[:, :-1])
        np.testing.assert_allclose(growth_m, spreads[0] / spreads[1], rtol=1e-8)


def test_very_many_rows_can_be_left_out_because_no_array_grows_with_their_square(rng: np.random.Generator) -> None:
    row_mf = rng.normal(size=(400_000, N + 1))  # their hat matrix would have more than a terabyte
    regression = regression_of(row_mf, rng, teacher=False)
    without = replace(regression, labelled=factor_of(row_mf[300_000:])).solve()
    left_mf = row_mf[:300_000]
    (residual_m,) = Omission(regression, regression.solve()).residuals([left_mf])
    np.testing.assert_allclose(residual_m, left_mf[:, -1] - left_mf[:, :-1] @ without.coefficient_f, atol=1e-10)
    assert np.all(growth_left_out(regression.solve(), left_mf[:, :-1]) > 1.0)


def test_rows_taken_out_are_as_if_they_had_never_been_there(rng: np.random.Generator) -> None:
    row_mf = rng.normal(size=(40, N + 1))
    regression = regression_of(row_mf, rng, teacher=True)
    smaller = replace(regression, labelled=factor_of(row_mf[10:]))
    np.testing.assert_allclose(
        replace(regression, removed_mf=row_mf[:10]).solve().coefficient_f, smaller.solve().coefficient_f, atol=1e-11
    )


def test_members_spread_as_the_posterior(rng: np.random.Generator) -> None:
    solved = regression_of(rng.normal(size=(40, N + 1)), rng, teacher=False).solve()
    member_ef = sample_members(solved, 20_000, rng)
    inverse_ff = np.linalg.inv(solved.root_ff.T @ solved.root_ff)
    expected_ff = inverse_ff * np.outer(solved.spread_f, solved.spread_f)
    np.testing.assert_allclose(member_ef.T @ member_ef, expected_ff, atol=0.05 * np.abs(expected_ff).max())


def test_a_restricted_regression_is_that_of_its_columns(rng: np.random.Generator) -> None:
    row_mf = rng.normal(size=(40, N + 1))
    regression = regression_of(row_mf, rng, teacher=False)
    column_f = np.array([1, 4, 7])
    few = regression.solve().restricted(column_f)
    normal_ff = row_mf[:, :-1].T @ row_mf[:, :-1] * np.outer(regression.spread_f, regression.spread_f)
    normal_ff += regression.ridge * np.eye(N)
    np.testing.assert_allclose(few.root_ff.T @ few.root_ff, normal_ff[np.ix_(column_f, column_f)], atol=1e-10)


def test_interval_scales_hold_their_share_of_errors_of_any_scale(rng: np.random.Generator) -> None:
    spread_m = rng.uniform(0.1, 10.0, 4000)
    scale_l = half_widths(spread_m * rng.standard_t(4, 4000), spread_m)
    new_m = rng.uniform(0.1, 10.0, 50_000)
    ratio_m = np.abs(rng.standard_t(4, 50_000))
    assert len(new_m) == len(ratio_m)
    for width, level in zip(scale_l, LEVELS, strict=True):
        assert np.mean(ratio_m < width) == pytest.approx(level, abs=0.02)


def test_values_that_symmetry_fixes_do_not_count() -> None:
    spread_m = np.array([1.0, 2.0, 1e-12, 0.0])
    assert half_widths(np.array([3.0, 6.0, 1.0, 1.0]), spread_m) == pytest.approx([3.0, 3.0])
    assert np.isnan(half_widths(np.zeros(3), np.zeros(3))).all()
    assert np.isnan(half_widths(np.zeros(0), np.zeros(0))).all()
