"""The command ``ase-rfhgn distil``: from structures and a reference calculator to a tested potential."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase.units import GPa

from ase_rfhgn.cli.distil_text import describe_distil
from ase_rfhgn.cli.log_file import add_log, logging_to
from ase_rfhgn.cli.output import add_output, require_writable
from ase_rfhgn.cli.quantities import pressure, temperature, time
from ase_rfhgn.cli.report import run_report
from ase_rfhgn.cli.settings import POTENTIAL, add_potential_settings, given
from ase_rfhgn.cli.shared import add_command, add_json, printed
from ase_rfhgn.cli.text import Report
from ase_rfhgn.distillation.distil import Distilled, distil
from ase_rfhgn.distillation.settings import DistillationSettings
from ase_rfhgn.structures.sources import split_index

EXAMPLES = """
distil POSCAR --reference emt --temperature 100..1200 --pressure -5..50 -o cu.npz
distil ethanol.xyz --reference tblite:GFN2-xTB --temperature 100..600 -o ethanol.npz --report report.html
distil a.cif b.cif --reference "package.module:Class(argument=1)" --calls 300 --vacancies --surfaces -o m.npz
"""

NUMBERS = 3
"""Temperatures or pressures of a range: its ends and the middle."""

OWN = ("calls", "time", "atoms", "uncertainty", "grade", "seed")
"""Options that are settings of a distillation of the same name, besides switches."""

FIT = ("cutoff", "threads", *POTENTIAL)
"""Options that are settings of the fits."""


def values(read: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    """Return a function that reads numbers: a range "100..1200", which stands for three, or a list "300,600".

    Parameters
    ----------
    read : callable
        Reads one number, which may have a unit.
    """

    def read_all(text: str) -> tuple[float, ...]:
        first, dots, last = text.partition("..")
        if not dots:
            return tuple(read(one) for one in text.split(","))
        ends = read(first), read(last)
        if not ends[0] < ends[1]:
            message = f"{text!r}: a range must rise, as 100..1200 does"
            raise argparse.ArgumentTypeError(message)
        return tuple(np.linspace(*ends, NUMBERS).tolist())

    return read_all


def add_distil(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "learn a potential from a calculator, from one or a few structures, unattended"
    command = add_command(commands, "distil", run_distil, help_text, EXAMPLES)
    command._negative_number_matcher = re.compile(r"^-\.?\d")  # noqa: SLF001  # -5..50 is no option
    command.add_argument("starts", metavar="POSCAR", nargs="+", help="structures close to rest, the last of each file")
    command.add_argument(
        "--reference", required=True, metavar="calculator",
        help="calculator to learn from: emt, tblite:GFN2-xTB, mace_mp:medium, package.module:Class(a=1)",
    )  # fmt: skip
    default = DistillationSettings()
    command.add_argument(
        "--temperature", type=values(temperature), default=default.temperatures, metavar="100..1200",
        help="range of temperatures (K), or a list 300,600; by default 300",
    )  # fmt: skip
    command.add_argument(
        "--pressure", type=values(pressure), metavar="-5..50",
        help="range of pressures of crystals (GPa), or a list; by default 0",
    )  # fmt: skip
    command.add_argument(
        "--calls", type=int, default=default.calls, metavar="N",
        help="largest number of calls of the reference, test included; by default 150",
    )  # fmt: skip
    command.add_argument(
        "--time",
        type=time,
        default=default.time,
        metavar="2ps",
        help="length of the run of every stage; by default 2 ps",
    )
    command.add_argument(
        "--directory",
        metavar="m.distil",
        help="folder of frames and calls, where a killed run goes on; by default of -o",
    )
    command.add_argument(
        "--atoms",
        type=int,
        default=default.atoms,
        metavar="N",
        help="largest number of atoms of supercells; by default 64",
    )
    command.add_argument("--vacancies", action="store_true", help="learn crystals with a vacancy, too")
    command.add_argument("--surfaces", action="store_true", help="learn slabs with low-index surfaces, too")
    command.add_argument("--may-melt", action="store_true", help="let crystals melt")
    command.add_argument(
        "--uncertainty", type=float, default=default.uncertainty, metavar="eV/Å",
        help="uncertainty of forces up to which the potential is trusted in runs; by default 0.1",
    )  # fmt: skip
    command.add_argument(
        "--grade", type=float, default=default.grade, metavar="γ",
        help="extrapolation grade up to which it is trusted; by default 2.5",
    )  # fmt: skip
    command.add_argument("--seed", type=int, default=default.seed, metavar="N", help="seed of all random numbers")
    command.add_argument("--cutoff", type=float, metavar="Å", help="distance beyond which atoms do not interact")
    command.add_argument("--threads", type=int, metavar="N", help="threads that share the fits")
    command.add_argument("--report", metavar="report.html", help="write a report about the potential, too")
    add_output(command, "m.npz")
    add_potential_settings(command)
    add_log(command)
    add_json(command)


def run_distil(options: argparse.Namespace) -> str:
    """Distil, save, report where wanted; return what to print."""
    for path in (options.output, options.report):
        require_writable(path, options.starts, force=options.force)
    directory = options.directory or Path(options.output).with_suffix(".distil")
    fit_settings = given(options, FIT)
    if "one_body" in fit_settings:
        fit_settings["one_body"] = dict(fit_settings["one_body"])
    with logging_to(options.log):
        found = distil(
            [f"{source}@-1" if split_index(source)[0] == source else source for source in options.starts],
            options.reference,
            directory,
            temperatures=options.temperature,
            pressures=tuple(round(one / GPa, 9) for one in options.pressure or (0.0,)),
            vacancies=options.vacancies,
            surfaces=options.surfaces,
            may_melt=options.may_melt,
            progress=True,
            **given(options, OWN),
            **fit_settings,
        )
        found.potential.save(options.output)
        if options.report is not None:
            run_report(_of_report(options, found))
    options.exit_code = 0 if found.errors is not None else 1
    return printed(_report(options, found), options, describe_distil)


def _of_report(options: argparse.Namespace, found: Distilled) -> argparse.Namespace:
    """Return the options of the command that writes a report."""
    return argparse.Namespace(
        model=options.output,
        test=[found.directory / "test" / "frames.traj"] if found.test else [],
        train=[found.directory / "frames.traj"],
        structure=options.starts[0],
        bonds=None,
        temperature=min(options.temperature),
        output=options.report,
        force=options.force,
        json=False,
    )


def _report(options: argparse.Namespace, found: Distilled) -> Report:
    """Return what is printed: errors of the test have the keys of the command ``test``."""
    errors = {} if found.errors is None else found.errors.as_dict()
    return {
        "model": options.output,
        "directory": str(found.directory),
        "report": options.report,
        "calls": found.n_calls,
        "calls_failed": found.n_failures,
        "calls_by_reason": found.calls,
        "n_training_frames": len(found.train),
        "stages": found.stages,
        "warnings": list(found.warnings),
        **errors,
        "test": errors or None,
    }
