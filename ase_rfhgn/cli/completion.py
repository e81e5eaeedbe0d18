"""The command ``ase-rfhgn completion``: prints what makes a shell complete commands and options."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.shared import add_command
from ase_rfhgn.errors import SettingsError

SHELLS = ("bash", "zsh", "tcsh")


def add_completion(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "print what makes a shell complete commands and options"
    example = "completion bash > ~/.local/share/bash-completion/completions/ase-rfhgn"
    command = add_command(commands, "completion", run_completion, help_text, example)
    command.add_argument("shell", choices=SHELLS, help="the shell")


def run_completion(options: argparse.Namespace) -> str:
    """Return the script of a shell.

    Raises
    ------
    SettingsError
        If the package shtab is not installed.
    """
    try:
        import shtab  # noqa: PLC0415  # an extra
    except ImportError as error:
        message = "completion needs the package shtab: pip install 'ase-rfhgn[completion]'"
        raise SettingsError(message) from error
    return str(shtab.complete(options.all_commands, options.shell))
