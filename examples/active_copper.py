"""Melting copper on the fly: calls of the reference, and errors along the run.

    python examples/active_copper.py [--steps 3000] [--directory active_copper]

ASE's EMT stands in for a quantum code. The run begins without data and heats a crystal through its
melting point.
"""

# %% Settings

from __future__ import annotations

import argparse
import tempfile

import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin

from ase_rfhgn import ActiveCalculator

parser = argparse.ArgumentParser(description="Melt copper with a potential that learns on the fly.")
parser.add_argument("--steps", type=int, default=3000, help="time steps of 3 fs")
parser.add_argument("--directory", help="where frames, log and potential go; by default a temporary folder")
options = parser.parse_args()
COLDEST, HOTTEST, CHUNKS = 300.0, 2200.0, 30

# %% A crystal, and a calculator that learns

atoms = bulk("Cu", cubic=True) * (3, 3, 3)
calculator = ActiveCalculator(EMT(), options.directory or tempfile.mkdtemp())
atoms.calc = calculator
dynamics = Langevin(
    atoms, 3 * units.fs, temperature_K=COLDEST, friction=0.02 / units.fs, fixcm=False, rng=np.random.default_rng(0)
)

# %% Heat it, and look at the truth now and then

errors: list[float] = []


def look() -> None:
    """Compare the forces with those of the reference."""
    truth = atoms.copy()
    truth.calc = EMT()
    errors.append(float(np.sqrt(np.mean((atoms.get_forces() - truth.get_forces()) ** 2))))


dynamics.attach(look, interval=max(1, options.steps // 150))
print(f"{'step':>6} {'K':>6} {'calls':>6} {'force RMSE so far, eV/Å':>24}")
for chunk in range(CHUNKS):
    dynamics.set_temperature(temperature_K=COLDEST + (HOTTEST - COLDEST) * (chunk + 1) / CHUNKS)
    dynamics.run(max(1, options.steps // CHUNKS))
    if chunk % 3 == 2:
        so_far = np.sqrt(np.mean(np.square(errors)))
        print(
            f"{dynamics.nsteps:6d} {atoms.get_temperature():6.0f} {len(calculator.calls):6d} {so_far:24.4f}", flush=True
        )

# %% What it took

jumps = [abs(call.energy_jump) for call in calculator.calls if call.energy_jump is not None]
print(f"{calculator.n_steps} evaluations, {len(calculator.calls)} calls of the reference")
print(f"one call for {calculator.n_steps / len(calculator.calls):.0f} evaluations")
print(f"force RMSE along the run {np.sqrt(np.mean(np.square(errors))):.4f} eV/Å, largest of a frame {max(errors):.4f}")
print(f"largest jump of the energy at a call {1e3 * max(jumps, default=0.0) / len(atoms):.2f} meV/atom")
