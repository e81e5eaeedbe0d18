"""The command ``ase-rfhgn eos``: energy over volume of a crystal."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.property_command import add_property_command, add_unrelaxed, finished, prepared
from ase_rfhgn.properties.equation_of_state import LAWS, equation_of_state
from ase_rfhgn.properties.plots import plot_equation_of_state


def add_eos(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "eos cu.npz POSCAR --plot eos.png"
    help_text = "volume and bulk modulus of a crystal from its energy over volume"
    command = add_property_command(commands, "eos", run_eos, help_text, example)
    command.add_argument(
        "--strain", type=float, default=0.06, metavar="x", help="largest relative change of the volume; by default 0.06"
    )
    command.add_argument("--points", type=int, default=9, metavar="N", help="number of volumes; by default 9")
    command.add_argument("--law", choices=LAWS, default=LAWS[0], help="law that is fitted; by default birchmurnaghan")
    add_unrelaxed(command)


def run_eos(options: argparse.Namespace) -> str:
    """Compute energies over volume; return what to print."""
    committee, (atoms,) = prepared(options)
    found = equation_of_state(
        committee,
        atoms,
        strain=options.strain,
        points=options.points,
        law=options.law,
        relaxed=not options.no_relax,
        progress=True,
    )
    return finished(found, options, plot_equation_of_state)
