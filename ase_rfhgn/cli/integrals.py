"""The command ``ase-rfhgn integrals``: prints how many integrals of motion runs have."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from ase_rfhgn.cli.frames import SOURCES
from ase_rfhgn.cli.output import add_force, require_writable
from ase_rfhgn.cli.shared import add_bonds, add_command, add_json, printed, read_bonds
from ase_rfhgn.cli.text import Report
from ase_rfhgn.reports.motion_plots import plot_spreads
from ase_rfhgn.reports.plots import save_panels
from ase_rfhgn.symmetries.integral_fit import FEATURES, FORMS, find_integrals
from ase_rfhgn.symmetries.integrals import Integrals

EXAMPLES = """integrals 'run*.traj' --plot spectrum.png
integrals 'run*.traj' --features bonds --bonds bonds.txt --degree 5"""


def add_integrals(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "print how many integrals of motion runs have, and how well each is conserved"
    command = add_command(commands, "integrals", run_integrals, help_text, EXAMPLES)
    command.add_argument("runs", metavar="run.traj", nargs="+", help=f"one trajectory per file: {SOURCES}")
    command.add_argument("--features", choices=FEATURES, default="both", help="functions to combine; by default both")
    command.add_argument(
        "--form", choices=FORMS, default="frames", help="compare frames, or use forces; by default frames"
    )
    command.add_argument("--n-units", type=int, default=500, metavar="N", help="number of tanh units; by default 500")
    command.add_argument("--degree", type=int, default=4, metavar="N", help="highest degree of monomials; by default 4")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the units and of the runs left out")
    command.add_argument("-o", "--output", metavar="integrals.npz", help="file of the integrals")
    command.add_argument("--plot", metavar="spectrum.png", help="draw how well functions are conserved")
    add_bonds(command)
    add_force(command)
    add_json(command)


def run_integrals(options: argparse.Namespace) -> str:
    """Find integrals, write what is wanted; return what to print."""
    for path in (options.output, options.plot):
        require_writable(path, [*options.runs, options.bonds], force=options.force)
    integrals = find_integrals(
        options.runs,
        features=options.features,
        form=options.form,
        bonds=read_bonds(options.bonds),
        n_units=options.n_units,
        degree=options.degree,
        seed=options.seed,
    )
    if options.output is not None:
        integrals.save(options.output)
    if options.plot is not None:
        spectra = integrals.spectrum_i, integrals.fitted_spectrum_i, integrals.record["threshold"]
        save_panels([partial(plot_spreads, *spectra)], options.plot)
    return printed(report_of_integrals(integrals), options, describe_integrals)


def report_of_integrals(integrals: Integrals) -> Report:
    """Return what to print about integrals."""
    return {
        "count": integrals.count,
        "spread": integrals.spread_i.tolist(),
        "spectrum": integrals.spectrum_i.tolist(),
        **integrals.record,
    }


def describe_integrals(report: Report) -> str:
    """Return the lines about integrals."""
    lines = [
        f"{report['count']} independent integrals of motion (threshold {report['threshold']:.2g})",
        f"{report['runs']} runs of {report['degrees_of_freedom']} degrees of freedom",
        *(
            f"  {number + 1}: variance along runs / variance {spread:.2g}"
            for number, spread in enumerate(report["spread"])
        ),
        "lowest of all functions: " + ", ".join(f"{spread:.1g}" for spread in report["spectrum"][:10]),
    ]
    return "\n".join(lines)
