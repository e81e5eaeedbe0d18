"""The command ``ase-rfhgn``: parses, calls the library, prints.

What was asked for goes to stdout; progress, warnings and errors go to stderr. The exit code is 0,
1 if a command finds something or a calculation does not reach its result, 2 after an error in what the
user gave (one line on stderr), or 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from io import TextIOWrapper
from typing import Any, NoReturn

from ase_rfhgn.cli.check import add_check
from ase_rfhgn.cli.compare import add_compare
from ase_rfhgn.cli.completion import add_completion
from ase_rfhgn.cli.demo import add_demo
from ase_rfhgn.cli.distil import add_distil
from ase_rfhgn.cli.elastic import add_elastic
from ase_rfhgn.cli.eos import add_eos
from ase_rfhgn.cli.evaluate import add_evaluate
from ase_rfhgn.cli.fit import add_fit
from ase_rfhgn.cli.info import add_info
from ase_rfhgn.cli.integrals import add_integrals
from ase_rfhgn.cli.lammps import add_lammps
from ase_rfhgn.cli.learning_curve import add_learning_curve
from ase_rfhgn.cli.md import add_md
from ase_rfhgn.cli.modes import add_modes
from ase_rfhgn.cli.neb import add_neb
from ase_rfhgn.cli.phonons import add_phonons
from ase_rfhgn.cli.relax import add_relax
from ase_rfhgn.cli.report import add_report
from ase_rfhgn.cli.select import add_select
from ase_rfhgn.cli.serve import add_serve
from ase_rfhgn.cli.settings_file import with_settings
from ase_rfhgn.cli.surface import add_surface
from ase_rfhgn.cli.test import add_test
from ase_rfhgn.cli.update import add_update
from ase_rfhgn.cli.vacancy import add_vacancy
from ase_rfhgn.cli.vibrations import add_vibrations
from ase_rfhgn.cli.wording import in_options
from ase_rfhgn.errors import ConvergenceError, ExtrapolationError, OutputError, RFHGNError, SettingsError

PROGRAM = "ase-rfhgn"
EXIT_NO_RESULT = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

COMMANDS = (
    add_check,
    add_fit,
    add_test,
    add_info,
    add_select,
    add_lammps,
    add_serve,
    add_demo,
    add_compare,
    add_distil,
    add_elastic,
    add_eos,
    add_evaluate,
    add_learning_curve,
    add_md,
    add_neb,
    add_phonons,
    add_relax,
    add_report,
    add_surface,
    add_update,
    add_vacancy,
    add_vibrations,
    add_completion,
    add_integrals,
    add_modes,
)
"""Functions that add the commands, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``ase-rfhgn``; by default the words of the process.
    """
    _replace_what_cannot_be_printed()
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:  # whoever read stdout, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        _complain("interrupted")
        return EXIT_INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    """Parse and run a command; return its exit code."""
    try:
        options = build_parser().parse_args(arguments)
    finally:
        sys.stdout.flush()  # of --help, where a broken pipe is still caught
    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_print_warning, options.parser)
            _print_results(options.run(options))
            return int(getattr(options, "exit_code", 0))
    except BrokenPipeError:
        raise
    except (ConvergenceError, ExtrapolationError) as error:
        _complain(in_options(error, options.parser))
        return EXIT_NO_RESULT
    except SettingsError as error:
        _complain(f"{in_options(error, options.parser)} (see {options.parser.prog} --help)")
    except (RFHGNError, OSError) as error:
        _complain(in_options(error, options.parser))
    return EXIT_BAD_INPUT


def _print_results(text: str) -> None:
    """Print to stdout, whose reader may be gone, and whose disk may be full."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"the results cannot be printed ({error.strerror}); the work is done"
        raise OutputError(message) from error


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; parsed options have a function ``run`` that returns what to print."""
    parser = _Parser(prog=PROGRAM, description="Fit potentials and Hamiltonians for ASE in one linear solve.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version(PROGRAM)}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for add in COMMANDS:
        add(commands)
    parser.set_defaults(all_commands=parser)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line, and names the help of the command in question."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Return the options; unknown ones are a complaint of the command that they were given to."""
        words = list(args or [])
        command = self._command_of(words)
        if command is not None:
            try:
                words[1:] = with_settings(words[1:], command)
            except SettingsError as error:
                command.error(str(error))
        options, unknown = self.parse_known_args(words, namespace)
        if unknown:
            options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options

    def error(self, message: str) -> NoReturn:
        _complain(f"{message} (see {self.prog} --help)")
        raise SystemExit(EXIT_BAD_INPUT)

    def _command_of(self, words: Sequence[str]) -> argparse.ArgumentParser | None:
        """Return the parser of the command that words begin with, if it takes files of settings."""
        commands = next(action for action in self._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
        command = commands.choices.get(words[0]) if words else None
        return command if command is not None and command.get_default("takes_settings") else None


def _replace_what_cannot_be_printed() -> None:
    """Let a stream whose encoding lacks a character, such as Å, print a question mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _complain(problem: object) -> None:
    """Print one line on stderr, whatever the problem says."""
    print(f"{PROGRAM}: {' '.join(str(problem).split())}", file=sys.stderr)


def _print_warning(command: argparse.ArgumentParser, message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning in one line, without the place in the source."""
    _complain(f"warning: {in_options(message, command)}")
