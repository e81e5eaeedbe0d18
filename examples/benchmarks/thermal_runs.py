"""Runs at room temperature with a fitted potential: whether they stay whole, and what grades say beforehand."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from ase_rfhgn import Potential, RFHGNCalculator
from ase_rfhgn.errors import RFHGNError

TEMPERATURE, PICOSECONDS, STEPS_PER_LOOK = 300.0, 2.0, 10
HOT, FEW_ATOMS = 5.0, 1500.0
"""Temperature at which a run has burst: in units of that of the thermostat, and what is allowed for few atoms (K)."""

ALARM = 2.5
"""Extrapolation grade above which an active run asks."""


@dataclass(frozen=True, slots=True)
class ThermalRun:
    """How a run went.

    ``burst`` is the time within which it burst (fs), None if it stayed whole. ``grades`` are the largest
    grades at every look, the start first, and ``interval`` is the time between looks (fs).
    """

    burst: float | None
    grades: tuple[float, ...]
    interval: float

    @property
    def outcome(self) -> str:
        """The end of the run in words."""
        return "whole" if self.burst is None else f"burst within {self.burst:.0f} fs"

    @property
    def first_alarm(self) -> float | None:
        """Time of the first grade above `ALARM` (fs), None without one."""
        alarms = np.flatnonzero(np.array(self.grades) > ALARM)
        return self.interval * float(alarms[0]) if len(alarms) else None


def thermal_run(potential: Potential, start: Atoms) -> ThermalRun:
    """Return how two picoseconds of Langevin dynamics from a structure go."""
    atoms = Atoms(start.numbers, start.positions, cell=start.cell, pbc=start.pbc)
    atoms.calc = RFHGNCalculator(potential)
    step = 0.5 if (atoms.numbers == 1).any() else 1.0
    with warnings.catch_warnings():  # of ASE, about its own names
        warnings.simplefilter("ignore")
        MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=np.random.default_rng(0))
        driver = Langevin(
            atoms, step * units.fs, temperature_K=TEMPERATURE, friction=0.01 / units.fs, rng=np.random.default_rng(1)
        )
    grades, interval = [float(potential.grade(atoms).max())], step * STEPS_PER_LOOK
    while len(grades) * interval <= 1000.0 * PICOSECONDS:
        try:
            driver.run(STEPS_PER_LOOK)
            burst = not atoms.get_temperature() < HOT * TEMPERATURE + FEW_ATOMS
        except RFHGNError:
            burst = True
        if burst:
            return ThermalRun(interval * len(grades), tuple(grades), interval)
        grades.append(float(potential.grade(atoms).max()))
    return ThermalRun(None, tuple(grades), interval)
