"""What a fit is to reproduce: the labels of every frame, or laws of motion between frames.

Newton's law is half of Hamilton's equations: changes of momenta are averages of forces, −∂H/∂q. The
other half, displacements as averages of velocities, ∂H/∂p, is known where masses are, else learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Protocol, TypeAlias

import numpy as np
from ase.constraints import FixAtoms
from ase.units import fs

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray
from ase_rfhgn.fitting.motion.stencils import Law, combined, law_of_displacement
from ase_rfhgn.regression.correlated_noise import Noise, Whitener, huber_weights
from ase_rfhgn.runtime.threads import mapped_ahead
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.time_order import runs_of, with_unbroken_positions

RowsOfFrame: TypeAlias = Callable[[int, Frame], Mapping[str, FloatArray]]
"""From the number of a frame and the frame to its rows by kind, right-hand side last."""

ForcesOf: TypeAlias = Callable[[int, Frame], FloatArray]
"""From the number of a frame and the frame to forces, shape (n_atoms, 3)."""

MOST_RESIDUALS = 4_000_000
"""Residuals after which no more are looked at: noise is known well enough."""


class Targets(Protocol):
    """What the coefficients are fitted to."""

    def equations(self, frames: Iterable[Frame], rows: RowsOfFrame) -> Iterator[tuple[int, str, FloatArray]]:
        """Yield the number of a frame, a kind and its rows, right-hand side last."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Energies, forces and stresses, whichever a frame has.

    Attributes
    ----------
    threads : int
        Threads that make rows of several frames at a time; the rows are the same to the last bit.
    """

    threads: int = 1

    @property
    def description(self) -> str:
        """What is fitted to, in words."""
        return "labels"

    def equations(self, frames: Iterable[Frame], rows: RowsOfFrame) -> Iterator[tuple[int, str, FloatArray]]:
        """Yield the number of a frame, a kind and its rows, right-hand side last."""
        made = mapped_ahead(lambda numbered: rows(*numbered), enumerate(frames), self.threads)
        for i, rows_of_frame in enumerate(made):
            for kind, row_mf in rows_of_frame.items():
                yield i, kind, row_mf


LABELS = Labels()
"""The usual targets."""


@dataclass(frozen=True, slots=True)
class Weighting:
    """How much the rows of Newton's law count.

    Attributes
    ----------
    noise_z : dict of int to Noise
        Noise of the rows per atomic number.
    scale : float
        Noise that rows are scaled to (eV/Å).
    forces : callable
        Forces of an earlier fit, which tell outliers.
    """

    noise_z: Mapping[int, Noise]
    scale: float
    forces: ForcesOf


@dataclass(frozen=True, slots=True)
class Unexplained:
    """What forces of a fit leave unexplained of the motion of a species.

    Attributes
    ----------
    residuals : tuple of ndarray of shape (n_equations, n_components)
        Observed minus fitted mean forces of every run (eV/Å).
    force : float
        Root mean square of the fitted ones (eV/Å).
    mass : float
        Mass of an atom, as the frames have it (amu).
    """

    residuals: tuple[FloatArray, ...]
    force: float
    mass: float

    @property
    def size(self) -> float:
        """Root mean square of the residuals (eV/Å)."""
        return float(np.sqrt(np.mean(np.concatenate([part.ravel() for part in self.residuals]) ** 2)))

    @classmethod
    def of(cls, parts: Sequence[FloatArray], mass: float) -> Unexplained:
        """Return what is unexplained, from minus the fitted and from the observed forces of every run."""
        fitted = np.concatenate([part_emk[..., 0].ravel() for part_emk in parts])
        return cls(tuple(part_emk.sum(axis=-1) for part_emk in parts), float(np.sqrt(np.mean(fitted**2))), mass)


@dataclass(frozen=True, slots=True)
class Motion:
    """A law of motion between frames that follow each other.

    Attributes
    ----------
    observed : {"momenta", "positions", "displacements"}
        What is differenced: momenta, positions twice, or positions once.
    law : Law
        The law of motion for frames at that distance.
    interval : float
        Time between frames (ASE's unit).
    runs : tuple of range
        Numbers of frames that follow each other.
    mass_ratio_z : dict of int to float
        True masses in units of those of the frames, where they differ.
    weighting : Weighting, optional
        How much rows count; by default all the same.
    n_dimensions : int, default 3
        Coordinates that exist.
    """

    observed: str
    law: Law
    interval: float
    runs: tuple[range, ...]
    mass_ratio_z: Mapping[int, float] = field(default_factory=dict)
    weighting: Weighting | None = None
    n_dimensions: int = 3

    @property
    def averaged(self) -> str:
        """What is averaged between frames: rows of this kind, "force" or "velocity"."""
        return "velocity" if self.observed == "displacements" else "force"

    @property
    def displacements(self) -> Motion:
        """The other half of Hamilton's equations: displacements are averages of velocities."""
        law = law_of_displacement(self.law.stride)
        return replace(self, observed="displacements", law=law, weighting=None)

    @property
    def description(self) -> str:
        """What is fitted to, in words."""
        n_equations = sum(self.law.n_equations(len(run)) for run in self.runs)
        return (
            f"{self.observed} of frames {self.interval / fs:.4g} fs apart, {n_equations} equations of motion per atom "
            f"in {len(self.runs)} runs"
        )

    def equations(self, frames: Iterable[Frame], rows: RowsOfFrame) -> Iterator[tuple[int, str, FloatArray]]:
        """Yield the number of a frame, "motion" and rows for mean forces or velocities, right-hand side last.

        Parameters
        ----------
        frames : iterable of Frame
            All frames.
        rows : callable
            Rows of the forces on a frame whose labelled forces are zero, under "force", or of its
            velocities, under "velocity": for any Hamiltonian that is linear in its coefficients.
        """
        for run, members in runs_of(frames, [run for run in self.runs if self.law.n_equations(len(run))]):
            first, *_ = islice(members, 1)
            sides = combined(self.law, len(run), self._sides(run, chain([first], members), rows))
            weigher = None
            if self.weighting is not None:
                number_m, n_equations = self._component_numbers(first), self.law.n_equations(len(run))
                weigher = _Weigher(self.weighting, self.law, number_m, n_equations)
            for i, (difference_m, row_mf) in zip(run, sides, strict=False):
                row_mf[:, -1] += difference_m
                yield i, "motion", row_mf if weigher is None else weigher.weighted(row_mf, difference_m)

    def unexplained(self, frames: Iterable[Frame], forces: ForcesOf) -> dict[int, Unexplained]:
        """Return what forces leave unexplained, per atomic number.

        Parameters
        ----------
        frames : iterable of Frame
            All frames; where there are very many, the last ones are not looked at.
        forces : callable
            Forces of a fit.
        """
        parts_z: dict[int, list[FloatArray]] = {}
        mass_z: dict[int, float] = {}
        n_residuals = 0
        for run, members in runs_of(frames, self.runs):
            first, *_ = islice(members, 1)
            number_m = self._component_numbers(first)
            if n_residuals > MOST_RESIDUALS and parts_z.keys() >= set(number_m.tolist()):
                continue
            alone = replace(self, runs=(range(len(run)),), weighting=None)
            rows = alone.equations(chain([first], members), partial(self._force_columns, forces, run.start))
            part_emk = np.array([row_mf for _, _, row_mf in rows])
            for z in np.unique(number_m) if part_emk.size else []:
                parts_z.setdefault(int(z), []).append(part_emk[:, number_m == z])
                mass_z.setdefault(int(z), float(first.atoms.get_masses()[first.atoms.numbers == z].mean()))
            n_residuals += part_emk.size // 2
        return {z: Unexplained.of(parts, mass_z[z]) for z, parts in parts_z.items()}

    def observed_noise(self, number: int, force: float, mass: float) -> float:
        """Return a noise of the forces of an element as noise of what is observed: Å, or ASE's unit of momentum."""
        if self.observed == "momenta":
            return force * self.interval
        return force * self.interval**2 / (self.mass_ratio_z.get(number, 1.0) * mass)

    def _sides(
        self, run: range, members: Iterable[Frame], rows: RowsOfFrame
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield what is differenced, as forces (eV/Å), and what is averaged, for every frame of a run.

        Minus the forces of an earlier fit, where there is one, is a column before the right-hand side.
        """
        for i, (frame, position_nc) in zip(run, with_unbroken_positions(members), strict=False):
            unforced = replace(frame, energy=None, force_nc=np.zeros_like(position_nc), stress_v=None)
            row_mf = rows(i, unforced)[self.averaged]
            if self.weighting is not None:
                row_mf = np.column_stack([-self._components(self.weighting.forces(i, frame)), row_mf])
            free_m = np.repeat(_is_free(frame), self.n_dimensions)
            yield self._components(self._observed(frame, position_nc))[free_m], row_mf[free_m]

    def _components(self, vector_nc: FloatArray) -> FloatArray:
        """Return the components that exist, one after the other."""
        return vector_nc[:, : self.n_dimensions].ravel()

    def _component_numbers(self, frame: Frame) -> IntArray:
        """Return the atomic number that belongs to every component that is free to move."""
        return np.repeat(frame.atoms.numbers[_is_free(frame)], self.n_dimensions).astype(np.int64)

    def _force_columns(self, forces: ForcesOf, first: int, i: int, frame: Frame) -> dict[str, FloatArray]:
        """Return minus the forces on a frame of a run, and a right-hand side that is zero."""
        force_m = self._components(forces(first + i, frame))
        return {"force": np.column_stack([-force_m, np.zeros_like(force_m)])}

    def _observed(self, frame: Frame, position_nc: FloatArray) -> FloatArray:
        """Return momenta over time, or masses times positions over time squared (eV/Å), or positions over time."""
        if self.observed == "momenta":
            momentum_nc: FloatArray = frame.atoms.get_momenta() / self.interval
            return momentum_nc
        if self.observed == "displacements":
            return position_nc / self.interval
        ratio_n = np.array([self.mass_ratio_z.get(int(z), 1.0) for z in frame.atoms.numbers])
        mass_n: FloatArray = ratio_n * frame.atoms.get_masses()
        return mass_n[:, None] * position_nc / self.interval**2


class _Weigher:
    """Whitens the rows of a run, and makes outliers count less."""

    def __init__(self, weighting: Weighting, law: Law, number_m: IntArray, n_equations: int) -> None:
        noises = [weighting.noise_z[int(z)] for z in number_m]
        self._whitener = Whitener(noises, law.difference_j, n_equations, weighting.scale)
        self._scale = weighting.scale

    def weighted(self, row_mf: FloatArray, difference_m: FloatArray) -> FloatArray:
        """Return the weighted rows of the next equation, without the earlier fit's column in front."""
        row_mf[:, 0] += difference_m
        white_mf = self._whitener.whiten(row_mf)
        return white_mf[:, 1:] * huber_weights(white_mf[:, 0], self._scale)[:, None]


def _is_free(frame: Frame) -> BoolArray:
    """Return which atoms are free to move."""
    free_n = np.ones(len(frame.atoms), dtype=bool)
    for constraint in frame.atoms.constraints:
        if isinstance(constraint, FixAtoms):
            free_n[constraint.index] = False
    return free_n
