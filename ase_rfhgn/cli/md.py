"""The command ``ase-rfhgn md``: molecular dynamics."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ase_rfhgn.calculators.extrapolation_observer import ExtrapolationObserver
from ase_rfhgn.cli.output import require_writable
from ase_rfhgn.cli.property_command import add_property_command, finished, last_structure
from ase_rfhgn.cli.quantities import pressure, temperature, time
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.properties.committee import Committee
from ase_rfhgn.properties.ensembles import ENSEMBLES, Run
from ase_rfhgn.properties.molecular_dynamics import molecular_dynamics
from ase_rfhgn.properties.plots import plot_temperature, plot_total_energy
from ase_rfhgn.reports.plots import require_figure_format

SERIES = ("times_ps", "temperatures_k", "total_energies_ev")
"""Entries of the result with a number per frame, which the log has, too."""

EXAMPLES = """
md cu.npz start.xyz --temperature 300 --time 2ps -o run.traj --log run.log
md cu.npz start.xyz --temperature 300 --time 10ps -o run.traj --restart
md cu.npz start.xyz --temperature 900 --pressure 1GPa --time 2ps --stop-grade 3 --save-strange strange.traj
"""


def add_md(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    command = add_property_command(commands, "md", run_md, "molecular dynamics", EXAMPLES, output="run.traj")
    command.add_argument(
        "--time", type=time, required=True, metavar="2ps", help="length of the run: a number with fs, ps or ns"
    )
    command.add_argument("--temperature", type=temperature, default=300.0, metavar="K", help="by default 300 K")
    command.add_argument(
        "--timestep", type=time, metavar="fs", help="by default 0.5 fs times the root of the smallest mass, at most 5"
    )
    command.add_argument("--ensemble", choices=ENSEMBLES, help="by default langevin; with --pressure npt")
    command.add_argument("--pressure", type=pressure, metavar="GPa", help="pressure of npt; by default 0")
    command.add_argument("--interval", type=int, default=10, metavar="N", help="steps between frames; by default 10")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of momenta and thermostats")
    command.add_argument("--log", metavar="run.log", help="file of time, energies and temperature")
    command.add_argument("--restart", action="store_true", help="go on from the last frame of the output up to --time")
    grades = command.add_argument_group("extrapolation grades, looked at with every frame")
    grades.add_argument("--warn-grade", type=float, metavar="2", help="warn of frames with a larger grade")
    grades.add_argument("--stop-grade", type=float, metavar="4", help="stop at a frame with a larger grade")
    grades.add_argument("--save-strange", metavar="strange.traj", help="file to add these frames to")


def run_md(options: argparse.Namespace) -> str:
    """Run dynamics; return what to print."""
    _check_files(options)
    run = Run(
        time=options.time,
        temperature=options.temperature,
        ensemble=options.ensemble or ("langevin" if options.pressure is None else "npt"),
        timestep=options.timestep,
        pressure=options.pressure or 0.0,
        seed=options.seed,
        interval=options.interval,
    )
    if options.pressure is not None and not run.ensemble.startswith("npt"):
        message = f"--pressure belongs to --ensemble npt: {run.ensemble} keeps the cell"
        raise SettingsError(message)
    found = molecular_dynamics(
        Committee.of(options.model, options.threads),
        last_structure(options.structure),
        run,
        trajectory=options.output,
        log=options.log,
        observer=_observer(options),
        restart=options.restart,
        progress=True,
    )
    options.output = None  # written while it ran
    return finished(found, options, plot_temperature, plot_total_energy, hidden=SERIES)


def _observer(options: argparse.Namespace) -> ExtrapolationObserver | None:
    """Return the observer of grades, None if no option asks for it."""
    if options.warn_grade is None and options.stop_grade is None and options.save_strange is None:
        return None
    warn = {} if options.warn_grade is None else {"warn": options.warn_grade}
    return ExtrapolationObserver(options.model, stop=options.stop_grade, save=options.save_strange, **warn)


def _check_files(options: argparse.Namespace) -> None:
    """Refuse files that must not or cannot be written; a run that goes on adds to its files."""
    inputs = [options.model, options.structure]
    for path in (options.output, options.log):
        require_writable(path, inputs, force=options.force or options.restart)
    require_writable(options.plot, inputs, force=options.force)
    require_figure_format(options.plot)
    require_writable(options.save_strange, inputs, force=True)  # frames are added
    if options.output is not None and Path(options.output).suffix != ".traj":
        message = f"{options.output}: the name of a run must end in .traj, which keeps momenta"
        raise SettingsError(message)
    if options.restart and options.output is None:
        message = "--restart goes on from a trajectory: name it with -o"
        raise SettingsError(message)
