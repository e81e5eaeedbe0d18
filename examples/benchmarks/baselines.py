"""Fits with and without another calculator as baseline: ethanol by GFN2-xTB, and a layered crystal with dispersion.

    python examples/benchmarks/baselines.py [--data FOLDER] [--frames 50]

prints two Markdown tables. The first needs the real data (``ethanol/``) and tblite, the second dftd3 (extra
``baselines``). What is missing is left out, and that is said.
"""

from __future__ import annotations

import argparse
import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import graphene
from ase.calculators.mixing import SumCalculator
from ase.calculators.morse import MorsePotential
from ase.io import read
from ase.optimize import BFGS
from matscipy.calculators.pair_potential.calculator import BeestKramerSanten, PairPotential

from ase_rfhgn import RFHGNCalculator, evaluate_errors, fit
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.models.named_calculators import NamedCalculator

DISPERSION = "dftd3:pbe-bj"
SHORT_CUTOFF = 5.0
LAYERED_FRAMES = 30


def main() -> None:
    """Print a row per fit."""
    parser = argparse.ArgumentParser(description="Fits with and without another calculator as baseline.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ASE_RFHGN_DATA", "data")), metavar="FOLDER")
    parser.add_argument("--frames", type=int, default=50, metavar="N", help="training frames of ethanol")
    options = parser.parse_args()
    warnings.simplefilter("ignore", TrainingDataWarning)
    ethanol = options.data / "ethanol"
    if find_spec("tblite") and ethanol.is_dir():
        print_ethanol(ethanol, options.frames)
    else:
        print("ethanol is left out: it needs tblite, and the folder ethanol/ of the data")
    if find_spec("dftd3"):
        print_layers()
    else:
        print("the layered crystal is left out: it needs dftd3")


def print_ethanol(folder: Path, n_frames: int) -> None:
    """Print the errors of fits to a few frames, evenly taken from the training set."""
    train, test = (read(folder / f"ethanol_{part}.traj", ":") for part in ("train", "test"))
    chosen = [train[i] for i in np.linspace(0, len(train) - 1, n_frames).round().astype(int)]
    some = test[:: max(1, len(test) // 100)]
    print(f"| ethanol (GFN2-xTB), {n_frames} frames | energy, meV/atom | force, eV/Å |\n|---|---|---|")
    for baseline in (None, "tblite:GFN1-xTB"):
        errors = evaluate_errors(fit(chosen, baseline=baseline), some)
        print(f"| baseline {baseline} | {errors.energy_rmse:.3g} | {errors.force_rmse:.3g} |", flush=True)


def print_layers() -> None:
    """Print the distance of the layers of a crystal that dispersion holds together."""
    truth = interlayer_distance(reference())
    frames = layered_frames()
    print("| layered crystal | distance of layers, Å | error |\n|---|---|---|")
    print(f"| reference | {truth:.4f} | – |")
    settings: dict[str, Any] = {"cutoff": SHORT_CUTOFF}
    for baseline in (None, DISPERSION):
        distance = interlayer_distance(RFHGNCalculator(fit(frames, baseline=baseline, **settings)))
        print(f"| fit, cutoff {SHORT_CUTOFF} Å, baseline {baseline} | {distance:.4f} | {distance / truth - 1.0:+.2%} |")


def reference() -> SumCalculator:
    """Return bonds in layers, repulsion of unlike layers, and D3 dispersion."""
    bonds = MorsePotential(epsilon=5.0, r0=1.42, rho0=3.0, rcut1=1.7, rcut2=2.4)
    repulsion = PairPotential({(6, 7): BeestKramerSanten(3000.0, 3.6, 0.0, 6.0)})
    return SumCalculator([bonds, repulsion, NamedCalculator.parse(DISPERSION).make()])


def layers(distance: float) -> Atoms:
    """Return layers of carbon and of nitrogen in turns, in a periodic cell."""
    sheet = graphene(a=2.46, vacuum=None)
    sheet.cell[2] = (0.0, 0.0, distance)
    sheet.pbc = True
    crystal: Atoms = sheet * (2, 2, 2)
    upper = crystal.positions[:, 2] > 0.5 * distance
    crystal.numbers[upper] = 7
    crystal.positions[upper, 1] += 2.46 / np.sqrt(3.0)
    return crystal


def layered_frames() -> list[Atoms]:
    """Return rattled and strained crystals with labels."""
    rng, frames = np.random.default_rng(0), []
    for distance in rng.uniform(2.9, 4.0, LAYERED_FRAMES):
        atoms = layers(distance)
        atoms.set_cell(atoms.cell.array * (1.0 + rng.normal(0.0, 0.01)), scale_atoms=True)
        atoms.positions += rng.normal(0.0, 0.05, atoms.positions.shape)
        atoms.calc = reference()
        atoms.get_forces()
        atoms.get_stress()
        frames.append(atoms)
    return frames


def interlayer_distance(calculator: Any) -> float:  # noqa: ANN401  # any calculator of ASE
    """Return the distance of relaxed layers at which the energy is least (Å)."""
    grid = np.linspace(3.0, 3.9, 13)
    energies = []
    for distance in grid:
        atoms = layers(distance)
        atoms.calc = calculator
        BFGS(atoms, logfile=None).run(fmax=0.02, steps=20)
        energies.append(atoms.get_potential_energy())
    lowest = int(np.clip(np.argmin(energies), 2, len(grid) - 3))
    near = slice(lowest - 2, lowest + 3)
    curve = np.polynomial.Polynomial.fit(grid[near], energies[near], 3)
    inside = [root.real for root in curve.deriv().roots() if abs(root.imag) < 1e-9 and grid[0] <= root.real <= grid[-1]]
    return float(min(inside, key=curve)) if inside else float(grid[np.argmin(energies)])


if __name__ == "__main__":
    main()
