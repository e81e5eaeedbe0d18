"""From frames to rows of the linear system of phase space: Hamilton's equations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import StructureError, TrainingDataError
from ase_rfhgn.features.phase_space.networks import Network
from ase_rfhgn.features.phase_space.points import PhasePoints, joined, phase_point
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.models.phase_space import structure_graph
from ase_rfhgn.runtime.batches import batched
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import Frame

VELOCITIES = "hamiltonian_velocities"
"""Array of a structure with velocities ∂H/∂p, where they are not momentum over mass (Å per ASE time)."""

NUMBERS_PER_BATCH = 2**20
"""Numbers in the derivatives of a batch of structures (8 MB): larger ones leave the cache."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A point of phase space and how it moves.

    Attributes
    ----------
    points : PhasePoints
        Where.
    velocity_nc, force_nc : ndarray of shape (n_nodes, n_dimensions)
        Rates of change of positions (Å per ASE time) and of momenta (eV/Å).
    """

    points: PhasePoints
    velocity_nc: FloatArray
    force_nc: FloatArray


def snapshot_of(frame: Frame, settings: PhaseSpaceSettings, n_dimensions: int, bonds: Bonds | None) -> Snapshot:
    """Return the point of phase space of a frame, and how it moves.

    Parameters
    ----------
    frame : Frame
        Structure with forces; its velocities are momenta over masses unless its array
        "hamiltonian_velocities" gives others.
    settings : PhaseSpaceSettings
        Kind of network and of edges.
    n_dimensions : int
        Coordinates that exist.
    bonds : Bonds or None
        Edges, where there is no cutoff.

    Raises
    ------
    TrainingDataError
        If the frame has no forces, or is not a structure of the model; the message names it.
    """
    if frame.force_nc is None:
        message = (
            f"{frame.name}: there are no forces; attach them with ASE's SinglePointCalculator, or, for a run, "
            "take targets='momenta' or 'positions'"
        )
        raise TrainingDataError(message)
    velocity_nc = frame.atoms.arrays.get(VELOCITIES, frame.atoms.get_velocities())
    try:
        graph = structure_graph(frame.atoms, bonds, settings.cutoff, has_edges=settings.network == "graph")
        points = phase_point(frame.atoms, graph, n_dimensions)
    except StructureError as error:
        message = f"{frame.name}: {error}"
        raise TrainingDataError(message) from error
    for name, value_nc in (("velocities", velocity_nc), ("forces", frame.force_nc)):
        if not np.isfinite(value_nc).all() or value_nc[:, n_dimensions:].any():
            message = (
                f"{frame.name}: {name} must be finite, and zero beyond the {n_dimensions} dimension(s) of the model"
            )
            raise TrainingDataError(message)
    return Snapshot(points, velocity_nc[:, :n_dimensions], frame.force_nc[:, :n_dimensions])


def motion_rows(
    network: Network, snapshots: Sequence[Snapshot], velocity_unit: float | None, force_unit: float
) -> dict[str, FloatArray]:
    """Return Hamilton's equations as rows of the linear system, right-hand side last: of "force" and "velocity".

    Parameters
    ----------
    network : Network
        The features.
    snapshots : sequence of Snapshot
        A batch.
    velocity_unit, force_unit : float
        What residuals are measured in (Å per ASE time, eV/Å); no rows of velocities where None.

    Notes
    -----
    RF-HGN, arXiv:2506.06558: ∂Φ/∂p θ = q̇ and ∂Φ/∂q θ = −ṗ.
    """
    features = network.features(joined([snapshot.points for snapshot in snapshots]))
    force_nc = np.concatenate([snapshot.force_nc for snapshot in snapshots])
    rows = {"force": _rows(features.position_ncf, -force_nc, force_unit)}
    if velocity_unit is not None:
        velocity_nc = np.concatenate([snapshot.velocity_nc for snapshot in snapshots])
        rows["velocity"] = _rows(features.momentum_ncf, velocity_nc, velocity_unit)
    return rows


def unmoved_rows(network: Network, snapshot: Snapshot, kind: str) -> FloatArray:
    """Return rows of forces (eV/Å) or velocities (Å per ASE time) whose right-hand side is zero.

    Parameters
    ----------
    network : Network
        The features.
    snapshot : Snapshot
        A point of phase space.
    kind : {"force", "velocity"}
        Which half of Hamilton's equations.
    """
    features = network.features(snapshot.points)
    slope_ncf = -features.position_ncf if kind == "force" else features.momentum_ncf
    return _rows(slope_ncf, np.zeros(slope_ncf.shape[:2]), 1.0)


def batches(snapshots: Iterable[Snapshot], n_features: int) -> Iterator[list[Snapshot]]:
    """Return snapshots in batches whose derivatives fit into a bounded memory, or one by one."""

    def size(snapshot: Snapshot) -> int:
        return (snapshot.points.position_nc.size + snapshot.points.vector_pc.size) * n_features

    return batched(snapshots, size, NUMBERS_PER_BATCH)


def _rows(slope_ncf: FloatArray, target_nc: FloatArray, unit: float) -> FloatArray:
    """Return rows (Z, u) in a unit."""
    row_mf = np.empty((target_nc.size, slope_ncf.shape[2] + 1))
    np.divide(slope_ncf.reshape(target_nc.size, -1), unit, out=row_mf[:, :-1])
    np.divide(target_nc.ravel(), unit, out=row_mf[:, -1])
    return row_mf
