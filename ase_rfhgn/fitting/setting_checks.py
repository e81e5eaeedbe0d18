"""Checks of single settings: a bad setting leads to one line with its name, its value and allowed values."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from ase_rfhgn.errors import SettingsError


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Refuse a value that is not one of the allowed words.

    Parameters
    ----------
    name : str
        Name of the setting.
    value : object
        Value of the setting.
    allowed : tuple of str
        Allowed words.

    Raises
    ------
    SettingsError
        If it is none of these.
    """
    if value not in allowed:
        message = f"{name} is {value!r}: choose one of {', '.join(allowed)}"
        raise SettingsError(message)


def check_number(name: str, value: object, least: float, most: float, *, whole: bool = False) -> None:
    """Refuse a value that is not a number within bounds.

    Parameters
    ----------
    name : str
        Name of the setting.
    value : object
        Value of the setting.
    least, most : float
        Bounds, both allowed.
    whole : bool, default False
        Whether it must be a whole number.

    Raises
    ------
    SettingsError
        If it is no number, or out of bounds.
    """
    right_type = isinstance(value, (int, np.integer)) if whole else isinstance(value, Real)
    if isinstance(value, bool) or not right_type or not least <= value <= most:  # type: ignore[operator]
        kind = "a whole number" if whole else "a number"
        message = f"{name} is {value!r}: it must be {kind} between {least:g} and {most:g}"
        raise SettingsError(message)


def check_optional(name: str, value: object, least: float, most: float, *, whole: bool = False) -> None:
    """Refuse a value that is neither None (the default) nor a number within bounds; see `check_number`."""
    if value is not None:
        check_number(name, value, least, most, whole=whole)


def check_mapping(name: str, value: object, meaning: str, least: float, most: float) -> None:
    """Refuse a value that is neither None nor a mapping of words to numbers within bounds.

    Parameters
    ----------
    name : str
        Name of the setting.
    value : object
        Value of the setting.
    meaning : str
        What it maps to what, with its unit.
    least, most : float
        Bounds of the numbers, both allowed.

    Raises
    ------
    SettingsError
        If it is anything else.
    """
    if value is None:
        return
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        message = f"{name} is {value!r}: it must map {meaning}"
        raise SettingsError(message)
    for key, number in value.items():
        check_number(f"{name} of {key}", number, least, most)


def plain(value: Any) -> Any:  # noqa: ANN401 - settings are of any type
    """Return a setting as a plain JSON value.

    Parameters
    ----------
    value : object
        A number, perhaps of NumPy, a string, None, or a sequence or a mapping of such.
    """
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value
