"""Settings of a distillation, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.baseline_answers import baseline_of
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.properties.molecular_dynamics import PICOSECOND

FEWEST_CALLS = 20
"""Calls below which there is nothing left for dynamics."""

HOTTEST, STRONGEST = 1e5, 1e4
"""Largest temperature (K) and pressure (GPa) that make sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationSettings:
    """Settings of a distillation; see `ase_rfhgn.distillation.distil` for their meaning."""

    temperatures: Sequence[float] = (300.0,)
    pressures: Sequence[float] = (0.0,)
    calls: int = 150
    time: float = 2.0 * PICOSECOND
    atoms: int = 64
    vacancies: bool = False
    surfaces: bool = False
    may_melt: bool = False
    uncertainty: float = 0.1
    grade: float = 2.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        SettingsError
            If a setting lies outside of what is allowed.
        """
        _check_all("temperatures", self.temperatures, 1.0, HOTTEST, "K")
        _check_all("pressures", self.pressures, -STRONGEST, STRONGEST, "GPa")
        _check_all("time", [self.time], 1e-3 * PICOSECOND, np.inf, "of ASE's unit of time")
        _check_all("uncertainty", [self.uncertainty], 1e-9, np.inf, "eV/Å")
        _check_all("grade", [self.grade], 1e-9, np.inf, "")
        _check_whole("calls", self.calls, FEWEST_CALLS)
        _check_whole("atoms", self.atoms, 1)
        _check_whole("seed", self.seed, 0)

    @property
    def test_calls(self) -> int:
        """Calls that are kept for the test."""
        return max(3, self.calls // 10)

    @property
    def selected_calls(self) -> int:
        """Calls that runs leave for frames that are picked from them; twice as many are picked if calls are left."""
        return self.calls // 6

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values of all settings."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: list(value) if isinstance(value, Sequence) else value for name, value in values.items()}


FIT_SETTINGS = (
    *("cutoff", "sampler", "channels", "projections", "correlation", "degree", "energy_weight", "force_weight"),
    *("stress_weight", "ridge", "one_body", "group_weights"),
)
"""Settings of fits that a distillation takes, besides `OTHERS`."""

OTHERS = ("baseline", "threads", "updatable")


def check_fit_settings(given: Mapping[str, Any]) -> None:
    """Check settings of `ase_rfhgn.fit` before the reference is called.

    Parameters
    ----------
    given : mapping of str to object
        The settings.

    Raises
    ------
    SettingsError
        If there is no such setting, or one is out of its range.
    """
    unknown = [name for name in given if name not in {*FIT_SETTINGS, *OTHERS}]
    if unknown:
        message = f"there is no setting {unknown[0]} of the fits: there are {', '.join((*FIT_SETTINGS, *OTHERS))}"
        raise SettingsError(message)
    FitSettings(**{name: value for name, value in given.items() if name in FIT_SETTINGS})
    Options.checked(given.get("threads"), updatable=False, progress=False)
    baseline_of(given.get("baseline"))


def _check_all(name: str, values: Sequence[float], least: float, most: float, unit: str) -> None:
    bad = [value for value in values if not (np.isfinite(value) and least <= value <= most)]
    if bad or not len(values):
        message = f"{name} is {list(values)}: needed are numbers from {least:g} to {most:g} {unit}".rstrip()
        raise SettingsError(message)


def _check_whole(name: str, value: int, least: int) -> None:
    whole: object = value
    if isinstance(whole, bool) or not isinstance(whole, int) or value < least:
        message = f"{name} is {value!r}: it must be a whole number of at least {least}"
        raise SettingsError(message)
