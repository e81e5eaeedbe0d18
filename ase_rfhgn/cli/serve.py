"""The command ``ase-rfhgn serve``: evaluates a model for i-PI and other programs, through a socket."""

from __future__ import annotations

import argparse
from typing import Any

from ase import Atoms
from ase.io import read

from ase_rfhgn.calculators.serve import LOOPBACK, PORT, Address, serve
from ase_rfhgn.cli.shared import add_command
from ase_rfhgn.errors import SettingsError


def add_serve(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "evaluate a model for i-PI, through a socket"
    command = add_command(commands, "serve", run_serve, help_text, "serve water.npz start.xyz --socket water")
    command.add_argument("model", metavar="model.npz")
    command.add_argument("structure", metavar="start.xyz", help="elements in the order of the other program's atoms")
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", metavar="NAME", help="Unix socket of that name, the file /tmp/ipi_NAME")
    where.add_argument("--port", type=int, metavar="N", help=f"TCP port, such as {PORT}")
    command.add_argument("--host", default=LOOPBACK, metavar="NAME", help="host of --port (this machine)")
    command.add_argument("--threads", type=int, default=1, metavar="N", help="threads per evaluation (1)")


def run_serve(options: argparse.Namespace) -> str:
    """Evaluate structures until the other program ends; return what to print."""
    if options.socket is not None and options.host != LOOPBACK:
        message = "--host is for --port: a Unix socket is on this machine"
        raise SettingsError(message)
    address = Address(options.socket, options.host, PORT if options.port is None else options.port)
    count = serve(options.model, _structure(options.structure), address, threads=options.threads)
    return f"{count} structures evaluated for {address}"


def _structure(path: str) -> Atoms:
    try:
        atoms = read(path)
    except Exception as error:
        message = f"{path} cannot be read as a structure ({error}): give a file that ASE reads"
        raise SettingsError(message) from error
    assert isinstance(atoms, Atoms)  # noqa: S101  # the last frame
    return atoms
