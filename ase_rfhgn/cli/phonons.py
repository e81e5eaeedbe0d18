"""The command ``ase-rfhgn phonons``: phonon frequencies of a crystal along a path."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ase_rfhgn.cli.property_command import add_property_command, add_supercell, add_unrelaxed, finished, prepared
from ase_rfhgn.cli.property_text import describe_result, table
from ase_rfhgn.cli.text import Report
from ase_rfhgn.properties.phonons import phonons
from ase_rfhgn.properties.plots import plot_phonons


def add_phonons(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "phonons cu.npz POSCAR --supercell 3 3 3 --plot phonons.png"
    help_text = "phonon frequencies of a crystal along a path (needs the extra phonons)"
    command = add_property_command(commands, "phonons", run_phonons, help_text, example)
    add_supercell(command)
    command.add_argument(
        "--displacement", type=float, metavar="Å", help="displacement of atoms; by default derivatives are analytic"
    )
    command.add_argument("--path", metavar="GXWKGL", help="special points of the path; by default ASE's path")
    command.add_argument("--points", type=int, default=60, metavar="N", help="points along the path; by default 60")
    add_unrelaxed(command)


def run_phonons(options: argparse.Namespace) -> str:
    """Compute the phonons; return what to print."""
    committee, (atoms,) = prepared(options)
    found = phonons(
        committee,
        atoms,
        supercell=options.supercell,
        displacement=options.displacement,
        path=options.path,
        points=options.points,
        relaxed=not options.no_relax,
    )
    return finished(found, options, plot_phonons, describe=describe_phonons)


def describe_phonons(report: Report) -> str:
    """Return the frequencies at the special points of the path, and the other entries."""
    rows = {name: int(np.argmin(np.abs(np.subtract(report["distance_i"], at)))) for at, name in report["ticks"]}
    lines = ["frequencies (THz)"]
    for name, i in rows.items():
        doubt = report["frequencies_thz_error"]
        lines += [f"{name:<4}{table([report['frequencies_thz'][i]], doubt and [doubt[i]])}"]
    shown = ("supercell", "n_displacements", "gamma", "stable")
    return "\n".join([*lines, describe_result({name: report[name] for name in shown})])
