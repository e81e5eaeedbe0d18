"""Dynamics of ethanol on the fly with a quantum code, GFN2-xTB: calls, and errors along the run.

    python examples/active_molecule.py [--steps 2000]

Needs tblite (``pip install tblite``); without it, a message is all there is.
"""

# %% Settings

from __future__ import annotations

import argparse
import sys
import tempfile

import numpy as np
from ase import units
from ase.build import molecule
from ase.md.langevin import Langevin

from ase_rfhgn import ActiveCalculator

parser = argparse.ArgumentParser(description="Ethanol with a potential that learns on the fly.")
parser.add_argument("--steps", type=int, default=2000, help="time steps of 0.5 fs")
options = parser.parse_args()

try:
    from tblite.ase import TBLite
except ImportError:
    sys.exit("skipped: tblite is not installed (pip install tblite)")

# %% A molecule at 300 K

atoms = molecule("CH3CH2OH")
calculator = ActiveCalculator(TBLite(method="GFN2-xTB", verbosity=0), tempfile.mkdtemp(), uncertainty=0.2, start=12)
atoms.calc = calculator
dynamics = Langevin(
    atoms, 0.5 * units.fs, temperature_K=300, friction=0.01 / units.fs, fixcm=False, rng=np.random.default_rng(0)
)

# %% Run it, and look at the truth now and then

errors: list[float] = []
truth = TBLite(method="GFN2-xTB", verbosity=0)


def look() -> None:
    """Compare the forces with those of the reference."""
    copy = atoms.copy()
    copy.calc = truth
    errors.append(float(np.sqrt(np.mean((atoms.get_forces() - copy.get_forces()) ** 2))))


dynamics.attach(look, interval=max(1, options.steps // 100))
dynamics.run(options.steps)
print(f"{calculator.n_steps} evaluations, {len(calculator.calls)} calls of the reference")
print(f"force RMSE along the run {np.sqrt(np.mean(np.square(errors))):.4f} eV/Å, largest of a frame {max(errors):.4f}")
