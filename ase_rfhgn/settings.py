"""Settings of a fit, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from ase_rfhgn.errors import SettingsError

WHOLE_NUMBERS = {"channels", "mixings", "correlation", "degree", "stride", "frame of known_energy", "seed"}

SAMPLERS = ("swim", "elm")

TARGETS = ("auto", "labels", "momenta", "positions")
"""What a fit may be to: labels, or the motion of momenta or positions."""

LONGEST_CUTOFF = 20.0
"""Longest cutoff that makes sense for a short-range potential (Å)."""


def plain(value: Any) -> Any:  # noqa: ANN401  # a setting can be of any type
    """Return a setting as JSON knows it: lists in place of tuples, Python's numbers in place of others."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Refuse a setting that is none of the allowed words.

    Raises
    ------
    SettingsError
        If it is not.
    """
    if value not in allowed:
        message = f"{name} is {value!r}: choose one of {', '.join(allowed)}"
        raise SettingsError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """Settings of a fit; see `ase_rfhgn.fitting.fit` for their meaning."""

    cutoff: float | None = None
    channels: int | None = None
    mixings: int | None = None
    correlation: int = 4
    degree: int = 3
    sampler: str = "swim"
    energy_weight: float | None = None
    force_weight: float = 1.0
    stress_weight: float | None = None
    ridge: float | None = None
    one_body: Mapping[str, float] | None = None
    targets: str = "auto"
    timestep: float | None = None
    stride: int | None = None
    known_energy: tuple[int, float] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        SettingsError
            If a setting lies outside of what is allowed.
        """
        self._check_optional("cutoff", self.cutoff, 0.5, LONGEST_CUTOFF)
        self._check_optional("channels", self.channels, 1, 4096)
        self._check_optional("mixings", self.mixings, 1, 256)
        self._check("correlation", self.correlation, 2, 8)
        self._check("degree", self.degree, 0, 8)
        self._check_optional("ridge", self.ridge, 1e-30, 1e6)
        for name in ("energy_weight", "force_weight", "stress_weight"):
            self._check_optional(name, getattr(self, name), 0.0, 1e9)
        self._check("force_weight", self.force_weight, 0.0, 1e9)
        if self.energy_weight == self.force_weight == self.stress_weight == 0.0:
            message = "all weights are zero: give at least one of energies, forces and stresses a positive weight"
            raise SettingsError(message)
        check_choice("sampler", self.sampler, SAMPLERS)
        check_choice("targets", self.targets, TARGETS)
        self._check_optional("timestep", self.timestep, 1e-6, 1e3)
        self._check_optional("stride", self.stride, 1, 10_000)
        self._check_known_energy()
        self._check("seed", self.seed, 0, 2**63 - 1)
        self._check_one_body()

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}

    @staticmethod
    def _check(name: str, value: object, least: float, most: float) -> None:
        whole = name in WHOLE_NUMBERS
        right_type = isinstance(value, (int, np.integer)) if whole else isinstance(value, Real)
        if isinstance(value, bool) or not right_type or not least <= value <= most:  # type: ignore[operator]
            kind = "a whole number" if whole else "a number"
            message = f"{name} is {value!r}: it must be {kind} between {least:g} and {most:g}"
            raise SettingsError(message)

    def _check_optional(self, name: str, value: object, least: float, most: float) -> None:
        if value is not None:
            self._check(name, value, least, most)

    def _check_known_energy(self) -> None:
        if self.known_energy is None:
            return
        pair: object = self.known_energy
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            message = f"known_energy is {pair!r}: it must be the number of a frame and its energy (eV)"
            raise SettingsError(message)
        self._check("frame of known_energy", pair[0], 0, 2**63 - 1)
        self._check("energy of known_energy", pair[1], -1e12, 1e12)

    def _check_one_body(self) -> None:
        if not isinstance(self.one_body, Mapping | None):
            message = f"one_body is {self.one_body!r}: it must map chemical symbols to energies (eV)"
            raise SettingsError(message)
        for symbol, energy in (self.one_body or {}).items():
            if symbol not in atomic_numbers:
                message = f"one_body names {symbol!r}: keys are chemical symbols, such as 'Cu'"
                raise SettingsError(message)
            self._check(f"one_body of {symbol}", energy, -1e9, 1e9)
