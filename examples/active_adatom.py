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
from typing import Any

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
FORCE, IMAGES, MOST_STEPS, UNCERTAINTY = 0.05, 5, 200, 0.05


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


def sites_of(dynamics: Langevin) -> set[tuple[float, ...]]:
    """Return the sites that the adatom visits, in units of their spacing; they fill while the dynamics run."""
    atoms = dynamics.atoms
    start_c, sites = atoms.positions[-1, :2].copy(), set[tuple[float, ...]]()
    dynamics.attach(lambda: sites.add(tuple(np.round((atoms.positions[-1, :2] - start_c) / SPACING))), interval=20)
    return sites


# %% [markdown]
# What a stage takes is the difference of two counts.


# %%
class Stages:
    """Runs stages on one calculator, and prints what each takes and how good it is.

    Parameters
    ----------
    calculator : ActiveCalculator
        What all stages share.
    """

    def __init__(self, calculator: ActiveCalculator) -> None:
        self._calculator = calculator
        print("| stage | evaluations | calls | force RMSE eV/Å |\n|---|---|---|---|")

    def run(self, name: str, driver: Langevin | BFGS, steps: int, images: Sequence[Atoms] | None = None) -> None:
        """Run a driver, and print the line of its stage."""
        calculator = self._calculator
        n_steps, n_calls = calculator.n_steps, len(calculator.calls)
        watch = Watch(driver, calculator, EMT(), steps // 100, images)
        if isinstance(driver, BFGS):
            driver.run(fmax=FORCE, steps=steps)
        else:
            driver.run(steps)
        counts = f"{calculator.n_steps - n_steps} | {len(calculator.calls) - n_calls}"
        print(f"| {name} | {counts} | {watch.rmse():.4f} |", flush=True)


# %%
def run_example(
    steps: int = 4000,
    layers: int = 3,
    directory: str | None = None,
    **settings: Any,  # noqa: ANN401  # those of `fit`
) -> tuple[float, float]:
    """Print what every stage takes; return the barriers of the potential and of the reference (eV)."""
    calculator = ActiveCalculator(EMT(), directory or tempfile.mkdtemp(), uncertainty=UNCERTAINTY, **settings)
    stages = Stages(calculator)
    dynamics = hot_run(slab(layers, 0.0, calculator))
    sites = sites_of(dynamics)
    stages.run(f"{TEMPERATURE:.0f} K", dynamics, steps)
    ends = [slab(layers, shift, calculator) for shift in (0.0, SPACING)]
    for name, end in zip(("first end", "last end"), ends, strict=True):
        stages.run(name, relaxation(end), MOST_STEPS)
    optimiser, images = band(ends)
    stages.run("band", optimiser, MOST_STEPS, images)
    n_steps, n_calls = calculator.n_steps, len(calculator.calls)
    found, exact = barrier(images), exact_barrier(layers)
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
