"""Analytic Hessians of displaced silicon beside finite displacements: CPU seconds, and the difference.

    python examples/benchmarks/hessian.py [--quick]

prints a Markdown table. The fit has default settings, and few frames: only its size matters here.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
from ase import Atoms
from measuring import cost
from silicon import crystal, write_silicon

from ase_rfhgn import Potential, fit
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataWarning

STEP = 1e-4
"""Displacement of an atom (Å)."""


def main() -> None:
    """Print a row per size."""
    parser = argparse.ArgumentParser(description="Analytic Hessians beside finite displacements.")
    parser.add_argument("--quick", action="store_true", help="small sizes that measure nothing")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore", TrainingDataWarning)
    with tempfile.TemporaryDirectory() as folder:
        frames = write_silicon(Path(folder) / "silicon.traj", 6)
        potential = fit(frames, channels=3, projections=1) if quick else fit(frames)
    potential.hessian(crystal("Si", 1))
    print("| atoms | analytic, CPU s | by displacements, CPU s | ratio | largest difference, eV/Å² |")
    print("|---|---|---|---|---|")
    for edge in (1,) if quick else (1, 2, 3):
        print_row(potential, crystal("Si", edge))


def print_row(potential: Potential, atoms: Atoms) -> None:
    """Print how long both ways take for a structure, and how far their results differ."""
    found: dict[str, FloatArray] = {}
    analytic = cost(lambda: found.update(analytic=potential.hessian(atoms)))
    displaced = cost(lambda: found.update(displaced=by_displacements(potential, atoms)))
    difference = np.abs(found["analytic"] - found["displaced"]).max()
    ratio = displaced.cpu / analytic.cpu
    print(f"| {len(atoms)} | {analytic.cpu:.3f} | {displaced.cpu:.2f} | {ratio:.0f} | {difference:.1g} |", flush=True)


def by_displacements(potential: Potential, atoms: Atoms) -> FloatArray:
    """Return the Hessian by central differences of the forces, two evaluations per coordinate."""
    rows = []
    for coordinate in range(3 * len(atoms)):
        forces = []
        for sign in (1.0, -1.0):
            moved = atoms.copy()
            moved.positions[coordinate // 3, coordinate % 3] += sign * STEP
            forces.append(potential.evaluate(moved).force_nc.ravel())
        rows.append((forces[1] - forces[0]) / (2.0 * STEP))
    return np.array(rows)


if __name__ == "__main__":
    main()
