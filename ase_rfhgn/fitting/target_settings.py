"""Settings of the targets of a fit, checked; potentials and phase-space models share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.setting_checks import check_choice, check_mapping, check_number, check_optional, plain
from ase_rfhgn.structures.label_keys import LabelKeys

TARGETS = ("auto", "labels", "momenta", "positions")
"""Targets of a fit: labels, or the motion of momenta or positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """Settings of the targets of a fit.

    Attributes
    ----------
    targets : {"auto", "labels", "momenta", "positions"}
        By default labels if there are any, else momenta if there are any, else positions.
    timestep : float, optional
        Time step of the dynamics (ASE's unit).
    stride : int, optional
        Steps from one frame to the next.
    known_energy : tuple of int and float, optional
        Number of a frame and its energy (eV).
    energy_key, forces_key, stress_key, virials_key, group_key : str, optional
        Names of labels and of groups; see `LabelKeys`.
    group_weights : mapping of str to float, optional
        Weights of the errors of all labels of groups of frames.
    """

    targets: str = "auto"
    timestep: float | None = None
    stride: int | None = None
    known_energy: tuple[int, float] | None = None
    energy_key: str | None = None
    forces_key: str | None = None
    stress_key: str | None = None
    virials_key: str | None = None
    group_key: str | None = None
    group_weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        SettingsError
            If a setting lies outside of what is allowed.
        """
        check_choice("targets", self.targets, TARGETS)
        check_optional("timestep", self.timestep, 1e-6, 1e3)
        check_optional("stride", self.stride, 1, 10_000, whole=True)
        self._check_known_energy()
        LabelKeys.of_settings(self.as_dict())
        check_mapping("group_weights", self.group_weights, "names of groups to weights", 0.0, 1e9)

    @property
    def uses_energies(self) -> bool:
        """Whether labelled energies take part in the fit."""
        return True

    def needless_for(self, targets: str) -> str:
        """Return that settings change nothing for targets, as the end of a sentence; empty if there are none."""
        given = [name for name in ("timestep", "stride") if getattr(self, name) is not None and targets == "labels"]
        return f", for which {' and '.join(given)} mean nothing" if given else ""

    @property
    def label_keys(self) -> LabelKeys:
        """Names of labels and of groups."""
        return LabelKeys.of_settings(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}

    def _check_known_energy(self) -> None:
        if self.known_energy is None:
            return
        pair: object = self.known_energy
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            message = f"known_energy is {pair!r}: it must be the number of a frame and its energy (eV)"
            raise SettingsError(message)
        check_number("frame of known_energy", pair[0], 0, 2**63 - 1, whole=True)
        check_number("energy of known_energy", pair[1], -1e12, 1e12)
