"""The demonstration: from a trajectory to molecular dynamics, on copper, with only ASE's EMT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.io.trajectory import Trajectory
from ase.md.verlet import VelocityVerlet

from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.elasticity import elastic_constants
from ase_rfhgn.properties.ensembles import draw_momenta
from ase_rfhgn.reports.comparison import compare, errors_of, parities_of
from ase_rfhgn.reports.metrics import Errors
from ase_rfhgn.reports.plots import save_figure
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.runtime.progress import progress_bar

LATTICE_CONSTANT = 3.6
"""Where the search for copper's lattice constant begins (Å)."""
STRAINED_FRAMES = 12
LARGEST_STRAIN = 0.04
LARGEST_RATTLE = 0.15
"""Largest standard deviation of the atoms from their sites (Å)."""
TRAIN_TEMPERATURES = (300.0, 700.0, 1100.0)
UNSEEN_TEMPERATURES = (500.0, 900.0)
FRAMES_PER_RUN = 8
STEPS_BETWEEN_FRAMES = 10
TIME_STEP = 5.0 * units.fs
NVE_STEPS = 200


@dataclass(frozen=True, slots=True)
class CubicProperties:
    """Static properties of a cubic crystal.

    Attributes
    ----------
    lattice_constant : float
        Edge of the cubic cell at zero pressure (Å).
    bulk_modulus, c11, c12, c44 : float
        Elastic constants there (GPa).
    """

    lattice_constant: float
    bulk_modulus: float
    c11: float
    c12: float
    c44: float


@dataclass(frozen=True, slots=True)
class EnergyConservation:
    """How well dynamics without thermostat keep the total energy.

    Attributes
    ----------
    n_atoms : int
        Size of the crystal.
    picoseconds : float
        Length of the run.
    drift : float
        Slope of the total energy (meV/atom/ps).
    fluctuation : float
        Root mean square of the total energy around that line (meV/atom).
    """

    n_atoms: int
    picoseconds: float
    drift: float
    fluctuation: float


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Results of the demonstration.

    Attributes
    ----------
    train_errors, unseen_errors : Errors
        Errors on the frames of the fit and on frames from other runs at other temperatures.
    properties, reference : CubicProperties
        Copper by the fitted potential and by EMT.
    conservation : EnergyConservation
        Dynamics with the fitted potential.
    fit_record : dict
        The potential's training record.
    folder : Path
        Where the files are.
    """

    train_errors: Errors
    unseen_errors: Errors
    properties: CubicProperties
    reference: CubicProperties
    conservation: EnergyConservation
    fit_record: dict[str, Any]
    folder: Path


def run_demo(folder: str | Path = ".", *, progress: bool = False) -> DemoResult:
    """Make copper frames with EMT, fit and use a potential, and return the results.

    Parameters
    ----------
    folder : str or Path, default "."
        Where to write ``copper_train.traj``, ``copper_unseen.traj``, ``copper.npz`` and ``parity.png``.
    progress : bool, default False
        Whether long work shows progress on a terminal.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    train, unseen = folder / "copper_train.traj", folder / "copper_unseen.traj"
    write_frames(train, TRAIN_TEMPERATURES, severity=1.0, seed=0, progress=progress)
    write_frames(unseen, UNSEEN_TEMPERATURES, severity=0.7, seed=1, progress=progress)

    potential = fit(train, progress=progress)
    potential.save(folder / "copper.npz")

    comparisons = list(compare(potential, unseen))
    save_figure(parities_of(comparisons), folder / "parity.png", title="Copper frames that the fit never saw")
    return DemoResult(
        train_errors=errors_of(compare(potential, train)),
        unseen_errors=errors_of(comparisons),
        properties=cubic_properties(RFHGNCalculator(potential)),
        reference=cubic_properties(EMT()),
        conservation=conserve_energy(potential, progress=progress),
        fit_record=potential.record,
        folder=folder,
    )


def write_frames(
    path: Path, temperatures: Sequence[float], *, severity: float, seed: int, progress: bool = False
) -> None:
    """Write strained copper crystals and frames of thermal runs, labelled by EMT, to a trajectory."""
    generator = np.random.default_rng(seed)
    frames = chain(strained_frames(severity, generator), thermal_frames(temperatures, generator))
    n_frames = STRAINED_FRAMES + len(temperatures) * FRAMES_PER_RUN

    def write(whole: Path) -> None:
        with Trajectory(whole, "w") as trajectory:
            for atoms in progress_bar(frames, "copper by EMT", total=n_frames, shown=progress):
                atoms.get_stress()
                trajectory.write(atoms)

    atomic_write(path, write)


def strained_frames(severity: float, generator: np.random.Generator) -> Iterator[Atoms]:
    """Yield crystals under random strain, with atoms off their sites, that carry EMT.

    Parameters
    ----------
    severity : float
        Fraction of the largest strain and of the largest displacements that may occur.
    generator : numpy.random.Generator
        Source of the random numbers.
    """
    for _ in range(STRAINED_FRAMES):
        atoms = copper(repeat=2)
        strain_cc = severity * generator.uniform(-LARGEST_STRAIN, LARGEST_STRAIN, (3, 3))
        atoms.set_cell(atoms.cell @ (np.eye(3) + 0.5 * (strain_cc + strain_cc.T)), scale_atoms=True)
        rattle = severity * generator.uniform(0.0, LARGEST_RATTLE)
        atoms.positions += generator.normal(0.0, rattle, atoms.positions.shape)
        atoms.calc = EMT()
        yield atoms


def thermal_frames(temperatures: Sequence[float], generator: np.random.Generator) -> Iterator[Atoms]:
    """Yield frames of one run at constant energy per temperature (K); the atoms carry EMT."""
    for temperature in temperatures:
        atoms = copper(repeat=2)
        atoms.calc = EMT()
        draw_momenta(atoms, 2.0 * temperature, generator)
        dynamics = VelocityVerlet(atoms, TIME_STEP)
        for _ in range(FRAMES_PER_RUN):
            dynamics.run(STEPS_BETWEEN_FRAMES)
            yield atoms


def copper(repeat: int) -> Atoms:
    """Return a cubic copper crystal of ``4 repeat³`` atoms."""
    crystal: Atoms = bulk("Cu", "fcc", a=LATTICE_CONSTANT, cubic=True) * (repeat, repeat, repeat)
    return crystal


def cubic_properties(calculator: Calculator) -> CubicProperties:
    """Return the lattice constant and the elastic constants of copper by a calculator."""
    found = elastic_constants(calculator, copper(repeat=1))
    stiffness_vv = found.stiffness_gpa
    return CubicProperties(
        lattice_constant=float(np.cbrt(4.0 * found.volume_a3)),
        bulk_modulus=found.bulk_modulus_gpa,
        c11=float(stiffness_vv[0, 0]),
        c12=float(stiffness_vv[0, 1]),
        c44=float(stiffness_vv[3, 3]),
    )


def conserve_energy(potential: Potential, *, progress: bool = False) -> EnergyConservation:
    """Return how well the fitted potential keeps the energy of 108 copper atoms during 1 ps at 300 K."""
    atoms = copper(repeat=3)
    atoms.calc = RFHGNCalculator(potential)
    draw_momenta(atoms, 600.0, np.random.default_rng(2))
    dynamics = VelocityVerlet(atoms, TIME_STEP)
    steps = progress_bar(dynamics.irun(NVE_STEPS), "NVE", total=NVE_STEPS + 1, shown=progress)
    energy_i = np.array([1000.0 * atoms.get_total_energy() / len(atoms) for _ in steps])
    time_i = np.arange(len(energy_i)) * TIME_STEP / (1000.0 * units.fs)
    slope, intercept = np.polyfit(time_i, energy_i, 1)
    return EnergyConservation(
        n_atoms=len(atoms),
        picoseconds=float(time_i[-1]),
        drift=float(slope),
        fluctuation=float(np.std(energy_i - slope * time_i - intercept)),
    )
