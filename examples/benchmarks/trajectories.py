"""Potentials from runs without forces: errors of forces on unseen frames, beside fits to labels.

    python examples/benchmarks/trajectories.py [copper argon bonds chain stride noise thermostat ethanol]

prints a Markdown table per word. Runs of copper (effective medium theory, 300 K, 5 fs, 108 atoms, or 32
for tables of many fits), of argon (Lennard-Jones, 108 atoms, 40 K, 5 fs), of a 4 × 4 lattice of Morse bonds in
the plane and of a chain of Fermi, Pasta, Ulam and Tsingou are made by ASE on the spot; unseen frames come
from a run with another seed. Lattice and chain are fitted by Hamiltonians of positions and momenta,
with a known and with a learned kinetic energy. The ethanol data are looked for in the folder that the variable
ASE_RFHGN_DATA names, else in ``../shared/data`` beside this checkout: its frames are random halves of two
Langevin runs at 500 K, stored every fifth step of 0.5 fs, so those that follow each other are found first.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from ase import Atoms, units
from ase.io import iread
from measuring import data_folder
from trajectory_runs import TIMESTEP, System, argon, chain, copper, morse_lattice, run_of, unseen_of

from ase_rfhgn import fit, fit_phase_space
from ase_rfhgn.errors import RFHGNError
from ase_rfhgn.reports.comparison import evaluate_errors

MEDIUM: dict[str, Any] = {"channels": 24, "projections": 2}
"""Features for ethanol, whose noise hides what more of them could tell."""

Learned: TypeAlias = tuple[float, str, Mapping[str, Any]]
"""Error of forces on unseen frames (eV/Å), what the fit leaves unexplained, and the record of the model."""

Learn: TypeAlias = Callable[..., Learned]
"""Takes frames, unseen frames and settings of a fit."""

HEAD = """\
| run | frames | fitted to | force RMSE eV/Å | against labels | left unexplained | fit, CPU s | remarks |
|---|---|---|---|---|---|---|---|"""


def learn_potential(
    frames: Sequence[Atoms],
    unseen: Sequence[Atoms],
    **settings: Any,  # noqa: ANN401 - settings are of any type
) -> Learned:
    """Return how good a potential is."""
    potential = fit(frames, **settings)
    record = potential.record
    left = record["train_rmse"].get("motion", record["train_rmse"].get("force"))
    return evaluate_errors(potential, unseen).force_rmse or 0.0, f"{left:.2g} eV/Å", record


def learn_hamiltonian(
    frames: Sequence[Atoms],
    unseen: Sequence[Atoms],
    **settings: Any,  # noqa: ANN401 - settings are of any type
) -> Learned:
    """Return how good a Hamiltonian of positions and momenta is, on atoms that are not fixed."""
    model = fit_phase_space(frames, **settings)
    moves_n = np.ones(len(frames[0]), dtype=bool)
    for constraint in frames[0].constraints:
        moves_n[constraint.index] = False
    n_dimensions = model.n_dimensions
    found, expected = (
        np.concatenate([forces(atoms)[moves_n, :n_dimensions] for atoms in unseen])
        for forces in (lambda atoms: model.evaluate(atoms, settings["bonds"]).force_nc, Atoms.get_forces)
    )
    left = f"{100.0 * model.record['train_relative_rms']:.2g} %"
    return float(np.sqrt(np.mean((found - expected) ** 2))), left, model.record


def line(
    run: str,
    frames: Sequence[Atoms],
    unseen: Sequence[Atoms],
    targets: str,
    reference: float | None,
    learn: Learn = learn_potential,
    **settings: Any,  # noqa: ANN401 - settings are of any type
) -> float | None:
    """Print a line of the table: a fit and its errors; return the error of the forces."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            force_rmse, left, record = learn(frames, unseen, targets=targets, **settings)
        except RFHGNError as error:
            print(f"| {run} | {len(frames)} | {targets} | refused | | | | {error} |", flush=True)
            return None
    cells = [
        f"{force_rmse:.3g}",
        "" if reference is None else f"{force_rmse / reference:.2f}",
        left,
        f"{record['fit_cpu_seconds']:.0f}",
        "; ".join(str(one.message) for one in caught),
    ]
    print(f"| {run} | {len(frames)} | {targets} | {' | '.join(cells)} |", flush=True)
    return force_rmse


def all_targets(
    run: str,
    frames: Sequence[Atoms],
    unseen: Sequence[Atoms],
    timestep: float = TIMESTEP,
    **settings: Any,  # noqa: ANN401 - settings are of any type
) -> None:
    """Print fits to labels, to momenta and to positions of the same frames."""
    reference = line(run, frames, unseen, "labels", None, **settings)
    for targets in ("momenta", "positions"):
        line(run, frames, unseen, targets, reference, timestep=timestep, **settings)


def compare_run(system: System) -> None:
    """Print fits to 400 frames, every step of a run."""
    all_targets(system.name, run_of(system, 400), unseen_of(system))


def compare_hamiltonians(system: System) -> None:
    """Print fits of Hamiltonians of positions and momenta to every step, and to every third step, of a run."""
    unseen = unseen_of(system)
    for kinetic, node_inputs in (("known", ()), ("learned", ("momentum",))):
        settings: dict[str, Any] = {"kinetic": kinetic, "node_inputs": node_inputs, "edge_inputs": ("distance",)}
        settings |= {"axes": "laboratory", "bonds": system.bonds, "learn": learn_hamiltonian}
        for stride in (1, 3):
            run = f"{system.name}, kinetic energy {kinetic}, every {stride}. step"
            all_targets(run, run_of(system, 400, stride), unseen, system.timestep, stride=stride, **settings)


def compare_strides() -> None:
    """Print fits to frames that are several steps apart."""
    system = copper(2)
    unseen = unseen_of(system)
    for stride in (1, 4, 8, 12, 16):
        frames = run_of(system, 100, stride=stride)
        all_targets(f"every {stride}. step", frames, unseen, stride=stride)


def compare_noise() -> None:
    """Print fits to positions with noise, weighted for it and (momenta removed) without a clue of it."""
    system = copper(2)
    unseen, frames = unseen_of(system), run_of(system, 100)
    reference = line("no noise", frames, unseen, "labels", None)
    for size in (0.0, 1e-4, 1e-3, 1e-2):
        noisy = [Atoms(one.symbols, positions=one.positions, cell=one.cell, pbc=True) for one in frames]
        rng = np.random.default_rng(0)
        for atoms in noisy:
            atoms.positions += rng.normal(0.0, size, atoms.positions.shape)
        line(f"noise {size:g} Å", noisy, unseen, "positions", reference, timestep=TIMESTEP)


def compare_thermostats() -> None:
    """Print fits to runs of Langevin dynamics."""
    system = copper(2)
    unseen = unseen_of(system)
    for friction in (0.0001, 0.01):
        all_targets(f"friction {friction:g}/fs", run_of(system, 100, friction=friction), unseen)


def compare_ethanol() -> None:
    """Print fits to frames of ethanol, put into the order of time."""
    folder = data_folder() / "ethanol"
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
    "copper": lambda: compare_run(copper()),
    "argon": lambda: compare_run(argon()),
    "bonds": lambda: compare_hamiltonians(morse_lattice()),
    "chain": lambda: compare_hamiltonians(chain()),
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
