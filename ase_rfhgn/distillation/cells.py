"""Prepared cells of a distillation: strained, rattled, with vacancies, with surfaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.units import kB

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.distillation.account import Account
from ase_rfhgn.distillation.settings import DistillationSettings
from ase_rfhgn.distillation.starts import Start, nearest_distance
from ase_rfhgn.distillation.volumes import Curve, scaled
from ase_rfhgn.properties.defects import conventional, cut_slab

PROBE = 0.04
"""Displacement by which the stiffness against displacements is measured (Å)."""

LEAST, MOST = 0.005, 0.12
"""Smallest displacement (Å), and largest one relative to the nearest-neighbour distance."""

CALM_STRAIN, CALM_SHIFT = 0.01, 0.01
"""Strain of calm cells, and displacement of their atoms (Å): what elastic constants see."""

THERMAL_STRAIN = 0.02
"""Strain of the hottest rattled cells, beyond their volume."""

SURFACES = ((1, 0, 0), (1, 1, 0), (1, 1, 1))
THICKNESS, VACUUM = 7.0, 6.0
"""Least thickness of slabs, and vacuum on each side (Å)."""


@dataclass(frozen=True)
class Rattling:
    """How far independently displaced atoms go at a temperature.

    Attributes
    ----------
    energy : float
        Energy per atom of displacements of 1 Å, in every direction, by the harmonic law (eV).
    most : float
        Largest displacement (Å).
    """

    energy: float
    most: float

    def displacement(self, temperature: float) -> float:
        """Return the standard deviation (Å) whose energy is that of classical oscillators, 3/2 kT per atom."""
        return float(np.clip(np.sqrt(1.5 * kB * temperature / self.energy), LEAST, self.most))


def measured_rattling(start: Start, account: Account, rng: np.random.Generator) -> Rattling:
    """Return how far atoms go, from a call of the reference for rattled atoms.

    Parameters
    ----------
    start : Start
        The structure.
    account : Account
        What asks the reference.
    rng : numpy.random.Generator
        Source of the displacements.
    """
    atoms = rattled(start.atoms, PROBE, rng)
    atoms.info["config_type"] = "rattled"
    frame = account.ask(atoms, "rattled")
    most = MOST * nearest_distance(start.atoms)
    shift_nc = atoms.positions - start.frame.atoms.positions
    if frame is None or frame.energy is None or start.frame.energy is None or start.frame.force_nc is None:
        return Rattling(1.5 * kB * 300.0 / PROBE**2, most)
    rise = frame.energy - start.frame.energy + float(np.sum(start.frame.force_nc * shift_nc))
    square = float(np.sum(shift_nc**2)) / (3.0 * len(atoms))
    return Rattling(max(rise / len(atoms) / square, 1.0), most)


def calm_cells(start: Start, curve: Curve, volumes: FloatArray, n_cells: int, seed: Sequence[int]) -> Iterator[Atoms]:
    """Yield slightly strained crystals with hardly displaced atoms, one strain component after the other.

    Parameters
    ----------
    start : Start
        A crystal.
    curve : Curve
        Its energy over volume.
    volumes : ndarray
        Smallest and largest volume (Å³).
    n_cells : int
        Their number.
    seed : sequence of int
        Seed of the displacements.
    """
    for number in range(n_cells):
        rng = np.random.default_rng([*seed, number])
        strain_v = rng.normal(0.0, 0.2 * CALM_STRAIN, 6)
        strain_v[number % 6] += CALM_STRAIN * (1.0 if number // 6 % 2 else -1.0)
        # Two of three are near rest, where elastic constants are asked for.
        ratio = 1.0 if number % 3 else rng.uniform(*volumes / curve.volume)
        atoms = strained(scaled(start.atoms, ratio * curve.volume), strain_v)
        yield _named(rattled(atoms, CALM_SHIFT * (1.0 + 2.0 * (number % 2)), rng), "strained")


def rattled_cells(
    start: Start,
    curve: Curve | None,
    rattling: Rattling,
    settings: DistillationSettings,
    n_cells: int,
    seed: Sequence[int],
) -> Iterator[Atoms]:
    """Yield structures with displaced atoms, and strained cells of crystals, over all temperatures and volumes.

    Parameters
    ----------
    start : Start
        The structure.
    curve : Curve or None
        Energy over volume of a crystal.
    rattling : Rattling
        How far atoms go.
    settings : DistillationSettings
        Temperatures and pressures.
    n_cells : int
        Their number.
    seed : sequence of int
        Seed of displacements and strains.
    """
    cold, hot = min(settings.temperatures), max(settings.temperatures)
    for number in range(n_cells):
        rng = np.random.default_rng([*seed, number])
        temperature = cold + (hot - cold) * (number + 0.5) / n_cells
        atoms = start.atoms
        if curve is not None:
            pressure = rng.uniform(min(settings.pressures), max(settings.pressures))
            volume, _ = curve.at(temperature, pressure)
            strain_v = rng.normal(0.0, 0.5 * THERMAL_STRAIN * np.sqrt(temperature / hot), 6)
            atoms = strained(scaled(atoms, volume), strain_v)
        # Some of a temperature are calmer than others: potentials should know the way down, too.
        yield _named(rattled(atoms, rattling.displacement(temperature) * rng.uniform(0.5, 1.2), rng), "rattled")


def with_vacancy(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    """Return a crystal without one of its atoms."""
    copy: Atoms = atoms.copy()
    del copy[int(rng.integers(len(copy)))]
    return copy


def slabs(crystal: Atoms, most: int) -> Iterator[Atoms]:
    """Yield slabs with low-index surfaces, those that have few enough atoms.

    Parameters
    ----------
    crystal : ase.Atoms
        The crystal, in the smallest cell that is known.
    most : int
        Largest number of atoms; a slab of at most twice as many is yielded all the same.
    """
    cell = conventional(crystal)
    for indices in SURFACES:
        one = cut_slab(cell, indices, THICKNESS, VACUUM)
        if len(one) > 2 * most:
            continue
        while 2 * len(one) <= most:
            one = one.repeat((2, 1, 1) if one.cell.lengths()[0] <= one.cell.lengths()[1] else (1, 2, 1))
        yield one


def strained(atoms: Atoms, strain_v: FloatArray) -> Atoms:
    """Return a crystal under a strain in Voigt notation xx, yy, zz, yz, xz, xy, with engineering shears."""
    xx, yy, zz, yz, xz, xy = strain_v
    strain_cc = np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
    copy: Atoms = atoms.copy()
    copy.set_cell(atoms.cell.array @ (np.eye(3) + strain_cc), scale_atoms=True)
    return copy


def rattled(atoms: Atoms, displacement: float, rng: np.random.Generator) -> Atoms:
    """Return a structure whose atoms are displaced at random."""
    copy: Atoms = atoms.copy()
    copy.positions += rng.normal(0.0, displacement, copy.positions.shape)
    return copy


def _named(atoms: Atoms, group: str) -> Atoms:
    atoms.info["config_type"] = group
    return atoms
