"""Figures of properties with their error bars: every plot takes the axes it draws on and returns them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.properties.agreement import Agreement
from ase_rfhgn.properties.elasticity import ElasticConstants
from ase_rfhgn.properties.equation_of_state import EquationOfState, curve
from ase_rfhgn.properties.minimum_energy_path import MinimumEnergyPath
from ase_rfhgn.properties.molecular_dynamics import RunResult
from ase_rfhgn.properties.phonons import Phonons
from ase_rfhgn.properties.relaxation import Relaxation
from ase_rfhgn.properties.vibrations import Vibrations

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOUR = "C0"
BAND = 0.25
"""Opacity of bands of uncertainty."""

VOIGT = ("xx", "yy", "zz", "yz", "xz", "xy")


def plot_equation_of_state(found: EquationOfState, axes: Axes) -> Axes:
    """Draw energies over volume, the fitted law and its minimum; return the axes.

    Parameters
    ----------
    found : EquationOfState
        The equation of state.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    volume_i = np.linspace(found.volumes_a3[0], found.volumes_a3[-1], 200)
    relative = 1e3 * (found.energies_ev - found.energy_ev)
    error_i = None if found.energies_ev_error is None else 1e3 * found.energies_ev_error
    axes.plot(volume_i, 1e3 * (curve(found, volume_i) - found.energy_ev), color=COLOUR, label=found.law)
    axes.errorbar(found.volumes_a3, relative, error_i, fmt="o", color="black", markersize=4, capsize=2)
    axes.axvline(found.volume_a3, color="black", linewidth=0.6, linestyle="--")
    axes.set(xlabel="volume (Å³/atom)", ylabel="energy above the minimum (meV/atom)")
    axes.set_title(f"B = {found.bulk_modulus_gpa:.4g} GPa", fontsize="medium")
    axes.legend(fontsize="small")
    return axes


def plot_stiffness(found: ElasticConstants, axes: Axes) -> Axes:
    """Draw the stiffness as a table of colours and numbers with error bars; return the axes.

    Parameters
    ----------
    found : ElasticConstants
        The elastic constants.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    stiffness_vv, error_vv = found.stiffness_gpa, found.stiffness_gpa_error
    largest = float(np.abs(stiffness_vv).max())
    axes.imshow(stiffness_vv, cmap="RdBu_r", vmin=-1.6 * largest, vmax=1.6 * largest)
    for row, column in np.ndindex(6, 6):
        value, error = stiffness_vv[row, column], None if error_vv is None else error_vv[row, column]
        text = f"{value:.0f}" if error is None or abs(value) < 0.5 else f"{value:.0f}\n±{error:.1f}"
        axes.text(column, row, text.replace("-0", "0") if abs(value) < 0.5 else text, ha="center", va="center")
    axes.set_xticks(range(6), VOIGT)
    axes.set_yticks(range(6), VOIGT)
    axes.set_title("stiffness (GPa)", fontsize="medium")
    return axes


def plot_phonons(found: Phonons, axes: Axes) -> Axes:
    """Draw the phonon bands along the path, with bands of uncertainty; return the axes.

    Parameters
    ----------
    found : Phonons
        The phonons.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    frequency_ib, error_ib = found.frequencies_thz, found.frequencies_thz_error
    for first, last in pairwise([0, *_breaks(found.distance_i), len(found.distance_i)]):
        axes.plot(found.distance_i[first:last], frequency_ib[first:last], color=COLOUR, linewidth=1.2)
        for b in range(frequency_ib.shape[1] if error_ib is not None else 0):
            low, high = _limits(frequency_ib[first:last, b], error_ib[first:last, b])  # type: ignore[index]
            axes.fill_between(found.distance_i[first:last], low, high, color=COLOUR, alpha=BAND, linewidth=0)
    places = sorted({place for place, _ in found.ticks})
    names = ["|".join(dict.fromkeys(name for at, name in found.ticks if at == place)) for place in places]
    axes.set_xticks(places, names)
    for place in places:
        axes.axvline(place, color="black", linewidth=0.6)
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set(ylabel="frequency (THz)", xlim=(found.distance_i[0], found.distance_i[-1]))
    return axes


def plot_vibrations(found: Vibrations, axes: Axes) -> Axes:
    """Draw the frequencies of all modes with error bars; return the axes.

    Parameters
    ----------
    found : Vibrations
        The vibrations.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    number_m = np.arange(1, 1 + len(found.frequencies_thz))
    axes.errorbar(number_m, found.frequencies_thz, found.frequencies_thz_error, fmt="o", markersize=4, capsize=2)
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set(xlabel="mode", ylabel="frequency (THz), imaginary below 0")
    return axes


def plot_path(found: MinimumEnergyPath, axes: Axes) -> Axes:
    """Draw the energies along a path with error bars; return the axes.

    Parameters
    ----------
    found : MinimumEnergyPath
        The path.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    axes.errorbar(found.distances_a, found.energies_ev, found.energies_ev_error, fmt="o-", markersize=4, capsize=2)
    axes.set(xlabel="path (Å)", ylabel="energy above the first image (eV)")
    axes.set_title(f"barrier {found.barrier_ev:.3g} eV", fontsize="medium")
    return axes


def plot_temperature(found: RunResult, axes: Axes) -> Axes:
    """Draw the temperature over time; return the axes.

    Parameters
    ----------
    found : RunResult
        Results of a run.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    axes.plot(found.times_ps, found.temperatures_k)
    axes.axhline(found.temperature_k, color="black", linewidth=0.6, linestyle="--")
    axes.set(xlabel="time (ps)", ylabel="temperature (K)")
    return axes


def plot_total_energy(found: RunResult, axes: Axes) -> Axes:
    """Draw potential plus kinetic energy over time; return the axes.

    Parameters
    ----------
    found : RunResult
        Results of a run.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    axes.plot(found.times_ps, 1e3 * (found.total_energies_ev - found.total_energies_ev[0]))
    axes.set(xlabel="time (ps)", ylabel="change of total energy (meV/atom)")
    return axes


def plot_relaxation(found: Relaxation, axes: Axes) -> Axes:
    """Draw the largest force over the steps of a relaxation; return the axes.

    Parameters
    ----------
    found : Relaxation
        The relaxation.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    axes.semilogy(found.max_forces, "o-", markersize=3)
    axes.set(xlabel="step", ylabel="largest force (eV/Å)")
    return axes


def plot_agreement(names: tuple[str, str], found: Agreement, axes: Axes) -> Axes:
    """Draw the force components of a potential over those of another one; return the axes.

    Parameters
    ----------
    names : pair of str
        Names of the potentials.
    found : Agreement
        The comparison.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    axes.plot(found.force_m, found.other_force_m, ".", markersize=4, alpha=0.5, rasterized=True)
    axes.axline((0.0, 0.0), slope=1.0, color="black", linewidth=0.6, zorder=0)
    axes.set(xlabel=f"force component by {names[0]} (eV/Å)", ylabel=f"by {names[1]} (eV/Å)")
    axes.set_title(f"RMS difference {found.force_ev_a:.3g} eV/Å", fontsize="medium")
    return axes


def _breaks(distance_i: FloatArray) -> list[int]:
    """Return the numbers of the points at which the path jumps."""
    return [int(i) + 1 for i in np.flatnonzero(np.diff(distance_i) == 0.0)]


def _limits(value_i: FloatArray, error_i: FloatArray) -> tuple[FloatArray, FloatArray]:
    return value_i - error_i, value_i + error_i
