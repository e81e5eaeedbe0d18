"""From frames to rows of the linear system: energies, forces, stresses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.protocol import Features
from ase_rfhgn.features.response import voigt
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.structures.graph import NeighbourGraph
from ase_rfhgn.structures.training_set import Frame


def frame_rows(
    features: Features,
    baseline: Baseline,
    frame: Frame,
    graph: NeighbourGraph,
    system: tuple[int, ...],
    encoded: Any = None,  # noqa: ANN401  # each kind of features has its own
) -> dict[str, FloatArray]:
    """Return the rows of every kind of label that a frame has, right-hand side last.

    Parameters
    ----------
    features : Features
        The features.
    baseline : Baseline
        Baseline that is subtracted from the labels.
    frame : Frame
        Structure and labels.
    graph : NeighbourGraph
        Its atoms, as the features see them.
    system : tuple of int
        Indices of the species that have columns, ascending.
    encoded : object, optional
        What `Features.encoded` returned for the graph.
    """
    known = baseline.respond(frame.atoms, graph)
    column_s = np.full(len(features.species_s), -1)
    column_s[list(system)] = len(system) + features.n_features * np.arange(len(system))
    n_columns = len(system) * (1 + features.n_features)
    found = features.rows(graph, column_s, n_columns + 1, stress=frame.stress_v is not None, encoded=encoded)
    rows = {}
    if frame.energy is not None:
        number_s = features.species_s[list(system)]
        found.energy_f[: len(system)] = np.count_nonzero(graph.number_n == number_s[:, None], axis=1)
        found.energy_f[-1] = frame.energy - known.energy_n.sum()
        rows["energy"] = found.energy_f[None] / graph.n_atoms
    if frame.force_nc is not None:
        found.force_mf[:, -1] = (frame.force_nc - known.force_nc).ravel()
        rows["force"] = found.force_mf
    if frame.stress_v is not None:
        volume = frame.atoms.get_volume()
        found.virial_vf[:, -1] = volume * frame.stress_v - voigt(known.virial_cc)
        rows["stress"] = found.virial_vf / volume
    return rows
