"""Text of computed properties: numbers with error bars and units, tables of matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, isfinite, log10

from ase_rfhgn.cli.text import LABEL_WIDTH, Report

UNITS: Mapping[str, str] = {
    "_mev_atom": "meV/atom",
    "_j_m2": "J/m²",
    "_ev_a": "eV/Å",
    "_ev": "eV",
    "_gpa": "GPa",
    "_thz": "THz",
    "_a3": "Å³",
    "_a2": "Å²",
    "_a": "Å",
    "_k": "K",
    "_ps": "ps",
    "_fs": "fs",
}
"""Units by the end of a name."""

NAMED_UNITS: Mapping[str, str] = {"max_force": "eV/Å"}
"""Units of names that do not say theirs."""

ERROR = "_error"

MOST_DIGITS = 6
"""Digits after the point beyond which numbers are written with an exponent."""

LONG = 12
"""Numbers of a list from which only the least and the largest are told."""


def describe_result(report: Report) -> str:
    """Return a computed property in words: a line per number, a table per matrix."""
    values = {name: value for name, value in report.items() if not name.endswith(ERROR)}
    return "\n".join(_line(name, value, report.get(name + ERROR)) for name, value in values.items())


def with_error(value: float | None, error: float | None = None) -> str:
    """Return a number with its error bar, both up to the second digit of the error.

    Parameters
    ----------
    value : float or None
        The number; a dash stands for None.
    error : float, optional
        Its error bar.
    """
    if value is None:
        return "–"
    if error is None or not isfinite(error) or error <= 0.0:
        return str(value) if isinstance(value, int) else f"{value:.6g}"
    digits = max(1 - floor(log10(error)), 0)
    if digits > MOST_DIGITS:
        return f"{value:.2g} ± {error:.2g}"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _line(name: str, value: object, error: object) -> str:
    label, unit = _label(name)
    if isinstance(value, list) and value and isinstance(value[0], list):
        return f"{label}{f' ({unit})' if unit else ''}\n{table(value, error)}"
    return f"{label:<{LABEL_WIDTH}} {_text(value, error)}{f' {unit}' if unit else ''}"


def _label(name: str) -> tuple[str, str]:
    """Return the words and the unit of a name."""
    for ending, unit in UNITS.items():
        if name.endswith(ending):
            return _words(name.removesuffix(ending)), unit
    return _words(name), NAMED_UNITS.get(name, "")


def _words(name: str) -> str:
    return name.removeprefix("n_").replace("_", " ")


def _text(value: object, error: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return with_error(value, error if isinstance(error, int | float) else None)
    if isinstance(value, list):
        if len(value) > LONG:
            return f"{len(value)} values from {_text(min(value), None)} to {_text(max(value), None)}"
        errors = error if isinstance(error, list) else [None] * len(value)
        return ", ".join(_text(one, doubt) for one, doubt in zip(value, errors, strict=True))
    return "–" if value is None else str(value)


def table(value: Sequence[Sequence[float]], error: object) -> str:
    """Return a matrix, line by line, its error bars beside it.

    Parameters
    ----------
    value : sequence of sequences of float
        The matrix.
    error : sequence of sequences of float, optional
        Its error bars.
    """
    lines = ["".join(f"{_clean(one):9.2f}" for one in row) for row in value]
    if isinstance(error, list):
        lines = [
            f"{line}   ±{''.join(f'{_clean(one):7.2f}' for one in row)}" for line, row in zip(lines, error, strict=True)
        ]
    return "\n".join(lines)


def _clean(value: float) -> float:
    """Return a number without the sign of a rounded zero."""
    return 0.0 if abs(value) < 0.005 else value
