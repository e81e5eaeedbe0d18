"""How true the uncertainties are: coverage of intervals on test frames, and atoms flagged as unknown.

    python examples/benchmarks/uncertainty.py [Si Mo Cu]

prints two Markdown tables. The first has the share of force components of the test frames within the
68 % and the 95 % interval, beside those of the textbook posterior (residuals taken for noise), the
rank correlation of |error| and σ, and the cost of an evaluation with uncertainties over one without. The
second has the share of atoms with an extrapolation grade above 1, for Si fitted without surfaces and
vacancies. The data are looked for as in `real_data.py`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable

import numpy as np
from ase import Atoms
from ase.io import read
from measuring import data_folder
from scipy.stats import spearmanr

from ase_rfhgn import Potential, fit
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.fit_state import state_of
from ase_rfhgn.regression.posterior import left_free, sample_members
from ase_rfhgn.reports.comparison import Comparison, compare
from ase_rfhgn.structures.training_set import TrainingSet

FOLDER = data_folder() / "mlearn"
DRAWS, REPEATS = 64, 3
OUTERMOST = 1.5
"""Depth below the outermost atom of a slab within which atoms are surface atoms (Å)."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Coverage of uncertainties on test frames.")
    parser.add_argument("names", nargs="*", default=["Si", "Mo", "Cu"])
    names = parser.parse_args().names
    print("| data | in 68 % | in 95 % | textbook 68 % | textbook 95 % | rank correlation | cost |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in names:
        print(coverage(name), flush=True)
    if "Si" in names:
        print(
            "\n| Si atoms, fitted without surfaces and vacancies | atoms | grade above 1 |\n|---|---|---|", flush=True
        )
        for line in flagged():
            print(line)


def coverage(name: str) -> str:
    """Return a line of the first table."""
    potential = fit(str(FOLDER / f"{name}_train.traj"), updatable=True, progress=True)
    test = TrainingSet.open(FOLDER / f"{name}_test.traj")
    comparisons = list(compare(potential, test, uncertainty=True))
    error_m, width_m = errors_and_widths(comparisons)
    textbook_m = textbook(potential, test)
    free_m = left_free(width_m)  # elsewhere symmetry alone says that there is no force
    error_m, width_m, textbook_m = error_m[free_m], width_m[free_m], textbook_m[free_m]
    wide = 1.0 if potential.ensemble is None else potential.ensemble.widening["force"]
    cells = [np.mean(error_m < width_m), np.mean(error_m < wide * width_m)]
    cells += [np.mean(error_m < textbook_m), np.mean(error_m < 2.0 * textbook_m)]
    cells += [np.float64(spearmanr(error_m, width_m).statistic)]
    return f"| {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} | {cost(potential, test[0].atoms):.1f} |"


def errors_and_widths(comparisons: Iterable[Comparison]) -> tuple[FloatArray, FloatArray]:
    """Return the sizes of the errors of all labelled force components, and their predicted uncertainties (eV/Å)."""
    known = [(one.force_error_nc, one.evaluation.uncertainty) for one in comparisons]
    pairs = [(error_nc, wide.force_nc) for error_nc, wide in known if error_nc is not None and wide is not None]
    error_m, width_m = (np.concatenate([array.ravel() for array in arrays]) for arrays in zip(*pairs, strict=True))
    return np.abs(error_m), width_m


def textbook(potential: Potential, test: TrainingSet) -> FloatArray:
    """Return the standard deviations of forces by the textbook posterior (eV/Å)."""
    state = state_of(potential, None)
    system, regression = state.system, state.system.regression()
    solved = regression.solve()
    n_rows = sum(factor.n_rows for factor in system.labelled.values())
    noise = np.sqrt(regression.labelled.residual(solved.coefficient_f) / n_rows)
    member_ef = sample_members(solved, DRAWS, np.random.default_rng(0))
    parts = []
    for item in state.frames(test):
        row_mf = state.rows(item)["force"]
        parts.append(noise * np.linalg.norm(row_mf[:, :-1] @ member_ef.T, axis=1))
    return np.concatenate(parts)


def cost(potential: Potential, atoms: Atoms) -> float:
    """Return the CPU time of an evaluation with uncertainties over that of one without."""
    large = atoms * (2, 2, 2)

    def seconds(*, uncertainty: bool) -> float:
        started = time.process_time()
        potential.evaluate(large, uncertainty=uncertainty)
        return time.process_time() - started

    return min(seconds(uncertainty=True) for _ in range(REPEATS)) / min(
        seconds(uncertainty=False) for _ in range(REPEATS)
    )


def flagged() -> list[str]:
    """Return the lines of the second table."""
    train, test = (read(FOLDER / f"Si_{part}.traj", ":") for part in ("train", "test"))
    bulk = [atoms for atoms in train if atoms.info["config_type"] not in {"Surface", "Vacancy"}]
    potential = fit(bulk, progress=True)
    slabs = [atoms for atoms in (*train, *test) if atoms.info["config_type"] == "Surface"]
    grade_n = np.concatenate([potential.grade(atoms) for atoms in slabs])
    depth_n = np.concatenate([depth(atoms) for atoms in slabs])
    unseen = [potential.grade(atoms) for atoms in test if atoms.info["config_type"] not in {"Surface", "Vacancy"}]
    rows = {
        f"of slabs, within {OUTERMOST} Å of the surface": grade_n[depth_n < OUTERMOST],
        "of slabs, deeper than 5 Å": grade_n[depth_n > 5.0],
        "of the bulk, test frames": np.concatenate(unseen),
    }
    return [f"| {name} | {len(grades)} | {np.mean(grades > 1.0):.3f} |" for name, grades in rows.items()]


def depth(atoms: Atoms) -> FloatArray:
    """Return how far below the outermost atom, on either side, every atom of a slab lies (Å)."""
    height_n = np.sort(atoms.get_scaled_positions()[:, 2])
    gaps = np.diff(np.append(height_n, height_n[0] + 1.0))
    lowest = height_n[(gaps.argmax() + 1) % len(height_n)]
    above_n = (atoms.get_scaled_positions()[:, 2] - lowest) % 1.0
    area = np.linalg.norm(np.cross(atoms.cell[0], atoms.cell[1]))
    below_n: FloatArray = np.minimum(above_n, above_n.max() - above_n) * atoms.get_volume() / area
    return below_n


if __name__ == "__main__":
    main()
