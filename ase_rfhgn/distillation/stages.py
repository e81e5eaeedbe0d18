"""Stages of a distillation: molecular dynamics at a temperature and a volume, watched for bursts and melting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import CalculationFailed, Calculator

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.distillation.account import BudgetSpentError
from ase_rfhgn.distillation.explorer import NoAnswersError
from ase_rfhgn.distillation.starts import nearest_distance
from ase_rfhgn.errors import ConvergenceError, StructureError
from ase_rfhgn.properties.ensembles import Run
from ase_rfhgn.properties.molecular_dynamics import molecular_dynamics
from ase_rfhgn.structures.cell import has_volume

LINDEMANN = 0.2
"""Root mean square displacement from the sites, relative to the nearest-neighbour distance, of crystals that melt."""

RUNAWAY = 3.0, 1500.0
"""Temperature, in units of the wanted one and with a margin (K), above which a run has burst."""

MOST_FRAMES = 40
"""Frames that are kept of a run."""


class MeltedError(Exception):
    """Atoms of a crystal have left their sites."""


@dataclass(frozen=True)
class Stage:
    """One run of a distillation.

    Attributes
    ----------
    name : str
        Name of the stage, in messages and as group of its frames.
    atoms : ase.Atoms
        The structure at its volume.
    temperature : float
        Temperature (K).
    time : float
        Length of the run, in ASE's unit.
    seed : int
        Seed of momenta and of the thermostat.
    sites : ndarray of shape (n_atoms, 3) or None
        Sites of atoms that should stay there; None where atoms may move away.
    volume : float or None
        Volume that a crystal was scaled to (Å³).
    """

    name: str
    atoms: Atoms
    temperature: float
    time: float
    seed: int
    sites: FloatArray | None = None
    volume: float | None = None


@dataclass
class Outcome:
    """What became of a run.

    Attributes
    ----------
    end : str
        "done", "spent" (its calls were), "burst", "melted" or "no answers".
    told : str or None
        What the user should know.
    frames : list of ase.Atoms
        Structures of the run.
    pressures : list of float
        Pressures at these frames, kinetic part included (eV/Å³).
    lindemann : float or None
        Largest root mean square displacement relative to the nearest-neighbour distance.
    """

    end: str = "done"
    told: str | None = None
    frames: list[Atoms] = field(default_factory=list)
    pressures: list[float] = field(default_factory=list)
    lindemann: float | None = None

    @property
    def mean_pressure(self) -> float | None:
        """Mean pressure of the second half (eV/Å³)."""
        half = self.pressures[len(self.pressures) // 2 :]
        return float(np.mean(half)) if half else None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        pressure = self.mean_pressure
        return {
            "end": self.end,
            "lindemann": self.lindemann,
            "pressure_gpa": None if pressure is None else pressure / units.GPa,
        }


def run_stage(
    stage: Stage, calculator: Calculator, trajectory: Path | None = None, *, progress: bool = False
) -> Outcome:
    """Return what became of a run; nothing that happens in it is an error.

    Parameters
    ----------
    stage : Stage
        The run.
    calculator : Calculator
        What gives forces: a calculator that learns, or a potential.
    trajectory : Path, optional
        File of its frames.
    progress : bool, default False
        Whether to show progress on a terminal.
    """
    watch = _Watch(stage)
    atoms = stage.atoms.copy()
    atoms.info["config_type"] = stage.name
    run = Run(stage.time, temperature=stage.temperature, seed=stage.seed)
    run = replace(run, interval=max(1, run.n_steps(atoms) // MOST_FRAMES))
    try:
        molecular_dynamics(calculator, atoms, run, trajectory=trajectory, observer=watch, progress=progress)
    except BudgetSpentError:
        watch.outcome.end = "spent"
    except MeltedError:
        watch.outcome.end = "melted"
        watch.outcome.told = (
            f"{stage.name}: the crystal melts (atoms are {watch.outcome.lindemann:.2f} nearest-neighbour distances off "
            "their sites); the stage ended there: lower the temperature, or let it melt (may_melt)"
        )
    except NoAnswersError as error:
        watch.outcome.end, watch.outcome.told = (
            "no answers",
            f"{stage.name}: the reference fails again and again: {error}",
        )
    except (ConvergenceError, StructureError, CalculationFailed) as error:
        watch.outcome.end, watch.outcome.told = "burst", f"{stage.name}: {error}"
    return watch.outcome


class _Watch:
    """Observer of a run: keeps frames, and stops the run where it bursts or melts."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.outcome = stage, Outcome()
        self.nearest = nearest_distance(stage.atoms)

    def __call__(self, atoms: Atoms) -> None:
        factor, margin = RUNAWAY
        if atoms.get_temperature() > factor * self.stage.temperature + margin:
            message = f"the temperature ran away to {atoms.get_temperature():.0f} K"
            raise ConvergenceError(message)
        self._keep(atoms)
        if self.stage.sites is None:
            return
        ratio = off_sites(atoms.positions, self.stage.sites) / self.nearest
        self.outcome.lindemann = max(ratio, self.outcome.lindemann or 0.0)
        if ratio > LINDEMANN:
            raise MeltedError

    def _keep(self, atoms: Atoms) -> None:
        frame = atoms.copy()
        frame.calc = None
        del frame.arrays["momenta"]
        self.outcome.frames.append(frame)
        if has_volume(atoms) and atoms.pbc.all():
            stress_v = atoms.get_stress(include_ideal_gas=True)
            self.outcome.pressures.append(-float(stress_v[:3].mean()))


def off_sites(position_nc: FloatArray, site_nc: FloatArray) -> float:
    """Return the root mean square displacement of atoms from their sites, without the drift of all (Å).

    Parameters
    ----------
    position_nc, site_nc : ndarray of shape (n_atoms, 3)
        Positions, not wrapped, and sites.
    """
    shift_nc = position_nc - site_nc
    shift_nc = shift_nc - shift_nc.mean(axis=0)
    return float(np.sqrt((shift_nc**2).sum(axis=1).mean()))


def evenly(frames: Sequence[Atoms], n_frames: int) -> list[Atoms]:
    """Return some of the frames of a run at equal distances in time, none from its beginning.

    Parameters
    ----------
    frames : sequence of ase.Atoms
        The run.
    n_frames : int
        How many; fewer if there are fewer.
    """
    later = frames[min(len(frames) // 4, max(len(frames) - n_frames, 0)) :]
    index_i = np.linspace(0, len(later) - 1, n_frames + 1).round().astype(int)[1:]
    return [later[i] for i in dict.fromkeys(index_i.tolist())] if later else []
