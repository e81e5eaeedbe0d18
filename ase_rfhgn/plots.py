"""Figures: every plot takes the axes it draws on and returns them.

Matplotlib is imported where a figure is drawn, nowhere else; no figure is shown and no global
state of pyplot is touched, so the plots work without a display.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.assessment import Parity
from ase_rfhgn.errors import SettingsError, TrainingDataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_INCHES = 3.4
DOTS_PER_INCH = 150
LARGE_DOT, SMALL_DOT = 7.0, 3.0
FEW_VALUES = 1000
"""Fewer values than this are drawn as large dots."""


def plot_parity(parity: Parity, axes: Axes) -> Axes:
    """Draw predictions over labels, with the line of perfect agreement; return the axes.

    Parameters
    ----------
    parity : Parity
        Labelled and predicted values.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    rmse = float(np.sqrt(np.mean((parity.prediction_m - parity.label_m) ** 2)))
    size = LARGE_DOT if len(parity.label_m) < FEW_VALUES else SMALL_DOT
    axes.plot(parity.label_m, parity.prediction_m, ".", markersize=size, alpha=0.5, markeredgewidth=0, rasterized=True)
    axes.axline((0.0, 0.0), slope=1.0, color="black", linewidth=0.6, zorder=0)
    span = _span(np.concatenate([parity.label_m, parity.prediction_m]))
    axes.set(xlim=span, ylim=span, aspect="equal")
    name = f"{parity.quantity} ({parity.unit})"
    axes.set(xlabel=f"labelled {name}", ylabel=f"predicted {name}")
    axes.set_title(f"RMSE {_rmse_text(rmse, parity.unit)}", fontsize="medium")
    return axes


def save_parity_figure(
    parities: Sequence[Parity], path: str | Path, *, title: str = "", columns: int | None = None
) -> None:
    """Write one panel per quantity to an image file.

    Parameters
    ----------
    parities : sequence of Parity
        What to draw, line by line.
    path : str or Path
        File to write; its suffix says the format, ``.png`` or another one that Matplotlib knows.
    title : str, optional
        Line above the panels.
    columns : int, optional
        Panels side by side; by default all of them.

    Raises
    ------
    TrainingDataError
        If there is nothing to draw.
    SettingsError
        If the format is not known.
    """
    from matplotlib.figure import Figure

    if not parities:
        message = f"{path}: nothing to draw: no frame has a label"
        raise TrainingDataError(message)
    columns = len(parities) if columns is None else columns
    lines = -(-len(parities) // columns)
    figure = Figure(figsize=(PANEL_INCHES * columns, PANEL_INCHES * lines), layout="constrained")
    known = sorted(figure.canvas.get_supported_filetypes())
    if Path(path).suffix[1:].lower() not in known:
        message = f"{path}: unknown format of a figure; the name must end in one of {', '.join(known)}"
        raise SettingsError(message)
    figure.suptitle(title)
    for number, parity in enumerate(parities, start=1):
        plot_parity(parity, figure.add_subplot(lines, columns, number))
    figure.savefig(path, dpi=DOTS_PER_INCH)


def _span(value_m: FloatArray) -> tuple[float, float]:
    """Return limits of an axis that hold all values, with a margin."""
    low, high = float(value_m.min()), float(value_m.max())
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _rmse_text(rmse: float, unit: str) -> str:
    """Return an error with its unit; energies per atom are given in meV."""
    if unit == "eV/atom":
        return f"{1000.0 * rmse:.3g} meV/atom"
    return f"{rmse:.3g} {unit}"
