"""Normal modes of copper at 300 K from few frames of molecular dynamics, against finite displacements.

    python examples/paper/copper_modes.py [--quick] [--output figures]

ASE's effective medium theory, 32 atoms, microcanonical runs and Langevin runs with a strong friction of 10/ps.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet
from matplotlib.figure import Figure
from results_page import Options, clocked, parse, publish, table

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.reports.motion_plots import plot_mode_frequencies, plot_velocity_spectrum
from ase_rfhgn.symmetries import NormalModes, Runs, normal_modes, read_runs

LATTICE_CONSTANT = 3.5943
KELVIN, STEP_FS, EVERY = 300.0, 5.0, 4
FRICTION_PER_FS = 0.01
DISPLACEMENT = 0.01

EXPLANATION = """
Frames 20 fs apart after equilibration. "with forces": 30 frames spread evenly over the run. "without": frames in a
row, no forces, and no time step given but where it is said. The relaxed crystal is the reference. RMS and mean of the
differences from the frequencies of finite displacements at 0 K, which are 3.5–8.1 THz. "effective": at the
temperature of the run, where the true shift is some 0.04 THz (RMS). "harmonic": of small displacements, cubic and
quartic terms of bonds taken off. "errors": root mean square of the errors that `normal_modes` states. Runs with
different velocities each.
"""


def main() -> None:
    """Run, find modes, compare, print, draw and publish."""
    options = parse(__doc__)
    sites = bulk("Cu", "fcc", a=LATTICE_CONSTANT, cubic=True) * ((1, 1, 1) if options.quick else (2, 2, 2))
    truth_u = finite_displacements(sites)
    n_frames = 40 if options.quick else 300
    rows, shown = [], None
    for ensemble, thermostat in (("NVE", False), ("Langevin", True)):
        for seed in range(1 if options.quick else 3 if thermostat else 6):
            runs = read_runs([molecular_dynamics(sites, n_frames, seed, thermostat=thermostat)])
            for name, chosen, timestep in list(choices(runs, n_frames))[: 2 if options.quick else None]:
                with clocked() as clock, warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # thermostats are meant here
                    modes = normal_modes(chosen, reference=sites, timestep=timestep)
                    harmonic = normal_modes(chosen, reference=sites, timestep=timestep, harmonic=True)
                record = modes.record
                cells = [record["estimator"], *compared(modes, truth_u), *compared(harmonic, truth_u)]
                found = [record["timestep_fs"], record["friction_per_ps"], clock.cpu]
                rows.append([ensemble, seed, name, *cells, *found])
                print(rows[-1], flush=True)
                shown = harmonic if shown is None or (name.startswith("300") and not thermostat) else shown
    if shown is not None:
        draw(shown, options)
    head = ["run", "seed", "frames", "estimator", "effective: RMS (THz)", "mean", "errors", "harmonic: RMS (THz)"]
    head += ["mean", "errors", "time step (fs)", "friction (1/ps)", "CPU s of both"]
    publish(
        "copper_modes", "15. Normal modes of copper at 300 K", EXPLANATION.strip() + "\n\n" + table(head, rows), options
    )


def choices(runs: Runs, n_frames: int) -> Iterable[tuple[str, Runs, float | None]]:
    """Yield what is given to the fit: few frames with forces, and all without, with or without the time step."""
    spread = np.linspace(0, n_frames - 1, min(30, n_frames)).astype(np.int64)
    yield f"{len(spread)} with forces", of_frames(runs, spread), None
    without = replace(runs, force_mnc=None, energy_m=None)
    yield f"{n_frames} without", without, None
    yield f"{n_frames} without, step given", without, EVERY * STEP_FS * units.fs
    yield f"{n_frames // 3} without", of_frames(without, np.arange(n_frames // 3)), None


def of_frames(runs: Runs, frames: IntArray) -> Runs:
    """Return some frames of a single run."""

    def rows(array: FloatArray | None) -> FloatArray | None:
        return None if array is None else array[frames]

    return replace(
        runs,
        position_mnc=runs.position_mnc[frames],
        momentum_mnc=rows(runs.momentum_mnc),
        force_mnc=rows(runs.force_mnc),
        energy_m=rows(runs.energy_m),
        start_g=np.array([0, len(frames)]),
    )


def compared(modes: NormalModes, truth_u: FloatArray) -> tuple[float, float, float]:
    """Return RMS and mean of the differences from true frequencies, and the error that is stated (THz)."""
    gap_u = modes.frequencies_thz - truth_u
    stated = float(np.sqrt((modes.frequencies_thz_error**2).mean()))
    return float(np.sqrt((gap_u**2).mean())), float(gap_u.mean()), stated


def molecular_dynamics(sites: Atoms, n_frames: int, seed: int, *, thermostat: bool) -> list[Atoms]:
    """Return frames of a run with energies and forces."""
    rng = np.random.default_rng(seed)
    atoms = sites.copy()
    atoms.calc = EMT()
    thermalize_momenta(atoms, KELVIN if thermostat else 2.0 * KELVIN, rng=rng)
    Stationary(atoms)
    step = STEP_FS * units.fs
    driver: MolecularDynamics = VelocityVerlet(atoms, step)
    if thermostat:
        driver = Langevin(atoms, step, temperature_K=KELVIN, friction=FRICTION_PER_FS / units.fs, fixcm=False, rng=rng)
    driver.run(100 if n_frames < 100 else 600)
    frames: list[Atoms] = []

    def keep() -> None:
        frame = atoms.copy()
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        frame.calc = SinglePointCalculator(frame, **labels)
        frames.append(frame)

    driver.attach(keep, interval=EVERY)
    driver.run(EVERY * n_frames)
    return frames[-n_frames:]


def finite_displacements(sites: Atoms) -> FloatArray:
    """Return the frequencies of the relaxed crystal, without the three translations (THz)."""
    atoms = sites.copy()
    atoms.calc = EMT()
    columns = []
    for n, c in np.ndindex(len(atoms), 3):
        forces = []
        for sign in (1.0, -1.0):
            atoms.positions = sites.positions
            atoms.positions[n, c] += sign * DISPLACEMENT
            forces.append(atoms.get_forces().ravel())
        columns.append((forces[1] - forces[0]) / (2.0 * DISPLACEMENT))
    root = np.sqrt(np.repeat(sites.get_masses(), 3))
    square = np.linalg.eigvalsh(0.5 * (np.array(columns) + np.array(columns).T) / np.outer(root, root))
    return np.asarray(np.sqrt(square[3:]) * 1e3 * units.fs / (2.0 * np.pi))


def draw(modes: NormalModes, options: Options) -> None:
    """Draw frequencies with errors, and the spectrum of velocities beside them."""
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    panels: list[Callable[..., object]] = [
        partial(plot_mode_frequencies, modes.frequencies_thz, modes.frequencies_thz_error)
    ]
    if modes.spectrum is not None:
        curve = modes.spectrum.frequency_k, modes.spectrum.density_k, modes.frequencies_thz
        panels.append(partial(plot_velocity_spectrum, *curve))
    for panel, axes in zip(panels, (left, right), strict=False):
        panel(axes)
    figure.savefig(options.output / "copper_modes.png", dpi=110)


if __name__ == "__main__":
    main()
