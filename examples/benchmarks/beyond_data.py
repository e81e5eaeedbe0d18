"""What potentials fitted with the defaults do beyond their data: other crystals, pressure, dimers, dynamics.

    python examples/benchmarks/beyond_data.py [train.traj …] [--md train.traj test.traj …] [--seed N]

prints Markdown tables. Without arguments, Si, Mo and Cu are looked for as in `real_data.py`. For every set,
prototype crystals with the set's commonest composition are compressed and expanded. The table has
the least energy above the lowest training frame or crystal, the number of minima, and the least extrapolation
grade. Another table has the minima of dimers. The arguments of ``--md`` come in pairs; two picoseconds
of Langevin dynamics at 300 K start from two test frames of each.
"""

from __future__ import annotations

import argparse
import warnings
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from measuring import data_folder
from thermal_runs import thermal_run

from ase_rfhgn import Potential, fit
from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.fitting.far_structures import spacing_of
from ase_rfhgn.fitting.prototypes import Prototype, prototypes
from ase_rfhgn.structures.frame_graphs import FrameGraphs, WithinCutoff
from ase_rfhgn.structures.training_set import TrainingSet

FOLDER = data_folder() / "mlearn"
SPACINGS = np.linspace(0.85, 1.2, 71)
"""Distances of nearest neighbours in crystals, in units of the typical one."""

RIPPLE = 0.02
"""Barriers between minima that count (eV per atom of a crystal, eV of a dimer)."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Behaviour of default fits beyond their data.")
    parser.add_argument("train", nargs="*")
    parser.add_argument("--md", nargs="+", default=[], metavar="train.traj test.traj")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pairs = list(zip(options.md[::2], options.md[1::2], strict=True))
    sets = options.train or ([] if pairs else [str(FOLDER / f"{name}_train.traj") for name in ("Si", "Mo", "Cu")])
    for path in sets:
        print(f"\n## {path}\n", flush=True)
        potential = fitted(path, options.seed)
        frames = TrainingSet.open(path)
        print("\n".join([*crystal_table(potential, frames), "", *dimer_table(potential)]), flush=True)
    if pairs:
        print("\n| set | atoms | 2 ps at 300 K | grade at first, largest | first alarm (fs) |\n|---|---|---|---|---|")
    for train, test in pairs:
        potential = fitted(train, options.seed)
        frames = TrainingSet.open(test)
        for i in (0, len(frames) // 2):
            print(f"| {Path(train).stem} {run_cells(potential, frames[i].atoms)}", flush=True)


def fitted(path: str, seed: int) -> Potential:
    """Return the default fit, and print its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        potential = fit(path, seed=seed)
    for warning in caught:
        print(f"<!-- {warning.message} -->")
    return potential


def crystal_table(potential: Potential, frames: TrainingSet) -> list[str]:
    """Return the table of compressed and expanded crystals; empty where frames are no crystals."""
    items = FrameGraphs.of(frames, WithinCutoff(potential.cutoff, frames.closest))
    some = [items[i] for i in np.unique(np.linspace(0, len(items) - 1, 30).astype(int))]
    spacing = spacing_of(some, potential.species_s)
    if not spacing.is_crystalline:
        return ["no crystals"]
    number_n = max((item.graph.number_n for item in some), key=len)
    trained = min(energy(potential, item.frame.atoms) for item in items if item.graph.n_atoms > 1)
    lines = ["| crystal | least energy (eV/atom) | at Å³/atom | minima | grade there | least grade |"]
    lines.append("|---|---|---|---|---|---|")
    curves = {name: curve(potential, one, number_n, spacing.nearest_s) for name, one in prototypes().items()}
    ground = min(trained, *(energy_i.min() for energy_i, _, _ in curves.values()))
    for name, (energy_i, grade_i, volume_i) in curves.items():
        i = int(energy_i.argmin())
        lines.append(
            f"| {name} | {energy_i[i] - ground:+.3f} | {volume_i[i]:.1f} | {n_minima(energy_i)} | {grade_i[i]:.1f} "
            f"| {grade_i.min():.1f} |"
        )
    lines.append(f"\nlowest training frame {trained - ground:+.3f} eV/atom")
    return lines


def curve(
    potential: Potential, prototype: Prototype, number_n: IntArray, nearest_s: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return energies (eV/atom), grades and volumes (Å³/atom) of a crystal at all spacings."""
    site_n = np.resize(np.random.default_rng(0).permutation(number_n), prototype.n_sites)
    typical = float(nearest_s[np.searchsorted(potential.species_s, site_n)].mean())
    crystals = [prototype.crystal(site_n, typical * spacing) for spacing in SPACINGS]
    return (
        np.array([energy(potential, atoms) for atoms in crystals]),
        np.array([potential.grade(atoms).max() for atoms in crystals]),
        np.array([atoms.get_volume() / len(atoms) for atoms in crystals]),
    )


def dimer_table(potential: Potential) -> list[str]:
    """Return the table of dimers."""
    lines = ["| dimer | minima (Å) | least energy (eV) | at the shortest distance (eV) |", "|---|---|---|---|"]
    n_species, floor_b = len(potential.species_s), potential.hamiltonian.encoder.floor_b
    for s, t in combinations_with_replacement(range(n_species), 2):
        distance_i = np.linspace(0.7 * floor_b[n_species * s + t], potential.cutoff, 120)
        numbers = potential.species_s[[s, t]]
        dimers = [Atoms(numbers, [(0.0, 0.0, 0.0), (d, 0.0, 0.0)]) for d in (*distance_i, 2.0 * potential.cutoff)]
        energy_i = np.array([2.0 * energy(potential, atoms) for atoms in dimers])
        energy_i = energy_i[:-1] - energy_i[-1]
        lines.append(
            f"| {''.join(chemical_symbols[z] for z in numbers)} | {n_minima(energy_i)} | {energy_i.min():.2f} "
            f"| {energy_i[0]:.1f} |"
        )
    return lines


def energy(potential: Potential, atoms: Atoms) -> float:
    """Return the energy per atom (eV)."""
    return float(potential.evaluate(atoms).energy_n.mean())


def n_minima(energy_i: FloatArray) -> int:
    """Return the number of minima, ends included, between which there are barriers."""
    count, falling, extreme = 0, True, energy_i[0]
    for value in energy_i[1:]:
        extreme = min(extreme, value) if falling else max(extreme, value)
        if falling and value > extreme + RIPPLE:
            count, falling, extreme = count + 1, False, value
        elif not falling and value < extreme - RIPPLE:
            falling, extreme = True, value
    return count + int(falling)


def run_cells(potential: Potential, start: Atoms) -> str:
    """Return the cells of a run: how it ended, grades, and when the first alarm came."""
    run = thermal_run(potential, start)
    alarm = "–" if run.first_alarm is None else f"{run.first_alarm:.0f}"
    return f"| {len(start)} | {run.outcome} | {run.grades[0]:.1f}, {max(run.grades):.1f} | {alarm} |"


if __name__ == "__main__":
    main()
