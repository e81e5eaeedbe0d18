"""Atoms that something held in place: their forces or their motion are wrong, and a warning says so."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms

from ase_rfhgn.arrays import BoolArray
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.structures.frame import Frame

_NAMED = 5
"""Atoms that a warning names."""


def fixed_atoms(atoms: Atoms) -> BoolArray:
    """Return which atoms `FixAtoms` holds, shape (n_atoms,).

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    """
    fixed_n = np.zeros(len(atoms), dtype=bool)
    for constraint in atoms.constraints:
        if isinstance(constraint, FixAtoms):
            fixed_n[constraint.index] = True
    return fixed_n


def has_zeroed_forces(frame: Frame) -> bool:
    """Return whether the forces on fixed atoms are exactly zero, but others are not: a constraint wrote them.

    Parameters
    ----------
    frame : Frame
        A frame with or without forces.
    """
    fixed_n = fixed_atoms(frame.atoms)
    if frame.force_nc is None or not fixed_n.any():
        return False
    return not frame.force_nc[fixed_n].any() and bool(frame.force_nc[~fixed_n].any())


def warn_of_still_atoms(frames: Iterable[Frame], runs: Iterable[Sequence[int]], name: str) -> None:
    """Warn of atoms that are at exactly the same place in all frames of a run, but are not marked as fixed.

    Parameters
    ----------
    frames : iterable of Frame
        All frames.
    runs : iterable of sequences of int
        Frames that follow each other in time.
    name : str
        Name of the frames in messages.

    Warns
    -----
    TrainingDataWarning
        If there are such atoms.
    """
    run_of_frame = {int(i): number for number, run in enumerate(runs) for i in run}
    first: dict[int, Atoms] = {}
    still: dict[int, BoolArray] = {}
    for i, frame in enumerate(frames):
        if i not in run_of_frame:
            continue
        number, atoms = run_of_frame[i], frame.atoms
        before = first.setdefault(number, atoms)
        same_n = (atoms.positions == before.positions).all(axis=1) & ~fixed_atoms(atoms)
        still[number] = still.get(number, np.ones(len(atoms), dtype=bool)) & same_n
    held = [np.flatnonzero(still_n) for still_n in still.values() if still_n.any() and not still_n.all()]
    if held:
        named = ", ".join(str(n) for n in held[0][:_NAMED]) + (" and more" if len(held[0]) > _NAMED else "")
        message = (
            f"{name}: atoms {named} are at exactly the same place in all frames of a run; if something held them, "
            "their motion says nothing about forces: mark them with ASE's FixAtoms in every frame"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=3)
