"""Results of calculations: frozen dataclasses whose attributes have their units in their names."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from ase import Atoms


class Result:
    """Base of results.

    An attribute ``energy_ev_error`` is the error bar of ``energy_ev``: the half-width of a 68 % interval.
    It is None where the calculator predicts no uncertainties.
    """

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values, without structures; None where a number is not finite."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        return {name: _plain(value) for name, value in named.items() if not _has_atoms(value)}


def _has_atoms(value: object) -> bool:
    return isinstance(value, Atoms) or (isinstance(value, tuple) and any(isinstance(one, Atoms) for one in value))


def _plain(value: object) -> object:
    """Return lists in place of arrays and tuples, and None in place of what is not finite."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
