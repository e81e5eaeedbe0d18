"""The command ``ase-rfhgn fit``: fits a potential, or a Hamiltonian of positions and momenta, and saves it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from ase_rfhgn.cli.frames import SOURCES, add_label_keys, opened, refuse_unknown_elements_of
from ase_rfhgn.cli.log_file import add_log, logging_to
from ase_rfhgn.cli.output import add_output, require_writable
from ase_rfhgn.cli.settings import HAMILTONIANS, add_settings, settings_of
from ase_rfhgn.cli.settings_file import add_settings_file, save_settings
from ase_rfhgn.cli.shared import add_command, add_json, printed, read_bonds
from ase_rfhgn.cli.text import Report, describe_fit
from ase_rfhgn.errors import RFHGNError, SettingsError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.reports.comparison import compare, errors_of
from ase_rfhgn.runtime.dask_workers import connected
from ase_rfhgn.structures.checks import MISTAKEN
from ase_rfhgn.structures.doctor.repetitions import copies_between
from ase_rfhgn.structures.doctor.suspicion import Suspicion, warn_of
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.splitting import SPLITS, split_frames
from ase_rfhgn.structures.training_set import TrainingSet

SHOWN = ("fit_cpu_seconds", "fit_wall_seconds", "n_features", "ridge", "targets", "energies", "labels")
"""Entries of the training record that a fit reports."""

EXAMPLE = """fit train.traj -o cu.npz --test test.traj
fit a.traj 'run*/OUTCAR' b.extxyz@::5 -o m.npz --test-fraction 0.1
fit train.extxyz -o m.npz --energy-key REF_energy --forces-key REF_forces
fit train.traj -o cu.npz --dask tcp://127.0.0.1:8786
fit --settings fit.toml -o again.npz"""


def add_fit(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    command = add_command(commands, "fit", run_fit, "fit a model to labelled frames, or to their motion", EXAMPLE)
    command.add_argument("frames", metavar="train.traj", nargs="*", help=f"frames with labels, or of a run: {SOURCES}")
    add_output(command, "model.npz", required=False)
    command.add_argument("--test", metavar="test.traj", nargs="+", action="extend", help="frames to test the model on")
    command.add_argument("--test-fraction", type=float, metavar="f", help="share of the frames to leave out for a test")
    command.add_argument(
        "--test-by", choices=SPLITS, help="leave out blocks of neighbours in time, or whole groups; by default time"
    )
    add_label_keys(command)
    add_settings(command)
    add_settings_file(command)
    add_log(command)
    add_json(command)


def run_fit(options: argparse.Namespace) -> str:
    """Fit, save, test where wanted; return what to print."""
    _check_options(options)
    settings = settings_of(options)
    with logging_to(options.log), _workers(options.dask) as client:
        train, test = _frames(options)
        bonds = read_bonds(options.bonds)
        save_settings(options, options.save_settings, _defaults(options))
        model: AnyModel
        if _in_phase_space(options):
            model = fit_phase_space(train, bonds=bonds, client=client, progress=True, **settings)
        else:
            model = fit(train, client=client, progress=True, **settings)
        model.save(options.output)
        with _told_of(options.output):
            known = () if test is None else copies_between(train, test)
            warn_of(known)
            report = _report(options, model, train, test, bonds, known)
            if test is not None:
                left_out = {} if options.test_fraction is None else {"fraction": options.test_fraction}
                tested = {"frames": test.name, **left_out, **report["test"]}
                replace(model, record=model.record | {"test": tested}).save(options.output)
        return printed(report, options, describe_fit)


def _check_options(options: argparse.Namespace) -> None:
    """Refuse what cannot be done, before anything is read."""
    if options.output is None:
        message = "there is no output: name the file of the model with -o"
        raise SettingsError(message)
    if options.test and options.test_fraction is not None:
        message = "--test and --test-fraction are given: leave one of them out"
        raise SettingsError(message)
    if options.test_by is not None and options.test_fraction is None:
        message = "--test-by says how frames are left out for a test: add --test-fraction, or leave it out"
        raise SettingsError(message)
    inputs = [*options.frames, *(options.test or []), options.bonds, options.settings]
    require_writable(options.output, inputs, force=options.force)
    require_writable(options.save_settings, inputs, force=options.force or options.save_settings == options.settings)
    require_writable(options.log, [*inputs, options.output, options.save_settings], force=True)


def _frames(options: argparse.Namespace) -> tuple[TrainingSet, TrainingSet | None]:
    """Return training frames and test frames, after a look at both."""
    closest = 0.0 if _in_phase_space(options) else MISTAKEN
    train = opened(options.frames, options, closest=closest)
    if options.test_fraction is not None:
        return split_frames(train, options.test_fraction, by=options.test_by or SPLITS[0], seed=options.seed or 0)
    if not options.test:
        return train, None
    test = opened(options.test, options, closest=closest)
    test.require_labels()
    refuse_unknown_elements_of(test, train)
    return train, test


def _workers(address: str | None) -> AbstractContextManager[Any]:
    """Return a client of a Dask scheduler, to be closed after the fit; None without an address."""
    return nullcontext() if address is None else connected(address)


def _in_phase_space(options: argparse.Namespace) -> bool:
    return bool(options.hamiltonian == HAMILTONIANS[1])


def _defaults(options: argparse.Namespace) -> dict[str, object]:
    """Return the values of settings that were not given."""
    settings = PhaseSpaceSettings() if _in_phase_space(options) else FitSettings()
    return {name: value for name, value in settings.as_dict().items() if name in vars(options)}


@contextmanager
def _told_of(path: str) -> Iterator[None]:
    """Add to errors after a fit that the model is there."""
    try:
        yield
    except RFHGNError as error:
        message = f"{error} (the model was fitted and is in {path})"
        raise type(error)(message) from error


def _report(
    options: argparse.Namespace,
    model: AnyModel,
    train: TrainingSet,
    test: TrainingSet | None,
    bonds: Bonds | None,
    known: Sequence[Suspicion],
) -> Report:
    report: Report = {"model": options.output, **errors_of(compare(model, train, bonds=bonds, progress=True)).as_dict()}
    report |= {key: model.record[key] for key in SHOWN}
    report["stability"] = model.record.get("stability")
    report["motion_rmse"] = model.record["train_rmse"].get("motion")
    report["cross_validation"] = {
        f"{kind}_rmse": error for kind, error in model.record["cross_validation_rmse"].items()
    }
    suspicions = [one["line"] for one in model.record.get("suspicions", [])]
    report["warnings"] = suspicions + [one.line for one in known]
    if test is not None:
        report["test"] = errors_of(compare(model, test, bonds=bonds, progress=True)).as_dict()
    return report
