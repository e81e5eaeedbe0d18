"""Settings of a fit, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ase.data import atomic_numbers

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.setting_checks import check_choice, check_mapping, check_number, check_optional
from ase_rfhgn.fitting.target_settings import TargetSettings

SAMPLERS = ("swim", "elm")

LONGEST_CUTOFF = 20.0
"""Longest cutoff that makes sense for a short-range potential (Å)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings(TargetSettings):
    """Settings of a fit; see `ase_rfhgn.fitting.fit.fit` for their meaning."""

    cutoff: float | None = None
    channels: int | None = None
    projections: int | None = None
    correlation: int = 4
    degree: int = 4
    sampler: str = "swim"
    energy_weight: float | None = None
    force_weight: float = 1.0
    stress_weight: float | None = None
    ridge: float | None = None
    one_body: Mapping[str, float] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        SettingsError
            If a setting lies outside of what is allowed.
        """
        TargetSettings.__post_init__(self)  # a class with slots is made anew, and super() would look for the old one
        check_optional("cutoff", self.cutoff, 0.5, LONGEST_CUTOFF)
        check_optional("channels", self.channels, 1, 4096, whole=True)
        check_optional("projections", self.projections, 1, 256, whole=True)
        check_number("correlation", self.correlation, 2, 8, whole=True)
        check_number("degree", self.degree, 0, 8, whole=True)
        check_number("seed", self.seed, 0, 2**63 - 1, whole=True)
        check_optional("ridge", self.ridge, 1e-30, 1e6)
        check_optional("energy_weight", self.energy_weight, 0.0, 1e9)
        check_number("force_weight", self.force_weight, 0.0, 1e9)
        check_optional("stress_weight", self.stress_weight, 0.0, 1e9)
        if self.energy_weight == self.force_weight == self.stress_weight == 0.0:
            message = "all weights are zero: give at least one of energies, forces and stresses a positive weight"
            raise SettingsError(message)
        check_choice("sampler", self.sampler, SAMPLERS)
        self._check_one_body()

    @property
    def uses_energies(self) -> bool:
        """Whether labelled energies take part in the fit."""
        return self.energy_weight != 0.0

    def _check_one_body(self) -> None:
        check_mapping("one_body", self.one_body, "chemical symbols to energies (eV)", -1e9, 1e9)
        for symbol in self.one_body or {}:
            if symbol not in atomic_numbers:
                message = f"one_body names {symbol!r}: keys are chemical symbols, such as 'Cu'"
                raise SettingsError(message)
