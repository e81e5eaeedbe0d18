"""The command ``ase-rfhgn test``: prints the errors of a model on labelled frames."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ase_rfhgn.cli.frames import SOURCES, add_label_keys, labelled_for
from ase_rfhgn.cli.output import add_force, require_writable
from ase_rfhgn.cli.shared import add_bonds, add_command, add_json, printed, read_bonds
from ase_rfhgn.cli.text import describe_test
from ase_rfhgn.models.load import load_model
from ase_rfhgn.reports.comparison import Comparison, compare, errors_of, parities_of, reliability_of
from ase_rfhgn.reports.plots import save_figure


def add_test(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "print the errors of a model on labelled frames"
    command = add_command(commands, "test", run_test, help_text, "test cu.npz test.traj --plot parity.png")
    command.add_argument("model", metavar="model.npz")
    command.add_argument("frames", metavar="test.traj", nargs="+", help=f"labelled frames: {SOURCES}")
    command.add_argument("--plot", metavar="parity.png", help="plot predictions over labels, and uncertainties")
    add_force(command)
    add_bonds(command)
    add_label_keys(command)
    add_json(command)


def run_test(options: argparse.Namespace) -> str:
    """Evaluate a model on labelled frames; return what to print."""
    require_writable(options.plot, [options.model, *options.frames, options.bonds], force=options.force)
    model = load_model(options.model)
    frames = labelled_for(model, options.frames, options)
    drawn = options.plot is not None
    uncertainty = drawn and model.ensemble is not None
    comparisons: Iterable[Comparison] = compare(
        model, frames, bonds=read_bonds(options.bonds), uncertainty=uncertainty, progress=True
    )
    if drawn:
        comparisons = list(comparisons)
        save_figure(parities_of(comparisons), options.plot, reliability=reliability_of(comparisons))
    return printed(errors_of(comparisons).as_dict(), options, describe_test)
