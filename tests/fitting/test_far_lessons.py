"""Lessons far away from the data: a teacher of pairs answers, as loudly as it is good, or louder where runs burst."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from labelled import labelled

from ase_rfhgn import Potential, fit
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.fitting.far_lessons import (
    EXACT,
    HEAVIER,
    PAIR_WEIGHT,
    POOR,
    FarRows,
    dull_weight,
    far_lessons,
    pair_teacher,
    scaled,
)
from ase_rfhgn.fitting.ridge_choice import Choice, heavier_choices
from ase_rfhgn.fitting.stability import steadied, warn_of_burst
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.regression.cross_validation import RidgeChoice
from ase_rfhgn.regression.ridge import Regression
from ase_rfhgn.regression.triangular import Factor, RunningFactor

N = 9
PAIRS = np.array([0, 1, 2, 5])


def factor_of(row_mf: FloatArray) -> Factor:
    """Return the factor of rows."""
    running = RunningFactor(np.arange(N + 1))
    running.add(row_mf)
    return running.factor()


def regression_of(rng: np.random.Generator, noise: float = 0.3) -> Regression:
    """Return a regression on noisy rows of one truth."""
    row_mf = rng.normal(size=(60, N + 1))
    row_mf[:, -1] = row_mf[:, :-1] @ np.arange(1.0, N + 1.0) + noise * row_mf[:, -1]
    return Regression(factor_of(row_mf), np.ones(N), 1e-6)


def choice_of(best: float) -> RidgeChoice:
    """Return the choice of a ridge with a score."""
    return RidgeChoice(1e-6, (1e-6, 1e-2), (best, 2.0 * best))


def test_the_teacher_of_pairs_has_only_their_columns_and_the_strongest_ridge_that_fits(
    rng: np.random.Generator,
) -> None:
    regression = regression_of(rng)
    teacher_f, squares = pair_teacher(regression, PAIRS)
    assert not np.delete(teacher_f, PAIRS).any()
    assert squares == pytest.approx(regression.labelled.residual(teacher_f))
    row_mf = regression.labelled.rows()
    _, (best,), *_ = np.linalg.lstsq(row_mf[:, PAIRS], row_mf[:, -1], rcond=None)
    assert best < squares < 2.0 * best


def test_answers_of_pairs_weigh_as_much_as_they_are_good(rng: np.random.Generator) -> None:
    regression = regression_of(rng)
    teacher_f, squares = pair_teacher(regression, PAIRS)
    rows = FarRows(factor_of(np.zeros((0, N + 1))), factor_of(rng.normal(size=(20, N + 1))), PAIRS)
    assert far_lessons(rows, regression, choice_of(0.5 * POOR * squares)).pairs is None
    loud, quiet = (far_lessons(rows, regression, choice_of(share * squares)) for share in (5.0, 0.01))
    assert loud.elsewhere is None
    nothing_f = np.zeros(N)
    assert rows.displaced is not None
    size = rows.displaced.rows()[:, :-1] @ teacher_f
    for lessons, share in ((loud, 1.0), (quiet, 0.01)):
        factor = lessons.factor()
        assert factor is not None
        assert factor.residual(teacher_f) == pytest.approx(0.0, abs=1e-18)
        assert factor.residual(nothing_f) == pytest.approx(PAIR_WEIGHT * share * size @ size)
    heavier = [factor.residual(nothing_f) for factor in loud.heavier()]
    np.testing.assert_allclose(heavier, PAIR_WEIGHT * np.array(HEAVIER) * (size @ size))


def test_a_dull_teacher_is_not_heard_where_labels_are_exact(rng: np.random.Generator) -> None:
    regression = regression_of(rng)
    size = regression.labelled.residual(np.zeros(N))
    assert dull_weight(regression, choice_of(size)) == 1.0
    assert dull_weight(regression, choice_of((0.1 * EXACT) ** 2 * size)) == pytest.approx(0.1)


def test_heavier_lessons_end_where_labels_would_suffer(rng: np.random.Generator) -> None:
    regression = regression_of(rng)
    rows = FarRows(factor_of(np.zeros((0, N + 1))), factor_of(100.0 * rng.normal(size=(20, N + 1))), PAIRS)
    lessons = far_lessons(rows, regression, choice_of(1e9))
    for best, count in ((1e9, len(HEAVIER)), (1e-9, 0)):
        choice = Choice(replace(regression, far=lessons.factor()), "", {}, {"score": [best]}, lessons=lessons)
        assert len(list(heavier_choices(choice))) == count
    assert list(heavier_choices(Choice(regression, "", {}, {}))) == []


def test_the_model_that_stays_whole_longest_is_taken(rng: np.random.Generator) -> None:
    regression = regression_of(rng)
    rows = FarRows(factor_of(np.zeros((0, N + 1))), factor_of(rng.normal(size=(20, N + 1))), PAIRS)
    lessons = far_lessons(rows, regression, choice_of(1e9))
    choice = Choice(replace(regression, far=lessons.factor()), "", {}, {"score": [1e9]}, lessons=lessons)

    def taken(*lasts: float | None) -> tuple[int, int]:
        """Return which of some models is taken, and how many were made; they last for a time, or for ever."""
        made: list[AnyModel] = []

        def completed(_: Choice) -> AnyModel:
            last = lasts[len(made)]
            test = {"burst": None if last is None else "hot", "femtoseconds": last}
            made.append(cast("AnyModel", SimpleNamespace(record={"stability": test})))
            return made[-1]

        best = steadied(choice, completed)
        return next(i for i, model in enumerate(made) if model is best), len(made)

    assert taken(None) == (0, 1)
    assert taken(10.0, 30.0, None) == (2, 3)
    assert taken(10.0, 40.0, 30.0, 40.0) == (1, 4)


def strained(rng: np.random.Generator) -> Atoms:
    """Return a strained crystal: its atoms are almost on their sites, and hardly any force tells what holds them."""
    atoms = bulk("Cu", cubic=True)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0.0, 0.03, (3, 3))), scale_atoms=True)
    atoms.rattle(0.01, seed=int(rng.integers(1000)))
    return labelled(atoms)


@pytest.fixture(scope="module")
def strained_only() -> Potential:
    """Return a fit to strained crystals alone."""
    rng = np.random.default_rng(4)
    settings: dict[str, Any] = {"cutoff": 4.6, "channels": 8, "projections": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingDataWarning)  # forces near zero say so little that units look wrong
        return fit([strained(rng) for _ in range(30)], **settings)


def test_displacements_that_never_occur_cost_energy(strained_only: Potential) -> None:
    crystal = bulk("Cu", cubic=True)
    rest = strained_only.evaluate(crystal).energy_n.sum()
    for seed in range(8):
        for size in (0.1, 0.2, 0.3):
            atoms = crystal.copy()
            atoms.rattle(size, seed=seed)
            assert strained_only.evaluate(atoms).energy_n.sum() > rest
    assert strained_only.record["stability"]["burst"] is None


def test_a_burst_is_told_with_its_frame() -> None:
    test = {"burst": "it was hot", "frame": "frame 3", "femtoseconds": 7.0, "temperature": 600.0, "grade": 2.0}
    with pytest.warns(UserWarning, match="frame 3: molecular dynamics .* burst after 7 fs, because it was hot"):
        warn_of_burst({"stability": test})


def test_scaled_rows_are_weighted_rows(rng: np.random.Generator) -> None:
    factor = factor_of(rng.normal(size=(20, N + 1)))
    np.testing.assert_array_equal(scaled(factor, 0.5).rows(), 0.5 * factor.rows())
