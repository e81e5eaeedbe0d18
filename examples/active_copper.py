"""Melting copper on the fly: calls of the reference, and errors along the run.

    python examples/active_copper.py [--steps 3000] [--directory active_copper]

ASE's EMT stands in for a quantum code. The run begins without data and heats a crystal through its
melting point. A picture of errors and calls, run.png, goes to the directory, too.
"""

# %% Settings

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin
from watching import HEADING, Watch

from ase_rfhgn import ActiveCalculator

parser = argparse.ArgumentParser(description="Melt copper with a potential that learns on the fly.")
parser.add_argument("--steps", type=int, default=3000, help="time steps of 3 fs")
parser.add_argument("--directory", help="where frames, log and potential go; by default a temporary folder")
options = parser.parse_args()
COLDEST, HOTTEST, CHUNKS = 300.0, 2200.0, 30

# %% A crystal, and a calculator that learns

atoms = bulk("Cu", cubic=True) * (3, 3, 3)
directory = Path(options.directory or tempfile.mkdtemp())
calculator = ActiveCalculator(EMT(), directory)
atoms.calc = calculator
dynamics = Langevin(
    atoms, 3 * units.fs, temperature_K=COLDEST, friction=0.02 / units.fs, fixcm=False, rng=np.random.default_rng(0)
)

# %% Heat it, and look at the truth now and then

watch = Watch(dynamics, calculator, EMT(), options.steps // 150)
print(HEADING)
for chunk in range(1, CHUNKS + 1):
    dynamics.set_temperature(temperature_K=COLDEST + (HOTTEST - COLDEST) * chunk / CHUNKS)
    dynamics.run(max(1, options.steps // CHUNKS))
    if chunk % 3 == 0:
        print(watch.so_far(), flush=True)

# %% What it took

print(watch.summary())
watch.draw(directory / "run.png")
print(f"{directory / 'run.png'} shows it")
