"""Shared parts of the commands that take a model and a structure: options, reading, writing, figures."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ase import Atoms
from ase.io import write

from ase_rfhgn.calculators.extrapolation_observer import WARN
from ase_rfhgn.cli.output import add_force, add_output, require_writable
from ase_rfhgn.cli.property_text import describe_result
from ase_rfhgn.cli.shared import add_command, add_json, printed, require_format
from ase_rfhgn.cli.text import Report
from ase_rfhgn.errors import ExtrapolationWarning, StructureError
from ase_rfhgn.properties.committee import Committee
from ase_rfhgn.reports.plots import require_figure_format, save_panels
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.structures.training_set import read_structures

Panel = Callable[[Any, Any], Any]
"""A plot: takes a result and axes, and returns the axes."""


def add_property_command(
    commands: Any,  # noqa: ANN401  # argparse does not say its type
    name: str,
    run: Callable[[argparse.Namespace], str],
    help_text: str,
    example: str,
    *,
    structures: Sequence[str] = ("structure",),
    output: str | None = None,
) -> argparse.ArgumentParser:
    """Return the parser of a command that takes a model and structures, prints a result and draws a figure.

    Parameters
    ----------
    commands : object
        What ``add_subparsers`` returned.
    name, run, help_text, example
        As for `add_command`.
    structures : sequence of str, default ("structure",)
        Names of the structures that follow the model.
    output : str, optional
        Name, as an example, of a file that the command may write.
    """
    command = add_command(commands, name, run, help_text, example)
    command.add_argument("model", metavar="model.npz", help="a potential")
    for one in structures:
        command.add_argument(one, help="a file of any format that ASE reads; the last structure of several")
    if output is None:
        add_force(command)
    else:
        add_output(command, output, required=False)
    command.add_argument("--plot", metavar="figure.png", help="draw a figure")
    command.add_argument("--threads", type=int, default=1, metavar="N", help="threads that share the work")
    add_json(command)
    return command


def add_unrelaxed(command: argparse.ArgumentParser) -> None:
    """Let a command take structures as they are."""
    command.add_argument("--no-relax", action="store_true", help="take the structure as it is")


def add_supercell(command: argparse.ArgumentParser) -> None:
    """Let a command repeat the cell."""
    help_text = "repeats of the cell; by default opposite faces are at least 10 Å apart"
    command.add_argument("--supercell", type=int, nargs=3, metavar="N", help=help_text)


def prepared(options: argparse.Namespace, *names: str) -> tuple[Committee, list[Atoms]]:
    """Return the committee of the model and the structures, after a check of the files that will be written.

    Parameters
    ----------
    options : argparse.Namespace
        Options of the command.
    *names : str
        Names of the arguments that are structures; by default "structure".
    """
    sources = [getattr(options, name) for name in names or ("structure",)]
    for path in (getattr(options, "output", None), options.plot):
        require_writable(path, [options.model, *sources], force=options.force)
    require_figure_format(options.plot)
    if getattr(options, "output", None) is not None:
        require_format(options.output)
    structures = [last_structure(source) for source in sources]
    return Committee.of(options.model, options.threads), structures


def last_structure(source: str) -> Atoms:
    """Return the last structure of a file."""
    structures = read_structures(source)
    if not structures or not len(structures[-1]):
        message = f"{source}: there are no atoms"
        raise StructureError(message)
    return structures[-1]


def finished(
    result: Any,  # noqa: ANN401  # any `Result`
    options: argparse.Namespace,
    *panels: Panel,
    structures: Atoms | Sequence[Atoms] = (),
    converged: bool = True,
    hidden: Sequence[str] = (),
    describe: Callable[[Report], str] = describe_result,
) -> str:
    """Write what is to be written, and return what to print.

    Parameters
    ----------
    result : Result
        What was computed.
    options : argparse.Namespace
        Options of the command.
    *panels : callable
        Plots of the figure.
    structures : ase.Atoms or sequence of ase.Atoms
        What the output file holds.
    converged : bool, default True
        Whether the result was reached; if not, the exit code is 1.
    hidden : sequence of str
        Entries of the result that are not printed.
    describe : callable, optional
        What makes text of the result.
    """
    if getattr(options, "output", None) is not None:
        atomic_write(options.output, lambda path: write(path, structures))
    if options.plot is not None:
        save_panels([partial(panel, result) for panel in panels], options.plot, inches=(5.0, 4.0))
    gamma = getattr(result, "gamma", None)
    if gamma is not None and gamma > WARN:
        message = (
            f"structures are unlike the training data (extrapolation grade {gamma:.2g}): errors may exceed their bars"
        )
        warnings.warn(message, ExtrapolationWarning, stacklevel=2)
    options.exit_code = 0 if converged else 1
    report: Report = {name: value for name, value in result.as_dict().items() if name not in hidden}
    return printed(report, options, describe)
