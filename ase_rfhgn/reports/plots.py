"""Figures of errors: every plot takes the axes it draws on and returns them.

Matplotlib is imported only when a figure is drawn. No figure is shown, and the global state of pyplot
does not change, so the plots work without a display. More than 5000 points are drawn as counts in hexagons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.reports.comparison import Parity, Reliability
from ase_rfhgn.runtime.atomic_write import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_INCHES = 3.4
DOTS_PER_INCH = 150
LARGE_DOT, SMALL_DOT = 7.0, 3.0
RELIABILITY_BINS = 12
"""Points of a curve of reliability."""

WITHIN = 0.6827
"""Share of errors that should be below the predicted uncertainties."""

FEW_VALUES = 1000
"""Fewer values than this are drawn as large dots."""

MANY_VALUES = 5000
"""More values than this are drawn as counts in hexagons."""

HEXAGONS = 60
"""Hexagons from the left to the right of the axes."""


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
    span = _span(np.concatenate([parity.label_m, parity.prediction_m]))
    scatter(parity.label_m, parity.prediction_m, axes, (span, span))
    axes.axline((0.0, 0.0), slope=1.0, color="black", linewidth=0.6, zorder=0)
    axes.set(aspect="equal")
    name = f"{parity.quantity} ({parity.unit})"
    axes.set(xlabel=f"labelled {name}", ylabel=f"predicted {name}")
    axes.set_title(f"RMSE {_rmse_text(rmse, parity.unit)}", fontsize="medium")
    return axes


def plot_errors(reliability: Reliability, axes: Axes) -> Axes:
    """Draw errors of forces over predicted uncertainties, with the line that 68 % should lie below; return the axes.

    Parameters
    ----------
    reliability : Reliability
        Errors and predicted uncertainties.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    low, high = np.quantile(reliability.expected_m, [0.001, 1.0])
    span = (0.5 * low, 2.0 * high), (0.01 * low, 10.0 * high)
    scatter(reliability.expected_m, reliability.error_m, axes, span, logarithmic=True)
    axes.axline((1.0, 1.0), (10.0, 10.0), color="black", linewidth=0.6)
    axes.set(xlabel="predicted uncertainty of a force component (eV/Å)", ylabel="its error (eV/Å)")
    axes.set_title(f"{100 * reliability.within(1.0):.0f} % of errors below the line (aim: 68 %)", fontsize="medium")
    return axes


def plot_reliability(reliability: Reliability, axes: Axes) -> Axes:
    """Draw the 68 % quantile of errors over the predicted uncertainty, bin by bin; return the axes.

    All bins have the same number of errors, with similar predicted uncertainties. On the line, predicted
    uncertainties are right: they are half-widths of intervals that hold 68 % of the errors.

    Parameters
    ----------
    reliability : Reliability
        Errors and predicted uncertainties.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    order = np.argsort(reliability.expected_m)
    bins = [part for part in np.array_split(order, RELIABILITY_BINS) if len(part)]
    expected_i = [np.median(reliability.expected_m[part]) for part in bins]
    error_i = [max(np.quantile(reliability.error_m[part], WITHIN), np.finfo(float).tiny) for part in bins]
    axes.loglog(expected_i, error_i, "o-", markersize=LARGE_DOT / 2)
    axes.axline((1.0, 1.0), (10.0, 10.0), color="black", linewidth=0.6, zorder=0)
    span = 0.5 * min(*expected_i, *error_i), 2.0 * max(*expected_i, *error_i)
    axes.set(xlim=span, ylim=span, aspect="equal")
    axes.set(xlabel="median of predicted uncertainties (eV/Å)", ylabel="68 % quantile of errors (eV/Å)")
    axes.set_title("reliability: on the line is right,\nabove it is overconfident", fontsize="medium")
    return axes


def save_figure(
    parities: Sequence[Parity],
    path: str | Path,
    *,
    title: str = "",
    columns: int | None = None,
    reliability: Reliability | None = None,
) -> None:
    """Write an image file with one panel per quantity, and two panels about predicted uncertainties if there are any.

    Parameters
    ----------
    parities : sequence of Parity
        Quantities to draw, line by line.
    path : str or Path
        File to write; its suffix is the format, ``.png`` or another format that Matplotlib knows.
    title : str, optional
        Line above the panels.
    columns : int, optional
        Panels side by side; by default all of them.
    reliability : Reliability, optional
        Errors of forces beside their predicted uncertainties.

    Raises
    ------
    TrainingDataError
        If there is nothing to draw.
    SettingsError
        If the format is not known.
    OutputError
        If the file cannot be written.
    """
    if not parities:
        message = f"{path}: nothing to draw: no frame has a label"
        raise TrainingDataError(message)
    panels: list[Callable[[Axes], Axes]] = [partial(plot_parity, parity) for parity in parities]
    if reliability is not None:
        panels += [partial(plot_errors, reliability), partial(plot_reliability, reliability)]
    save_panels(panels, path, title=title, columns=columns)


def save_panels(
    panels: Sequence[Callable[[Axes], Axes]],
    path: str | Path,
    *,
    title: str = "",
    columns: int | None = None,
    inches: tuple[float, float] = (PANEL_INCHES, PANEL_INCHES),
) -> None:
    """Write an image file with several panels.

    Parameters
    ----------
    panels : sequence of callable
        What draws each panel on the axes that it is given.
    path : str or Path
        File to write; its suffix is the format, ``.png`` or another format that Matplotlib knows.
    title : str, optional
        Line above the panels.
    columns : int, optional
        Panels side by side; by default all of them.
    inches : pair of float, optional
        Width and height of a panel.

    Raises
    ------
    SettingsError
        If the format is not known.
    OutputError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure

    require_figure_format(path)
    columns = len(panels) if columns is None else columns
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(inches[0] * columns, inches[1] * lines), layout="constrained")
    figure.suptitle(title)
    for number, draw in enumerate(panels, start=1):
        draw(figure.add_subplot(lines, columns, number))
    atomic_write(path, partial(figure.savefig, dpi=DOTS_PER_INCH))


def require_figure_format(path: str | Path | None) -> None:
    """Refuse the name of a figure whose format Matplotlib does not know; None is accepted.

    Raises
    ------
    SettingsError
        If it does not.
    """
    if path is None:
        return
    from matplotlib.figure import Figure

    known = sorted(Figure().canvas.get_supported_filetypes())
    if Path(path).suffix[1:].lower() not in known:
        message = f"{path}: unknown format of a figure; the name must end in one of {', '.join(known)}"
        raise SettingsError(message)


def scatter(
    across_m: FloatArray,
    up_m: FloatArray,
    axes: Axes,
    span: tuple[tuple[float, float], tuple[float, float]],
    *,
    logarithmic: bool = False,
) -> Axes:
    """Draw points, or their counts in hexagons if there are many; return the axes.

    Parameters
    ----------
    across_m, up_m : ndarray of shape (n_values,)
        Coordinates; on logarithmic axes, values beyond the axes are moved to their edge.
    axes : matplotlib.axes.Axes
        Where to draw.
    span : pair of pairs of float
        Limits of the two axes.
    logarithmic : bool, default False
        Whether both axes are logarithmic.
    """
    if logarithmic:
        across_m, up_m = np.clip(across_m, *span[0]), np.clip(up_m, *span[1])
    if len(across_m) > MANY_VALUES:
        low, high, bottom, top = (np.log10(span) if logarithmic else np.asarray(span)).ravel().tolist()
        scales: dict[str, Any] = {"xscale": "log", "yscale": "log"} if logarithmic else {}
        axes.hexbin(across_m, up_m, gridsize=HEXAGONS, bins="log", mincnt=1, extent=(low, high, bottom, top), **scales)
    elif logarithmic:
        axes.loglog(across_m, up_m, ".", **_dots(len(across_m)))
    else:
        axes.plot(across_m, up_m, ".", **_dots(len(across_m)))
    axes.set(xlim=span[0], ylim=span[1])
    return axes


def _dots(n_values: int) -> dict[str, Any]:
    """Return the style of dots, one per value."""
    size = LARGE_DOT if n_values < FEW_VALUES else SMALL_DOT
    return {"markersize": size, "alpha": 0.5, "markeredgewidth": 0, "rasterized": True}


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
