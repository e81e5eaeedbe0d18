"""Pairs of similar frames: the work that forces and stresses do from one to the other, beside the rise of the energy.

For two frames of the same atoms, dE ≈ −½ (F_a + F_b)·du + ½ (V_a σ_a + V_b σ_b):ε, where ε is the strain from
one cell to the other and du the displacements beyond it. This is exact for a harmonic crystal, however far apart
the frames are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_strain, voigt_6_to_full_3x3_stress

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.cell import completed_cell
from ase_rfhgn.structures.frame import Frame

KEPT = 64
"""Kinds of structures whose last frame is kept."""

FARTHEST = 1.0
"""Displacement up to which frames make a pair (Å)."""

MOST_STRAIN = 0.15
"""Strain up to which frames make a pair."""

HARD = 1.0
"""Elastic constant of a hard material (eV/Å³)."""

UNMOVED = 1e-7
"""Displacement (Å) or strain below which there is none."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two similar frames.

    Attributes
    ----------
    first, second : int
        Numbers of the frames.
    energy_first, energy_second : float
        Energies of the two frames (eV), of which the second minus the first is the rise.
    force_work : float
        Work against the forces (eV).
    normal_work : float
        Work of the normal stresses (eV).
    shear_work_ss : ndarray of shape (3, 3)
        Work of every shear stress, if it belonged to every shear strain (eV); the diagonal is its own.
    path : float
        Sum of the lengths of the displacements (Å).
    most_force_work, most_stress_work : float
        Work of forces, and of stresses, if all of them pulled along (eV); a hard material's work for the strain.
    """

    first: int
    second: int
    energy_first: float
    energy_second: float
    force_work: float
    normal_work: float
    shear_work_ss: FloatArray
    path: float
    most_force_work: float
    most_stress_work: float

    @property
    def stress_work(self) -> float:
        """Work of the stresses (eV)."""
        return self.normal_work + float(np.trace(self.shear_work_ss))

    @property
    def rise(self) -> float:
        """Rise of the energy (eV)."""
        return self.energy_second - self.energy_first


class Pairing:
    """Makes a pair of every frame and the last similar one."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[int, Frame]] = {}
        self._last: dict[int, tuple[int, Frame]] = {}

    def add(self, number: int, kin: int, frame: Frame) -> Pair | None:
        """Take in a frame; return its pair with the last frame of its kin, None without a comparable one.

        Parameters
        ----------
        number : int
            Number of the frame.
        kin : int
            Frames with the same atoms in the same order have the same.
        frame : Frame
            The frame.
        """
        if frame.energy is None or (frame.force_nc is None and frame.stress_v is None):
            return None
        if len(self._first) < KEPT:  # frames before these cannot be kept any longer than that
            self._first.setdefault(kin, (number, frame))
        last = self._remember(kin, (number, frame))
        return None if last is None else _pair(last, (number, frame))

    def merge(self, other: Pairing) -> list[Pair]:
        """Take in the frames of another one, which come later; return the pairs across."""
        found = [(self._remember(kin, first), first) for kin, first in other._first.items()]
        for kin, last in other._last.items():
            self._remember(kin, last)
        for kin, first in other._first.items():
            if len(self._first) < KEPT:
                self._first.setdefault(kin, first)
        pairs = (_pair(one, two) for one, two in found if one is not None)
        return [pair for pair in pairs if pair is not None]

    def _remember(self, kin: int, numbered: tuple[int, Frame]) -> tuple[int, Frame] | None:
        """Keep the last frame of a kin, and return the one that was kept before."""
        last = self._last.pop(kin, None)
        self._last[kin] = numbered
        if len(self._last) > KEPT:
            del self._last[next(iter(self._last))]
        return last


def _pair(one: tuple[int, Frame], other: tuple[int, Frame]) -> Pair | None:
    """Return the pair of two frames with energies, None if they are too far apart or lack labels."""
    (first, a), (second, b) = one, other
    if a.atoms.pbc.any():
        strain_cc, shift_nc = _deformation(a.atoms, b.atoms)
        turn_cc = np.eye(3)
    else:
        strain_cc = np.zeros((3, 3))
        shift_nc, turn_cc = _turned(a.atoms, b.atoms)
    length_n = np.linalg.norm(shift_nc, axis=1)
    strain = float(np.abs(strain_cc).max())
    if length_n.max() > FARTHEST or strain > MOST_STRAIN or (length_n.max() <= UNMOVED and strain <= UNMOVED):
        return None
    force_work, most_force_work = _force_work(a, b, shift_nc, turn_cc)
    work_vv, most_stress_work = _stress_work(a, b, strain_cc)
    if a.energy is None or b.energy is None or not (np.isfinite(force_work) and np.isfinite(work_vv).all()):
        return None
    return Pair(
        first=first,
        second=second,
        energy_first=a.energy,
        energy_second=b.energy,
        force_work=force_work,
        normal_work=float(np.trace(work_vv[:3, :3])),
        shear_work_ss=work_vv[3:, 3:],
        path=float(length_n.sum()),
        most_force_work=most_force_work,
        most_stress_work=most_stress_work,
    )


def _deformation(a: Atoms, b: Atoms) -> tuple[FloatArray, FloatArray]:
    """Return the strain from one cell to another, and the displacements beyond it by the shortest way."""
    cell_a_cc, cell_b_cc = completed_cell(a), completed_cell(b)
    middle_cc = 0.5 * (cell_a_cc + cell_b_cc)
    oblique_cc = np.linalg.solve(middle_cc, cell_b_cc - cell_a_cc)
    scaled_nc = np.linalg.solve(cell_b_cc.T, b.positions.T).T - np.linalg.solve(cell_a_cc.T, a.positions.T).T
    scaled_nc -= np.where(a.pbc, np.round(scaled_nc), 0.0)
    return 0.5 * (oblique_cc + oblique_cc.T), scaled_nc @ middle_cc


def _turned(a: Atoms, b: Atoms) -> tuple[FloatArray, FloatArray]:
    """Return the displacements of a molecule that is turned onto another one (Kabsch, Acta Cryst. A 32, 922 (1976))."""
    place_a_nc = a.positions - a.positions.mean(axis=0)
    place_b_nc = b.positions - b.positions.mean(axis=0)
    left_cc, _, right_cc = np.linalg.svd(place_b_nc.T @ place_a_nc)
    mirror_cc = np.diag([1.0, 1.0, np.sign(np.linalg.det(left_cc @ right_cc))])
    turn_cc = left_cc @ mirror_cc @ right_cc
    return place_b_nc @ turn_cc - place_a_nc, turn_cc


def _force_work(a: Frame, b: Frame, shift_nc: FloatArray, turn_cc: FloatArray) -> tuple[float, float]:
    """Return the work of the forces, and what it were if all pulled along; NaN without forces where atoms move."""
    if np.abs(shift_nc).max() <= UNMOVED:
        return 0.0, 0.0
    if a.force_nc is None or b.force_nc is None:
        return np.nan, np.nan
    turned_nc = b.force_nc @ turn_cc
    lengths_n = np.linalg.norm(a.force_nc, axis=1) + np.linalg.norm(turned_nc, axis=1)
    most = 0.5 * float(np.sum(lengths_n * np.linalg.norm(shift_nc, axis=1)))
    return -0.5 * float(np.sum((a.force_nc + turned_nc) * shift_nc)), most


def _stress_work(a: Frame, b: Frame, strain_cc: FloatArray) -> tuple[FloatArray, float]:
    """Return the work of every component of the stress along every strain, and an upper bound; NaN without a stress.

    The diagonal is the work of the stress: that of shear strains counts twice, as they are two components each.
    """
    if np.abs(strain_cc).max() <= UNMOVED:
        return np.zeros((6, 6)), 0.0
    if a.stress_v is None or b.stress_v is None:
        return np.full((6, 6), np.nan), np.nan
    virials_v = [f.atoms.get_volume() * f.stress_v for f in (a, b) if f.stress_v is not None]
    strain_v = full_3x3_to_voigt_6_strain(np.eye(3) + strain_cc)
    size = float(np.linalg.norm(strain_cc))
    most = 0.5 * size * sum(float(np.linalg.norm(voigt_6_to_full_3x3_stress(virial_v))) for virial_v in virials_v)
    return 0.5 * np.outer(sum(virials_v), strain_v), most + HARD * a.atoms.get_volume() * size**2
