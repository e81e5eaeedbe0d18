"""The command ``ase-rfhgn lammps``: prints what a LAMMPS script needs for a model, or runs a script with it."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.calculators.lammps.external import Grading
from ase_rfhgn.calculators.lammps.library import communicator
from ase_rfhgn.calculators.lammps.script import elements_of, run_script, script_lines
from ase_rfhgn.cli.shared import add_command
from ase_rfhgn.errors import RFHGNError, SettingsError
from ase_rfhgn.models.load import load_model
from ase_rfhgn.models.potential import Potential

TEXT = """\
# In a LAMMPS script (units metal), in place of pair_style and pair_coeff:
{lines}
# Elements are those of the types of atoms, in their order. Run it with any number of processes:
#   mpirun -n 2 ase-rfhgn lammps {model} --run in.lmp --elements {elements}
# Extrapolation grades, every 10 steps: --warn-grade 2 --halt-grade 5; dump d_grade, f_{fix}[1] is the largest one."""


def add_lammps(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "print what a LAMMPS script needs for a model, or run a script with it"
    example = "lammps cu.npz\nlammps cu.npz --run in.copper --elements Cu --halt-grade 5"
    command = add_command(commands, "lammps", run_lammps, help_text, example)
    command.add_argument("model", metavar="model.npz")
    command.add_argument("--run", dest="script", metavar="in.lmp", help="run this script, on all processes of mpirun")
    command.add_argument("--elements", nargs="+", metavar="Si", help="elements of the types of atoms, in their order")
    command.add_argument("--grade-every", type=int, metavar="N", help="compute extrapolation grades every N steps (10)")
    command.add_argument("--warn-grade", type=float, metavar="G", help="warn of grades above this one")
    command.add_argument("--halt-grade", type=float, metavar="G", help="end the run at a grade above this one")
    command.add_argument("--threads", type=int, default=1, metavar="N", help="threads per process (1)")


def run_lammps(options: argparse.Namespace) -> str:
    """Print lines, or run a script; return what to print."""
    if options.script is None:
        return _lines(options)
    rank = communicator().rank
    try:
        forces = run_script(
            options.script, options.model, options.elements, grading=_grading(options), threads=options.threads
        )
    except RFHGNError:
        if rank:
            raise SystemExit(2) from None  # the first process says it once
        raise
    if rank:
        raise SystemExit(0)
    share = forces.n_centres / max(forces.n_own, 1) - 1.0
    return f"done; copies of foreign atoms made {100.0 * share:.0f} % more work for the first process"


def _lines(options: argparse.Namespace) -> str:
    """Return the lines of a script for a model."""
    if options.elements is not None:
        message = "--elements is for --run: without it, the lines are printed for all elements of the model"
        raise SettingsError(message)
    model = load_model(options.model)
    if not isinstance(model, Potential):
        message = f"{options.model} is a model of positions and momenta: LAMMPS runs potentials only"
        raise SettingsError(message)
    fix = script_lines(model)[-1].split()[1]
    lines, elements = "\n".join(script_lines(model)), " ".join(elements_of(model))
    return TEXT.format(lines=lines, model=options.model, elements=elements, fix=fix)


def _grading(options: argparse.Namespace) -> Grading | None:
    """Return when grades are computed, None if no option asks for them."""
    if options.grade_every is None and options.warn_grade is None and options.halt_grade is None:
        return None
    every = Grading().every if options.grade_every is None else options.grade_every
    return Grading(every, options.warn_grade, options.halt_grade)
