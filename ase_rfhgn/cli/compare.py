"""The command ``ase-rfhgn compare``: how far two potentials agree on structures."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from ase_rfhgn.cli.output import add_force, require_writable
from ase_rfhgn.cli.property_command import finished
from ase_rfhgn.cli.shared import add_command, add_json
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.agreement import agreement
from ase_rfhgn.properties.plots import plot_agreement
from ase_rfhgn.reports.plots import require_figure_format
from ase_rfhgn.structures.training_set import read_structures

HIDDEN = ("force_m", "other_force_m")
"""Entries of the result that only the figure needs."""


def add_compare(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "compare a.npz b.npz test.traj --plot forces.png"
    help_text = "differences of two potentials on structures, beside the expected ones"
    command = add_command(commands, "compare", run_compare, help_text, example)
    command.add_argument("first", metavar="a.npz", help="a potential")
    command.add_argument("second", metavar="b.npz", help="another one")
    command.add_argument("structures", metavar="test.traj", help="structures, labelled or not")
    add_force(command)
    command.add_argument("--plot", metavar="forces.png", help="draw the forces of one over the forces of the other")
    add_json(command)


def run_compare(options: argparse.Namespace) -> str:
    """Evaluate both potentials; return what to print."""
    require_writable(options.plot, [options.first, options.second, options.structures], force=options.force)
    require_figure_format(options.plot)
    first, second = Potential.load(options.first), Potential.load(options.second)
    structures = read_structures(options.structures)
    found = agreement(first, second, structures)
    return finished(found, options, partial(plot_agreement, (options.first, options.second)), hidden=HIDDEN)
