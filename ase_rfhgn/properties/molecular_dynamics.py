"""Molecular dynamics by ASE's drivers: constant energy, thermostats, barostat; with log, trajectory and restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import CalculationFailed
from ase.io.trajectory import Trajectory
from ase.md.logger import MDLogger
from ase.md.md import MolecularDynamics

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import ConvergenceError, SettingsError, StructureError
from ase_rfhgn.properties.committee import Committee, Model, require_crystal, with_calculator
from ase_rfhgn.properties.ensembles import Run, draw_momenta
from ase_rfhgn.properties.results import Result
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.cell import has_volume

PICOSECOND = 1000.0 * units.fs

STEP = "md_step"
"""Entry of ``info`` of the frames of a trajectory: the number of the step."""


@dataclass(frozen=True, slots=True)
class RunResult(Result):
    """Results of a run.

    Attributes
    ----------
    n_steps : int
        Steps from the beginning of the run, earlier parts included.
    time_ps, timestep_fs : float
        Their time (ps), and the time step (fs).
    temperature_k, temperature_k_error : float
        Mean temperature of the second half (K), and the standard error of this mean.
    energy_ev, energy_ev_error : float
        Mean potential energy per atom of the second half (eV), and its error bar by the potential at the last frame.
    pressure_gpa : float or None
        Mean pressure of the second half, kinetic part included (GPa).
    total_energy_drift_ev : float
        Change of potential plus kinetic energy per atom (eV); constant-energy runs have a small one.
    gamma : float or None
        Largest extrapolation grade at the last frame.
    ensemble : str
        The ensemble.
    times_ps, temperatures_k, total_energies_ev : ndarray of shape (n_frames,)
        Time (ps), temperature (K), and potential plus kinetic energy per atom (eV) of every frame.
    atoms : ase.Atoms
        The last frame, with momenta.
    """

    n_steps: int
    time_ps: float
    timestep_fs: float
    temperature_k: float
    temperature_k_error: float | None
    energy_ev: float
    energy_ev_error: float | None
    pressure_gpa: float | None
    total_energy_drift_ev: float
    gamma: float | None
    ensemble: str
    times_ps: FloatArray
    temperatures_k: FloatArray
    total_energies_ev: FloatArray
    atoms: Atoms


def molecular_dynamics(
    model: Model | Committee,
    atoms: Atoms,
    run: Run,
    *,
    trajectory: str | Path | None = None,
    log: str | Path | None = None,
    observer: Callable[[Atoms], object] | None = None,
    restart: bool = False,
    progress: bool = False,
) -> RunResult:
    """Return the results of molecular dynamics, by a driver of ASE.

    Parameters
    ----------
    model : Potential, path or ase.calculators.calculator.Calculator
        What gives energies and forces.
    atoms : ase.Atoms
        Where to start. Without momenta, it gets random ones of the temperature, without drift.
    run : Run
        Ensemble, temperature, time.
    trajectory : path, optional
        File of frames with momenta, as ASE's trajectories.
    log : path, optional
        File of time, energies and temperature, one line per frame.
    observer : callable, optional
        Called with the structure at every frame, such as `ase_rfhgn.ExtrapolationObserver`.
    restart : bool, default False
        Whether to go on from the last frame of the trajectory up to the time of the whole run. Hidden variables
        of thermostats and barostats begin anew.
    progress : bool, default False
        Whether to show progress on a terminal.

    Raises
    ------
    SettingsError
        If there is nothing to go on from, or the driver refuses a constraint.
    StructureError
        If the structure cannot be evaluated, or has no volume that could change.
    ConvergenceError
        If the run bursts: atoms coincide, or results are not finite.
    ExtrapolationError
        If the observer stops the run.
    """
    if run.ensemble.startswith("npt"):
        require_crystal(atoms)
    committee = Committee.of(model)
    first, start = _last_frame(trajectory) if restart else (0, atoms)
    moving = with_calculator(start, committee.calculator)
    moving.get_forces()  # a structure that cannot be evaluated is refused before anything is written
    rng = np.random.default_rng([run.seed, first])
    if not moving.get_momenta().any():
        draw_momenta(moving, run.temperature, rng)
    driver = _driver(run, moving, rng)
    driver.nsteps = first
    record = _Record(moving, driver)
    driver.attach(record, run.interval)
    if observer is not None:
        driver.attach(observer, run.interval, moving)
    if log is not None:
        driver.attach(
            MDLogger(driver, moving, str(log), header=not restart, mode="a" if restart else "w"), run.interval
        )
    total = max(run.n_steps(moving) - first, 0)
    if trajectory is None:
        _run(driver, total, progress=progress)
    else:
        with Trajectory(trajectory, "a" if restart else "w") as frames:
            driver.attach(lambda: _write(frames, moving, driver.nsteps), run.interval)
            _run(driver, total, progress=progress)
            if driver.nsteps % run.interval and total:
                _write(frames, moving, driver.nsteps)
    if not record.values or driver.nsteps % run.interval:
        record()
    return _result(committee, run, driver, record)


class _Record:
    """Energies, temperatures and pressures of the frames of a run."""

    def __init__(self, atoms: Atoms, driver: MolecularDynamics) -> None:
        self.atoms, self.driver = atoms, driver
        self.values: list[tuple[float, ...]] = []

    def __call__(self) -> None:
        atoms = self.atoms
        pressure = -atoms.get_stress(include_ideal_gas=True)[:3].mean() if has_volume(atoms) else np.nan
        energy, kinetic = atoms.get_potential_energy(), atoms.get_kinetic_energy()
        time = self.driver.nsteps * self.driver.dt / PICOSECOND
        self.values.append((atoms.get_temperature(), energy, energy + kinetic, float(pressure), time))


def _result(committee: Committee, run: Run, driver: MolecularDynamics, record: _Record) -> RunResult:
    atoms = record.atoms
    value_ti = np.array(record.values)
    half_ti = value_ti[len(value_ti) // 2 :]
    temperature, energy, _, pressure, _ = half_ti.mean(axis=0)
    doubt = committee.uncertainty(atoms)
    return RunResult(
        n_steps=int(driver.nsteps),
        time_ps=float(driver.nsteps * driver.dt / PICOSECOND),
        timestep_fs=float(driver.dt / units.fs),
        temperature_k=float(temperature),
        temperature_k_error=_standard_error(half_ti[:, 0]),
        energy_ev=float(energy) / len(atoms),
        energy_ev_error=None if doubt is None else doubt.energy / len(atoms),
        pressure_gpa=float(pressure / units.GPa) if np.isfinite(pressure) else None,
        total_energy_drift_ev=float(value_ti[-1, 2] - value_ti[0, 2]) / len(atoms),
        gamma=None if doubt is None else float(doubt.grade_n.max()),
        ensemble=run.ensemble,
        times_ps=value_ti[:, 4],
        temperatures_k=value_ti[:, 0],
        total_energies_ev=value_ti[:, 2] / len(atoms),
        atoms=atoms,
    )


def _standard_error(value_t: Any, blocks: int = 5) -> float | None:  # noqa: ANN401  # an array
    """Return the standard error of a mean from means of blocks, None if there are too few values."""
    if len(value_t) < 2 * blocks:
        return None
    mean_i = [block.mean() for block in np.array_split(value_t, blocks)]
    return float(np.std(mean_i, ddof=1) / np.sqrt(blocks))


def _run(driver: MolecularDynamics, steps: int, *, progress: bool) -> None:
    try:
        for _ in progress_bar(driver.irun(steps), "dynamics", total=steps + 1, shown=progress):
            pass
    except (StructureError, CalculationFailed) as error:
        message = f"the run burst at step {driver.nsteps}: {error}; look at grades, or take a shorter time step"
        raise ConvergenceError(message) from error


def _driver(run: Run, atoms: Atoms, rng: np.random.Generator) -> MolecularDynamics:
    try:
        return run.driver(atoms, rng)
    except (NotImplementedError, ValueError) as error:
        message = f"the ensemble {run.ensemble} does not run here: {error}"
        raise SettingsError(message) from error


def _write(frames: Any, atoms: Atoms, step: int) -> None:  # noqa: ANN401  # a writer of ASE
    """Write a frame with the number of its step."""
    atoms.info[STEP] = step
    frames.write(atoms)


def _last_frame(trajectory: str | Path | None) -> tuple[int, Atoms]:
    """Return the number of the step and the structure of the last frame of a trajectory."""
    if trajectory is None or not Path(trajectory).exists():
        message = f"there is nothing to go on from: {trajectory} does not exist"
        raise SettingsError(message)
    try:
        with Trajectory(trajectory) as frames:
            last: Atoms = frames[-1]
    except Exception as error:  # readers raise errors of all kinds on a damaged file
        message = f"{trajectory}: cannot be read as a trajectory ({type(error).__name__}: {error})"
        raise SettingsError(message) from error
    if STEP not in last.info:
        message = f"{trajectory}: its last frame does not say which step it is; it is of another program"
        raise SettingsError(message)
    return int(last.info[STEP]), last
