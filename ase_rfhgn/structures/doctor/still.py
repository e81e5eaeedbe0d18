"""Atoms that are at exactly the same place in all labelled frames of a kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.held_atoms import fixed_atoms

FEWEST_FRAMES = 5
"""Frames of one kind from which atoms that never move are told."""

LEAST_SHARE = 0.1
"""Share of the atoms from which atoms that never move are told: a molecule may have an atom at the origin."""

KEPT = 64
"""Kinds of structures that are followed."""

_NAMED = 5
"""Atoms that a suspicion names."""


@dataclass(slots=True)
class _Kind:
    """Frames of the same atoms."""

    name: str
    position_nc: FloatArray
    still_n: BoolArray
    n_frames: int = 1


class StillAtoms:
    """Follows atoms from frame to frame."""

    def __init__(self) -> None:
        self._kinds: dict[int, _Kind] = {}

    def add(self, kin: int, frame: Frame) -> None:
        """Take in a frame.

        Parameters
        ----------
        kin : int
            Frames with the same atoms in the same order have the same.
        frame : Frame
            The frame.
        """
        if not frame.has_labels:
            return
        atoms = frame.atoms
        known = self._kinds.get(kin)
        if known is None:
            if len(self._kinds) < KEPT:
                self._kinds[kin] = _Kind(frame.name, atoms.positions.copy(), ~fixed_atoms(atoms))
            return
        known.still_n &= (atoms.positions == known.position_nc).all(axis=1) & ~fixed_atoms(atoms)
        known.n_frames += 1

    def merge(self, other: StillAtoms) -> None:
        """Take in the frames of another one."""
        for kin, theirs in other._kinds.items():
            mine = self._kinds.get(kin)
            if mine is None:
                if len(self._kinds) < KEPT:
                    self._kinds[kin] = theirs
            else:
                still_n = mine.still_n & theirs.still_n & (theirs.position_nc == mine.position_nc).all(axis=1)
                self._kinds[kin] = _Kind(mine.name, mine.position_nc, still_n, mine.n_frames + theirs.n_frames)

    def suspicions(self, n_frames: int) -> Iterator[Suspicion]:
        """Yield a suspicion about atoms that never move, where others do.

        Parameters
        ----------
        n_frames : int
            Number of all frames.
        """
        for kind in self._kinds.values():
            share = float(kind.still_n.mean())
            if kind.n_frames >= FEWEST_FRAMES and LEAST_SHARE <= share < 1.0 and kind.still_n.sum() > 1:
                still_n = np.flatnonzero(kind.still_n)
                named = ", ".join(map(str, still_n[:_NAMED])) + (" and more" if len(still_n) > _NAMED else "")
                message = (
                    f"atoms {named} are at exactly the same place in all {kind.n_frames} frames like {kind.name}: "
                    "nothing is learned about their motion; were they held?"
                )
                yield Suspicion("still atoms", message, n_frames=n_frames)
                return
