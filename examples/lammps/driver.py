"""LAMMPS driven from Python, on all processes of ``mpirun``, with a fitted potential.

    mpirun -n 2 python examples/lammps/driver.py cu.npz

runs the same copper as ``in.copper``. `attach` is the only line that a driver needs for the potential: it stands
where a script has ``pair_style`` and ``pair_coeff``.
"""

from __future__ import annotations

import sys

from ase_rfhgn.calculators.lammps import Grading, attach
from ase_rfhgn.calculators.lammps.library import communicator, start

BEFORE = """
units       metal
lattice     fcc 3.61
region      box block 0 5 0 5 0 5
create_box  1 box
create_atoms 1 box
mass        1 63.546
"""
AFTER = """
velocity    all create 600 7 loop all
timestep    0.002
fix         nve all nve
thermo      10
thermo_style custom step temp pe etotal press f_rfhgn[1]
run         50
"""


def main() -> None:
    """Run fifty steps; the first process prints how much work copies of foreign atoms were."""
    comm = communicator()
    lmp = start(comm, ["-log", "none", "-nocite"])
    lmp.commands_string(BEFORE)
    forces = attach(lmp, sys.argv[1], ["Cu"], grading=Grading(every=10, warn=2.0))
    lmp.commands_string(AFTER)
    centres = comm.allgather(forces.n_centres)
    if comm.rank == 0:
        print(f"{lmp.get_natoms()} atoms, of which {centres} were evaluated, copies included")
    lmp.close()


if __name__ == "__main__":
    main()
