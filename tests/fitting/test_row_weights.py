"""Weights of rows: calm crystals count more, frames that nothing predicts count less, wrong labels are survived."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn import Potential, downdate, evaluate_errors, fit, left_out_errors, update
from ase_rfhgn.fitting import engine
from ase_rfhgn.fitting.grouping import Group
from ase_rfhgn.fitting.linear_model import KINDS
from ase_rfhgn.fitting.row_weights import FrameWeights, LeftOutWeights, calm_stress_weights, weighted_mean_square


def fitted(frames: list[Atoms], *, ridge: float | None = None, updatable: bool = False) -> Potential:
    """Return a small potential."""
    return fit(frames, channels=6, projections=1, cutoff=4.5, threads=1, ridge=ridge, updatable=updatable)


WRONG = [5, 13, 22]
"""Frames whose forces are wrong."""


def labelled(atoms: Atoms, *, force_error: float = 0.0) -> Atoms:
    """Return a structure with labels of EMT, perhaps with wrong forces."""
    atoms.calc = EMT()
    forces = atoms.get_forces() + force_error * np.random.default_rng(1).normal(size=(len(atoms), 3))
    atoms.calc = SinglePointCalculator(
        atoms, energy=atoms.get_potential_energy(), forces=forces, stress=atoms.get_stress()
    )
    return atoms


def copper(n_frames: int, seed: int, *, displacement: float = 0.1) -> list[Atoms]:
    """Return displaced and strained copper cells with labels of EMT."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(n_frames):
        atoms = bulk("Cu", cubic=True) * (2, 2, 1)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.02 * rng.normal(size=(3, 3))), scale_atoms=True)
        atoms.rattle(displacement, rng=rng)
        frames.append(labelled(atoms))
    return frames


def test_the_stress_of_calm_dense_frames_counts_more() -> None:
    force_rms_i = np.array([0.0, 0.1, 1.0, 2.0, 0.0, np.nan, 0.0])
    volume_i = np.array([10.0, 10.0, 10.0, 10.0, 30.0, 10.0, np.nan])
    weight_i = calm_stress_weights(force_rms_i, volume_i)
    assert weight_i[0] == pytest.approx(5.0)
    assert weight_i[0] > weight_i[1] > weight_i[2] > weight_i[3] == 1.0
    np.testing.assert_array_equal(weight_i[4:], 1.0)  # vacuum, no forces, no stress


def test_weights_do_not_depend_on_the_unit_of_forces(rng: np.random.Generator) -> None:
    force_rms_i, volume_i = rng.uniform(0.0, 2.0, 20), np.full(20, 12.0)
    np.testing.assert_allclose(
        calm_stress_weights(force_rms_i, volume_i), calm_stress_weights(50.0 * force_rms_i, volume_i), rtol=1e-12
    )


def test_frames_of_usual_residual_keep_their_weight_and_others_lose_it(rng: np.random.Generator) -> None:
    group, coefficient_f = Group("fold 0", (0,)), rng.normal(size=5)
    weights = LeftOutWeights(FrameWeights(), {group: coefficient_f}, {group: np.arange(6)}, {"force": 1.0})
    feature_mf = rng.normal(size=(30, 5))
    for size, expected in ((0.01, 1.0), (1.0, (1.0 + 0.25) ** -0.25), (2000.0, 1000.0**-0.5)):
        row_mf = np.column_stack([feature_mf, feature_mf @ coefficient_f + size])
        np.testing.assert_allclose(weights.weigh(0, group, "force", row_mf), expected, rtol=1e-4)
    assert np.all(weights.weigh(0, Group("isolated atoms", (0,)), "force", row_mf) == 1.0)
    assert np.all(weights.weigh(0, group, "energy", row_mf[:1]) == 1.0)


def test_mean_squares_are_of_what_has_weight() -> None:
    assert weighted_mean_square(np.array([1.0, 7.0]), np.array([2.0, 0.0])) == pytest.approx(1.0)
    assert weighted_mean_square(np.ones(3), np.zeros(3)) == 0.0


@pytest.fixture(scope="module")
def spoilt() -> list[Atoms]:
    """Return sound frames, and a few whose forces are wrong by 5 eV/Å."""
    frames = copper(28, seed=3)
    for i in WRONG:
        frames[i] = labelled(frames[i].copy(), force_error=5.0)
    return frames


@pytest.mark.filterwarnings("ignore:.*forces that do not sum to zero:ase_rfhgn.errors.TrainingDataWarning")
@pytest.mark.filterwarnings("ignore:.*far from what a fit to other frames:ase_rfhgn.errors.TrainingDataWarning")
def test_sound_frames_are_fitted_in_spite_of_wrong_ones(spoilt: list[Atoms]) -> None:
    test_set = copper(10, seed=5)
    robust = evaluate_errors(fitted(spoilt), test_set).force_rmse
    squares = evaluate_errors(fitted(spoilt, ridge=1e-8), test_set).force_rmse
    assert robust is not None
    assert squares is not None
    assert robust < 0.5 * squares


@pytest.mark.filterwarnings("ignore:.*forces that do not sum to zero:ase_rfhgn.errors.TrainingDataWarning")
@pytest.mark.filterwarnings("ignore:.*far from what a fit to other frames:ase_rfhgn.errors.TrainingDataWarning")
def test_updates_know_the_weights_of_frames(spoilt: list[Atoms]) -> None:
    potential = fitted(spoilt, updatable=True)
    assert potential.linear_system is not None
    weight_ik = potential.linear_system["frame_weight_ik"]
    force_i = weight_ik[:, KINDS.index("force")]
    wrong_i = np.isin(np.arange(len(spoilt)), WRONG)
    assert force_i[wrong_i].max() < 0.3 < force_i[~wrong_i].min()
    fewer = downdate(potential, spoilt[:2])
    again = update(fewer, spoilt[:2])
    assert energy(again) == pytest.approx(energy(update(fewer, spoilt[:2])), abs=1e-12)
    worst = max(left_out_errors(potential, spoilt), key=lambda error: error.force_rmse or 0.0)
    assert wrong_i[worst.index]
    assert worst.force_rmse == pytest.approx(5.0, rel=0.5)  # of the labels, not of weighted rows


def energy(potential: Potential) -> float:
    return float(potential.evaluate(bulk("Cu", cubic=True)).energy)


@pytest.mark.filterwarnings("ignore:.*forces that do not sum to zero:ase_rfhgn.errors.TrainingDataWarning")
@pytest.mark.filterwarnings("ignore:.*far from what a fit to other frames:ase_rfhgn.errors.TrainingDataWarning")
def test_a_second_fit_that_predicts_all_frames_worse_is_not_kept(
    spoilt: list[Atoms], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOSS", 0.0)  # no second fit is as good as this
    potential = fitted(spoilt, updatable=True)
    assert potential.linear_system is not None
    np.testing.assert_array_equal(potential.linear_system["frame_weight_ik"][:, KINDS.index("force")], 1.0)
