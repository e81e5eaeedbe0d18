"""Whether picked frames teach more than random ones: MoNbTaW, 500 frames of each.

    python examples/benchmarks/frame_selection.py [--frames 500]

prints a Markdown table of test errors of fits to frames that `select_frames` picks, to as many random
ones, and to random ones with as many atoms. The data are looked for as in `real_data.py`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from ase import Atoms

from ase_rfhgn import fit
from ase_rfhgn.assessment import evaluate_errors
from ase_rfhgn.frame_selection import select_frames
from ase_rfhgn.training_set import read_structures

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("ASE_RFHGN_DATA", CHECKOUT.parent / "shared" / "data")) / "alloy"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Picked frames against random ones.")
    parser.add_argument("--frames", type=int, default=500)
    n_frames = parser.parse_args().frames
    pool = read_structures(str(FOLDER / "MoNbTaW_train.traj"))
    picked = [pool[i] for i in select_frames(pool, n_frames, progress=True).index_i]
    shuffled = [pool[i] for i in np.random.default_rng(0).permutation(len(pool))]
    atoms_so_far = np.cumsum([len(atoms) for atoms in shuffled])
    as_large = int(np.searchsorted(atoms_so_far, sum(len(atoms) for atoms in picked))) + 1
    rows = {"picked": picked, "random": shuffled[:n_frames], "random, as many atoms": shuffled[:as_large]}
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
