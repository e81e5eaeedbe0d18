"""Exploration: dynamics with an active calculator over temperatures and pressures, and frames picked from them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.io import read

from ase_rfhgn.distillation.account import Account
from ase_rfhgn.distillation.explorer import Explorer
from ase_rfhgn.distillation.preparation import Prepared, label
from ase_rfhgn.distillation.settings import DistillationSettings
from ase_rfhgn.distillation.stages import Outcome, Stage, run_stage
from ase_rfhgn.distillation.starts import bare
from ase_rfhgn.distillation.volumes import Curve, scaled
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.fitting.frame_selection import select_frames
from ase_rfhgn.runtime.progress import log

ATTEMPTS = 2
"""How often a stage is run that bursts: what it learned before the burst is kept."""

AGAIN = "again"
"""Entry of a stage that was run a second time, with calls that other stages left over."""

SELECTED = "selected"
"""Name of the stage that picks frames."""

RUNS = "runs"
"""Folder of the trajectories of all stages."""

LARGEST_POOL = 200
"""Frames of runs among which frames are picked."""


@dataclass(frozen=True)
class _Plan:
    """A stage that is planned: its structure, and its state; without a pressure it keeps its volume."""

    one: Prepared
    name: str
    temperature: float
    pressure: float | None
    atoms: Atoms


class Exploration:
    """The part of a distillation that gathers training frames.

    Parameters
    ----------
    account : Account
        Frames and calls.
    settings : DistillationSettings
        Temperatures, pressures and calls.
    fit_settings : dict
        Settings of `ase_rfhgn.fit`.
    progress : bool
        Whether to show progress on a terminal.
    """

    def __init__(
        self, account: Account, settings: DistillationSettings, fit_settings: dict[str, Any], *, progress: bool
    ) -> None:
        self.account, self.settings, self.fit_settings, self.progress = account, settings, fit_settings, progress

    def run(self, prepared: Sequence[Prepared]) -> list[Stage]:
        """Return all stages after dynamics were run through them; finished ones are not repeated."""
        plans = list(self._planned(prepared))
        stages: list[Stage] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingDataWarning)  # the final fit tells
            for number, plan in enumerate(plans):
                stage, told = self._stage(plan, number)
                stages.append(stage)
                if stage.name not in self.account.stages:
                    self._run_one(stage, plan.one.curve, len(plans) - number, told)
            # What other stages left over is for those that have ended too early.
            early = [i for i, stage in enumerate(stages) if self.account.stages[stage.name]["end"] == "spent"]
            for number, i in enumerate(early):
                if AGAIN not in self.account.stages[stages[i].name] and self._spendable > 0:
                    told = self.account.stages[stages[i].name]["told"]
                    self._run_one(stages[i], plans[i].one.curve, len(early) - number, told, **{AGAIN: True})
        return stages

    @property
    def _spendable(self) -> int:
        """Calls that are left for runs."""
        return self.account.left - self.settings.test_calls - self.settings.selected_calls

    @cached_property
    def _explorer(self) -> Explorer:
        """The calculator of all runs, made for the first of them."""
        settings = {name: value for name, value in self.fit_settings.items() if name != "updatable"}  # it always is
        return Explorer(self.account, self.settings, **settings)

    def _planned(self, prepared: Sequence[Prepared]) -> Iterator[_Plan]:
        """Yield the stages, cold and calm ones first."""
        hot = max(self.settings.temperatures)
        for one in prepared:
            prefix = f"{one.start.name}, " if len(prepared) > 1 else ""
            for temperature in sorted(self.settings.temperatures):
                for pressure in sorted(self.settings.pressures, key=abs) if one.curve else [None]:
                    words = f"{temperature:g} K" if pressure is None else f"{temperature:g} K, {pressure:g} GPa"
                    yield _Plan(one, f"{prefix}{words}", temperature, pressure, one.start.atoms)
            for name, atoms in one.variants.items():
                yield _Plan(one, f"{prefix}{name}, {hot:g} K", hot, None, atoms)

    def _stage(self, plan: _Plan, number: int) -> tuple[Stage, list[str]]:
        """Return a stage at its volume, which finished stages keep, and what the user should know about it."""
        atoms, volume, told = plan.atoms, None, []
        curve = plan.one.curve if plan.pressure is not None else None
        if curve is not None and plan.pressure is not None:
            volume, borne = curve.at(plan.temperature, plan.pressure, self._grueneisen())
            if not borne:
                told = [f"{plan.name}: beyond what the crystal bears; the stage runs at {volume:.4g} Å³ instead"]
            volume = self.account.stages.get(plan.name, {}).get("volume_a3") or volume
            atoms = scaled(atoms, volume)
        stage = Stage(
            name=plan.name,
            atoms=atoms,
            temperature=plan.temperature,
            time=self.settings.time,
            seed=100 * self.settings.seed + number,
            sites=atoms.positions if curve is not None and not self.settings.may_melt else None,
            volume=volume,
        )
        return stage, told

    def _grueneisen(self) -> float | None:
        """Return the mean Grüneisen parameter of finished stages, None before the first; hot runs tell more."""
        found = [(one.get("grueneisen"), one.get("temperature_k")) for one in self.account.stages.values()]
        known = np.array([one for one in found if one[0] is not None], dtype=np.float64)
        return float(np.clip(np.average(known[:, 0], weights=known[:, 1]), -1.0, 4.0)) if len(known) else None

    def _run_one(self, stage: Stage, curve: Curve | None, remaining: int, told: list[str], **notes: bool) -> None:
        """Run a stage, once more if it bursts, and keep its result."""
        known = self.account.stages.get(stage.name, {})
        explorer, before = self._explorer, self.account.n_calls - int(known.get("calls", 0))
        explorer.begin_stage(stage.name, max(0, self._spendable // remaining))
        path = self.account.directory / RUNS / (known.get("run") or f"{len(self.account.stages):03d}.traj")
        path.parent.mkdir(exist_ok=True)
        for attempt in range(ATTEMPTS):
            again = replace(stage, seed=stage.seed + 50 * attempt)
            outcome = run_stage(again, explorer, path, progress=self.progress)
            if outcome.end != "burst":
                break
        told = [*told, *([] if outcome.told is None else [outcome.told])]
        calls = self.account.n_calls - before
        log("; ".join([f"{stage.name}: {outcome.end}, {calls} calls", *told]), shown=self.progress)
        self.account.finish(
            stage.name,
            **outcome.as_dict(),
            told=told,
            calls=calls,
            run=path.name,
            temperature_k=stage.temperature,
            volume_a3=stage.volume,
            grueneisen=_grueneisen(stage, curve, outcome),
            **notes,
        )

    def select(self) -> None:
        """Label frames of the runs from which a fit learns most about all of them."""
        most = min(2 * self.settings.selected_calls, self.account.left - self.settings.test_calls)
        if SELECTED in self.account.stages or most < 1:
            return
        runs = self.account.directory / RUNS
        pool = [atoms for stage in self.account.stages.values() for atoms in _frames_of(runs / stage["run"])]
        pool = pool[:: max(1, len(pool) // LARGEST_POOL)]
        if pool:
            chosen = select_frames(pool, most, seed=self.settings.seed, progress=self.progress).index_i
            label(self.account, self.settings, [pool[i] for i in chosen], SELECTED, progress=self.progress)
        self.account.finish(SELECTED, run=None)


def _grueneisen(stage: Stage, curve: Curve | None, outcome: Outcome) -> float | None:
    """Return the Grüneisen parameter that the mean pressure of a run of a solid means."""
    pressure = outcome.mean_pressure
    if curve is None or stage.sites is None or pressure is None or outcome.end != "done":
        return None
    volume = float(stage.atoms.get_volume())
    thermal = pressure - curve.pressure(volume)
    return float(thermal * volume / (3.0 * curve.n_atoms * units.kB * stage.temperature))


def _frames_of(path: Path) -> list[Atoms]:
    """Return the frames of a run, without calculators; none if there is no file."""
    frames = read(path, ":") if path.is_file() else []
    assert isinstance(frames, list)  # noqa: S101  # a slice was asked for
    return [bare(atoms) for atoms in frames]
