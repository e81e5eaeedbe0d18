"""The command ``ase-rfhgn``: parses, calls the library, prints.

What was asked for goes to stdout; progress, warnings and errors go to stderr. The exit code is 0,
2 after an error in what the user gave (one line on stderr), or 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, TextIO

from ase.data import chemical_symbols
from ase.io import write
from ase.io.formats import UnknownFileTypeError, filetype, get_ioformat
from ase.units import fs

from ase_rfhgn.cli.demo import run_demo
from ase_rfhgn.cli.text import Report, describe_demo, describe_fit, describe_model, describe_selection, describe_test
from ase_rfhgn.errors import RFHGNError, SettingsError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.frame_selection import select_frames
from ase_rfhgn.fitting.target_settings import TARGETS
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.reports.comparison import Comparison, compare, errors_of, parities_of, reliability_of
from ase_rfhgn.reports.plots import save_figure
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.structures.training_set import TrainingSet, read_structures

PROGRAM = "ase-rfhgn"
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``ase-rfhgn``; by default those of the process.
    """
    _replace_what_cannot_be_printed()
    options = build_parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _print_warning
            print(options.run(options), flush=True)
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except SettingsError as error:
        _complain(f"{error} (see {options.parser.prog} --help)")
        return EXIT_BAD_INPUT
    except (RFHGNError, OSError) as error:
        _complain(error)
        return EXIT_BAD_INPUT
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; parsed options have a function ``run`` that returns what to print."""
    parser = _Parser(prog=PROGRAM, description="Potentials for ASE from labelled trajectories, in one linear solve.")
    commands = parser.add_subparsers(required=True, metavar="command")

    fitting = _add_command(commands, "fit", run_fit, "fit a potential to labelled frames, or to their motion")
    fitting.add_argument("train", metavar="train.traj", help="frames with energies, forces or stresses, or of a run")
    fitting.add_argument("-o", "--output", required=True, metavar="model.npz", help="file to write")
    fitting.add_argument("--cutoff", type=float, metavar="Å", help="distance beyond which atoms do not see each other")
    fitting.add_argument("--test", metavar="test.traj", help="frames to test the potential on")
    _add_motion_options(fitting)
    fitting.add_argument("--seed", type=int, metavar="N", help="the same seed draws the same features")

    testing = _add_command(commands, "test", run_test, "print the errors of a potential on labelled frames")
    testing.add_argument("model", metavar="model.npz")
    testing.add_argument("frames", metavar="test.traj")
    testing.add_argument("--plot", metavar="parity.png", help="draw predictions over labels, and errors over σ")

    info = _add_command(commands, "info", run_info, "print what a model file holds")
    info.add_argument("model", metavar="model.npz")

    selecting = _add_command(commands, "select", run_select, "pick the frames of a pool that help a fit most")
    selecting.add_argument("pool", metavar="pool.traj", help="frames, labelled or not")
    selecting.add_argument("-n", type=int, required=True, dest="n_frames", metavar="100", help="frames to pick")
    selecting.add_argument("-o", "--output", required=True, metavar="picked.traj", help="file to write")
    selecting.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the features compared")

    for command in (fitting, testing, selecting, info):
        command.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    demo = _add_command(commands, "demo", run_demonstration, "fit copper and use it; needs no files, under a minute")
    demo.add_argument("--output", default=".", metavar="folder", help="where to write; by default the current folder")
    return parser


def _add_motion_options(fitting: argparse.ArgumentParser) -> None:
    fitting.add_argument(
        "--targets", choices=TARGETS, help="what to fit to; by default labels, else momenta, else positions"
    )
    fitting.add_argument("--timestep", type=float, metavar="fs", help="time step of the run, where labels are not used")
    fitting.add_argument("--stride", type=int, metavar="N", help="steps from frame to frame; by default 1")
    fitting.add_argument(
        "--known-energy",
        type=float,
        nargs=2,
        metavar=("frame", "eV"),
        help="energy of a frame, where there is no other",
    )


def run_fit(options: argparse.Namespace) -> str:
    """Fit, save, test where wanted; return what to print."""
    _require_folder(options.output)
    test_set = None if options.test is None else _labelled(options.test)
    train_set = TrainingSet.open(options.train)
    potential = fit(train_set, progress=True, **_fit_settings(options))
    potential.save(options.output)
    report: Report = {"model": options.output, **errors_of(compare(potential, train_set, progress=True)).as_dict()}
    report |= {key: potential.record[key] for key in _SHOWN}
    report["motion_rmse"] = potential.record["train_rmse"].get("motion")
    report["cross_validation"] = {
        f"{kind}_rmse": error for kind, error in potential.record["cross_validation_rmse"].items()
    }
    if test_set is not None:
        report["test"] = errors_of(compare(potential, test_set, progress=True)).as_dict()
    return _printed(report, options, describe_fit)


def run_test(options: argparse.Namespace) -> str:
    """Evaluate a potential on labelled frames; return what to print."""
    potential = Potential.load(options.model)
    drawn = options.plot is not None
    frames = _labelled(options.frames)
    uncertainty = drawn and potential.ensemble is not None
    comparisons: Iterable[Comparison] = compare(potential, frames, uncertainty=uncertainty, progress=True)
    if drawn:
        _require_folder(options.plot)
        comparisons = list(comparisons)
        save_figure(parities_of(comparisons), options.plot, reliability=reliability_of(comparisons))
    return _printed(errors_of(comparisons).as_dict(), options, describe_test)


def run_select(options: argparse.Namespace) -> str:
    """Pick frames of a pool and write them; return what to print."""
    _require_folder(options.output)
    _require_format(options.output)
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
    return _printed(report, options, describe_selection)


def run_info(options: argparse.Namespace) -> str:
    """Read a model file; return what to print."""
    potential = Potential.load(options.model)
    elements = [chemical_symbols[number] for number in potential.species_s]
    report = {**potential.record, "elements": elements, "cutoff": potential.cutoff}
    return _printed(report, options, describe_model)


def run_demonstration(options: argparse.Namespace) -> str:
    """Run the demonstration; return what to print."""
    return describe_demo(run_demo(options.output, progress=True))


_SHOWN = ("fit_cpu_seconds", "fit_wall_seconds", "n_features", "ridge", "targets", "energies")
"""Entries of the training record that a fit reports."""


def _fit_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given, in the library's units."""
    names = ("cutoff", "seed", "targets", "timestep", "stride", "known_energy")
    settings = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if "timestep" in settings:
        settings["timestep"] *= fs
    if "known_energy" in settings:
        frame, energy = settings["known_energy"]
        settings["known_energy"] = (int(frame) if frame.is_integer() else frame, energy)
    return settings


def _labelled(source: str) -> TrainingSet:
    """Return frames, after a check that some have labels."""
    frames = TrainingSet.open(source)
    frames.require_labels()
    return frames


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line, and names the help of the command in question."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Return the options; unknown ones are a complaint of the command that they were given to."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options

    def error(self, message: str) -> NoReturn:
        _complain(f"{message} (see {self.prog} --help)")
        raise SystemExit(EXIT_BAD_INPUT)


def _add_command(
    commands: Any,  # noqa: ANN401  # argparse does not say the type of what add_subparsers returns
    name: str,
    run: Callable[[argparse.Namespace], str],
    help_text: str,
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help_text, description=help_text)
    command.set_defaults(run=run, parser=command)
    return command


def _printed(report: Report, options: argparse.Namespace, describe: Callable[[Report], str]) -> str:
    return json.dumps(report, allow_nan=False) if options.json else describe(report)


def _require_folder(path: str) -> None:
    """Refuse a file that cannot be written before the work for it is done."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        message = f"{path}: there is no folder {folder}; make it first"
        raise SettingsError(message)
    if Path(path).is_dir():
        message = f"{path} is a folder: give the name of a file"
        raise SettingsError(message)


def _require_format(path: str) -> None:
    """Refuse a file of structures whose name does not say its format before the work for it is done."""
    try:
        writable = get_ioformat(filetype(path, read=False)).can_write
    except UnknownFileTypeError:
        writable = False
    if not writable:
        message = f"{path}: its name does not end in a format that ASE writes, such as .traj or .extxyz"
        raise SettingsError(message)


def _replace_what_cannot_be_printed() -> None:
    """Let a stream whose encoding lacks a character, such as Å, print a question mark in its place."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _complain(problem: object) -> None:
    """Print one line on stderr, whatever the problem says."""
    print(f"{PROGRAM}: {' '.join(str(problem).split())}", file=sys.stderr)


def _print_warning(
    message: Warning | str,
    category: type[Warning],  # noqa: ARG001
    filename: str,  # noqa: ARG001
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Print a warning in one line, without the place in the source."""
    _complain(f"warning: {message}")
