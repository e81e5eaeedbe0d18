"""An aluminium adatom on copper, on the fly: a hot run, then the barrier of its hop by a nudged elastic band.

    python examples/active_adatom.py [--steps 4000] [--layers 3] [--directory active_adatom]

ASE's EMT stands in for a quantum code, and gives the exact barrier to compare with. The run begins
without data; all stages share one calculator and its folder, and what one asks, the next ones know.
"""

# %% Settings

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import add_adsorbate, fcc100
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.md.langevin import Langevin
from ase.mep import NEB
from ase.optimize import BFGS
from watching import Watch

from ase_rfhgn import ActiveCalculator

SPACING = 2.5527
"""Distance from one hollow site to the next (Å)."""

TEMPERATURE, TIMESTEP, FRICTION = 600.0, 3.0 * units.fs, 0.01 / units.fs
FORCE, IMAGES, MOST_STEPS = 0.05, 5, 200


# %%
def slab(layers: int, shift: float, calculator: Calculator) -> Atoms:
    """Return copper with an adatom on a hollow site, or beside it (Å); only the top layer moves."""
    atoms: Atoms = fcc100("Cu", (3, 3, layers), vacuum=8.0)
    add_adsorbate(atoms, "Al", 1.7, "hollow")
    atoms.positions[-1, 0] += shift
    atoms.set_constraint(FixAtoms(mask=[atom.tag > 1 for atom in atoms]))
    atoms.calc = calculator
    return atoms


# %% [markdown]
# Stages of the work, as drivers of ASE that are ready to run.


# %%
def hot_run(atoms: Atoms) -> Langevin:
    """Return dynamics so hot that the adatom hops now and then."""
    rng = np.random.default_rng(0)
    return Langevin(atoms, TIMESTEP, temperature_K=TEMPERATURE, friction=FRICTION, fixcm=False, rng=rng)


def relaxation(atoms: Atoms) -> BFGS:
    """Return an optimiser of a structure."""
    return BFGS(atoms, logfile=None)


def band(ends: Sequence[Atoms]) -> tuple[BFGS, list[Atoms]]:
    """Return an optimiser of images between two relaxed ends, one of which climbs, and the images."""
    images = [ends[0], *(ends[0].copy() for _ in range(IMAGES)), ends[1]]
    for image in images:
        image.calc = ends[0].calc
    neb = NEB(images, climb=True, allow_shared_calculator=True, method="improvedtangent")
    neb.interpolate("idpp", mic=True)
    return BFGS(neb, logfile=None), images  # type: ignore[arg-type]  # ASE lets it pose as Atoms


def barrier(images: Sequence[Atoms]) -> float:
    """Return the highest energy of images, relative to that of the first (eV)."""
    energies = [image.get_potential_energy() for image in images]
    return float(max(energies) - energies[0])


def exact_barrier(layers: int) -> float:
    """Return the barrier with the reference alone (eV)."""
    reference = EMT()
    ends = [slab(layers, shift, reference) for shift in (0.0, SPACING)]
    for end in ends:
        relaxation(end).run(fmax=FORCE, steps=MOST_STEPS)
    optimiser, images = band(ends)
    optimiser.run(fmax=FORCE, steps=MOST_STEPS)
    return barrier(images)


# %% [markdown]
# What a stage took is the difference of two counts.


# %%
class Ledger:
    """Prints what stages took, and how good they were.

    Parameters
    ----------
    calculator : ActiveCalculator
        What all stages share.
    """

    def __init__(self, calculator: ActiveCalculator) -> None:
        self._calculator = calculator
        self._counted = (0, 0)
        print("| stage | evaluations | calls | force RMSE eV/Å |\n|---|---|---|---|")

    def enter(self, stage: str, watch: Watch) -> None:
        """Print the line of a stage that has just ended."""
        steps, calls = self._calculator.n_steps, len(self._calculator.calls)
        line = f"| {stage} | {steps - self._counted[0]} | {calls - self._counted[1]} | {watch.rmse():.4f} |"
        print(line, flush=True)
        self._counted = (steps, calls)


# %%
def run_example(steps: int = 4000, layers: int = 3, directory: str | None = None) -> tuple[float, float]:
    """Print what every stage takes; return the barriers of the potential and of the reference (eV)."""
    calculator = ActiveCalculator(EMT(), Path(directory or tempfile.mkdtemp()))
    ledger = Ledger(calculator)
    atoms = slab(layers, 0.0, calculator)
    dynamics = hot_run(atoms)
    watch = Watch(dynamics, calculator, EMT(), steps // 200)
    sites: set[tuple[float, ...]] = set()
    start_c = atoms.positions[-1].copy()
    dynamics.attach(lambda: sites.add(tuple(np.round((atoms.positions[-1, :2] - start_c[:2]) / SPACING))), interval=20)
    dynamics.run(steps)
    ledger.enter(f"{steps} steps at {TEMPERATURE:.0f} K", watch)

    ends = [slab(layers, shift, calculator) for shift in (0.0, SPACING)]
    for name, end in zip(("first end", "last end"), ends, strict=True):
        optimiser = relaxation(end)
        watch = Watch(optimiser, calculator, EMT(), 1)
        optimiser.run(fmax=FORCE, steps=MOST_STEPS)
        ledger.enter(name, watch)
    optimiser, images = band(ends)
    watch = Watch(optimiser, calculator, EMT(), 1, images)
    optimiser.run(fmax=FORCE, steps=MOST_STEPS)
    ledger.enter("band", watch)
    found, exact = barrier(images), exact_barrier(layers)
    n_steps, n_calls = calculator.n_steps, len(calculator.calls)
    print(f"{n_steps} evaluations, {n_calls} calls: one for {n_steps / n_calls:.0f}; {len(sites)} sites visited")
    print(f"barrier {found:.3f} eV, with the reference alone {exact:.3f} eV")
    return found, exact


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An adatom with a potential that learns on the fly.")
    parser.add_argument("--steps", type=int, default=4000, help="time steps of 3 fs of the hot run")
    parser.add_argument("--layers", type=int, default=3, help="layers of the slab")
    parser.add_argument("--directory", help="where frames, log and potential go; by default a temporary folder")
    options = parser.parse_args()
    run_example(options.steps, options.layers, options.directory)
