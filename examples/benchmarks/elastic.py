"""Elastic constants of cubic crystals by default fits, over seeds, beside the labels or density-functional theory.

    python examples/benchmarks/elastic.py [Si Mo] [--seeds 0 1 2]

prints a Markdown table: errors on test frames, and C11, C12 and C44 with error bars (GPa) from central differences of
stresses at strains of 0.2 %, 1 % and 2 %, internal positions relaxed. The data are looked for as in `real_data.py`.

References
----------
Labels of strained frames of the training data, where they are: Si C11 and C12. Otherwise Zuo et al.,
J. Phys. Chem. A 124, 731 (2020).
"""

from __future__ import annotations

import argparse

from ase import Atoms
from ase.build import bulk
from measuring import data_folder

from ase_rfhgn import Potential, evaluate_errors, fit
from ase_rfhgn.properties import elastic_constants

FOLDER = data_folder() / "mlearn"
CRYSTALS = {"Si": ("diamond", 5.47), "Mo": ("bcc", 3.16)}
REFERENCE = {"Si": "153, 57, 76", "Mo": "472, 158, 106"}
STRAINS = (0.002, 0.01, 0.02)


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
    cells = [f"{errors.force_rmse:.4f}", f"{errors.energy_rmse:.2f}"]
    cells += [cubic_constants(potential, crystal, strain) for strain in STRAINS]
    return f"| {name} | {seed} | {' | '.join(cells)} | {REFERENCE[name]} |"


def cubic_constants(potential: Potential, crystal: Atoms, strain: float) -> str:
    """Return C11, C12 and C44 of a cubic crystal with their error bars (GPa), by central differences of stresses."""
    found = elastic_constants(potential, crystal, strain=strain)
    assert found.stiffness_gpa_error is not None  # noqa: S101  # fits have ensembles
    places = ((0, 0), (0, 1), (3, 3))
    return ", ".join(f"{found.stiffness_gpa[at]:.0f} ± {found.stiffness_gpa_error[at]:.0f}" for at in places)


if __name__ == "__main__":
    main()
