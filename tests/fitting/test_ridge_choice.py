"""Choice of the ridge: cross-validated errors are those of explicit fits without the rows left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.accumulation import Factors, SampledFrame
from ase_rfhgn.fitting.grouping import Group, Grouping
from ase_rfhgn.fitting.linear_model import Layout
from ase_rfhgn.fitting.ridge_choice import MIXED_RIDGES, Choice, choose_ridges, given_ridge
from ase_rfhgn.fitting.spherical_model import SEARCH
from ase_rfhgn.regression.cross_validation import LARGEST_ERROR
from ase_rfhgn.regression.triangular import Factor, RunningFactor

Rows = dict[Group, dict[str, FloatArray]]

WEIGHTS = {"energy": 3.0, "force": 1.0, "stress": 0.5}
LAYOUT = Layout(n_species=2, n_features=6)


def random_rows(groups: list[Group], rng: np.random.Generator, kinds: Mapping[str, int]) -> Rows:
    """Return noisy rows of one truth, over the columns of every group."""
    true_f = rng.normal(size=LAYOUT.n_columns)
    rows: Rows = {}
    for group in groups:
        column_f = LAYOUT.columns(group.system)[:-1]
        rows[group] = {}
        for kind, n_rows in kinds.items():
            feature_mf = rng.normal(size=(n_rows, len(column_f)))
            target_m = feature_mf @ true_f[column_f] + 0.5 * rng.normal(size=n_rows)
            rows[group][kind] = np.column_stack([feature_mf, target_m])
    return rows


def factors_of(rows: Rows, left_out: Sequence[Group] | None = None) -> Factors:
    """Return the factors of rows; by default every group can be left out, unless it is the only one."""
    by_group: dict[Group, dict[str, Factor]] = {}
    for group, by_kind in rows.items():
        by_group[group] = {}
        for kind, row_mf in by_kind.items():
            running = RunningFactor(LAYOUT.columns(group.system))
            running.add(row_mf)
            by_group[group][kind] = running.factor()
    groups = tuple(rows)
    removable = (groups if len(groups) > 1 else ()) if left_out is None else tuple(left_out)
    return Factors(LAYOUT, Grouping(groups, removable, by_system=groups[0].name == "system"), by_group)


def wide(group: Group, row_mf: FloatArray) -> FloatArray:
    """Return rows over all columns."""
    wide_mf = np.zeros((len(row_mf), LAYOUT.n_columns + 1))
    wide_mf[:, LAYOUT.columns(group.system)] = row_mf
    return wide_mf


def ridge_regression(row_mf: FloatArray, spread_f: FloatArray, ridge: float) -> FloatArray:
    """Return the coefficients of a ridge regression by NumPy's least squares."""
    feature_mf = np.vstack([row_mf[:, :-1], np.sqrt(ridge) * np.diag(1.0 / spread_f)])
    coefficient_f, *_ = np.linalg.lstsq(feature_mf, np.append(row_mf[:, -1], np.zeros(len(spread_f))), rcond=None)
    return np.asarray(coefficient_f)


@dataclass(frozen=True)
class Refit:
    """Explicit fits to rows, with and without a teacher on unlabelled ones."""

    rows: Rows
    spread_f: FloatArray
    ridge: float
    unlabelled_mf: FloatArray | None = None
    teacher_ridge: float = 1.0

    def coefficients(self, without: Group | None = None) -> FloatArray:
        """Return the coefficients of a fit to all groups but one."""
        parts = [
            WEIGHTS[kind] * wide(group, row_mf)
            for group, by_kind in self.rows.items()
            if group != without
            for kind, row_mf in by_kind.items()
        ]
        row_mf = np.vstack(parts)
        if self.unlabelled_mf is not None:
            answer_m = self.unlabelled_mf[:, :-1] @ ridge_regression(row_mf, self.spread_f, self.teacher_ridge)
            row_mf = np.vstack([row_mf, np.column_stack([self.unlabelled_mf[:, :-1], answer_m])])
        return ridge_regression(row_mf, self.spread_f, self.ridge)

    def errors(self, left_out: Sequence[Group]) -> dict[str, float]:
        """Return the root mean square residual per kind, one group left out at a time."""
        residuals: dict[str, list[FloatArray]] = {}
        for group in left_out:
            coefficient_f = np.append(self.coefficients(group), -1.0)
            for kind, row_mf in self.rows[group].items():
                residuals.setdefault(kind, []).append(wide(group, row_mf) @ coefficient_f)
        return {kind: float(np.sqrt(np.mean(np.concatenate(parts) ** 2))) for kind, parts in residuals.items()}


FOLDS = [Group(f"fold {i}", (0, 1)) for i in range(4)]
SYSTEMS = [Group("system", system) for system in ((0,), (0, 1), (1,))]
KINDS = {"energy": 2, "force": 30, "stress": 5}


@pytest.fixture
def spread_f(rng: np.random.Generator) -> FloatArray:
    """Return a prior spread of all coefficients."""
    return rng.uniform(0.3, 3.0, size=LAYOUT.n_columns)


def chosen(rows: Rows, spread_f: FloatArray, unlabelled_mf: FloatArray | None = None) -> Choice:
    """Return the choice by cross-validation."""
    if unlabelled_mf is None:
        return choose_ridges(factors_of(rows), WEIGHTS, spread_f, SEARCH)
    running = RunningFactor(np.arange(LAYOUT.n_columns + 1))
    running.add(unlabelled_mf)
    return choose_ridges(factors_of(rows), WEIGHTS, spread_f, SEARCH, running.factor())


@pytest.mark.parametrize("groups", [FOLDS, SYSTEMS], ids=["folds", "systems"])
@pytest.mark.parametrize("ridge", [1e-6, 1.0])
def test_errors_are_those_of_fits_without_the_rows(
    rng: np.random.Generator, spread_f: FloatArray, groups: list[Group], ridge: float
) -> None:
    rows = random_rows(groups, rng, KINDS)
    choice = given_ridge(factors_of(rows), WEIGHTS, spread_f, ridge)
    refit = Refit(rows, spread_f, ridge)
    assert (choice.regression.ridge, choice.method) == (ridge, "given")
    np.testing.assert_allclose(choice.regression.solve().coefficient_f, refit.coefficients(), rtol=0, atol=1e-11)
    assert choice.cross_validation == pytest.approx(refit.errors(groups), rel=1e-9)


@pytest.mark.parametrize("groups", [FOLDS, SYSTEMS], ids=["folds", "systems"])
def test_errors_with_a_teacher_are_those_of_fits_whose_teacher_did_not_see_the_rows(
    rng: np.random.Generator, spread_f: FloatArray, groups: list[Group]
) -> None:
    rows, unlabelled_mf = random_rows(groups, rng, KINDS), rng.normal(size=(25, LAYOUT.n_columns + 1))
    choice = chosen(rows, spread_f, unlabelled_mf)
    assert choice.regression.teacher_ridge is not None
    refit = Refit(rows, spread_f, choice.regression.ridge, unlabelled_mf, choice.regression.teacher_ridge)
    np.testing.assert_allclose(choice.regression.solve().coefficient_f, refit.coefficients(), rtol=0, atol=1e-11)
    assert choice.cross_validation == pytest.approx(refit.errors(groups), rel=1e-9)


@pytest.mark.parametrize("kinds", [KINDS, {"energy": 20}, {"energy": 9, "stress": 9}])
def test_the_chosen_ridge_predicts_rows_left_out_best(
    rng: np.random.Generator, spread_f: FloatArray, kinds: dict[str, int]
) -> None:
    rows = random_rows(FOLDS, rng, kinds)

    def score(ridge: float) -> float:
        errors = Refit(rows, spread_f, ridge).errors(FOLDS)
        return sum(len(FOLDS) * n_rows * (WEIGHTS[kind] * errors[kind]) ** 2 for kind, n_rows in kinds.items())

    choice = chosen(rows, spread_f)
    assert "frames left out" in choice.method
    assert score(choice.regression.ridge) <= (1.0 + SEARCH.tolerance) * 1.000001 * min(map(score, SEARCH.ridges))
    assert choice.path["score"] == pytest.approx([score(ridge) for ridge in choice.path["ridge"]], rel=1e-9)


def test_only_groups_that_can_be_predicted_are_left_out(rng: np.random.Generator, spread_f: FloatArray) -> None:
    rows = random_rows(SYSTEMS, rng, KINDS)
    choice = given_ridge(factors_of(rows, SYSTEMS[:2]), WEIGHTS, spread_f, 1e-3)
    assert choice.cross_validation == pytest.approx(Refit(rows, spread_f, 1e-3).errors(SYSTEMS[:2]), rel=1e-9)


def test_without_unlabelled_structures_mixtures_are_left_to_the_ridge_of_the_teacher(
    rng: np.random.Generator, spread_f: FloatArray
) -> None:
    rows = random_rows(SYSTEMS, rng, KINDS)
    taught = chosen(rows, spread_f, rng.normal(size=(25, LAYOUT.n_columns + 1)))
    alone = chosen(rows, spread_f)
    assert alone.regression.teacher_ridge is None
    assert alone.regression.ridge == taught.regression.teacher_ridge


def test_a_single_group_gets_a_cautious_ridge_and_says_so(rng: np.random.Generator, spread_f: FloatArray) -> None:
    choice = chosen(random_rows(FOLDS[:1], rng, KINDS), spread_f)
    assert "too few frames" in choice.method
    assert choice.regression.ridge >= 1e-10
    assert choice.cross_validation == {}


def framed(rows: Rows, n_frames: int) -> Factors:
    """Return the factors of rows, every group being some frames, all of which are kept."""
    factors = factors_of(rows)
    sample: dict[int, SampledFrame] = {}
    for group, by_kind in rows.items():
        column_f = LAYOUT.columns(group.system)
        for parts in zip(*(np.array_split(row_mf, n_frames) for row_mf in by_kind.values()), strict=True):
            kept = dict(zip(by_kind, parts, strict=True))
            weight_m = {kind: np.ones(len(row_mf)) for kind, row_mf in kept.items()}
            sample[len(sample)] = SampledFrame(column_f, kept, weight_m, group)
    return replace(factors, sample=sample, n_atoms_i=dict.fromkeys(sample, 1))


def without_frame(factors: Factors, left_out: int, ridges: tuple[float, float], spread_f: FloatArray) -> float:
    """Return the squared residuals of a frame of an explicit fit to the others, with a teacher and unlabelled rows."""
    frames = {
        i: np.vstack([WEIGHTS[kind] * wide(frame.group, row_mf) for kind, row_mf in frame.rows.items()])
        for i, frame in factors.sample.items()
    }
    row_mf = np.vstack([frame_mf for i, frame_mf in frames.items() if i != left_out])
    ridge, teacher_ridge = ridges
    answer_m = UNLABELLED_MF @ ridge_regression(row_mf, spread_f, teacher_ridge)
    taught_mf = np.vstack([row_mf, np.column_stack([UNLABELLED_MF, answer_m])])
    coefficient_f = ridge_regression(taught_mf, spread_f, ridge)
    return float(np.sum((frames[left_out] @ np.append(coefficient_f, -1.0)) ** 2))


UNLABELLED_MF = 1e-3 * np.random.default_rng(7).normal(size=(25, LAYOUT.n_columns))


@pytest.mark.parametrize("seed", range(4))
def test_the_final_ridge_of_mixtures_predicts_single_frames_best(seed: int) -> None:
    rng, spread_f = np.random.default_rng(seed), np.full(LAYOUT.n_columns, 0.03)
    factors = framed(random_rows(SYSTEMS, rng, {"force": 5}), 3)
    running = RunningFactor(np.arange(LAYOUT.n_columns + 1))
    running.add(np.column_stack([UNLABELLED_MF, np.zeros(len(UNLABELLED_MF))]))
    cautious = replace(SEARCH, ridges=(1.0,))  # all final ridges are weaker than that of the teacher
    regression = choose_ridges(factors, WEIGHTS, spread_f, cautious, running.factor()).regression
    assert regression.teacher_ridge is not None
    tried = [ridge for ridge in MIXED_RIDGES if ridge < regression.teacher_ridge]
    scores = {
        ridge: sum(without_frame(factors, i, (ridge, regression.teacher_ridge), spread_f) for i in factors.sample)
        for ridge in tried
    }
    assert max(scores.values()) > 1.3 * min(scores.values())  # the choice matters
    assert scores[regression.ridge] <= (1.0 + LARGEST_ERROR) * 1.000001 * min(scores.values())
