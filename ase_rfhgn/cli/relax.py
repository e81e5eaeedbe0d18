"""The command ``ase-rfhgn relax``: relaxes a structure."""

from __future__ import annotations

import argparse
from typing import Any

from ase.units import GPa

from ase_rfhgn.cli.property_command import add_property_command, finished, prepared
from ase_rfhgn.cli.quantities import pressure
from ase_rfhgn.properties.plots import plot_relaxation
from ase_rfhgn.properties.relaxation import OPTIMIZERS, relax
from ase_rfhgn.reports.behaviour_plots import plot_structure


def add_relax(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "relax cu.npz POSCAR -o relaxed.extxyz --cell"
    command = add_property_command(commands, "relax", run_relax, "relax a structure", example, output="relaxed.extxyz")
    command.add_argument("--cell", action="store_true", help="relax the cell, too")
    command.add_argument("--pressure", type=pressure, default=0.0, metavar="GPa", help="on a free cell; by default 0")
    command.add_argument("--fmax", type=float, default=0.01, metavar="eV/Å", help="largest force at the end")
    command.add_argument("--steps", type=int, default=500, metavar="N", help="largest number of steps")
    command.add_argument("--optimizer", choices=list(OPTIMIZERS), help="by default bfgs, above 100 atoms lbfgs")


def run_relax(options: argparse.Namespace) -> str:
    """Relax a structure and write it; return what to print. The exit code is 1 if it did not converge."""
    committee, (atoms,) = prepared(options)
    found = relax(
        committee,
        atoms,
        cell=options.cell,
        pressure=options.pressure / GPa,
        fmax=options.fmax,
        steps=options.steps,
        optimizer=options.optimizer,
        progress=True,
    )
    panels = (plot_relaxation, lambda result, axes: plot_structure(result.atoms, axes))
    return finished(found, options, *panels, structures=found.atoms, converged=found.converged, hidden=["max_forces"])
