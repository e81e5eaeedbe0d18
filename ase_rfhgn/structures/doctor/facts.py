"""Facts about labelled frames: the few numbers of each that the checks compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.doctor.places import kin_of, label_marks, place_marks
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.graph import NeighbourGraph
from ase_rfhgn.structures.held_atoms import fixed_atoms, has_zeroed_forces
from ase_rfhgn.structures.labels_elsewhere import labels_elsewhere

STIFFEST = 1000.0
"""Spring constant beyond any bond: several times the spring constant of the stiffest bond, N₂ (eV/Å²)."""

DECAY = 1.0
"""Length over which neighbours count less for the asymmetry of a site (Å)."""


FILLED = 0.35, 1.5
"""Gap between a structure and its image across the cell, in units of its bonds, where the cell is full."""


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Facts about a frame; NaN where it has no such label.

    Attributes
    ----------
    name : str
        Name of the frame in messages.
    n_atoms : int
        Number of atoms.
    composition : Counter of int
        Number of atoms of every element.
    kin : int
        Hash of what frames have in common that can be compared atom by atom: elements in order, periodicity.
    energy : float
        Energy per atom (eV).
    stored : float
        Energy per atom of the stiffest springs that pull with the forces (eV).
    force_rms, force_max, net_force : float
        Root mean square of the components, largest component, and length of the sum of the forces (eV/Å).
    net_torque : float
        Sum of the torques over the radius of gyration, where nothing is periodic (eV/Å); else NaN.
    stress_v : ndarray of shape (6,)
        Stress (eV/Å³).
    cell_cc : ndarray of shape (3, 3)
        Cell (Å).
    volume : float
        Volume per atom, where the cell has one (Å³).
    closest : float
        Smallest distance in units of the sum of covalent radii, infinite without neighbours.
    closest_distance : float
        Its length (Å).
    fills_cell : bool
        Whether a structure without periodicity fills its cell, as one period of a crystal does.
    asymmetry : float
        Median asymmetry of the sites; see `asymmetry_n`.
    zeroed : tuple of int
        Atoms whose forces are exactly 0, although their sites are as asymmetric as the others.
    fixed_zeroed : bool
        Whether the forces on fixed atoms are exactly zero, but others are not.
    fixed : bool
        Whether atoms are fixed.
    interacts : bool
        Whether there are several atoms, with forces that are not all zero if there are any.
    elsewhere : str
        Labels under other names.
    place : ndarray
        Marks of the structure: equal for equal structures.
    labels : ndarray
        Marks of the labels per atom.
    labelled : bool
        Whether there are labels.
    """

    name: str
    n_atoms: int
    composition: Counter[int]
    kin: int
    energy: float
    stored: float
    force_rms: float
    force_max: float
    net_force: float
    net_torque: float
    stress_v: FloatArray
    cell_cc: FloatArray
    volume: float
    closest: float
    closest_distance: float
    fills_cell: bool
    asymmetry: float
    zeroed: tuple[int, ...]
    fixed_zeroed: bool
    fixed: bool
    interacts: bool
    elsewhere: str
    place: FloatArray
    labels: FloatArray
    labelled: bool


def facts_of(frame: Frame, graph: NeighbourGraph) -> FrameFacts:
    """Return the facts about a frame.

    Parameters
    ----------
    frame : Frame
        The frame.
    graph : NeighbourGraph
        Its graph.
    """
    atoms, force_nc = frame.atoms, frame.force_nc
    n_atoms = len(atoms)
    asymmetric_n = asymmetry_n(graph)
    ratio, distance = _closest(graph)
    return FrameFacts(
        name=frame.name,
        n_atoms=n_atoms,
        composition=Counter(atoms.numbers.tolist()),
        kin=kin_of(atoms),
        energy=np.nan if frame.energy is None else frame.energy / n_atoms,
        stored=_of_forces(force_nc, lambda f_nc: float(np.square(f_nc).sum()) / (2.0 * STIFFEST * n_atoms)),
        force_rms=_of_forces(force_nc, lambda f_nc: float(np.sqrt(np.square(f_nc).mean()))),
        force_max=_of_forces(force_nc, lambda f_nc: float(np.abs(f_nc).max())),
        net_force=_of_forces(force_nc, lambda f_nc: float(np.linalg.norm(f_nc.sum(axis=0)))),
        net_torque=np.nan if atoms.pbc.any() else _of_forces(force_nc, lambda f_nc: _torque(atoms, f_nc)),
        stress_v=np.full(6, np.nan) if frame.stress_v is None else frame.stress_v,
        cell_cc=atoms.cell.array.copy(),
        volume=atoms.get_volume() / n_atoms if has_volume(atoms) else np.nan,
        closest=ratio,
        closest_distance=distance,
        fills_cell=_fills_cell(atoms, graph),
        asymmetry=float(np.median(asymmetric_n)),
        zeroed=_zeroed(force_nc, asymmetric_n),
        fixed_zeroed=has_zeroed_forces(frame),
        fixed=bool(fixed_atoms(atoms).any()),
        interacts=n_atoms > 1 and (force_nc is None or bool(force_nc.any())),
        elsewhere=" and ".join(labels_elsewhere(frame)),
        place=place_marks(atoms),
        labels=label_marks(frame),
        labelled=frame.has_labels,
    )


def asymmetry_n(graph: NeighbourGraph) -> FloatArray:
    """Return how far the neighbours of every atom lie to one side: 0 where symmetry forbids a force, at most 1.

    Parameters
    ----------
    graph : NeighbourGraph
        A structure.
    """
    distance_p = graph.distance_p
    if not len(distance_p):
        return np.zeros(graph.n_atoms)
    farthest = float(distance_p.max()) + 1.0
    weight_p = np.exp(-distance_p / DECAY) * (1.0 - distance_p / farthest) ** 2
    pull_cn = np.stack(
        [
            np.bincount(graph.centre_p, weight_p * graph.vector_pc[:, c] / distance_p, minlength=graph.n_atoms)
            for c in range(3)
        ]
    )
    total_n = np.bincount(graph.centre_p, weight_p, minlength=graph.n_atoms)
    length_n: FloatArray = np.linalg.norm(pull_cn, axis=0) / np.maximum(total_n, np.finfo(float).tiny)
    return length_n


def column(facts: Sequence[FrameFacts], name: str) -> FloatArray:
    """Return a number of every frame.

    Parameters
    ----------
    facts : sequence of FrameFacts
        The frames.
    name : str
        Name of the attribute.
    """
    return np.array([getattr(one, name) for one in facts], dtype=np.float64)


def about(facts: Sequence[FrameFacts], odd_i: BoolArray, kind: str, message: str) -> Iterator[Suspicion]:
    """Yield a suspicion about the frames that are odd, if there are any.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    odd_i : ndarray of shape (n_frames,)
        Which of them are odd.
    kind, message : str
        As for `Suspicion`.
    """
    if odd_i.any():
        names = tuple(one.name for one, is_odd in zip(facts, odd_i, strict=True) if is_odd)
        yield Suspicion(kind, message, names, len(facts))


def _of_forces(force_nc: FloatArray | None, measure: Callable[[FloatArray], float]) -> float:
    return np.nan if force_nc is None else measure(force_nc)


def _torque(atoms: Atoms, force_nc: FloatArray) -> float:
    """Return the length of the sum of the torques over the radius of gyration."""
    arm_nc = atoms.positions - atoms.positions.mean(axis=0)
    radius = float(np.sqrt(np.square(arm_nc).sum(axis=1).mean()))
    return float(np.linalg.norm(np.cross(arm_nc, force_nc).sum(axis=0))) / max(radius, np.finfo(float).tiny)


def _zeroed(force_nc: FloatArray | None, asymmetric_n: FloatArray) -> tuple[int, ...]:
    """Return atoms with forces of exactly 0 at sites about as asymmetric as the sites of other atoms."""
    if force_nc is None:
        return ()
    zero_n = ~force_nc.any(axis=1)
    if not zero_n.any() or zero_n.all():
        return ()
    usual = 0.2 * float(np.median(asymmetric_n[~zero_n]))
    return tuple(np.flatnonzero(zero_n & (asymmetric_n > max(usual, 1e-4))).tolist())


def _closest(graph: NeighbourGraph) -> tuple[float, float]:
    """Return the smallest distance, in units of the sum of covalent radii and in Å."""
    distance_p = graph.distance_p
    if not len(distance_p):
        return np.inf, np.inf
    radius_n = covalent_radii[graph.number_n]
    ratio_p = distance_p / (radius_n[graph.centre_p] + radius_n[graph.neighbour_p])
    p = int(np.argmin(ratio_p))
    return float(ratio_p[p]), float(distance_p[p])


def _fills_cell(atoms: Atoms, graph: NeighbourGraph) -> bool:
    """Return whether the gaps between a structure and its images across the cell are as wide as its bonds."""
    if atoms.pbc.any() or len(atoms) < 3 or not has_volume(atoms) or not len(graph.centre_p):
        return False
    nearest = float(np.median(graph.nearest()[1]))
    height_c = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    gap_c = (1.0 - np.ptp(atoms.cell.scaled_positions(atoms.positions), axis=0)) * height_c
    return bool(np.all((gap_c > FILLED[0] * nearest) & (gap_c < FILLED[1] * nearest)))
