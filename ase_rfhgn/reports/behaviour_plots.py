"""Figures of a model's behaviour: errors by size, learning curves, pairs, distances, grades, properties, structures.

Every plot takes the axes it draws on and returns them, as in `ase_rfhgn.reports.plots`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.reports.comparison import Comparison
from ase_rfhgn.reports.distances import RadialDistribution
from ase_rfhgn.reports.metrics import Errors
from ase_rfhgn.reports.plots import scatter
from ase_rfhgn.reports.short_range import PairCurve
from ase_rfhgn.reports.worst_frames import FrameErrors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HIGHEST_PAIR_ENERGY = 1e4
"""Top of the axis of pair energies (eV)."""

LINEAR_UP_TO = 1.0
"""Energy below which the axis of pair energies is linear (eV)."""

TILT = "-70x,-20y,-5z"
"""How structures are turned in pictures."""

LINES = ("-", "--", "-.", ":")
"""Styles of lines, so that curves differ without colours, too."""


def plot_error_over_force(comparisons: Iterable[Comparison], axes: Axes) -> Axes:
    """Draw the length of errors of forces over the length of forces, with the median; return the axes.

    Parameters
    ----------
    comparisons : iterable of Comparison
        Labels and predictions; at least one frame has forces.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    pairs = [
        (np.linalg.norm(one.frame.force_nc, axis=1), np.linalg.norm(one.force_error_nc, axis=1))
        for one in comparisons
        if one.frame.force_nc is not None and one.force_error_nc is not None
    ]
    size_n, error_n = (np.concatenate(column) for column in zip(*pairs, strict=True))
    scatter(size_n, error_n, axes, (_decades(size_n), _decades(error_n)), logarithmic=True)
    bins = [part for part in np.array_split(np.argsort(size_n), 10) if len(part)]
    median_i = [(float(np.median(size_n[part])), float(np.median(error_n[part]))) for part in bins]
    axes.plot(*zip(*median_i, strict=True), "o-", color="black", markersize=3.5, linewidth=1.0, label="median")
    axes.set(xlabel="length of the labelled force (eV/Å)", ylabel="length of the error (eV/Å)")
    axes.legend(fontsize="small")
    return axes


def plot_error_over_atoms(frames: Sequence[FrameErrors], axes: Axes) -> Axes:
    """Draw the error of every frame over its number of atoms; return the axes.

    Parameters
    ----------
    frames : sequence of FrameErrors
        Errors; at least one frame has forces.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    known = [(len(one.comparison.frame.atoms), one.force_rmse) for one in frames if one.force_rmse]
    n_atoms_i, error_i = (np.array(column, dtype=np.float64) for column in zip(*known, strict=True))
    scatter(n_atoms_i, error_i, axes, (_decades(n_atoms_i), _decades(error_i)), logarithmic=True)
    axes.set(xlabel="atoms of the frame", ylabel="force RMSE of the frame (eV/Å)")
    return axes


def plot_learning_curve(points: Sequence[tuple[int, Errors]], axes: Axes) -> Axes:
    """Draw errors on frames left out over the number of frames of the fit; return the axes.

    Parameters
    ----------
    points : sequence of pairs of int and Errors
        Numbers of frames, ascending, and errors on other frames.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    drawn = [(n_frames, errors.force_rmse) for n_frames, errors in points if errors.force_rmse]
    unit, name = "eV/Å", "force"
    if not drawn:
        drawn = [(n_frames, errors.energy_rmse) for n_frames, errors in points if errors.energy_rmse]
        unit, name = "meV/atom", "energy"
    n_frames_i, error_i = (np.array(column, dtype=np.float64) for column in zip(*drawn, strict=True))
    axes.loglog(n_frames_i, error_i, "o-")
    axes.set_xticks(n_frames_i, [f"{n:.0f}" for n in n_frames_i], minor=False)
    axes.set_xticks([], minor=True)
    axes.set(xlabel="frames of the fit", ylabel=f"{name} RMSE on frames left out ({unit})", ylim=_decades(error_i))
    return axes


def plot_pair_curves(curves: Sequence[PairCurve], axes: Axes) -> Axes:
    """Draw the energies of two atoms alone over their distance; return the axes.

    Parameters
    ----------
    curves : sequence of PairCurve
        Curves of pairs of elements.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    for number, curve in enumerate(curves):
        name = f"{curve.first}–{curve.second}"
        (line,) = axes.plot(curve.distance_i, curve.energy_i, LINES[number // 10 % len(LINES)], label=name)
        axes.axvline(curve.core_radius, color=line.get_color(), linewidth=0.6, linestyle=":")
    lowest = min(float(curve.energy_i.min()) for curve in curves)
    axes.set_yscale("symlog", linthresh=LINEAR_UP_TO)
    axes.set(ylim=(min(1.5 * lowest, -0.1), HIGHEST_PAIR_ENERGY), xlim=(0.0, None))
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set(xlabel="distance (Å)", ylabel="energy of two atoms (eV)")
    axes.legend(fontsize="small", ncols=1 + len(curves) // 8)
    return axes


def plot_radial_distributions(
    named: Sequence[tuple[str, Sequence[RadialDistribution]]], pair: tuple[str, str], axes: Axes
) -> Axes:
    """Draw the radial distributions of a pair of elements in several sets of frames; return the axes.

    Parameters
    ----------
    named : sequence of pairs of str and sequences of RadialDistribution
        Names of the sets, and the distributions of their pairs.
    pair : pair of str
        Chemical symbols.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    is_relative = True
    for number, (name, distributions) in enumerate(named):
        for one in distributions:
            if (one.first, one.second) == pair:
                axes.plot(one.distance_i, one.density_i, LINES[number % len(LINES)], label=name)
                is_relative = one.is_relative
    unit = "g(r)" if is_relative else "atoms per atom and Å"
    axes.set(xlabel=f"distance {pair[0]}–{pair[1]} (Å)", ylabel=unit, ylim=(0.0, None), xlim=(0.0, None))
    axes.legend(fontsize="small")
    return axes


def plot_grades(grades: Sequence[tuple[str, FloatArray]], axes: Axes) -> Axes:
    """Draw how many atoms have which extrapolation grade; return the axes.

    Parameters
    ----------
    grades : sequence of pairs of str and ndarray
        Names, and grades of atoms.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    highest = max(2.0, *(float(grade_n.max()) for _, grade_n in grades))
    edges = np.linspace(0.0, highest, 50).tolist()
    axes.hist([grade_n for _, grade_n in grades], edges, label=[name for name, _ in grades], stacked=True)
    axes.axvline(1.0, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlabel="extrapolation grade", ylabel="number of atoms", yscale="log", xlim=(0.0, highest))
    axes.legend(fontsize="small")
    return axes


def plot_structure(atoms: Atoms, axes: Axes, worst: int | None = None) -> Axes:
    """Draw a picture of a structure, one of its atoms marked; return the axes.

    Parameters
    ----------
    atoms : ase.Atoms
        The structure.
    axes : matplotlib.axes.Axes
        Where to draw.
    worst : int, optional
        Number of the atom to mark.
    """
    from ase.visualize.plot import Matplotlib

    drawing = Matplotlib(atoms, axes, rotation=TILT, radii=0.6)
    drawing.write()
    if worst is not None:
        axes.plot(*drawing.positions[worst, :2], "x", color="black", markersize=9, markeredgewidth=2)
    axes.set_axis_off()
    return axes


def _decades(value_m: FloatArray) -> tuple[float, float]:
    """Return limits of a logarithmic axis, without the smallest values of many."""
    positive_m = value_m[value_m > 0.0]
    if not len(positive_m):
        return 0.1, 10.0
    return 0.5 * float(np.quantile(positive_m, 0.005)), 2.0 * float(positive_m.max())
