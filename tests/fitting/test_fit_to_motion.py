"""Fits to runs without labels: the true forces come back, energies up to a constant that one frame fixes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from verlet_runs import TIMESTEP, run_of, shaken_crystal, without

from ase_rfhgn.errors import SettingsError, TrainingDataWarning
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.reports.comparison import evaluate_errors

SMALL: dict[str, Any] = {"cutoff": 4.6, "channels": 8, "projections": 2, "timestep": TIMESTEP, "ridge": 1e-8}


@pytest.fixture(scope="module")
def run() -> list[Atoms]:
    """Return labelled frames of a run."""
    return run_of(shaken_crystal(), 80)


@pytest.fixture(scope="module")
def unseen() -> list[Atoms]:
    """Return frames of another run, far apart."""
    return run_of(shaken_crystal(seed=7), 12, stride=5)


@pytest.fixture(scope="module")
def from_labels(run: list[Atoms]) -> Potential:
    """Return a fit to the labels of the run."""
    return fit(run, **SMALL)


def force_error(potential: Potential, unseen: list[Atoms]) -> float:
    error = evaluate_errors(potential, unseen).force_rmse
    assert error is not None
    return error


@pytest.mark.parametrize(("targets", "bar"), [("momenta", 1.5), ("positions", 2.0)])
def test_motion_teaches_forces_as_well_as_labels_do(
    run: list[Atoms], unseen: list[Atoms], from_labels: Potential, targets: str, bar: float
) -> None:
    potential = fit(without(run, momenta=targets == "positions"), **SMALL)
    assert potential.record["targets"].startswith(f"{targets} of frames 5 fs apart")
    assert force_error(potential, unseen) < bar * force_error(from_labels, unseen)


def test_labels_have_no_part_in_a_fit_to_motion(run: list[Atoms]) -> None:
    with_labels, bare = (fit(frames, targets="positions", **SMALL) for frames in (run[:20], without(run[:20])))
    np.testing.assert_array_equal(with_labels.coefficient_sf, bare.coefficient_sf)
    np.testing.assert_array_equal(with_labels.baseline.one_body_s, bare.baseline.one_body_s)


def test_one_known_energy_fixes_the_constant(run: list[Atoms], from_labels: Potential) -> None:
    relative, absolute = (
        fit(without(run), known_energy=known, **SMALL) for known in (None, (3, run[3].get_potential_energy()))
    )
    assert (relative.record["energies"], absolute.record["energies"]) == ("relative", "absolute")
    assert from_labels.record["energies"] == "absolute"
    assert absolute.evaluate(run[3]).energy == pytest.approx(run[3].get_potential_energy(), abs=1e-9)
    shift = [absolute.evaluate(atoms).energy - relative.evaluate(atoms).energy for atoms in run[::20]]
    assert np.ptp(shift) < 1e-9
    assert relative.evaluate(Atoms("Cu")).energy == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("known", "complaint"), [((8, 1.0), "there are 8 frames"), ((0, 1.0), "frames have energies")])
def test_known_energies_that_make_no_sense_are_refused(
    run: list[Atoms], known: tuple[int, float], complaint: str
) -> None:
    frames = run[:8] if known[0] == 0 else without(run[:8])
    with pytest.raises(SettingsError, match=complaint):
        fit(frames, known_energy=known, **SMALL)


def test_whitening_makes_noisy_positions_useful(run: list[Atoms], unseen: list[Atoms]) -> None:
    noisy = without(run, momenta=True)
    rng = np.random.default_rng(0)
    for atoms in noisy:
        atoms.positions += rng.normal(0.0, 1e-3, atoms.positions.shape)
    with pytest.warns(TrainingDataWarning, match=r"positions have a noise of 0\.00\d+ on Cu \(Å\)"):
        potential = fit(noisy, **SMALL)
    assert potential.record["train_rmse"]["motion"] > 0.3
    assert force_error(potential, unseen) < 0.15


def test_frames_of_every_third_step_are_enough(unseen: list[Atoms], from_labels: Potential) -> None:
    potential = fit(without(run_of(shaken_crystal(), 60, stride=3), momenta=True), stride=3, **SMALL)
    assert force_error(potential, unseen) < 2.0 * force_error(from_labels, unseen)
