"""Cost of molecular dynamics in LAMMPS, beside SNAP and ML-POD, on several processes, and against size.

    python examples/benchmarks/lammps_cost.py [ranks size] [--largest 1000000] [--plot size.png] [--quick]

``ranks`` measures CPU microseconds per atom and step, summed over the processes, for silicon of 8000 and
64 000 atoms. A process that waits for another one counts as busy. ``size`` measures CPU seconds per step and the
peak memory of a process, through ASE and through LAMMPS, from 10³ to 10⁶ atoms, with the exponents of a fit.
LAMMPS starts anew for every measurement, in processes of mpich's ``mpirun``. The data are looked for as in
``real_data.py``; without them, and with ``--quick``, silicon labelled by Stillinger and Weber is fitted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from ase import units
from ase.md.verlet import VelocityVerlet
from lammps_peers import Peer, fitted_pod, load_lammps, prepared, snap_of
from matplotlib.figure import Figure
from measuring import cost, data_folder, machine, peak_memory
from silicon import crystal, write_silicon

from ase_rfhgn import Potential, RFHGNCalculator, fit
from ase_rfhgn.calculators.lammps.library import communicator

SILICON = data_folder() / "mlearn" / "Si_train.traj"
SKIN = 0.5
"""Skin of all neighbour lists (Å)."""
FEMTOSECONDS = 1.0
"""Time step."""
MPIRUN = Path(sys.executable).with_name("mpirun")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: cubic cells along the edges of crystals, atoms times steps, repeats, processes."""

    edges: tuple[int, ...] = (10, 20)
    sizes: tuple[int, ...] = (5, 11, 23, 50)
    atom_steps: int = 100_000
    repeats: int = 1
    ranks: tuple[int, ...] = (1, 2)

    def steps(self, edge: int) -> int:
        """Return the number of steps of a crystal, 1 to 10."""
        return min(max(self.atom_steps // (8 * edge**3), 1), 10)


QUICK = Plan(edges=(3,), sizes=(2, 3), atom_steps=400)


def main() -> None:
    """Fit, measure and print the parts that were asked for; or measure once, in a process of ``mpirun``."""
    if len(sys.argv) > 1 and sys.argv[1] == "--worker":
        work(json.loads(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description="Cost of molecular dynamics in LAMMPS.")
    parser.add_argument("parts", nargs="*", metavar="part", help="ranks, size; by default both")
    parser.add_argument("--largest", type=int, default=1_000_000, help="atoms of the largest crystal")
    parser.add_argument("--plot", metavar="size.png", help="plot seconds and memory against size")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, once: shows that it runs, measures nothing")
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder, plan = Path(name), QUICK if options.quick else Plan()
        frames = prepare(folder, quick=options.quick)
        print(f"{machine()}\n", flush=True)
        if not options.parts or "ranks" in options.parts:
            rank_table(folder, plan, frames)
        if not options.parts or "size" in options.parts:
            size_table(folder, plan, options.largest, options.plot)


def prepare(folder: Path, *, quick: bool) -> Path:
    """Return the frames, to which a potential was fitted that is in the folder now."""
    frames = (
        SILICON if SILICON.is_file() and not quick else write_silicon(folder / "silicon.traj", 12 if quick else 200)
    )
    settings: dict[str, Any] = {"channels": 6, "projections": 1} if quick else {}
    fit(frames, threads=1, **settings).save(folder / "model.npz")
    return frames


def rank_table(folder: Path, plan: Plan, frames: Path) -> None:
    """Print the cost of every potential on every number of processes."""
    pod = fitted_pod(load_lammps(), frames, folder / "pod", 5.0)
    snap = snap_of(load_lammps())
    print("| potential | atoms | processes | µs of CPU per atom and step | copies evaluated per own atom |")
    print("|---|---|---|---|---|", flush=True)
    peers = {"ase-rfhgn, default settings": (), pod.name: pod.commands, snap.name: snap.commands}
    for edge in plan.edges:
        for n_processes in plan.ranks:
            rounds = [
                {
                    name: measured(folder, "lammps", edge, plan.steps(edge), n_processes, commands)
                    for name, commands in peers.items()
                }
                for _ in range(plan.repeats)
            ]
            if n_processes == 1:
                costs = [measured(folder, "ase", edge, plan.steps(edge), 1, ()) for _ in range(plan.repeats)]
                print_rank_line("the same through ASE", costs, edge, 1)
            for name in peers:
                print_rank_line(name, [one[name] for one in rounds], edge, n_processes)


def print_rank_line(name: str, costs: list[dict[str, float]], edge: int, n_processes: int) -> None:
    """Print the median cost."""
    n_atoms = 8 * edge**3
    microseconds = 1e6 * float(np.median([one["cpu"] for one in costs])) / n_atoms
    halo = f"{costs[0]['halo']:.2f}" if "halo" in costs[0] else "–"
    print(f"| {name} | {n_atoms} | {n_processes} | {microseconds:.1f} | {halo} |", flush=True)


def size_table(folder: Path, plan: Plan, largest: int, plot: str | None) -> None:
    """Print seconds and memory against size, with exponents; plot them where that is wanted."""
    print("\n| atoms | ASE, CPU s per step | ASE, GB | LAMMPS, CPU s per step | LAMMPS, GB |")
    print("|---|---|---|---|---|", flush=True)
    sizes = [edge for edge in plan.sizes if 8 * edge**3 <= largest]
    rows = []
    for edge in sizes:
        costs = [measured(folder, way, edge, plan.steps(edge), 1, ()) for way in ("ase", "lammps")]
        rows.append([8 * edge**3, *[cost[key] for cost in costs for key in ("cpu", "memory")]])
        n_atoms, *values = rows[-1]
        print(f"| {n_atoms} | {' | '.join(f'{value:.3g}' for value in values)} |", flush=True)
    table = np.array(rows)
    logarithms = np.log(table[-3:])
    exponents = [f"{np.polyfit(logarithms[:, 0], logarithms[:, column], 1)[0]:.2f}" for column in range(1, 5)]
    print(f"| exponent of the last three | {' | '.join(exponents)} |")
    if plot is not None:
        save_plot(table, plot)


def save_plot(table: Any, path: str) -> None:  # noqa: ANN401 - an array
    """Plot seconds and memory against atoms."""
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    for axes, column, label in zip(figure.subplots(1, 2), (1, 2), ("CPU s per step", "peak memory (GB)"), strict=True):
        axes.loglog(table[:, 0], table[:, column], "o-", label="through ASE")
        axes.loglog(table[:, 0], table[:, column + 2], "s--", label="through LAMMPS, one process")
        axes.set(xlabel="atoms of silicon", ylabel=label)
        axes.legend()
    figure.savefig(path, dpi=120)


def measured(
    folder: Path, way: str, edge: int, steps: int, n_processes: int, commands: tuple[str, ...]
) -> dict[str, float]:
    """Return seconds per step, memory, and the share of copies, of a new run."""
    task = {"way": way, "edge": edge, "steps": steps, "commands": commands, "model": str(folder / "model.npz")}
    command = [str(MPIRUN), "-n", str(n_processes), sys.executable, __file__, "--worker", json.dumps(task)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def work(task: dict[str, Any]) -> None:
    """Measure once, on all processes; the first one prints the result."""
    potential, comm = Potential.load(task["model"]), communicator()
    atoms, steps = crystal("Si", task["edge"]), int(task["steps"])
    potential.evaluate(crystal("Si", 1))  # compiled loops are loaded
    forces = None
    advance: Callable[[], object]
    if task["way"] == "ase":
        atoms.calc = RFHGNCalculator(potential, skin=SKIN)
        motion = VelocityVerlet(atoms, FEMTOSECONDS * units.fs)
        motion.run(1)
        advance = partial(motion.run, steps)
    else:
        peer = Peer("", "Si", tuple(task["commands"]), potential=None if task["commands"] else potential)
        run, forces = prepared(load_lammps(), peer, atoms, SKIN, FEMTOSECONDS)
        advance = partial(run.command, f"run {steps} pre no post no")
    comm.barrier()
    seconds = sum(comm.allgather(cost(advance).cpu)) / steps
    result = {"cpu": seconds, "memory": max(comm.allgather(peak_memory()))}
    if forces is not None:
        result["halo"] = sum(comm.allgather(forces.n_centres)) / len(atoms) - 1.0
    if comm.rank == 0:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
