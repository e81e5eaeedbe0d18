"""Frames whose atoms do not see each other: a cutoff that is too short, or a gas."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.arrays import BoolArray
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame
from ase_rfhgn.structures.graph import build_graph

TRIED = 8
"""Doublings of the cutoff in the search for a neighbour."""

BOX = 8.0
"""Shortest vector of a periodic cell around a free atom (Å)."""

SHELLS = 1.9
"""Cutoff that is advised, in units of the distance to the nearest neighbour."""


def refuse_isolation(items: FrameGraphs, isolated_i: BoolArray, cutoff: float) -> None:
    """Refuse frames in which no atom sees another, unless each is a single atom.

    Parameters
    ----------
    items : FrameGraphs
        The frames.
    isolated_i : ndarray of shape (n_frames,)
        Whether no atom of a frame has a neighbour.
    cutoff : float
        Distance up to which atoms see each other (Å).

    Raises
    ------
    TrainingDataError
        If no atom sees another; the message names a cutoff that works.
    """
    if not isolated_i.all():
        return
    item = next((item for item in items if not _is_free_atom(item)), None)
    if item is None:
        return
    graph = item.graph
    for doubling in range(1, TRIED + 1):
        graph = build_graph(item.frame.atoms, cutoff * 2.0**doubling)
        if len(graph.centre_p):
            break
    nearest = float(graph.distance_p.min(initial=np.inf))
    works = np.ceil(10.0 * SHELLS * nearest) / 10.0
    message = (
        f"{item.frame.name}: no atom sees another within the cutoff of {cutoff:g} Å, here or in any frame; the nearest "
        f"two are {nearest:.3g} Å apart: if they interact, a cutoff of {works:g} Å works"
    )
    raise TrainingDataError(message)


def _is_free_atom(item: GraphedFrame) -> bool:
    """Return whether a frame is a single atom that is meant to have no neighbour."""
    atoms = item.frame.atoms
    length_c = np.linalg.norm(atoms.cell.array, axis=1)[atoms.pbc]
    return len(atoms) == 1 and float(length_c.min(initial=np.inf)) > BOX
