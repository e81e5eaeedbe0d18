"""Where the time of a fit goes, and how far its largest part is from the peak of the machine."""

from __future__ import annotations

import cProfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase.io import read
from measuring import costs_in_turns

from ase_rfhgn import Potential, fit
from ase_rfhgn.features.spherical.rows import feature_rows
from ase_rfhgn.regression.triangular import fold
from ase_rfhgn.structures.graph import build_graph


def fit_stages(work: Callable[[], object]) -> dict[str, float]:
    """Return the shares of the CPU time of a fit by one thread: rows, triangular factors, everything else."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(work)
    seconds = {entry.code: entry.totaltime for entry in profile.getstats()}
    total = seconds[fit.__code__]
    rows, factors = seconds[feature_rows.__code__] / total, seconds[fold.__code__] / total
    return {"rows": rows, "triangular factors": factors, "the rest": 1.0 - rows - factors}


def rows_rate(potential: Potential, frames: Path, repeats: int) -> float:
    """Return the rate of the assembly of rows (Gflop per CPU second), by the products that it consists of.

    Per edge, the harmonics and their two derivatives across it times (L + 1)² derivatives of every
    feature by the atomic basis; per atom, the fields at all points from harmonics, and the projection of their
    powers on these. Elementwise work is not counted.
    """
    fields = potential.hamiltonian
    graphs = [build_graph(atoms, fields.cutoff) for atoms in read(frames, ":")]
    n_atoms, n_edges = sum(graph.n_atoms for graph in graphs), sum(len(graph.centre_p) for graph in graphs)
    n_harmonics, n_points = (fields.degree + 1) ** 2, len(fields.points[1])
    n_projected = fields.n_channels * fields.projection_sqlk.shape[1] * (fields.correlation - 1)
    flop = 2.0 * n_harmonics * (3.0 * n_edges * fields.n_features + n_atoms * n_points * n_projected)

    def assemble() -> None:
        for graph in graphs:
            feature_rows(fields, graph, np.zeros(1, dtype=np.int64), fields.n_features, stress=True)

    return float(1e-9 * flop / costs_in_turns({"rows": assemble}, repeats)["rows"].cpu)
