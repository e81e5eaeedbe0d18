"""The command ``ase-rfhgn demo``: fits copper and uses it."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.copper_demo import run_demo
from ase_rfhgn.cli.shared import add_command
from ase_rfhgn.cli.text import describe_demo


def add_demo(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "fit copper and use it; needs no files, about a minute"
    command = add_command(commands, "demo", run, help_text, "demo --output copper")
    command.add_argument(
        "--output", default=".", metavar="folder", help="where to write; by default the current folder"
    )


def run(options: argparse.Namespace) -> str:
    """Run the demonstration; return what to print."""
    return describe_demo(run_demo(options.output, progress=True))
