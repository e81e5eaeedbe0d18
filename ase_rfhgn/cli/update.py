"""The command ``ase-rfhgn update``: adds frames to a fit."""

from __future__ import annotations

import argparse
from typing import Any

from ase_rfhgn.cli.frames import SOURCES, add_label_keys, labelled_for
from ase_rfhgn.cli.output import add_output, require_writable
from ase_rfhgn.cli.shared import add_bonds, add_command, add_json, printed, read_bonds
from ase_rfhgn.cli.text import Report, error_table
from ase_rfhgn.fitting.update import downdate, update
from ase_rfhgn.models.load import AnyModel, load_model
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.reports.comparison import compare, errors_of
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import TrainingSet

EXAMPLES = """
update cu.npz new.traj -o larger.npz
update cu.npz old.traj -o smaller.npz --remove
"""


def add_update(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "add frames to a model that was fitted with --updatable, or remove some"
    command = add_command(commands, "update", run_update, help_text, EXAMPLES)
    command.add_argument("model", metavar="model.npz", help="a model that was fitted with --updatable")
    command.add_argument("frames", metavar="new.traj", nargs="+", help=f"labelled frames: {SOURCES}")
    command.add_argument("--remove", action="store_true", help="remove these frames of the fit instead")
    add_output(command, "larger.npz")
    add_bonds(command)
    add_label_keys(command)
    add_json(command)


def run_update(options: argparse.Namespace) -> str:
    """Update a model and save it; return what to print: errors on the frames before and after."""
    require_writable(options.output, [options.model, *options.frames, options.bonds], force=options.force)
    model = load_model(options.model)
    frames = labelled_for(model, options.frames, options)
    bonds = read_bonds(options.bonds)
    changed = _changed(model, frames, bonds, remove=options.remove)
    changed.save(options.output)
    report: Report = {
        "model": options.output,
        "n_frames": changed.record["n_frames"],
        "before": errors_of(compare(model, frames, bonds=bonds)).as_dict(),
        "after": errors_of(compare(changed, frames, bonds=bonds)).as_dict(),
    }
    return printed(report, options, describe_update)


def _changed(model: AnyModel, frames: TrainingSet, bonds: Bonds | None, *, remove: bool) -> AnyModel:
    change = downdate if remove else update
    if isinstance(model, PhaseSpacePotential):
        return change(model, frames, bonds)
    return change(model, frames, bonds)


def describe_update(report: Report) -> str:
    """Return the errors on the frames before and after an update."""
    table = error_table({"before": report["before"], "after": report["after"]})
    return f"{table}\n{report['n_frames']} frames in the fit\nmodel {report['model']}"
