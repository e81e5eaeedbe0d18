"""The command ``ase-rfhgn select``: picks the most useful frames of a pool."""

from __future__ import annotations

import argparse
from typing import Any

from ase.io import write

from ase_rfhgn.cli.frames import SOURCES
from ase_rfhgn.cli.output import add_output, require_writable
from ase_rfhgn.cli.shared import add_command, add_json, printed, require_format
from ase_rfhgn.cli.text import Report, describe_selection
from ase_rfhgn.fitting.frame_selection import select_frames
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.structures.training_set import read_structures


def add_select(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "pick the most useful frames of a pool for a fit"
    command = add_command(commands, "select", run_select, help_text, "select pool.traj -n 100 -o picked.traj")
    command.add_argument("pool", metavar="pool.traj", nargs="+", help=f"frames, labelled or not: {SOURCES}")
    command.add_argument("-n", type=int, required=True, dest="n_frames", metavar="100", help="frames to pick")
    add_output(command, "picked.traj")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the features")
    add_json(command)


def run_select(options: argparse.Namespace) -> str:
    """Pick frames of a pool and write them; return what to print."""
    require_writable(options.output, options.pool, force=options.force)
    require_format(options.output)
    pool = read_structures(options.pool)
    selection = select_frames(pool, options.n_frames, seed=options.seed, progress=True)
    picked = [pool[index] for index in selection.index_i]
    atomic_write(options.output, lambda path: write(path, picked))
    report: Report = {
        "frames": options.output,
        "n_picked": len(selection.index_i),
        "n_pool": selection.n_pool,
        "n_duplicates": selection.n_duplicates,
        "picked": list(selection.index_i),
    }
    return printed(report, options, describe_selection)
