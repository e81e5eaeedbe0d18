"""Images of a report: plots as SVG, pictures of structures as PNG."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from ase import Atoms

from ase_rfhgn.reports.behaviour_plots import plot_structure
from ase_rfhgn.reports.page.document import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 4.4, 3.6
"""Size of a plot in inches: letters are as large as those of the page where it is 420 pixels wide."""

DOTS_PER_INCH = 150


def plot(draw: Callable[[Axes], Axes], caption: str) -> Figure:
    """Return a figure of a plot.

    Parameters
    ----------
    draw : callable
        Draws on axes.
    caption : str
        What it shows.
    """
    return Figure(_saved(draw, "svg", (WIDTH, HEIGHT)), "image/svg+xml", caption)


def picture(atoms: Atoms, caption: str, worst: int | None = None) -> Figure:
    """Return a figure of a structure.

    Parameters
    ----------
    atoms : ase.Atoms
        The structure.
    caption : str
        What it is.
    worst : int, optional
        Number of the atom to mark.
    """

    def draw(axes: Axes) -> Axes:
        return plot_structure(atoms, axes, worst)

    return Figure(_saved(draw, "png", (WIDTH, WIDTH)), "image/png", caption)


def _saved(draw: Callable[[Axes], Axes], kind: str, size: tuple[float, float]) -> bytes:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=size, layout="constrained")
    draw(canvas.add_subplot())
    content = BytesIO()
    metadata = {"Date": None} if kind == "svg" else {}
    canvas.savefig(content, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
    return content.getvalue()
