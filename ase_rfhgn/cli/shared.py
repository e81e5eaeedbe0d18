"""Shared parts of the commands: parsers, printing, and checks of files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from ase.io.formats import UnknownFileTypeError, filetype, get_ioformat

from ase_rfhgn.cli.text import Report
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.structures.graph import Bonds


def add_command(
    commands: Any,  # noqa: ANN401  # argparse does not say the type of what add_subparsers returns
    name: str,
    run: Callable[[argparse.Namespace], str],
    help_text: str,
    example: str,
) -> argparse.ArgumentParser:
    """Return the parser of a new command, whose options have a function ``run`` that returns what to print.

    Parameters
    ----------
    commands : object
        What ``add_subparsers`` returned.
    name : str
        Name of the command.
    run : callable
        Carries it out: parsed options in, text for stdout out. It may leave an ``exit_code`` in the options.
    help_text : str
        What the command does, in one line.
    example : str
        Words that may follow ``ase-rfhgn``, as an example at the end of the help; several lines are several examples.
    """
    lines = "\n".join(f"  ase-rfhgn {line.strip()}" for line in example.strip().splitlines())
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_text,
        description=f"{help_text[0].upper()}{help_text[1:]}.",
        epilog=f"example:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run, parser=command)
    return command


def add_json(command: argparse.ArgumentParser) -> None:
    """Let a command print one JSON object instead of text for people."""
    command.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def add_bonds(command: argparse._ActionsContainer) -> None:
    """Let a command take the bonds of frames, for models of positions and momenta."""
    help_text = "file with two atom numbers per line, from 0: edges of a phase-space model without a cutoff"
    command.add_argument("--bonds", metavar="bonds.txt", help=help_text)


def printed(report: Report, options: argparse.Namespace, describe: Callable[[Report], str]) -> str:
    """Return a report as JSON where that is wanted, else in words."""
    return json.dumps(report, allow_nan=False) if options.json else describe(report)


def require_format(path: str) -> None:
    """Refuse a file of structures whose name has no known format, before any work."""
    try:
        writable = get_ioformat(filetype(path, read=False)).can_write
    except UnknownFileTypeError:
        writable = False
    if not writable:
        message = f"{path}: its name does not end in a format that ASE writes, such as .traj or .extxyz"
        raise SettingsError(message)


def read_bonds(path: str | None) -> Bonds | None:
    """Return the bonds of a file with two atom numbers per line, None without a file.

    Raises
    ------
    SettingsError
        If the file cannot be read as such.
    """
    if path is None:
        return None
    try:
        pair_j2 = np.loadtxt(path, dtype=np.int64, ndmin=2)
        return Bonds.between([(int(first), int(second)) for first, second in pair_j2])
    except (OSError, ValueError) as error:
        message = f"{path}: cannot be read as bonds ({error}); needed are two atom numbers per line, from 0"
        raise SettingsError(message) from error
