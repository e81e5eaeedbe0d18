"""A job for workflow programs such as quacc: keywords in, a dictionary out, nothing but plain values travels.

Such programs send a function and its keywords to another process, by pickle. Keywords of the calculator are
plain values, and the calculator itself can be pickled, too.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from ase import Atoms
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from ase_rfhgn import RFHGNCalculator


def relax_job(atoms: Atoms, *, fmax: float = 0.01, **calculator_keywords: str | float) -> dict[str, Any]:
    """Return the relaxed structure, its energy (eV) and the parameters of the calculator.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure.
    fmax : float
        Largest force at the end (eV/Å).
    **calculator_keywords
        Keywords of `RFHGNCalculator`: ``potential``, ``threads``, ``fingerprint``.
    """
    atoms = atoms.copy()
    atoms.calc = RFHGNCalculator(**calculator_keywords)  # type: ignore[arg-type]
    optimiser = BFGS(FrechetCellFilter(atoms), logfile=None)  # type: ignore[arg-type]  # it takes filters, too
    optimiser.run(fmax=fmax)
    parameters = atoms.calc.todict()
    return {"atoms": atoms.copy(), "energy_ev": float(atoms.get_potential_energy()), "parameters": parameters}


if __name__ == "__main__":
    with ProcessPoolExecutor(1) as pool:
        done = pool.submit(relax_job, bulk("Cu"), potential=sys.argv[1]).result()
    print(f"{done['energy_ev']:.4f} eV", done["parameters"])
