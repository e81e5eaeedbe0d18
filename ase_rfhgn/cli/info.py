"""The command ``ase-rfhgn info``: prints the contents of a model file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ase.units import fs

from ase_rfhgn.cli.integrals import describe_integrals, report_of_integrals
from ase_rfhgn.cli.model_text import describe_model
from ase_rfhgn.cli.modes import describe_modes, report_of_modes
from ase_rfhgn.cli.shared import add_command, add_json, printed
from ase_rfhgn.cli.text import Report
from ase_rfhgn.models.archive import is_model_file, read_model
from ase_rfhgn.models.load import load_model
from ase_rfhgn.symmetries import canonical_map, integrals, normal_mode_set
from ase_rfhgn.symmetries.canonical_map import CanonicalMap
from ase_rfhgn.symmetries.integrals import Integrals
from ase_rfhgn.symmetries.normal_mode_set import NormalModes


def add_info(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    command = add_command(commands, "info", run_info, "print the contents of a model file", "info cu.npz")
    command.add_argument("model", metavar="model.npz")
    add_json(command)


def run_info(options: argparse.Namespace) -> str:
    """Read a model file; return what to print."""
    if is_model_file(options.model):
        kind = str(read_model(options.model)[0].get("model"))
        if kind in OTHERS:
            report, describe = OTHERS[kind]
            return printed({"kind": kind, **report(options.model)}, options, partial(_with_kind, describe))
    model = load_model(options.model)
    extra = {"cutoff": model.cutoff, "resolved": model.resolved_settings, "updatable": model.linear_system is not None}
    own = {"kind": model.kind, "fingerprint": model.fingerprint}
    return printed({**own, **model.record, **extra}, options, describe_model)


def report_of_map(canonical: CanonicalMap) -> Report:
    """Return what to print about a canonical map."""
    atoms = canonical.coordinates.number_n.tolist()
    return {"frequencies_per_fs": (canonical.frequencies * fs).tolist(), "atomic_numbers": atoms, **canonical.record}


def describe_map(report: Report) -> str:
    """Return the lines about a canonical map."""
    about = "orbits around a centre" if report["chart"] else "oscillations about an equilibrium"
    lines = [
        f"{about}, {len(report['frequencies_per_fs'])} actions of {len(report['atomic_numbers'])} atoms",
        "frequencies of small oscillations (radians per fs): "
        + ", ".join(f"{frequency:.4g}" for frequency in report["frequencies_per_fs"]),
        f"{report['layers']} layers of shears; {report['runs']} runs of {report['frames']} frames altogether",
        f"time between frames (fs): {report['timestep'] / fs:.4g}",
        f"variance of actions along runs / mean square: {report['loss']:.2g}",
        f"  on runs left out {report['loss_left_out']:.2g}, before shears {report['loss_linear']:.2g}",
    ]
    return "\n".join(lines)


def _with_kind(describe: Callable[[Report], str], report: Report) -> str:
    return f"{report['kind']}\n{describe(report)}"


OTHERS: Mapping[str, tuple[Callable[[str], Report], Callable[[Report], str]]] = {
    canonical_map.KIND: (lambda path: report_of_map(CanonicalMap.load(path)), describe_map),
    integrals.KIND: (lambda path: report_of_integrals(Integrals.load(path)), describe_integrals),
    normal_mode_set.KIND: (lambda path: report_of_modes(NormalModes.load(path)), describe_modes),
}
"""Kinds of models without energies and forces, with what makes and describes their reports."""
