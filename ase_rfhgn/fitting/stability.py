"""The stability test of a fitted potential: short runs of molecular dynamics from small training frames.

A potential with small errors may still let atoms fall into a hole just outside of its data. A few dozen
steps at a high temperature tell, before anybody relies on it. So do the energies of displaced frames, which have
to rise. The test is deterministic.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import fs, kB

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import StructureError, TrainingDataWarning
from ase_rfhgn.models.evaluation import Evaluation
from ase_rfhgn.models.extrapolation import FAR_GRADE
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.neighbour_list import NeighbourList

TEMPERATURE = 600.0
"""Least temperature of the first velocities (K): vibrations take half of it."""

HOTTER = 2.0
"""Temperature of the first velocities, in units of the temperature of frames that have velocities."""

HOTTEST = 5000.0
"""Largest temperature of the first velocities (K)."""

RUNAWAY = 3.0
"""Temperature, in units of the first one, above which a run has burst; 1000 K more are allowed for few atoms."""

REACH = 0.2
"""Path over which the forces of a frame may heat it (Å): frames far from equilibrium get hot without a burst."""

CLOSE = 0.7
"""Distance, in units of the shortest of training, below which atoms have fallen into each other."""

STEPS, TIMESTEP = 100, 1.0
"""Steps of a run, and their length (fs)."""

ATOM_STEPS = 6000
"""Steps times atoms of all runs, about."""

MOST_RUNS = 8
"""Frames from which runs start, if they are small."""

LONGER, LONGER_ATOM_STEPS = 500, 64_000
"""Most steps, and steps times atoms, of a longer run where the others went far away from the data."""

FAR_AWAY = 2.0 * FAR_GRADE
"""Extrapolation grade above which a run is that far away."""

PROBES = (0.1, 0.2, 0.3)
"""Standard deviations of displacements that have to cost energy (Å)."""

DEEP = 0.1
"""Energy below all frames alike from which a displaced frame is in a hole (eV/atom): more than errors of a fit."""

EVERY = 10
"""Steps from one look at grades and distances to the next."""


@dataclass(slots=True)
class _Run:
    """A run of molecular dynamics, the temperature above which it has burst, and the extremes that it has seen."""

    name: str
    atoms: Atoms
    hottest: float
    steps: int = 0
    temperature: float = 0.0
    distance: float = np.inf
    grade: float = 0.0
    burst: str | None = None


@dataclass(frozen=True, slots=True)
class StabilityTest:
    """Runs of molecular dynamics that test a potential.

    Attributes
    ----------
    potential : Potential
        The potential.
    floor : float
        Shortest distance of training (Å).
    temperature : float
        Temperature of the first velocities (K).
    lowest : mapping of str to float
        Lowest predicted energy of training frames with the same shares of elements (eV/atom).
    rng : numpy.random.Generator
        Source of the first velocities, and of displacements.
    """

    potential: Potential
    floor: float
    temperature: float
    lowest: Mapping[str, float]
    rng: np.random.Generator = field(repr=False)

    def run(self, frame: Frame, n_steps: int) -> _Run:
        """Return a run of velocity Verlet dynamics from a frame, which ends early if it bursts."""
        atoms = _bare(frame.atoms)
        run = _Run(frame.name, atoms, RUNAWAY * self.temperature + 1000.0)
        neighbours = NeighbourList(self.potential.cutoff)
        mass_n = frame.atoms.get_masses()[:, None]
        velocity_nc = self.rng.normal(size=(len(atoms), 3)) * np.sqrt(kB * self.temperature / mass_n)
        velocity_nc -= (mass_n * velocity_nc).sum(axis=0) / mass_n.sum()
        step = TIMESTEP * fs
        with np.errstate(all="ignore"):  # atoms may fly to infinity
            try:
                start = self.potential.evaluate(atoms, neighbours=neighbours)
                force_nc = start.force_nc
                run.hottest += self._heat(atoms, start)
                while run.steps < n_steps and run.burst is None:
                    velocity_nc += 0.5 * step * force_nc / mass_n
                    atoms.positions += step * velocity_nc
                    force_nc = self.potential.evaluate(atoms, neighbours=neighbours).force_nc
                    velocity_nc += 0.5 * step * force_nc / mass_n
                    run.steps += 1
                    self._look(run, float((mass_n * velocity_nc**2).sum() / (3.0 * kB * len(atoms))), neighbours)
            except StructureError:
                run.burst = "atoms met or flew away"
        return run

    def _heat(self, atoms: Atoms, start: Evaluation) -> float:
        """Return by how much a frame may heat itself (K): by its forces, and by what it is above others like it."""
        above = max(0.0, float(start.energy_n.mean()) - self.lowest[_shares(atoms)])
        return (REACH * float(np.sqrt((start.force_nc**2).sum(axis=1).mean())) + above) / (1.5 * kB)

    def fall(self, frame: Frame) -> float:
        """Return how deep a displaced frame falls below all frames like it (eV/atom), 0 where it does not.

        It is the mean of both senses of a displacement: forces of the frame do opposite work for them.
        """
        atoms = _bare(frame.atoms)
        rest_nc, lowest = atoms.positions.copy(), self.lowest[_shares(atoms)]
        falls = [-DEEP]
        with np.errstate(all="ignore"), suppress(StructureError):  # of atoms that meet
            for size in PROBES:
                shift_nc = self.rng.normal(scale=size, size=rest_nc.shape)
                energies = []
                for sense in (-1.0, 1.0):
                    atoms.positions = rest_nc + sense * shift_nc
                    energies.append(self.potential.evaluate(atoms).energy_n.mean())
                falls.append(float(np.mean(energies)) - lowest)
        deepest = float(np.nanmin(falls))
        return deepest if deepest < -DEEP else 0.0

    def _look(self, run: _Run, temperature: float, neighbours: NeighbourList) -> None:
        """Note the extremes of a step, and whether the run has burst."""
        if not temperature < run.hottest:
            run.burst = f"the temperature ran away to {temperature:.0f} K"
        run.temperature = max(run.temperature, temperature)
        if run.steps % EVERY and run.burst is None:
            return
        distance = float(neighbours.graph(run.atoms).distance_p.min(initial=np.inf))
        run.distance = min(run.distance, distance)
        if distance < CLOSE * self.floor and run.burst is None:
            run.burst = f"two atoms came within {distance:.2f} Å"
        if self.potential.ensemble is not None and run.burst is None:
            run.grade = max(run.grade, float(self.potential.grade(run.atoms).max()))


def tested_for_stability(potential: Potential, frames: Sequence[Frame], rng: np.random.Generator) -> Potential:
    """Return the potential with the record of a stability test.

    Parameters
    ----------
    potential : Potential
        A fitted potential.
    frames : sequence of Frame
        Training frames with two atoms or more start runs: the smallest one of every composition first.
    rng : numpy.random.Generator
        Source of the first velocities.
    """
    chosen = starts(frames)
    if not chosen:
        return potential
    test = StabilityTest(
        potential=potential,
        floor=float(potential.hamiltonian.encoder.floor_b.min()),
        temperature=_temperature(chosen),
        lowest=_lowest(potential, frames),
        rng=rng,
    )
    n_steps = min(STEPS, max(EVERY, ATOM_STEPS // sum(len(frame.atoms) for frame in chosen)))
    runs = [test.run(frame, n_steps) for frame in chosen]
    strangest = int(np.argmax([run.grade for run in runs]))
    if runs[strangest].grade > FAR_AWAY and all(run.burst is None for run in runs):
        frame = chosen[strangest]
        runs.append(test.run(frame, max(n_steps, min(LONGER, LONGER_ATOM_STEPS // len(frame.atoms)))))
    fall, place = min((test.fall(frame), i) for i, frame in enumerate(chosen))
    fallen = {"fall": fall, "fall_frame": chosen[place].name if fall < 0.0 else None}
    record = potential.record | {"stability": _record(runs, test.temperature) | fallen}
    return replace(potential, record=record)


def is_sound(model: AnyModel) -> bool:
    """Return whether runs of the stability test of a model stayed whole, and displacements cost energy."""
    test = model.record.get("stability", {})
    return test.get("burst") is None and test.get("fall", 0.0) >= 0.0


def warn_of_dynamics(record: Mapping[str, Any]) -> None:
    """Warn if the stability test of a model ended in a burst, or if energies fall where atoms are displaced.

    Parameters
    ----------
    record : mapping
        Record of the model.
    """
    test = record.get("stability", {})
    if test.get("burst") is not None:
        message = (
            f"{test['frame']}: molecular dynamics with the fitted potential at {test['temperature']:.0f} K burst after "
            f"{test['femtoseconds']:.0f} fs, because {test['burst']} (extrapolation grade {test['grade']:.1f} before): "
            "add frames that are hotter, or learn while you run, with ActiveCalculator"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=2)
    elif test.get("fall", 0.0) < 0.0:
        message = (
            f"{test['fall_frame']}: energies of the fitted potential fall by {-test['fall']:.2g} eV/atom where atoms "
            f"are displaced by {PROBES[0]:g} to {PROBES[-1]:g} Å, and molecular dynamics may burst: add frames with "
            "displaced atoms, or learn while you run, with ActiveCalculator"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=2)


def starts(frames: Sequence[Frame]) -> list[Frame]:
    """Return frames from which runs start: small ones, of as many compositions as there is time for.

    Parameters
    ----------
    frames : sequence of Frame
        Training frames.
    """
    movable = sorted((frame for frame in frames if len(frame.atoms) > 1), key=lambda frame: len(frame.atoms))
    seen: Counter[str] = Counter()
    rank_i = []
    for frame in movable:
        composition = frame.atoms.symbols.get_chemical_formula()
        rank_i.append(seen[composition])
        seen[composition] += 1
    ordered = [movable[i] for i in np.argsort(rank_i, kind="stable")[:MOST_RUNS].tolist()]
    within_i = STEPS * np.cumsum([len(frame.atoms) for frame in ordered]) <= ATOM_STEPS
    return ordered[: max(1, int(within_i.sum()))]


def _bare(atoms: Atoms) -> Atoms:
    """Return a copy of a structure alone: no momenta, labels or constraints."""
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _shares(atoms: Atoms) -> str:
    """Return the elements and their shares, the same for cells of any size."""
    return str(atoms.symbols.formula.reduce()[0])


def _lowest(potential: Potential, frames: Sequence[Frame]) -> dict[str, float]:
    """Return the lowest energy of frames with the same shares of elements (eV/atom)."""
    lowest: dict[str, float] = {}
    for frame in frames:
        energy, shares = float(potential.evaluate(frame.atoms).energy_n.mean()), _shares(frame.atoms)
        lowest[shares] = min(lowest.get(shares, energy), energy)
    return lowest


def _temperature(frames: Sequence[Frame]) -> float:
    """Return the temperature of the first velocities: twice that of the frames, where they have velocities (K)."""
    hottest = max((float(frame.atoms.get_temperature()) for frame in frames), default=0.0)
    return float(np.clip(HOTTER * np.nan_to_num(hottest), TEMPERATURE, HOTTEST))


def _record(runs: Sequence[_Run], temperature: float) -> dict[str, Any]:
    """Return what runs have seen as plain JSON values."""
    extremes: FloatArray = np.array([(run.temperature, -run.distance, run.grade) for run in runs]).max(axis=0)
    distance = -float(extremes[1])
    first = min((run for run in runs if run.burst is not None), key=lambda run: run.steps, default=None)
    return {
        "n_runs": len(runs),
        "femtoseconds": TIMESTEP * (min(run.steps for run in runs) if first is None else first.steps),
        "temperature": temperature,
        "highest_temperature": float(extremes[0]) if np.isfinite(extremes[0]) else None,
        "shortest_distance": distance if np.isfinite(distance) else None,
        "grade": float(extremes[2]),
        "burst": None if first is None else first.burst,
        "frame": None if first is None else first.name,
    }
