"""The command ``ase-rfhgn neb``: the barrier between two structures."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.property_command import add_property_command, add_unrelaxed, finished, prepared
from ase_rfhgn.properties.minimum_energy_path import minimum_energy_path
from ase_rfhgn.properties.plots import plot_path


def add_neb(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "neb cu.npz initial.xyz final.xyz --images 7 -o band.traj"
    help_text = "barrier between two structures, by a nudged elastic band"
    ends = ("initial", "final")
    command = add_property_command(commands, "neb", run_neb, help_text, example, structures=ends, output="band.traj")
    command.add_argument("--images", type=int, default=5, metavar="N", help="images between the ends; by default 5")
    command.add_argument("--fmax", type=float, default=0.05, metavar="eV/Å", help="largest force across the band")
    command.add_argument("--steps", type=int, default=500, metavar="N", help="largest number of steps")
    command.add_argument("--no-climb", action="store_true", help="do not let the highest image climb to the saddle")
    add_unrelaxed(command)


def run_neb(options: argparse.Namespace) -> str:
    """Relax a band and write it; return what to print. The exit code is 1 if it did not converge."""
    committee, (initial, final) = prepared(options, "initial", "final")
    found = minimum_energy_path(
        committee,
        initial,
        final,
        images=options.images,
        fmax=options.fmax,
        steps=options.steps,
        climb=not options.no_climb,
        relaxed=not options.no_relax,
        progress=True,
    )
    return finished(found, options, plot_path, structures=found.images, converged=found.converged)
