"""Potentials from runs without forces: errors of forces on unseen frames, beside fits to labels.

    python examples/benchmarks/trajectories.py [copper argon stride noise thermostat ethanol]

prints a Markdown table per word. Runs of copper (effective medium theory, 108 atoms, 300 K, 5 fs)
and of argon (Lennard-Jones, 108 atoms, 40 K, 5 fs) are made by ASE on the spot; unseen frames come
from a run with another seed. The ethanol data are looked for in the folder that the variable
ASE_RFHGN_DATA names, else in ``../shared/data`` beside this checkout: its frames are random halves of two
Langevin runs at 500 K, stored every fifth step of 0.5 fs, so those that follow each other are found first.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import iread
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.velocitydistribution import Stationary
from ase.md.verlet import VelocityVerlet

from ase_rfhgn import fit
from ase_rfhgn.assessment import evaluate_errors
from ase_rfhgn.errors import RFHGNError

CHECKOUT = Path(__file__).resolve().parents[2]
TIMESTEP = 5.0 * units.fs
EQUILIBRATION = 200
UNSEEN_FRAMES, UNSEEN_STRIDE = 10, 20
SMALL: dict[str, Any] = {"channels": 12, "mixings": 3}
"""Features for the tables that need many fits."""
MEDIUM: dict[str, Any] = {"channels": 24, "mixings": 2}
"""Features for ethanol, whose noise hides what more of them could tell."""

HEAD = """\
| run | frames | fitted to | force RMSE eV/Å | against labels | left unexplained eV/Å | fit, CPU s | remarks |
|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Crystal:
    """A crystal, its potential and its temperature (K)."""

    name: str
    atoms: Atoms
    calculator: Calculator
    temperature: float


def copper() -> Crystal:
    """Return copper by effective medium theory."""
    return Crystal("copper, EMT", bulk("Cu", cubic=True) * 3, EMT(), 300.0)


def argon() -> Crystal:
    """Return argon with a smoothly cut Lennard-Jones potential."""
    calculator = LennardJones(sigma=3.4, epsilon=0.0104, rc=8.5, smooth=True)
    return Crystal("argon, Lennard-Jones", bulk("Ar", a=5.26, cubic=True) * 3, calculator, 40.0)


def run_of(crystal: Crystal, n_frames: int, stride: int = 1, friction: float = 0.0, seed: int = 0) -> list[Atoms]:
    """Return labelled frames of a run; a friction (1/fs) makes it one of Langevin dynamics."""
    atoms, rng = crystal.atoms.copy(), np.random.default_rng(seed)
    scale_n = np.sqrt(2.0 * units.kB * crystal.temperature * atoms.get_masses())
    atoms.set_momenta(scale_n[:, None] * rng.normal(size=(len(atoms), 3)))
    Stationary(atoms)
    atoms.calc = crystal.calculator
    VelocityVerlet(atoms, TIMESTEP).run(EQUILIBRATION)
    dynamics: MolecularDynamics = VelocityVerlet(atoms, TIMESTEP)
    if friction > 0.0:
        temperature = crystal.temperature
        dynamics = Langevin(
            atoms, TIMESTEP, temperature_K=temperature, friction=friction / units.fs, fixcm=False, rng=rng
        )
    frames = []
    for _ in range(n_frames):
        frame = atoms.copy()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), "stress": atoms.get_stress()}
        frame.calc = SinglePointCalculator(frame, **results)
        frames.append(frame)
        dynamics.run(stride)
    return frames


def line(
    run: str,
    frames: Sequence[Atoms],
    unseen: Sequence[Atoms],
    targets: str,
    reference: float | None,
    **settings: Any,  # noqa: ANN401 - settings are of any type
) -> float | None:
    """Print a line of the table: a fit and its errors; return the error of the forces."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            potential = fit(frames, targets=targets, **settings)
        except RFHGNError as error:
            print(f"| {run} | {len(frames)} | {targets} | refused | | | | {error} |", flush=True)
            return None
    force_rmse = evaluate_errors(potential, unseen).force_rmse or 0.0
    record = potential.record
    cells = [
        f"{force_rmse:.3g}",
        "" if reference is None else f"{force_rmse / reference:.2f}",
        f"{record['train_rmse'].get('motion', record['train_rmse'].get('force')):.2g}",
        f"{record['fit_cpu_seconds']:.0f}",
        "; ".join(str(one.message) for one in caught),
    ]
    print(f"| {run} | {len(frames)} | {targets} | {' | '.join(cells)} |", flush=True)
    return force_rmse


def all_targets(
    run: str,
    frames: Sequence[Atoms],
    unseen: Sequence[Atoms],
    **settings: Any,  # noqa: ANN401 - settings are of any type
) -> None:
    """Print fits to labels, to momenta and to positions of the same frames."""
    reference = line(run, frames, unseen, "labels", None, **settings)
    for targets in ("momenta", "positions"):
        line(run, frames, unseen, targets, reference, timestep=TIMESTEP, **settings)


def unseen_of(crystal: Crystal) -> list[Atoms]:
    """Return frames of another run, far apart."""
    return run_of(crystal, UNSEEN_FRAMES, stride=UNSEEN_STRIDE, seed=1)


def compare_crystal(crystal: Crystal) -> None:
    """Print fits to 400 frames, every step of a run."""
    all_targets(crystal.name, run_of(crystal, 400), unseen_of(crystal))


def compare_strides() -> None:
    """Print fits to frames that are several steps apart."""
    crystal = copper()
    unseen = unseen_of(crystal)
    for stride in (1, 4, 8, 12, 16):
        frames = run_of(crystal, 150, stride=stride)
        all_targets(f"every {stride}. step", frames, unseen, stride=stride, **SMALL)


def compare_noise() -> None:
    """Print fits to positions with noise, weighted for it and (momenta removed) without a clue of it."""
    crystal = copper()
    unseen, frames = unseen_of(crystal), run_of(crystal, 150)
    reference = line("no noise", frames, unseen, "labels", None, **SMALL)
    for size in (0.0, 1e-4, 1e-3, 1e-2):
        noisy = [Atoms(one.symbols, positions=one.positions, cell=one.cell, pbc=True) for one in frames]
        rng = np.random.default_rng(0)
        for atoms in noisy:
            atoms.positions += rng.normal(0.0, size, atoms.positions.shape)
        line(f"noise {size:g} Å", noisy, unseen, "positions", reference, timestep=TIMESTEP, **SMALL)


def compare_thermostats() -> None:
    """Print fits to runs of Langevin dynamics."""
    crystal = copper()
    unseen = unseen_of(crystal)
    for friction in (0.0001, 0.01):
        all_targets(f"friction {friction:g}/fs", run_of(crystal, 150, friction=friction), unseen, **SMALL)


def compare_ethanol() -> None:
    """Print fits to frames of ethanol, put into the order of time."""
    folder = Path(os.environ.get("ASE_RFHGN_DATA", CHECKOUT.parent / "shared" / "data")) / "ethanol"
    if not folder.is_dir():
        print(f"skipped ethanol: there is no {folder}; set ASE_RFHGN_DATA to the folder of the data", file=sys.stderr)
        return
    timing: dict[str, Any] = {"timestep": 0.5 * units.fs, "stride": 5}
    unseen, shuffled = (list(iread(folder / f"ethanol_{name}.traj")) for name in ("test", "train"))
    line("ethanol as it is", shuffled, unseen, "momenta", None, **timing)
    ordered = in_order(shuffled, 2.5 * units.fs)
    reference = line("ethanol in order", ordered, unseen, "labels", None, **MEDIUM)
    for targets in ("momenta", "positions"):
        line("ethanol in order", ordered, unseen, targets, reference, **timing, **MEDIUM)


def in_order(frames: Sequence[Atoms], interval: float) -> list[Atoms]:
    """Return frames in chains in which each continues the one before along its momenta."""
    position_im = np.array([atoms.positions.ravel() for atoms in frames])
    moved_im = 0.5 * interval * np.array([atoms.get_velocities().ravel() for atoms in frames])
    ahead_im, behind_im = position_im + moved_im, position_im - moved_im
    miss_ii = np.linalg.norm(ahead_im[:, None] - behind_im[None], axis=2)
    np.fill_diagonal(miss_ii, np.inf)
    next_i = miss_ii.argmin(axis=1)
    is_mutual_i = miss_ii[:, next_i].argmin(axis=0) == np.arange(len(frames))
    is_close_i = miss_ii[np.arange(len(frames)), next_i] < np.linalg.norm(moved_im, axis=1)
    following = {i: int(next_i[i]) for i in np.flatnonzero(is_mutual_i & is_close_i).tolist()}
    order: list[int] = []
    for start in sorted(set(range(len(frames))) - set(following.values())):
        i: int | None = start
        while i is not None:
            order.append(i)
            i = following.get(i)
    return [frames[i] for i in order]


TABLES = {
    "copper": lambda: compare_crystal(copper()),
    "argon": lambda: compare_crystal(argon()),
    "stride": compare_strides,
    "noise": compare_noise,
    "thermostat": compare_thermostats,
    "ethanol": compare_ethanol,
}


def main() -> None:
    """Print the tables that were asked for, or all."""
    parser = argparse.ArgumentParser(description="Potentials from runs without forces.")
    parser.add_argument("tables", nargs="*", metavar="table", help=f"any of {', '.join(TABLES)}")
    names = parser.parse_args().tables or list(TABLES)
    if unknown := set(names) - TABLES.keys():
        parser.error(f"unknown tables: {', '.join(sorted(unknown))}")
    for name in names:
        print(f"\n{name}\n\n{HEAD}", flush=True)
        TABLES[name]()


if __name__ == "__main__":
    main()
