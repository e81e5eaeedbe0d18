"""Distances of no bond: positions in Bohr; and crystals whose frames do not say that they are periodic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from ase.units import Bohr

from ase_rfhgn.structures.doctor.facts import FrameFacts, about, column
from ase_rfhgn.structures.doctor.suspicion import Suspicion

NOBLE = frozenset({2, 10, 18, 36, 54, 86, 118})
"""Elements whose nearest neighbours are no bonds."""

BONDED = 0.8, 1.25
"""Usual lengths of the shortest bond of a structure, in units of the sum of covalent radii."""

FEWEST_FRAMES = 3
"""Frames that a suspicion about the positions of all needs."""

MOST = 0.8
"""Share of frames from which a full cell without periodicity is no accident."""


def strange_distances(facts: Sequence[FrameFacts]) -> Iterator[Suspicion]:
    """Yield suspicions about positions that look like Bohr, and about cells that look periodic and are not.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    """
    bonded = [one for one in facts if one.n_atoms > 1 and NOBLE.isdisjoint(one.composition)]
    ratio_i = column(bonded, "closest")
    low, high = (bond / Bohr for bond in BONDED)
    if len(bonded) >= FEWEST_FRAMES and low < np.median(ratio_i) < high and ratio_i.min() > BONDED[1]:
        shortest = float(np.median(column(bonded, "closest_distance")))
        yield Suspicion(
            "distances",
            f"nearest atoms are {shortest:.3g} Å apart, which is no bond, but would be one in Bohr: positions and "
            "cells are needed in Å",
        )
    filled_i = np.array([one.fills_cell for one in facts])
    if np.mean(filled_i) >= MOST:
        message = (
            "atoms fill the cell, but the frames are not periodic: if they are crystals or liquids, set pbc to True "
            "before fitting, and if they are not, remove the cell"
        )
        yield from about(facts, filled_i, "periodicity", message)
