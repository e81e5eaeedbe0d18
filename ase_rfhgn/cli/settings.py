"""Settings of fits as options of the command line: every setting of `fit` and `fit_phase_space` is one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ase.units import fs

from ase_rfhgn.cli.shared import add_bonds
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.features.phase_space.inputs import AXES, EDGE_INPUTS, NODE_INPUTS
from ase_rfhgn.fitting.phase_space.settings import KINETIC, NETWORKS
from ase_rfhgn.fitting.settings import SAMPLERS
from ase_rfhgn.fitting.target_settings import TARGETS

HAMILTONIANS = ("potential", "phase-space")

KEYS = ("energy_key", "forces_key", "stress_key", "virials_key", "group_key")
"""Names of labels: they are read by the same options as in other commands."""

COMMON = (
    *("cutoff", "sampler", "seed", "ridge", "threads", "updatable", "group_weights"),
    *("targets", "timestep", "stride", "known_energy"),
)
"""Settings that both kinds of models have."""

POTENTIAL = (
    *("channels", "projections", "correlation", "degree"),
    *("energy_weight", "force_weight", "stress_weight", "one_body", "baseline"),
)
"""Settings of potentials alone."""

PHASE_SPACE = (
    *("kinetic", "axes", "network", "smooth_cutoff", "dimensions"),
    *("node_inputs", "edge_inputs", "node_units", "edge_units", "message_units"),
)
"""Settings of phase-space models alone."""


def add_settings(command: argparse.ArgumentParser) -> None:
    """Let a command take all settings of fits."""
    command.add_argument(
        "--hamiltonian",
        choices=HAMILTONIANS,
        help="learn a potential energy V(q), or a Hamiltonian H(q, p); by default potential",
    )
    command.add_argument("--cutoff", type=float, metavar="Å", help="distance beyond which atoms do not interact")
    command.add_argument("--sampler", choices=SAMPLERS, help="how random weights are sampled; by default swim")
    command.add_argument("--ridge", type=float, metavar="λ", help="strength of the prior; by default cross-validated")
    command.add_argument("--seed", type=int, metavar="N", help="seed of all random numbers; by default 0")
    command.add_argument("--threads", type=int, metavar="N", help="threads that share the work")
    command.add_argument("--dask", metavar="tcp://…", help="address of a Dask scheduler whose workers share the work")
    command.add_argument(
        "--updatable", action=argparse.BooleanOptionalAction, help="keep the linear system, for updates"
    )
    command.add_argument(
        "--group-weights", "--group-weight", type=_pair, nargs="+", action="extend", metavar="group=factor",
        help="factors of the weights of the labels of groups of frames: liquid=0.5",
    )  # fmt: skip
    add_potential_settings(command)
    _add_motion(command)
    _add_phase_space(command)


def add_potential_settings(command: argparse.ArgumentParser) -> None:
    """Let a command take the settings that potentials alone have."""
    group = command.add_argument_group("potentials")
    group.add_argument("--channels", type=int, metavar="N", help="radial channels; by default 36, or 56 for alloys")
    group.add_argument("--projections", type=int, metavar="N", help="projections per channel; by default 5, or 4")
    group.add_argument("--correlation", type=int, metavar="N", help="neighbours that a feature describes; by default 4")
    group.add_argument("--degree", type=int, metavar="N", help="largest degree of spherical harmonics; by default 4")
    group.add_argument("--energy-weight", type=float, metavar="w", help="weight of energies, per eV/atom")
    group.add_argument("--force-weight", type=float, metavar="w", help="weight of forces, per eV/Å; by default 1")
    group.add_argument("--stress-weight", type=float, metavar="w", help="weight of stresses, per eV/Å³")
    group.add_argument(
        "--one-body", type=_pair, nargs="+", action="extend", metavar="symbol=eV",
        help="energies of isolated atoms: Cu=-3.5 Ni=-4; by default fitted",
    )  # fmt: skip
    group.add_argument(
        "--baseline", nargs="+", action="extend", metavar="calculator",
        help="learn the difference to other calculators: dftd3:pbe-bj, tblite:GFN1-xTB, package.module:Class(a=1)",
    )  # fmt: skip


def _add_motion(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("runs without labels")
    group.add_argument(
        "--targets", choices=TARGETS, help="data of the fit; by default labels, else momenta, else positions"
    )
    group.add_argument("--timestep", type=float, metavar="fs", help="time step of a run without labels")
    group.add_argument("--stride", type=int, metavar="N", help="time steps from one frame to the next; by default 1")
    group.add_argument(
        "--known-energy", type=float, nargs=2, metavar=("frame", "eV"),
        help="number and energy of one frame, if frames have no energies",
    )  # fmt: skip


def _add_phase_space(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("with --hamiltonian phase-space")
    add_bonds(group)
    group.add_argument("--kinetic", choices=KINETIC, help="learn the whole H, or only V of p²/2m + V")
    group.add_argument("--axes", choices=AXES, help="axes of positions and momenta in the network")
    group.add_argument("--network", choices=NETWORKS, help="RF-HGN, or RF-HNN without a graph")
    group.add_argument(
        "--smooth-cutoff", action=argparse.BooleanOptionalAction, help="let messages vanish smoothly at the cutoff"
    )
    group.add_argument("--dimensions", type=int, metavar="N", help="number of coordinates")
    group.add_argument("--node-inputs", choices=NODE_INPUTS, nargs="*", help="inputs of the node encoder")
    group.add_argument("--edge-inputs", choices=EDGE_INPUTS, nargs="*", help="inputs of the edge encoder")
    for part, default in (("node", 128), ("edge", 64), ("message", 256)):
        group.add_argument(f"--{part}-units", type=int, metavar="N", help=f"units, by default {default} per species")


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given, as `fit` or `fit_phase_space` takes them.

    Raises
    ------
    SettingsError
        If a setting is not one of the kind of model that is fitted.
    """
    in_phase_space = options.hamiltonian == HAMILTONIANS[1]
    _refuse_others(options, in_phase_space=in_phase_space)
    settings = given(options, (*KEYS, *COMMON, *(PHASE_SPACE if in_phase_space else POTENTIAL)))
    if "timestep" in settings:
        settings["timestep"] *= fs
    if "known_energy" in settings:
        frame, energy = settings["known_energy"]
        settings["known_energy"] = (int(frame) if frame.is_integer() else frame, energy)
    for name in ("node_inputs", "edge_inputs"):
        if name in settings:
            settings[name] = tuple(settings[name])
    for name in ("one_body", "group_weights"):
        if name in settings:
            settings[name] = dict(settings[name])
    return settings


def given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Return those of some settings that were given."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _refuse_others(options: argparse.Namespace, *, in_phase_space: bool) -> None:
    """Refuse settings of the other kind of models."""
    others = given(options, POTENTIAL if in_phase_space else ("bonds", *PHASE_SPACE))
    if not others:
        return
    words = ", ".join(f"--{name.replace('_', '-')}" for name in others)
    message = f"{words} belong to phase-space models: add --hamiltonian phase-space, or leave them out"
    if in_phase_space:
        message = f"{words} belong to potentials: leave them out, or leave out --hamiltonian phase-space"
    raise SettingsError(message)


def _pair(text: str) -> tuple[str, float]:
    """Return the name and the number of "name=number"."""
    name, _, number = text.rpartition("=")
    if not name:
        message = f"{text!r} is not of the form name=number"
        raise argparse.ArgumentTypeError(message)
    try:
        return name, float(number)
    except ValueError as error:
        message = f"{number!r} of {text!r} is not a number"
        raise argparse.ArgumentTypeError(message) from error
