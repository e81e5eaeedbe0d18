"""The command ``ase-rfhgn report``: writes one HTML file about a model, which opens without a network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ase import Atoms

from ase_rfhgn.cli.frames import add_label_keys, labelled_for
from ase_rfhgn.cli.output import add_output, require_writable
from ase_rfhgn.cli.quantities import temperature
from ase_rfhgn.cli.report_properties import property_section
from ase_rfhgn.cli.report_runs import radial, run_section, with_fewer_frames
from ase_rfhgn.cli.shared import add_bonds, add_command, add_json, printed, read_bonds
from ase_rfhgn.cli.text import Report
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.load import AnyModel, load_model
from ase_rfhgn.reports.comparison import Comparison, compare, errors_of
from ase_rfhgn.reports.page.accuracy import error_bars, errors, grades, learning_curve, worst
from ase_rfhgn.reports.page.behaviour import short_range
from ase_rfhgn.reports.page.card import card, validity
from ase_rfhgn.reports.page.document import Section, page
from ase_rfhgn.reports.page.words import number
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import TrainingSet, read_structures

HOTTEST = 1e5
"""Temperature from which a run makes no sense (K)."""

EXAMPLE = """
report cu.npz --test test.traj -o report.html
report cu.npz --test test.traj --train train.traj --structure POSCAR -o report.html
"""


def add_report(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "write one HTML file about a model: errors, error bars, worst frames, properties"
    command = add_command(commands, "report", run_report, help_text, EXAMPLE)
    command.add_argument("model", metavar="model.npz")
    command.add_argument("--test", nargs="+", default=(), metavar="test.traj", help="frames that the fit never saw")
    train_help = "frames of the fit: for distances and a learning curve"
    command.add_argument("--train", nargs="+", default=(), metavar="train.traj", help=train_help)
    command.add_argument("--structure", metavar="POSCAR", help="structure whose properties are shown")
    command.add_argument(
        "--temperature", type=temperature, default=300.0, metavar="K", help="of a short run; by default 300 K"
    )
    add_output(command, "report.html")
    add_bonds(command)
    add_label_keys(command)
    add_json(command)


def run_report(options: argparse.Namespace) -> str:
    """Evaluate a model in all respects and write the page; return what to print."""
    inputs = [options.model, *options.test, *options.train, options.structure, options.bonds]
    require_writable(options.output, inputs, force=options.force)
    if not 0.0 < options.temperature < HOTTEST:
        message = f"--temperature is {options.temperature}: it must be positive and below {HOTTEST:.0f} K"
        raise SettingsError(message)
    evidence = _evidence(options)
    sections = [section for section in _sections(evidence, options) if section.blocks]
    text = page(f"Report on {Path(options.model).name}", _summary(evidence), sections)
    atomic_write(options.output, lambda path: path.write_text(text, encoding="utf-8"))
    found: Report = {
        "report": options.output,
        "fingerprint": evidence.model.fingerprint,
        "sections": [section.name for section in sections],
        "test": errors_of(evidence.comparisons).as_dict() if evidence.comparisons else None,
    }
    return printed(found, options, _describe)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a report is made from: the model, comparisons with test frames, training frames, one structure."""

    model: AnyModel
    comparisons: Sequence[Comparison]
    train: TrainingSet | None
    structure: Atoms | None
    bonds: Bonds | None


def _evidence(options: argparse.Namespace) -> _Evidence:
    """Return what a report is made from, all of it read and checked before any work."""
    model, bonds = load_model(options.model), read_bonds(options.bonds)
    test, train = (
        labelled_for(model, sources, options) if sources else None for sources in (options.test, options.train)
    )
    structure = None if options.structure is None else read_structures(options.structure)[-1]
    uncertainty = model.ensemble is not None
    comparisons = [] if test is None else compare(model, test, bonds=bonds, uncertainty=uncertainty, progress=True)
    return _Evidence(model, list(comparisons), train, structure, bonds)


def _sections(evidence: _Evidence, options: argparse.Namespace) -> Iterator[Section]:
    """Yield all sections; some of them may be empty."""
    model, comparisons = evidence.model, evidence.comparisons
    train = None if evidence.train is None else radial(evidence.train, model)
    yield card(model, Path(options.model).name, f"ase-rfhgn {version('ase-rfhgn')}")
    yield validity(model, train)
    yield errors(comparisons)
    yield error_bars(comparisons)
    yield grades(comparisons)
    yield worst(comparisons, model)
    if evidence.train is not None:
        yield learning_curve(*with_fewer_frames(model, evidence.train, evidence.bonds))
    yield property_section(model, evidence.structure, comparisons)
    yield short_range(model)
    test = radial([one.frame for one in comparisons], model)
    yield run_section(model, _start(evidence), options.temperature, {"training frames": train, "test frames": test})


def _start(evidence: _Evidence) -> Atoms | None:
    """Return the structure of a short run: the given one, else the first test frame."""
    if evidence.structure is not None or not evidence.comparisons:
        return evidence.structure
    return evidence.comparisons[0].frame.atoms


def _summary(evidence: _Evidence) -> str:
    """Return one sentence about a model."""
    record = evidence.model.record
    text = f"A model of {' '.join(record.get('elements', []))} fitted to {record.get('n_frames', '?')} frames"
    if not evidence.comparisons:
        return f"{text}. No test frames were given: nothing here says how accurate it is."
    found = errors_of(evidence.comparisons)
    return (
        f"{text}. On {found.n_frames} test frames, root mean square errors are {number(found.energy_rmse)} meV/atom, "
        f"{number(found.force_rmse)} eV/Å and {number(found.stress_rmse)} GPa."
    )


def _describe(report: Report) -> str:
    return f"report {report['report']}: {', '.join(report['sections'])}"
