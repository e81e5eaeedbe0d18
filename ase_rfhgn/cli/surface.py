"""The command ``ase-rfhgn surface``: the energy of a surface of a crystal."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.property_command import add_property_command, add_unrelaxed, finished, prepared
from ase_rfhgn.properties.defects import surface_energy
from ase_rfhgn.reports.behaviour_plots import plot_structure


def add_surface(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "surface cu.npz POSCAR --miller 1 0 0 -o slab.extxyz"
    help_text = "energy of a surface of a crystal"
    command = add_property_command(commands, "surface", run_surface, help_text, example, output="slab.extxyz")
    command.add_argument(
        "--miller", type=int, nargs=3, default=(1, 1, 1), metavar="N", help="of the conventional cell; by default 1 1 1"
    )
    command.add_argument(
        "--thickness", type=float, default=15.0, metavar="Å", help="least thickness of the slab; by default 15 Å"
    )
    command.add_argument("--vacuum", type=float, default=10.0, metavar="Å", help="vacuum on each side; by default 10 Å")
    add_unrelaxed(command)


def run_surface(options: argparse.Namespace) -> str:
    """Compute the energy of a surface; return what to print."""
    committee, (atoms,) = prepared(options)
    found = surface_energy(
        committee,
        atoms,
        miller=options.miller,
        thickness=options.thickness,
        vacuum=options.vacuum,
        relaxed=not options.no_relax,
    )
    return finished(found, options, lambda result, axes: plot_structure(result.atoms, axes), structures=found.atoms)
