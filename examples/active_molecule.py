"""Dynamics of ethanol on the fly with a quantum code, GFN2-xTB: calls, and errors along the run.

    python examples/active_molecule.py [--steps 5000] [--directory active_molecule]

A picture of errors and calls, run.png, goes to the directory; it takes some ten minutes. Needs tblite
(``pip install tblite``); without it, a message is all there is.
"""

# %% Settings

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import units
from ase.build import molecule
from ase.md.langevin import Langevin
from watching import HEADING, Watch

from ase_rfhgn import ActiveCalculator

parser = argparse.ArgumentParser(description="Ethanol with a potential that learns on the fly.")
parser.add_argument("--steps", type=int, default=5000, help="time steps of 0.5 fs")
parser.add_argument("--directory", help="where frames, log and potential go; by default a temporary folder")
options = parser.parse_args()
CHUNKS = 20

try:
    from tblite.ase import TBLite
except ImportError:
    sys.exit("skipped: tblite is not installed (pip install tblite)")

# %% A molecule at 300 K

atoms = molecule("CH3CH2OH")
directory = Path(options.directory or tempfile.mkdtemp())
reference = TBLite(method="GFN2-xTB", verbosity=0)
calculator = ActiveCalculator(reference, directory, uncertainty=0.2, start=12)
atoms.calc = calculator
dynamics = Langevin(
    atoms, 0.5 * units.fs, temperature_K=300, friction=0.01 / units.fs, fixcm=False, rng=np.random.default_rng(0)
)

# %% Run it, and look at the truth now and then

watch = Watch(dynamics, calculator, TBLite(method="GFN2-xTB", verbosity=0), options.steps // 200)
print(HEADING)
for _ in range(CHUNKS):
    dynamics.run(max(1, options.steps // CHUNKS))
    print(watch.so_far(), flush=True)

# %% What it took

print(watch.summary())
watch.draw(directory / "run.png")
print(f"{directory / 'run.png'} shows it")
