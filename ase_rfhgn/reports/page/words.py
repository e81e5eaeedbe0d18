"""Numbers of a report as words."""

from __future__ import annotations

from ase_rfhgn.reports.metrics import Errors

ERROR_HEAD = (
    "",
    "energy RMSE (meV/atom)",
    "MAE",
    "force RMSE (eV/Å)",
    "MAE",
    "stress RMSE (GPa)",
    "MAE",
    "frames",
    "atoms",
)
"""Columns of a table of errors."""


def number(value: float | None) -> str:
    """Return a number with three digits, a dash for None."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3g}"


def percent(share: float) -> str:
    """Return a share in per cent."""
    return f"{100.0 * share:.3g} %"


def error_row(name: str, errors: Errors) -> tuple[str, ...]:
    """Return a row of a table of errors."""
    values = (
        *(errors.energy_rmse, errors.energy_mae, errors.force_rmse, errors.force_mae),
        *(errors.stress_rmse, errors.stress_mae, errors.n_frames, errors.n_atoms),
    )
    return (name, *map(number, values))
