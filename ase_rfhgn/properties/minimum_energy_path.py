"""Minimum-energy paths and barriers, by the nudged elastic band of `ase.mep`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.mep import NEB
from ase.optimize import FIRE

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.properties.committee import Committee, Model, energies
from ase_rfhgn.properties.relaxation import relaxed_or_refused
from ase_rfhgn.properties.results import Result
from ase_rfhgn.runtime.progress import progress_bar

ROUGH = 10.0
"""The band relaxes to this many times the largest force before its highest image climbs."""


@dataclass(frozen=True, slots=True)
class MinimumEnergyPath(Result):
    """A path between two minima.

    Attributes
    ----------
    barrier_ev, barrier_ev_error : float
        Highest energy of the path above the initial structure (eV), and its error bar.
    reverse_barrier_ev, reverse_barrier_ev_error : float
        The same above the final structure.
    energies_ev, energies_ev_error : ndarray of shape (n_images,)
        Energies of the images, relative to the initial structure (eV), and their error bars.
    distances_a : ndarray of shape (n_images,)
        Length of the path up to every image (Å).
    max_force : float
        Largest force across the band (eV/Å).
    converged : bool
        Whether it is as small as it should be.
    gamma : float or None
        Largest extrapolation grade of an atom.
    images : tuple of ase.Atoms
        The structures.
    """

    barrier_ev: float
    barrier_ev_error: float | None
    reverse_barrier_ev: float
    reverse_barrier_ev_error: float | None
    energies_ev: FloatArray
    energies_ev_error: FloatArray | None
    distances_a: FloatArray
    max_force: float
    converged: bool
    gamma: float | None
    images: tuple[Atoms, ...]


def minimum_energy_path(
    model: Model | Committee,
    initial: Atoms,
    final: Atoms,
    *,
    images: int = 5,
    fmax: float = 0.05,
    steps: int = 500,
    climb: bool = True,
    relaxed: bool = True,
    progress: bool = False,
) -> MinimumEnergyPath:
    """Return the path of least energy between two structures, by a nudged elastic band of ASE.

    Parameters
    ----------
    model : Potential or path
        What gives energies and forces.
    initial, final : ase.Atoms
        The ends: the same atoms in the same order, with the same cell. Their positions relax first.
    images : int, default 5
        Structures between the ends; at first they are interpolated by the image-dependent pair potential.
    fmax : float, default 0.05
        Largest force across the band at the end (eV/Å).
    steps : int, default 500
        Largest number of steps.
    climb : bool, default True
        Whether the highest image climbs to the saddle.
    relaxed : bool, default True
        Whether the ends relax.
    progress : bool, default False
        Whether to show progress on a terminal.

    Raises
    ------
    SettingsError
        If a setting is out of its range.
    StructureError
        If the ends do not belong together, or a structure cannot be evaluated.
    ConvergenceError
        If an end does not relax.
    """
    if not (images >= 1 and fmax > 0.0 and steps >= 0):
        message = f"images are {images}, fmax is {fmax} eV/Å and steps are {steps}: all must be positive"
        raise SettingsError(message)
    _check_ends(initial, final)
    committee = Committee.of(model)
    ends = [initial, final]
    if relaxed:
        names = ("the initial structure", "the final structure")
        ends = [
            relaxed_or_refused(committee, end, name, fmax=0.5 * fmax) for end, name in zip(ends, names, strict=True)
        ]
    band = [ends[0].copy(), *(ends[0].copy() for _ in range(images)), ends[1].copy()]
    for one in band:
        one.calc = committee.another()
    converged, force = _relax_band(band, fmax, steps, climb=climb, progress=progress)
    return _described(committee, band, converged=converged, force=force)


def _relax_band(band: list[Atoms], fmax: float, steps: int, *, climb: bool, progress: bool) -> tuple[bool, float]:
    """Relax a band in place; return whether it converged, and the largest force across it."""
    elastic = NEB(band, climb=False, method="improvedtangent")
    elastic.interpolate(method="idpp", mic=bool(band[0].pbc.any()))
    converged, done = False, 0
    for climbing, force in ((False, ROUGH * fmax if climb else fmax), (True, fmax))[: 1 + climb]:
        elastic.climb = climbing
        driver = FIRE(elastic, logfile=None)
        moves = progress_bar(driver.irun(fmax=force, steps=steps - done), "band", shown=progress)
        converged = deque(moves, maxlen=1).pop()
        done += driver.get_number_of_steps()
    return bool(converged), float(elastic.get_residual())


def _described(committee: Committee, band: list[Atoms], *, converged: bool, force: float) -> MinimumEnergyPath:
    def measured(energy_i: FloatArray) -> FloatArray:
        highest = energy_i.max()
        return np.array([highest - energy_i[0], highest - energy_i[-1], *(energy_i - energy_i[0])])

    value, error = committee.estimate(lambda calculator: measured(energies(calculator, band)), "energy")
    errors = [None, None] if error is None else [float(one) for one in error[:2]]
    return MinimumEnergyPath(
        barrier_ev=float(value[0]),
        barrier_ev_error=errors[0],
        reverse_barrier_ev=float(value[1]),
        reverse_barrier_ev_error=errors[1],
        energies_ev=value[2:],
        energies_ev_error=None if error is None else error[2:],
        distances_a=np.cumsum([0.0, *map(_distance, band[:-1], band[1:])]),
        max_force=force,
        converged=converged,
        gamma=committee.gamma(band),
        images=tuple(band),
    )


def _distance(first: Atoms, second: Atoms) -> float:
    """Return the length of the shortest displacement between two structures (Å)."""
    shift_nc, _ = find_mic(second.positions - first.positions, first.cell, first.pbc)
    return float(np.linalg.norm(shift_nc))


def _check_ends(initial: Atoms, final: Atoms) -> None:
    if initial.get_chemical_symbols() != final.get_chemical_symbols():
        message = "the ends must have the same atoms in the same order"
        raise StructureError(message)
    if not np.allclose(initial.cell.array, final.cell.array, atol=1e-6) or (initial.pbc != final.pbc).any():
        message = "the ends must have the same cell: a band moves atoms alone"
        raise StructureError(message)
