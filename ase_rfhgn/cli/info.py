"""The command ``ase-rfhgn info``: prints the contents of a model file."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.model_text import describe_model
from ase_rfhgn.cli.shared import add_command, add_json, printed
from ase_rfhgn.models.load import load_model


def add_info(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    command = add_command(commands, "info", run_info, "print the contents of a model file", "info cu.npz")
    command.add_argument("model", metavar="model.npz")
    add_json(command)


def run_info(options: argparse.Namespace) -> str:
    """Read a model file; return what to print."""
    model = load_model(options.model)
    extra = {"cutoff": model.cutoff, "resolved": model.resolved_settings, "updatable": model.linear_system is not None}
    own = {"kind": model.kind, "fingerprint": model.fingerprint}
    return printed({**own, **model.record, **extra}, options, describe_model)
