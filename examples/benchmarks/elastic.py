"""Elastic constants of cubic crystals by default fits, over seeds, beside the labels or density-functional theory.

    python examples/benchmarks/elastic.py [Si Mo] [--seeds 0 1 2]

prints a Markdown table: errors on test frames, and C11, C12 and C44 (GPa) from central differences of stresses at
strains of 0.2 %, 1 % and 2 %, internal positions relaxed. The data are looked for as in `real_data.py`.

References
----------
Labels of strained frames of the training data, where they are: Si C11 and C12. Otherwise Zuo et al.,
J. Phys. Chem. A 124, 731 (2020).
"""

from __future__ import annotations

import argparse

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.units import GPa
from measuring import data_folder

from ase_rfhgn import RFHGNCalculator, evaluate_errors, fit
from ase_rfhgn.arrays import FloatArray

FOLDER = data_folder() / "mlearn"
CRYSTALS = {"Si": ("diamond", 5.47), "Mo": ("bcc", 3.16)}
REFERENCE = {"Si": "153, 57, 76", "Mo": "472, 158, 106"}
STRAINS = (0.002, 0.01, 0.02)
FORCE = 1e-4


def main() -> None:
    """Print a row per element and seed."""
    parser = argparse.ArgumentParser(description="Elastic constants by default fits.")
    parser.add_argument("names", nargs="*", default=list(CRYSTALS), metavar="element")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2], metavar="N")
    options = parser.parse_args()
    columns = " | ".join(f"C11, C12, C44 at {100 * strain:g} %" for strain in STRAINS)
    print(f"| data | seed | force, eV/Å | energy, meV/atom | {columns} | reference |")
    print("|---|---|---|---|" + "---|" * (len(STRAINS) + 1), flush=True)
    for name in options.names:
        for seed in options.seeds:
            print(row(name, seed), flush=True)


def row(name: str, seed: int) -> str:
    """Return the row of an element and a seed."""
    potential = fit(str(FOLDER / f"{name}_train.traj"), seed=seed)
    errors = evaluate_errors(potential, FOLDER / f"{name}_test.traj")
    crystal = bulk(name, CRYSTALS[name][0], a=CRYSTALS[name][1])
    crystal.calc = RFHGNCalculator(potential)
    BFGS(FrechetCellFilter(crystal), logfile=None).run(fmax=FORCE, steps=200)  # type: ignore[arg-type]
    cells = [f"{errors.force_rmse:.4f}", f"{errors.energy_rmse:.2f}"]
    cells += [", ".join(f"{one:.0f}" for one in elastic_constants(crystal, strain)) for strain in STRAINS]
    return f"| {name} | {seed} | {' | '.join(cells)} | {REFERENCE[name]} |"


def elastic_constants(crystal: Atoms, strain: float) -> tuple[float, float, float]:
    """Return C11, C12 and C44 of a cubic crystal at rest (GPa), by central differences of stresses."""
    along = (stress(crystal, strain, 0, 0) - stress(crystal, -strain, 0, 0)) / (2.0 * strain)
    across = (stress(crystal, strain, 1, 2) - stress(crystal, -strain, 1, 2)) / (2.0 * strain)
    return float(along[0]), float(along[1:3].mean()), float(across[3])


def stress(crystal: Atoms, strain: float, i: int, j: int) -> FloatArray:
    """Return the stress under a strain, in Voigt's notation, after the internal positions relax (GPa)."""
    strain_cc = np.zeros((3, 3))
    strain_cc[i, j] += 0.5 * strain
    strain_cc[j, i] += 0.5 * strain
    strained = crystal.copy()
    strained.calc = crystal.calc
    strained.set_cell(crystal.cell.array @ (np.eye(3) + strain_cc), scale_atoms=True)
    BFGS(strained, logfile=None).run(fmax=FORCE, steps=100)
    stress_v: FloatArray = strained.get_stress() / GPa
    return stress_v


if __name__ == "__main__":
    main()
