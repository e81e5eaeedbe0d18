"""Whether picked frames teach more than random ones: MoNbTaW, 500 frames of each.

    python examples/benchmarks/frame_selection.py [--frames 500]

prints a Markdown table of test errors of fits to frames that `select_frames` picks, to as many random
ones, drawn three times, and to random ones with as many atoms. The data are looked for as in `real_data.py`.
"""

from __future__ import annotations

import argparse

import numpy as np
from ase import Atoms
from measuring import data_folder

from ase_rfhgn import fit
from ase_rfhgn.fitting.frame_selection import select_frames
from ase_rfhgn.reports.comparison import evaluate_errors
from ase_rfhgn.structures.training_set import read_structures

FOLDER = data_folder() / "alloy"
DRAWS = 3


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Picked frames against random ones.")
    parser.add_argument("--frames", type=int, default=500)
    n_frames = parser.parse_args().frames
    pool = read_structures(str(FOLDER / "MoNbTaW_train.traj"))
    picked = [pool[i] for i in select_frames(pool, n_frames, progress=True).index_i]
    draws = [[pool[i] for i in np.random.default_rng(seed).permutation(len(pool))] for seed in range(DRAWS)]
    atoms_so_far = np.cumsum([len(atoms) for atoms in draws[0]])
    as_large = int(np.searchsorted(atoms_so_far, sum(len(atoms) for atoms in picked))) + 1
    rows = {"picked": picked}
    rows |= {f"random, draw {seed}": frames[:n_frames] for seed, frames in enumerate(draws)}
    rows |= {"random, as many atoms": draws[0][:as_large]}
    print("| frames | number | atoms | force eV/Å | energy meV/atom |\n|---|---|---|---|---|", flush=True)
    for name, frames in rows.items():
        print(line(name, frames), flush=True)


def line(name: str, frames: list[Atoms]) -> str:
    """Return a line of the table: test errors (RMSE) of a fit to some frames."""
    errors = evaluate_errors(fit(frames, progress=True), FOLDER / "MoNbTaW_test.traj")
    n_atoms = sum(len(atoms) for atoms in frames)
    return f"| {name} | {len(frames)} | {n_atoms} | {errors.force_rmse:.4f} | {errors.energy_rmse:.2f} |"


if __name__ == "__main__":
    main()
