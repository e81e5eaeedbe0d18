"""Laws of motion between the frames of a run, as equations of a fit.

Newton's law is half of Hamilton's equations: changes of momenta are averages of forces, −∂H/∂q. The
other half, displacements as averages of velocities, ∂H/∂p, is known where masses are, else learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice, tee
from typing import TypeAlias

import numpy as np
from ase.constraints import FixAtoms
from ase.units import fs

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray
from ase_rfhgn.fitting.motion.stencils import Law, combined, law_of_displacement
from ase_rfhgn.fitting.targets import RowMaker
from ase_rfhgn.regression.correlated_noise import Noise, Whitener, huber_weights
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import GraphedFrame
from ase_rfhgn.structures.time_order import runs_of, unbroken_positions

ForcesOf: TypeAlias = Callable[[GraphedFrame], FloatArray]
"""From a frame to forces, shape (n_atoms, 3)."""

MOST_RESIDUALS = 4_000_000
"""Residuals after which no more are looked at: noise is known well enough."""


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
        Forces of an earlier fit, from which outliers are found.
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

    def equations(self, items: Iterable[GraphedFrame], maker: RowMaker) -> Iterator[tuple[int, str, FloatArray]]:
        """Yield the number of a frame, a kind and rows for mean forces or velocities, right-hand side last.

        The kind is "motion" for mean forces, and "velocity" for mean velocities.

        Parameters
        ----------
        items : iterable of GraphedFrame
            All frames.
        maker : RowMaker
            Makes rows of the forces on a frame whose labelled forces are zero, under "force", or of its
            velocities, under "velocity": for any Hamiltonian that is linear in its coefficients.
        """
        kind = "velocity" if self.averaged == "velocity" else "motion"
        for run, members in runs_of(items, [run for run in self.runs if self.law.n_equations(len(run))]):
            first, *_ = islice(members, 1)
            sides = combined(self.law, len(run), self._sides(chain([first], members), maker))
            weigher = None
            if self.weighting is not None:
                number_m, n_equations = self._component_numbers(first.frame), self.law.n_equations(len(run))
                weigher = _Weigher(self.weighting, self.law, number_m, n_equations)
            for i, (difference_m, row_mf) in zip(run, sides, strict=False):
                row_mf[:, -1] += difference_m
                yield i, kind, row_mf if weigher is None else weigher.weighted(row_mf, difference_m)

    def unexplained(self, items: Iterable[GraphedFrame], forces: ForcesOf) -> dict[int, Unexplained]:
        """Return what forces leave unexplained, per atomic number.

        Parameters
        ----------
        items : iterable of GraphedFrame
            All frames; where there are very many, the last ones are not looked at.
        forces : callable
            Forces of a fit.
        """
        parts_z: dict[int, list[FloatArray]] = {}
        mass_z: dict[int, float] = {}
        n_residuals = 0
        for run, members in runs_of(items, self.runs):
            first, *_ = islice(members, 1)
            number_m = self._component_numbers(first.frame)
            if n_residuals > MOST_RESIDUALS and parts_z.keys() >= set(number_m.tolist()):
                continue
            alone = replace(self, runs=(range(len(run)),), weighting=None)
            rows = alone.equations(chain([first], members), _ForceColumns(forces, self.n_dimensions))
            part_emk = np.array([row_mf for _, _, row_mf in rows])
            for z in np.unique(number_m) if part_emk.size else []:
                parts_z.setdefault(int(z), []).append(part_emk[:, number_m == z])
                mass_z.setdefault(int(z), float(first.frame.atoms.get_masses()[first.frame.atoms.numbers == z].mean()))
            n_residuals += part_emk.size // 2
        return {z: Unexplained.of(parts, mass_z[z]) for z, parts in parts_z.items()}

    def observed_noise(self, number: int, force: float, mass: float) -> float:
        """Return a noise of the forces of an element as noise of what is observed: Å, or ASE's unit of momentum."""
        if self.observed == "momenta":
            return force * self.interval
        return force * self.interval**2 / (self.mass_ratio_z.get(number, 1.0) * mass)

    def _sides(self, members: Iterable[GraphedFrame], maker: RowMaker) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield what is differenced, as forces (eV/Å), and what is averaged, for every frame of a run.

        Minus the forces of an earlier fit, where there is one, is a column before the right-hand side.
        """
        own, copies = tee(members)
        for item, position_nc in zip(own, unbroken_positions(copy.frame.atoms for copy in copies), strict=True):
            row_mf = maker.rows([replace(item, frame=self._without_labels(item.frame))])[0][self.averaged]
            if self.weighting is not None:
                row_mf = np.column_stack([-self._components(self.weighting.forces(item)), row_mf])
            free_m = np.repeat(_is_free(item.frame), self.n_dimensions)
            yield self._components(self._observed(item.frame, position_nc))[free_m], row_mf[free_m]

    def _without_labels(self, frame: Frame) -> Frame:
        """Return a frame whose only label, of what is averaged, is zero."""
        zero_nc = np.zeros_like(frame.atoms.positions)
        bare = replace(frame, energy=None, force_nc=None, stress_v=None, velocity_nc=None)
        return replace(bare, **{"velocity_nc" if self.averaged == "velocity" else "force_nc": zero_nc})

    def _components(self, vector_nc: FloatArray) -> FloatArray:
        """Return the components that exist, one after the other."""
        return vector_nc[:, : self.n_dimensions].ravel()

    def _component_numbers(self, frame: Frame) -> IntArray:
        """Return the atomic number that belongs to every component that is free to move."""
        return np.repeat(frame.atoms.numbers[_is_free(frame)], self.n_dimensions).astype(np.int64)

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


@dataclass(frozen=True, slots=True)
class HamiltonianMotion:
    """Both halves of Hamilton's equations: where a kinetic energy is learned.

    Attributes
    ----------
    force : Motion
        Changes of momenta are averages of forces.
    velocity : Motion
        Displacements are averages of velocities.
    """

    force: Motion
    velocity: Motion

    @property
    def description(self) -> str:
        """What is fitted to, in words."""
        return self.force.description

    def equations(self, items: Iterable[GraphedFrame], maker: RowMaker) -> Iterator[tuple[int, str, FloatArray]]:
        """Yield the equations of one half, then of the other; see `Motion.equations`."""
        yield from self.force.equations(items, maker)
        yield from self.velocity.equations(items, maker)


@dataclass(frozen=True, slots=True)
class _ForceColumns:
    """Makes minus the forces of a fit a column, and a right-hand side that is zero."""

    forces: ForcesOf
    n_dimensions: int

    def rows(self, items: Sequence[GraphedFrame]) -> list[Mapping[str, FloatArray]]:
        """Return a column and the right-hand side for every frame."""
        force = [self.forces(item)[:, : self.n_dimensions].ravel() for item in items]
        return [{"force": np.column_stack([-force_m, np.zeros_like(force_m)])} for force_m in force]

    def size(self, item: GraphedFrame) -> float:  # noqa: ARG002  # all are alike
        """Return 1: frames come alone."""
        return 1.0


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
