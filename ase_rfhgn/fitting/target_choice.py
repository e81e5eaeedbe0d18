"""The choice of the targets of a fit, and checks that the frames have them."""

from __future__ import annotations

import numpy as np
from ase.constraints import FixAtoms, FixCom
from ase.units import fs

from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.fitting.motion.equations import Motion
from ase_rfhgn.fitting.motion.stencils import Law, law_of_motion, relative_error
from ase_rfhgn.fitting.motion.timestep import check_time, measure_time
from ase_rfhgn.fitting.target_settings import TargetSettings
from ase_rfhgn.fitting.targets import Labels
from ase_rfhgn.structures.held_atoms import warn_of_still_atoms
from ase_rfhgn.structures.labels_elsewhere import refuse_labels_elsewhere
from ase_rfhgn.structures.time_order import Chronology, chronology
from ase_rfhgn.structures.training_set import TrainingSet

LARGEST_ERROR = 0.02
"""Relative error of interpolated forces, at their typical frequency, beyond which frames are too far apart."""

LARGEST_PHASE = 1.75
"""Turn of typical forces from frame to frame (radians) beyond which overtones, which no frame shows, hide too much.

Measured on copper at 300 K: at 1.5, every eighth step, forces of a fit are wrong by two per cent, and
from 2 on momenta and displacements contradict each other.
"""

FEWEST = 3
"""Consecutive frames that equations of momenta and positions need."""


def choose_targets(settings: TargetSettings, frames: TrainingSet) -> Labels | Motion:
    """Return the targets of a fit.

    Parameters
    ----------
    settings : TargetSettings
        What is wanted: "auto" means labels where there are any, else momenta where there are any,
        else positions. Time step and stride, unless the ``info`` of the first frame has them.
    frames : TrainingSet
        The frames.

    Raises
    ------
    TrainingDataError
        If the frames lack momenta or labels, contradict the time step, or are too far apart.
    SettingsError
        If the time step is missing.
    """
    frames.require_keys()
    if settings.targets == "labels" or (settings.targets == "auto" and any(frame.has_labels for frame in frames)):
        frames.require_labels()
        return Labels()
    frames = frames.without_labels()
    if settings.targets == "auto":
        refuse_labels_elsewhere(frames, frames.name)
    _refuse_constraints(frames)
    order = chronology(frames)
    if order.longest < FEWEST or (not order.has_momenta and order.persistence <= 0.0):
        count = f"no {FEWEST} of {order.n_frames} frames follow each other in time"
        message = f"{frames.name}: {_without_labels(settings)}{count}"
        if order.n_frames >= FEWEST:
            message += ": atoms must be the same, move along, and in one cell"
        message += "; give frames in order and close in time, without a barostat, or with labels"
        raise TrainingDataError(message)
    warn_of_still_atoms(frames, order.runs, frames.name)
    observed = _observed(settings, frames, order)
    timestep, stride = _timing(settings, frames, order)
    law = law_of_motion(observed, stride)
    if stride > 1:
        _refuse_distant_frames(law, order, frames.name)
    interval = stride * timestep
    ratio_z = check_time(measure_time(frames, order, stride), interval, frames.name) if order.has_momenta else {}
    return Motion(observed, law, interval, order.runs, ratio_z)


def _without_labels(settings: TargetSettings) -> str:
    """Return that there are no labels, where they were looked for."""
    return "no frame has energies, forces or stresses, and " if settings.targets == "auto" else ""


def _observed(settings: TargetSettings, frames: TrainingSet, order: Chronology) -> str:
    if settings.targets == "momenta" and not order.has_momenta:
        message = f"{frames.name}: frames have no momenta; use targets='positions'"
        raise TrainingDataError(message)
    return ("momenta" if order.has_momenta else "positions") if settings.targets == "auto" else settings.targets


def _timing(settings: TargetSettings, frames: TrainingSet, order: Chronology) -> tuple[float, int]:
    """Return the time step and the stride."""
    told = frames[0].atoms.info
    known = TargetSettings(
        timestep=told.get("timestep") if settings.timestep is None else settings.timestep,
        stride=told.get("stride", 1) if settings.stride is None else settings.stride,
    )
    if known.timestep is None:
        measured = ""
        if order.has_momenta:
            measured = f"; momenta say that frames are {measure_time(frames, order, 1).interval() / fs:.4g} fs apart"
        message = f"{frames.name}: there are no labels in use, so timestep is needed: 2 * ase.units.fs, say{measured}"
        raise SettingsError(message)
    return float(known.timestep), int(known.stride or 1)


def _refuse_distant_frames(law: Law, order: Chronology, name: str) -> None:
    if order.phase > LARGEST_PHASE:
        message = (
            f"{name}: frames are too far apart: {2.0 * np.pi / order.phase:.1f} of them per typical vibration, and "
            f"{2.0 * np.pi / LARGEST_PHASE:.1f} at least are needed; store frames more often"
        )
        raise TrainingDataError(message)
    lengths = [len(run) for run in order.runs if law.n_equations(len(run))]
    errors = {length: relative_error(law, order.phase, length) for length in set(lengths)}
    error = float(np.average([errors[one] for one in lengths], weights=[law.n_equations(one) for one in lengths]))
    if error > LARGEST_ERROR:
        message = (
            f"{name}: frames are too far apart: forces between them cannot be interpolated, {100 * error:.0f} % would "
            f"be wrong at their typical frequency (at most {100 * LARGEST_ERROR:.0f} %); store frames more often"
        )
        raise TrainingDataError(message)


def _refuse_constraints(frames: TrainingSet) -> None:
    """Refuse constraints that make atoms move by other laws than Newton's."""
    for frame in frames:
        for constraint in frame.atoms.constraints:
            if not isinstance(constraint, FixAtoms | FixCom):
                message = (
                    f"{frame.name}: a constraint {type(constraint).__name__}, under which atoms do not move by forces "
                    "alone; fixed atoms are fine; remove others if the run was made without them"
                )
                raise TrainingDataError(message)
