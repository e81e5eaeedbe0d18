"""Ensembles of molecular dynamics, and the drivers of ASE that sample them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.md.bussi import Bussi
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.nose_hoover_chain import MTKNPT, IsotropicMTKNPT, NoseHooverChainNVT
from ase.md.velocitydistribution import Stationary, ZeroRotation
from ase.md.verlet import VelocityVerlet

from ase_rfhgn.errors import SettingsError

ENSEMBLES = ("nve", "langevin", "bussi", "nose-hoover", "npt", "npt-flexible")
"""Ensembles: constant energy, three thermostats, and barostats for the volume alone or for the whole cell."""

STEP_OF_HYDROGEN, LONGEST_STEP = 0.5, 5.0
"""Default time step for a mass of 1 (fs), which grows as the root of the mass, and the longest one."""

FRICTION = 0.01 / units.fs
"""Friction of Langevin's thermostat."""

COUPLING = 100.0
"""Relaxation time of thermostats in steps; the barostat's is ten times longer."""


@dataclass(frozen=True)
class Run:
    """Settings of a run.

    Attributes
    ----------
    time : float
        Length of the run, in ASE's unit of time.
    temperature : float
        Temperature (K): of the thermostat, and of the momenta that a structure without momenta gets.
    ensemble : str
        One of `ENSEMBLES`.
    timestep : float, optional
        Time step, in ASE's unit; by default 0.5 fs times the root of the smallest mass (amu), at most 5 fs.
    pressure : float
        Pressure of a barostat (eV/Å³).
    seed : int
        Seed of momenta and of random thermostats.
    interval : int
        Steps from one frame or line of the log to the next.
    """

    time: float
    temperature: float = 300.0
    ensemble: str = "langevin"
    timestep: float | None = None
    pressure: float = 0.0
    seed: int = 0
    interval: int = 10

    def __post_init__(self) -> None:
        """Refuse settings that are out of their range."""
        if self.ensemble not in ENSEMBLES:
            message = f"ensemble is {self.ensemble!r}: it must be one of {', '.join(ENSEMBLES)}"
            raise SettingsError(message)
        numbers = {"time": self.time, "temperature": self.temperature, "timestep": self.timestep}
        bad = {name: one for name, one in numbers.items() if one is not None and not (np.isfinite(one) and one >= 0.0)}
        if bad or self.timestep == 0.0 or self.interval < 1:
            message = f"time, temperature, time step and interval must be positive: {numbers}, interval {self.interval}"
            raise SettingsError(message)

    def step_of(self, atoms: Atoms) -> float:
        """Return the time step for a structure, in ASE's unit."""
        if self.timestep is not None:
            return self.timestep
        return float(min(STEP_OF_HYDROGEN * np.sqrt(atoms.get_masses().min()), LONGEST_STEP)) * units.fs

    def n_steps(self, atoms: Atoms) -> int:
        """Return the number of steps for a structure."""
        return round(self.time / self.step_of(atoms))

    def driver(self, atoms: Atoms, rng: np.random.Generator) -> MolecularDynamics:
        """Return the driver of ASE."""
        step = self.step_of(atoms)
        warm: dict[str, Any] = {"temperature_K": self.temperature}
        chain = warm | {"tdamp": COUPLING * step}
        squeezed = chain | {"pressure_au": self.pressure, "pdamp": 10.0 * COUPLING * step}
        random = warm | {"rng": rng}
        makers: dict[str, Callable[[], MolecularDynamics]] = {
            "nve": lambda: VelocityVerlet(atoms, step),
            "langevin": lambda: Langevin(atoms, step, friction=FRICTION, fixcm=False, **random),
            "bussi": lambda: Bussi(atoms, step, taut=COUPLING * step, **random),
            "nose-hoover": lambda: NoseHooverChainNVT(atoms, step, **chain),
            "npt": lambda: IsotropicMTKNPT(atoms, step, **squeezed),
            "npt-flexible": lambda: MTKNPT(atoms, step, **squeezed),
        }
        return makers[self.ensemble]()


def draw_momenta(atoms: Atoms, temperature: float, generator: np.random.Generator) -> None:
    """Give atoms thermal momenta: without a drift unless some are held, and molecules without a rotation.

    A structure at rest soon halves the temperature, because its potential energy takes a half.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure.
    temperature : float
        Temperature (K).
    generator : numpy.random.Generator
        Source of the random numbers.
    """
    spread_n = np.sqrt(units.kB * temperature * atoms.get_masses())
    atoms.set_momenta(spread_n[:, None] * generator.normal(size=(len(atoms), 3)))
    if atoms.constraints:
        return
    Stationary(atoms)
    if not atoms.pbc.any() and len(atoms) > 1:
        ZeroRotation(atoms)
