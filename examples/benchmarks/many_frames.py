"""Fits to more and more frames: CPU seconds and memory, alone and on workers, and a set that is larger than memory.

    python examples/benchmarks/many_frames.py [frames] [memory] [--sizes 100 1000] [--default-size] [--plot frames.png]

Frames are generated as they are read (``generated_frames.py``), 32 atoms each; nothing is stored. ``frames`` fits
10², 10³, ... of them, in one process with one thread, and with one and two workers of one thread, and prints
a Markdown table and the exponent of the CPU seconds. ``memory`` fits frames that would fill so many GB as files of
extended XYZ, while the process may have 1 GB of memory. Features are few, so that the part of the frames is measured;
with ``--default-size`` there are as many as in a default fit.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from generated_frames import BYTES_PER_ATOM, Crystals
from matplotlib.figure import Figure
from measuring import cost, in_fresh_process, machine, peak_memory

from ase_rfhgn import fit

SETTINGS: dict[str, Any] = {"cutoff": 3.2, "channels": 6, "projections": 2, "degree": 3, "correlation": 3}
"""Few features, so that reading and searching frames weigh as much as they can."""

EDGE = 2
"""Cubic cells along the edge of a crystal in the table."""

CAP = 1e9
"""Memory that the process may have in the second part (bytes)."""

FEWEST = 1000
"""Frames from which the exponent is taken: below, constant costs show."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A fit: CPU seconds of all processes, seconds of the clock, peak memory of each process (GB)."""

    cpu: float
    wall: float
    memory: float


def alone(n_frames: int, settings: Mapping[str, Any]) -> Measured:
    """Return what a fit costs in this process."""
    fit(Crystals(4, EDGE).frames(), threads=1, **settings)
    spent = cost(lambda: fit(Crystals(n_frames, EDGE).frames(), threads=1, **settings))
    return Measured(spent.cpu, spent.wall, peak_memory())


def shared(n_frames: int, settings: Mapping[str, Any], n_workers: int) -> Measured:
    """Return what a fit costs with workers, which have been started and have fitted before."""
    from distributed import Client, LocalCluster  # noqa: PLC0415  # of the extra dask

    start = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**start) as cluster, Client(cluster, set_as_default=False) as client:
        fit(Crystals(600, EDGE).frames(), client=client, **settings)
        before = sum(client.run(time.process_time).values())
        spent = cost(lambda: fit(Crystals(n_frames, EDGE).frames(), client=client, **settings))
        workers = sum(client.run(time.process_time).values()) - before
        memory = max(peak_memory(), *client.run(peak_memory).values())
    return Measured(spent.cpu + workers, spent.wall, memory)


def capped(n_frames: int, edge: int) -> Measured:
    """Return what a fit costs in this process, which may not have more memory than the cap."""
    resource.setrlimit(resource.RLIMIT_DATA, (int(CAP), int(CAP)))
    spent = cost(lambda: fit(Crystals(n_frames, edge).frames(), threads=1, **SETTINGS))
    return Measured(spent.cpu, spent.wall, peak_memory())


def table(sizes: Sequence[int], settings: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Measured]]]:
    """Yield the lines of the table, and the measurements behind them."""
    yield "| frames | alone: CPU s, wall s, GB | 1 worker: CPU s, wall s, GB | 2 workers: CPU s, wall s, GB |", {}
    yield "|---|---|---|---|", {}
    for n_frames in sizes:
        found = {"alone": in_fresh_process(alone, n_frames, settings)[0]}
        for n_workers, name in ((1, "1 worker"), (2, "2 workers")):
            found[name] = in_fresh_process(shared, n_frames, settings, n_workers)[0]
        cells = (f"{one.cpu:.1f}, {one.wall:.1f}, {one.memory:.2f}" for one in found.values())
        yield f"| {n_frames} | {' | '.join(cells)} |", found


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the exponent of CPU seconds as a power of the number of frames, from the larger sizes."""
    least = min(FEWEST, max(sizes) / 10)
    used = np.array([pair for pair in zip(sizes, seconds, strict=True) if pair[0] >= least])
    return float(np.polyfit(np.log(used[:, 0]), np.log(used[:, 1]), 1)[0])


def plot(path: str, sizes: Sequence[int], found: Sequence[dict[str, Measured]]) -> None:
    """Draw CPU seconds, wall seconds and memory against the number of frames."""
    mpl.use("Agg")
    figure = Figure(figsize=(9.0, 3.2), layout="constrained")
    for axes, (name, label) in zip(
        figure.subplots(1, 3), {"cpu": "CPU s", "wall": "wall s", "memory": "peak memory GB"}.items(), strict=True
    ):
        for way in found[0]:
            axes.loglog(sizes, [getattr(one[way], name) for one in found], "o-", label=way)
        axes.set_xlabel("frames of 32 atoms")
        axes.set_ylabel(label)
    figure.axes[0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Print the table, draw the plot, and fit the set that is larger than memory."""
    parser = argparse.ArgumentParser(description="CPU seconds and memory of fits against the number of frames")
    parser.add_argument("parts", nargs="*", help="frames, memory; by default both")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[100, 1000, 10_000, 100_000], help="frames of the fits of the table"
    )
    parser.add_argument("--default-size", action="store_true", help="as many features as in a default fit")
    parser.add_argument("--gigabytes", type=float, default=5.0, help="size of the set of the second part")
    parser.add_argument("--edge", type=int, default=8, help="cubic cells along the edge of a crystal of this set")
    parser.add_argument("--plot", metavar="frames.png", help="file of the plot")
    given = parser.parse_args()
    parts = given.parts or ["frames", "memory"]
    print(machine(), end="\n\n", flush=True)
    if "frames" in parts:
        print_table(given.sizes, {} if given.default_size else SETTINGS, given.plot)
    if "memory" in parts:
        print_capped(given.gigabytes, given.edge)


def print_table(sizes: Sequence[int], settings: Mapping[str, Any], path: str | None) -> None:
    """Print the table and the exponent, and draw the plot."""
    measured = []
    for line, found in table(sizes, settings):
        print(line, flush=True)
        measured += [found] if found else []
    if len(sizes) > 1:
        power = exponent(sizes, [one["alone"].cpu for one in measured])
        print(f"\nCPU seconds alone rise as frames to {power:.2f}")
    if path:
        plot(path, sizes, measured)


def print_capped(gigabytes: float, edge: int) -> None:
    """Print what a fit to a set of so many GB costs within the cap."""
    n_atoms = Crystals(1, edge).n_atoms
    n_frames = max(4, round(1e9 * gigabytes / (BYTES_PER_ATOM * n_atoms)))
    found = in_fresh_process(capped, n_frames, edge)[0]
    print(
        f"{n_frames} frames of {n_atoms} atoms, {gigabytes:g} GB as extended XYZ, within {CAP / 1e9:g} GB: "
        f"{found.cpu:.0f} CPU s, {found.wall:.0f} s, peak {found.memory:.2f} GB"
    )


if __name__ == "__main__":
    main()
