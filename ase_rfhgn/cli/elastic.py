"""The command ``ase-rfhgn elastic``: elastic constants of a crystal."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.property_command import add_property_command, add_unrelaxed, finished, prepared
from ase_rfhgn.properties.elasticity import elastic_constants
from ase_rfhgn.properties.plots import plot_stiffness


def add_elastic(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "elastic cu.npz POSCAR --json"
    command = add_property_command(commands, "elastic", run_elastic, "elastic constants of a crystal", example)
    command.add_argument(
        "--strain", type=float, default=0.002, metavar="x", help="size of the strains; by default 0.002"
    )
    add_unrelaxed(command)


def run_elastic(options: argparse.Namespace) -> str:
    """Compute the stiffness; return what to print."""
    committee, (atoms,) = prepared(options)
    found = elastic_constants(committee, atoms, strain=options.strain, relaxed=not options.no_relax, progress=True)
    return finished(found, options, plot_stiffness)
