"""Lessons far away from the data: a teacher of pairs answers, as loudly as it is good, or louder where runs burst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from labelled import labelled

from ase_rfhgn import Potential, fit
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.fitting import engine
from ase_rfhgn.fitting.far_lessons import (
    EMPHASES,
    EXACT,
    LOW_ORDER_WEIGHT,
    POOR,
    DisplacedRows,
    dull_weight,
    low_order_lessons,
    low_order_teacher,
    scaled,
)
from ase_rfhgn.fitting.ridge_choice import Choice, taught_by_low_orders
from ase_rfhgn.fitting.stability import is_sound, warn_of_dynamics
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


def nothing() -> Factor:
    """Return the factor of no rows."""
    return factor_of(np.zeros((0, N + 1)))


def choice_of(best: float) -> RidgeChoice:
    """Return the choice of a ridge with a score."""
    return RidgeChoice(1e-6, (1e-6, 1e-2), (best, 2.0 * best))


def test_the_teacher_of_pairs_has_only_their_columns_and_the_strongest_ridge_that_fits(
    rng: np.random.Generator,
) -> None:
    regression = regression_of(rng)
    teacher_f, squares = low_order_teacher(regression, PAIRS)
    assert not np.delete(teacher_f, (PAIRS,)).any()
    assert squares == pytest.approx(regression.labelled.residual(teacher_f))
    row_mf = regression.labelled.rows()
    _, (best,), *_ = np.linalg.lstsq(row_mf[:, PAIRS], row_mf[:, -1], rcond=None)
    assert best < squares < 2.0 * best


def test_answers_of_pairs_weigh_as_much_as_they_are_good(rng: np.random.Generator) -> None:
    regression = regression_of(rng)
    teacher_f, squares = low_order_teacher(regression, PAIRS)
    rows = DisplacedRows(factor_of(rng.normal(size=(20, N + 1))), (PAIRS,))
    assert list(low_order_lessons(rows, regression, choice_of(0.5 * POOR * squares))) == []
    assert list(low_order_lessons(replace(rows, factor=nothing()), regression, choice_of(squares))) == []
    size = rows.factor.rows()[:, :-1] @ teacher_f
    for share in (1.0, 0.01):
        lessons = list(low_order_lessons(rows, regression, choice_of(min(5.0, share) * squares)))
        assert [lesson.residual(teacher_f) for lesson in lessons] == pytest.approx([0.0] * len(EMPHASES), abs=1e-15)
        sizes = [lesson.residual(np.zeros(N)) for lesson in lessons]
        np.testing.assert_allclose(sizes, share * LOW_ORDER_WEIGHT * np.array(EMPHASES) * (size @ size))


def test_teachers_of_low_order_answer_in_turns(rng: np.random.Generator) -> None:
    regression = regression_of(rng)
    rows = DisplacedRows(factor_of(rng.normal(size=(20, N + 1))), (PAIRS, np.arange(N - 1)))
    answers = [low_order_teacher(regression, column_f)[0] for column_f in rows.columns]
    lessons = list(low_order_lessons(rows, regression, choice_of(1e9)))
    assert len(lessons) == 2 * len(EMPHASES)
    for number, lesson in enumerate(lessons):
        assert lesson.residual(answers[number % 2]) == pytest.approx(0.0, abs=1e-15)
        assert lesson.residual(answers[(number + 1) % 2]) > 1e-6


def test_columns_of_low_order_are_those_of_pairs_and_of_squares() -> None:
    rng = np.random.default_rng(4)
    crystals = [strained(rng) for _ in range(6)]
    for atoms in crystals:
        atoms.rattle(0.1, seed=1)
    frames = [labelled(atoms) for atoms in crystals]
    size: dict[str, Any] = {"cutoff": 4.6, "channels": 4, "projections": 1}
    widths = [fit(frames, correlation=correlation, ridge=1e-6, **size).record["n_features"] for correlation in (2, 4)]
    columns: list[DisplacedRows] = []

    def none(_: Choice, rows: DisplacedRows, *, mixed: bool) -> Iterator[Choice]:
        assert not mixed
        columns.append(rows)
        return iter(())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "is_sound", lambda _: False)
        patch.setattr(engine, "taught_by_low_orders", none)
        fit(frames, **size)
    pair_f, triplet_f = columns[0].columns
    assert set(pair_f.tolist()) < set(triplet_f.tolist())
    assert len(triplet_f) == widths[0] < widths[1]


def test_a_dull_teacher_is_not_heard_where_labels_are_exact(rng: np.random.Generator) -> None:
    regression = regression_of(rng)
    size = regression.labelled.residual(np.zeros(N))
    assert dull_weight(regression, choice_of(size)) == 1.0
    assert dull_weight(regression, choice_of((0.1 * EXACT) ** 2 * size)) == pytest.approx(0.1)


def test_lessons_of_pairs_end_where_labels_would_suffer(rng: np.random.Generator) -> None:
    regression = regression_of(rng)
    rows = DisplacedRows(factor_of(100.0 * rng.normal(size=(20, N + 1))), (PAIRS,))
    _, squares = low_order_teacher(regression, PAIRS)
    free, bound = (Choice(regression, "", {}, choice_of(share * squares)) for share in (1e3, 0.01))
    assert len(list(taught_by_low_orders(free, rows, mixed=False))) == len(EMPHASES)
    assert 1 <= len(list(taught_by_low_orders(bound, rows, mixed=False))) < len(EMPHASES)
    assert list(taught_by_low_orders(Choice(regression, "", {}), rows, mixed=False)) == []


def test_lessons_of_pairs_join_those_of_the_dull_teacher_who_gives_way_nearby(rng: np.random.Generator) -> None:
    plain = regression_of(rng)
    others, near, rows = (factor_of(1e-3 * rng.normal(size=(20, N + 1))) for _ in range(3))  # labels allow all
    regression = replace(plain, far=others, unlabelled=near, teacher_ridge=1e-3)
    exact = choice_of((0.9 * EXACT) ** 2 * plain.labelled.residual(np.zeros(N)))
    displaced = DisplacedRows(rows, (PAIRS,))
    for mixed, weight in ((False, 0.9), (True, 1.0)):
        choice = Choice(regression, "", {}, exact)
        one = next(taught_by_low_orders(choice, displaced, mixed=mixed)).regression
        (lesson, *_) = low_order_lessons(displaced, plain, exact)
        some_f = rng.normal(size=N)
        assert one.ridge == regression.ridge
        assert one.far is not None
        assert one.unlabelled is not None
        assert one.far.residual(some_f) == pytest.approx(others.residual(some_f) + lesson.residual(some_f))
        assert one.unlabelled.residual(some_f) == pytest.approx(weight**2 * near.residual(some_f))


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
    return fit([strained(rng) for _ in range(30)], **settings)


def test_displacements_that_never_occur_cost_energy(strained_only: Potential) -> None:
    crystal = bulk("Cu", cubic=True)
    rest = strained_only.evaluate(crystal).energy_n.sum()
    for seed in range(8):
        for size in (0.1, 0.2, 0.3):
            atoms = crystal.copy()
            atoms.rattle(size, seed=seed)
            assert strained_only.evaluate(atoms).energy_n.sum() > rest
    assert is_sound(strained_only)


def test_without_pairs_they_would_not(strained_only: Potential, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "taught_by_low_orders", lambda *_, **__: iter(()))
    rng = np.random.default_rng(4)
    settings: dict[str, Any] = {"cutoff": 4.6, "channels": 8, "projections": 2}
    with pytest.warns(TrainingDataWarning, match=r"energies of the fitted potential fall by .* eV/atom"):
        fallen = fit([strained(rng) for _ in range(30)], **settings)
    assert not is_sound(fallen)
    assert fallen.record["stability"]["fall"] < 0.0 == strained_only.record["stability"]["fall"]


def test_a_burst_is_told_with_its_frame() -> None:
    test = {"burst": "it was hot", "frame": "frame 3", "femtoseconds": 7.0, "temperature": 600.0, "grade": 2.0}
    with pytest.warns(UserWarning, match="frame 3: molecular dynamics .* burst after 7 fs, because it was hot"):
        warn_of_dynamics({"stability": test})


def test_scaled_rows_are_weighted_rows(rng: np.random.Generator) -> None:
    factor = factor_of(rng.normal(size=(20, N + 1)))
    np.testing.assert_array_equal(scaled(factor, 0.5).rows(), 0.5 * factor.rows())
