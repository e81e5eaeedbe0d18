"""The command ``ase-rfhgn fit``: fits a potential, or a Hamiltonian of positions and momenta, and saves it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from ase.units import fs

from ase_rfhgn.cli.output import add_output, require_writable
from ase_rfhgn.cli.shared import add_bonds, add_command, add_json, labelled, printed, read_bonds
from ase_rfhgn.cli.text import Report, describe_fit
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.features.phase_space.inputs import AXES
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.fitting.phase_space.settings import KINETIC, NETWORKS
from ase_rfhgn.fitting.target_settings import TARGETS
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.reports.comparison import compare, errors_of
from ase_rfhgn.structures.doctor.repetitions import copies_between
from ase_rfhgn.structures.doctor.suspicion import Suspicion, warn_of
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import TrainingSet

HAMILTONIANS = ("potential", "phase-space")

COMMON = ("cutoff", "seed", "ridge", "threads", "targets", "timestep", "stride", "known_energy", "updatable")
"""Settings that both kinds of models have."""

PHASE_SPACE = ("kinetic", "axes", "network", "smooth_cutoff", "dimensions")
"""Settings of phase-space models alone."""

SHOWN = ("fit_cpu_seconds", "fit_wall_seconds", "n_features", "ridge", "targets", "energies")
"""Entries of the training record that a fit reports."""


def add_fit(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "fit a model to labelled frames, or to their motion"
    command = add_command(commands, "fit", run_fit, help_text, "fit train.traj -o cu.npz --test test.traj")
    command.add_argument("train", metavar="train.traj", help="frames with labels, or frames of a run")
    add_output(command, "model.npz")
    command.add_argument(
        "--hamiltonian",
        choices=HAMILTONIANS,
        default=HAMILTONIANS[0],
        help="learn a potential energy V(q), or a Hamiltonian H(q, p); by default potential",
    )
    command.add_argument("--cutoff", type=float, metavar="Å", help="distance beyond which atoms do not interact")
    command.add_argument("--test", metavar="test.traj", help="frames to test the model on")
    command.add_argument("--ridge", type=float, metavar="λ", help="strength of the prior; by default cross-validated")
    command.add_argument("--threads", type=int, metavar="N", help="threads that share the work")
    command.add_argument("--updatable", action="store_true", help="keep the linear system, for updates")
    command.add_argument("--seed", type=int, metavar="N", help="seed of all random numbers")
    _add_motion(command)
    _add_phase_space(command)
    add_json(command)


def _add_motion(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--targets", choices=TARGETS, help="data of the fit; by default labels, else momenta, else positions"
    )
    command.add_argument("--timestep", type=float, metavar="fs", help="time step of a run without labels")
    command.add_argument("--stride", type=int, metavar="N", help="time steps from one frame to the next; by default 1")
    command.add_argument(
        "--known-energy",
        type=float,
        nargs=2,
        metavar=("frame", "eV"),
        help="number and energy of one frame, if frames have no energies",
    )


def _add_phase_space(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("with --hamiltonian phase-space")
    add_bonds(group)
    group.add_argument("--kinetic", choices=KINETIC, help="learn the whole H, or only V of p²/2m + V")
    group.add_argument("--axes", choices=AXES, help="axes of positions and momenta in the network")
    group.add_argument("--network", choices=NETWORKS, help="RF-HGN, or RF-HNN without a graph")
    group.add_argument("--smooth-cutoff", action="store_true", help="let messages vanish smoothly at the cutoff")
    group.add_argument("--dimensions", type=int, metavar="N", help="number of coordinates")


def run_fit(options: argparse.Namespace) -> str:
    """Fit, save, test where wanted; return what to print."""
    require_writable(options.output, [options.train, options.test, options.bonds], force=options.force)
    in_phase_space = options.hamiltonian == HAMILTONIANS[1]
    _refuse_other_settings(options, in_phase_space=in_phase_space)
    closest = 0.0 if in_phase_space else None
    test_set = None if options.test is None else labelled(options.test, closest=closest)
    train_set = TrainingSet.open(options.train) if closest is None else TrainingSet.open(options.train, closest=closest)
    bonds = read_bonds(options.bonds)
    model: AnyModel
    if in_phase_space:
        model = fit_phase_space(train_set, bonds=bonds, progress=True, **_given(options, (*COMMON, *PHASE_SPACE)))
    else:
        model = fit(train_set, progress=True, **_given(options, COMMON))
    model.save(options.output)
    known = () if test_set is None else copies_between(train_set, test_set)
    warn_of(known)
    return printed(_report(options, model, train_set, test_set, bonds, known), options, describe_fit)


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


def _refuse_other_settings(options: argparse.Namespace, *, in_phase_space: bool) -> None:
    """Refuse settings of phase-space models where a potential is fitted."""
    given = [name for name in ("bonds", *PHASE_SPACE) if getattr(options, name)]
    if given and not in_phase_space:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        message = f"{words} belong to phase-space models: add --hamiltonian phase-space, or leave them out"
        raise SettingsError(message)


def _given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Return the settings that were given, in the library's units."""
    given = {name: getattr(options, name) for name in names}
    settings = {name: value for name, value in given.items() if value is not None and value is not False}
    if "timestep" in settings:
        settings["timestep"] *= fs
    if "known_energy" in settings:
        frame, energy = settings["known_energy"]
        settings["known_energy"] = (int(frame) if frame.is_integer() else frame, energy)
    return settings
