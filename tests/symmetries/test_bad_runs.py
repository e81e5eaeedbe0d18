"""Runs that cannot be used are refused, or warned of, with the run, the frame and what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from integrable_systems import harmonic, pendulum

from ase_rfhgn.errors import TrainingDataError, TrainingDataWarning
from ase_rfhgn.symmetries import find_integrals, fit_canonical_map, read_runs

N_RUNS, N_FRAMES = 8, 12


def listed(spacing: float = 0.4, n_runs: int = N_RUNS, n_frames: int = N_FRAMES) -> list[list[Atoms]]:
    system = harmonic((1.0,))
    state_gtd = system.trajectories(np.random.default_rng(0), n_runs, n_frames, spacing)
    return [[system.atoms(state_d[:1], state_d[1:]) for state_d in state_td] for state_td in state_gtd]


@pytest.mark.parametrize("find", [find_integrals, fit_canonical_map])
def test_one_trajectory_is_no_ensemble(find: object) -> None:
    with pytest.raises(TrainingDataError, match=r"only 1 run \(run 0\).*give more runs"):
        find(listed()[0])  # type: ignore[operator]
    with pytest.raises(TrainingDataError, match="there are 2 runs"):
        find(listed()[:2])  # type: ignore[operator]


def test_one_frame_is_no_motion() -> None:
    runs = listed()
    with pytest.raises(TrainingDataError, match=r"run 1: 1 frame\(s\) show no motion"):
        read_runs([runs[0], runs[1][:1]])
    with pytest.raises(TrainingDataError, match="single structure"):
        read_runs([runs[0], runs[1][0]])  # type: ignore[arg-type]
    with pytest.raises(TrainingDataError, match="there are no runs"):
        read_runs([])


@pytest.mark.parametrize("find", [find_integrals, fit_canonical_map])
def test_unequal_spacing_is_found(find: object) -> None:
    runs = listed(n_frames=24)
    del runs[3][9:12]
    with pytest.raises(TrainingDataError, match="run 3: frames 8 and 9 are not as far apart"):
        find(runs)  # type: ignore[operator]


@pytest.mark.parametrize("find", [find_integrals, fit_canonical_map])
def test_momenta_are_needed(find: object) -> None:
    runs = listed()
    for atoms in runs[2]:
        atoms.set_momenta(np.zeros((1, 3)))
    with pytest.raises(TrainingDataError, match="no momenta"):
        find(runs)  # type: ignore[operator]


@pytest.mark.parametrize("what", ["position", "momentum"])
def test_nan_names_the_frame(what: str) -> None:
    runs = listed()
    if what == "position":
        runs[4][7].positions[0, 1] = np.nan
    else:
        runs[4][7].arrays["momenta"][0, 1] = np.nan
    with pytest.raises(TrainingDataError, match=f"run 4, frame 7.*{what}"):
        find_integrals(runs)


def test_other_atoms_are_refused() -> None:
    runs = listed()
    runs[5][3].set_masses([2.0])
    with pytest.raises(TrainingDataError, match="run 5, frame 3: its masses differ"):
        read_runs(runs)
    runs = listed()
    runs[6] = [Atoms("He", momenta=[(1.0, 0.0, 0.0)])] * 4
    with pytest.raises(TrainingDataError, match="run 6, frame 0: its atoms differ"):
        read_runs(runs)


def rotating() -> list[list[Atoms]]:
    system = pendulum()
    rng = np.random.default_rng(0)
    start = rng.uniform(-1.0, 1.0, (N_RUNS, 1)), rng.uniform(2.5, 3.0, (N_RUNS, 1))
    state_gtd = system.followed(start, 40, 0.4)
    return [[system.atoms(state_d[:1], state_d[1:]) for state_d in state_td] for state_td in state_gtd]


def test_unbound_motion_has_no_oscillations() -> None:
    with pytest.raises(TrainingDataError, match="run 0: the motion is not bound"):
        fit_canonical_map(rotating())
    with pytest.warns(TrainingDataWarning, match="drift away steadily"):
        find_integrals(rotating(), n_units=30)


def thermostatted() -> list[list[Atoms]]:
    runs = listed(n_frames=20)
    for run in runs:
        for step, atoms in enumerate(run):
            energy = 0.5 * float(atoms.positions[0, 0]) ** 2 + 0.3 * step
            atoms.calc = SinglePointCalculator(atoms, energy=energy)
    return runs


@pytest.mark.parametrize("find", [find_integrals, fit_canonical_map])
def test_a_thermostat_is_warned_of(find: object) -> None:
    with pytest.warns(TrainingDataWarning, match="run 0: the total energy is not constant"):
        find(thermostatted())  # type: ignore[operator]


def test_large_systems_are_sent_to_normal_modes() -> None:
    rng = np.random.default_rng(0)
    runs = [[Atoms("H10", rng.normal(size=(10, 3)), momenta=rng.normal(size=(10, 3)))] for _ in range(4)]
    for run in runs:
        run += [
            Atoms(
                "H10",
                run[0].positions + 0.1 * step * run[0].get_momenta() + 0.01 * rng.normal(size=(10, 3)),
                momenta=rng.normal(size=(10, 3)),
            )
            for step in range(1, 10)
        ]
    with pytest.raises(TrainingDataError, match=r"degrees of freedom.*normal_modes"):
        fit_canonical_map(runs)


def test_files_and_globs_are_runs(tmp_path: Path) -> None:
    for number, run in enumerate(listed(n_runs=3)):
        write(tmp_path / f"run{number}.traj", run)
    runs = read_runs(str(tmp_path / "run*.traj"))
    assert runs.name_g == ("run0.traj", "run1.traj", "run2.traj")
    assert runs.force_mnc is None
    assert (runs.position_mnc == read_runs(listed(n_runs=3)).position_mnc).all()
    with pytest.raises(TrainingDataError, match="no such file"):
        read_runs([str(tmp_path / "run9.traj")])
