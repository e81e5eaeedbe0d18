"""The command ``ase-rfhgn vibrations``: frequencies of a molecule, a cluster or an adsorbate."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.property_command import add_property_command, add_unrelaxed, finished, prepared
from ase_rfhgn.properties.plots import plot_vibrations
from ase_rfhgn.properties.vibrations import vibrations


def add_vibrations(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "vibrations ethanol.npz ethanol.xyz --json"
    help_text = "vibrational frequencies of a molecule, a cluster or an adsorbate"
    command = add_property_command(commands, "vibrations", run_vibrations, help_text, example, output="relaxed.extxyz")
    command.add_argument(
        "--displacement", type=float, metavar="Å", help="displacement of atoms; by default derivatives are analytic"
    )
    add_unrelaxed(command)


def run_vibrations(options: argparse.Namespace) -> str:
    """Compute the frequencies; return what to print."""
    committee, (atoms,) = prepared(options)
    found = vibrations(committee, atoms, displacement=options.displacement, relaxed=not options.no_relax)
    return finished(found, options, plot_vibrations, structures=found.atoms)
