"""The time step against momenta and displacements: wrong, varying, or masses that are wrong."""

from __future__ import annotations

import pytest
from ase import Atoms, units
from labelled import frames_of
from verlet_runs import TIMESTEP, run_of, shaken_crystal

from ase_rfhgn.errors import TrainingDataError, TrainingDataWarning
from ase_rfhgn.fitting.motion.timestep import TimeMeasurement, check_time, measure_time
from ase_rfhgn.structures.time_order import chronology


def measurement(structures: list[Atoms], stride: int = 1) -> TimeMeasurement:
    frames = frames_of(structures)
    return measure_time(frames, chronology(frames), stride)


@pytest.mark.parametrize("stride", [1, 2, 6])
def test_time_between_frames_is_measured(stride: int) -> None:
    measured = measurement(run_of(shaken_crystal(), 12, stride=stride), stride)
    assert measured.interval() == pytest.approx(stride * TIMESTEP, rel=1e-9 if stride == 1 else 2e-3)
    assert check_time(measured, stride * TIMESTEP, "run") == {}


@pytest.mark.parametrize("wrong", [0.8, 1.1, 2.0])
def test_wrong_time_step_is_refused_with_the_measured_one(wrong: float) -> None:
    measured = measurement(run_of(shaken_crystal(), 8))
    with pytest.raises(TrainingDataError, match=rf"^run: momenta say that frames are 5 fs apart.* {5 * wrong:.4g} fs"):
        check_time(measured, wrong * TIMESTEP, "run")


def test_varying_time_step_is_refused_with_its_place() -> None:
    first = run_of(shaken_crystal(), 9)
    second = run_of(first[-1], 8, timestep=6.0 * units.fs)
    with pytest.raises(TrainingDataError, match=r"^run, frame [789]: .* fs apart.* 5 fs"):
        check_time(measurement(first[:-1] + second), TIMESTEP, "run")


def test_a_missing_frame_is_refused() -> None:
    frames = run_of(shaken_crystal(), 12)
    with pytest.raises(TrainingDataError, match=r"frame [56]: .* apart"):
        check_time(measurement(frames[:6] + frames[7:]), TIMESTEP, "run")


def test_masses_are_measured_where_one_element_is_right() -> None:
    atoms = shaken_crystal(symbols="CuAl3")
    atoms.set_masses([63.546, 30.0, 30.0, 30.0])
    frames = run_of(atoms, 8)
    for frame in frames:
        frame.set_masses([63.546, 26.98, 26.98, 26.98])
    with pytest.warns(TrainingDataWarning, match=r"Al is 1\.112 times as heavy"):
        ratio_z = check_time(measurement(frames), TIMESTEP, "run")
    assert ratio_z == {13: pytest.approx(30.0 / 26.98, rel=1e-9)}
