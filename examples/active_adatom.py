"""An aluminium adatom hops on copper, on the fly: the barrier by a nudged elastic band, and the calls it took.

    python examples/active_adatom.py [--layers 3]

ASE's EMT stands in for a quantum code, and gives the exact barrier to compare with.
"""

# %% Settings

from __future__ import annotations

import argparse
import tempfile

from ase import Atoms
from ase.build import add_adsorbate, fcc100
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.mep import NEB
from ase.optimize import BFGS

from ase_rfhgn import ActiveCalculator

parser = argparse.ArgumentParser(description="Barrier of an adatom with a potential that learns on the fly.")
parser.add_argument("--layers", type=int, default=3, help="layers of the slab")
options = parser.parse_args()
FORCE, IMAGES, STEPS = 0.05, 5, 200

# %% Hollow sites beside each other


def slab(shift: float) -> Atoms:
    """Return copper with an adatom on a hollow site, or on the next one."""
    atoms: Atoms = fcc100("Cu", (3, 3, options.layers), vacuum=8.0)
    add_adsorbate(atoms, "Al", 1.7, "hollow")
    atoms.positions[-1, 0] += shift
    atoms.set_constraint(FixAtoms(mask=[atom.tag > 1 for atom in atoms]))
    return atoms


def barrier(calculator: Calculator) -> float:
    """Return the barrier of the hop (eV)."""
    ends = [slab(0.0), slab(2.5527)]
    for end in ends:
        end.calc = calculator
        BFGS(end, logfile=None).run(fmax=FORCE, steps=STEPS)
    images = [ends[0], *(ends[0].copy() for _ in range(IMAGES)), ends[1]]
    for image in images:
        image.calc = calculator
    band = NEB(images, climb=True, allow_shared_calculator=True, method="improvedtangent")
    band.interpolate("idpp", mic=True)
    BFGS(band, logfile=None).run(fmax=FORCE, steps=STEPS)  # type: ignore[arg-type]  # ASE lets it pose as Atoms
    energies = [image.get_potential_energy() for image in images]
    return float(max(energies) - energies[0])


# %% With the potential, and with the reference alone

calculator = ActiveCalculator(EMT(), tempfile.mkdtemp())
found = barrier(calculator)
print(f"barrier {found:.3f} eV with {len(calculator.calls)} calls in {calculator.n_steps} evaluations")
print(f"barrier {barrier(EMT()):.3f} eV with the reference alone")
