"""Errors on frames left out are those of explicit fits; corrupted labels are named."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from known_truth import random_alloy
from labelled import labelled

from ase_rfhgn.errors import UpdateError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.left_out import left_out_errors, outliers
from ase_rfhgn.fitting.update import downdate
from ase_rfhgn.models.potential import Potential

BROKEN = 7


def coppers(n_frames: int) -> list[Atoms]:
    """Return labelled crystals of copper."""
    return [labelled(random_alloy(["Cu"], seed, a=3.6)) for seed in range(n_frames)]


def small_fit(frames: list[Atoms]) -> Potential:
    return fit(frames, cutoff=4.5, channels=5, projections=1, updatable=True)


def test_errors_are_those_of_fits_without_the_frame() -> None:
    frames = coppers(16)
    potential = small_fit(frames)
    for i, error in enumerate(left_out_errors(potential, frames)[:4]):
        answer = downdate(potential, [frames[i]]).evaluate(frames[i])
        assert error.index == i
        assert error.energy == pytest.approx((frames[i].get_potential_energy() - answer.energy) / 4, abs=1e-8)
        force_rmse = np.sqrt(np.mean((frames[i].get_forces() - answer.force_nc) ** 2))
        assert error.force_rmse == pytest.approx(force_rmse, abs=1e-7)


@pytest.mark.filterwarnings("ignore::ase_rfhgn.errors.TrainingDataWarning")  # of the copies
def test_copies_are_left_out_together() -> None:
    frames = coppers(12)
    copies = [*frames, frames[3], frames[3], frames[7]]
    potential = small_fit(copies)
    errors = left_out_errors(potential, copies)
    assert [error.index for error in errors] == list(range(15))
    answer = downdate(potential, [frames[3]] * 3).evaluate(frames[3])
    expected = (frames[3].get_potential_energy() - answer.energy) / 4
    for i in (3, 12, 13):
        assert errors[i].energy == pytest.approx(expected, abs=1e-8)
    assert errors[7].force_rmse == pytest.approx(errors[14].force_rmse)


@pytest.mark.parametrize("label", ["energy", "forces", "stress"])
@pytest.mark.filterwarnings("ignore::ase_rfhgn.errors.TrainingDataWarning")  # the fit sees it, too
def test_a_frame_with_a_corrupted_label_is_named(label: str) -> None:
    frames = coppers(30)
    true = frames[BROKEN].calc.results[label]
    rng = np.random.default_rng(1)
    wrong = {"energy": 2.0, "forces": rng.normal(0.0, 3.0, (4, 3)), "stress": 0.3}[label]
    frames[BROKEN] = labelled(frames[BROKEN], **{label: true + wrong})
    named = outliers(left_out_errors(small_fit(frames), frames))
    assert named
    assert named[0].name == f"structures, frame {BROKEN}"


def test_clean_frames_are_left_in_peace() -> None:
    frames = coppers(30)
    assert not outliers(left_out_errors(small_fit(frames), frames))


def test_frames_of_other_fits_are_refused() -> None:
    frames = coppers(12)
    with pytest.raises(UpdateError, match="frame 0: not one of the frames"):
        left_out_errors(small_fit(frames[:10]), frames[10:])
