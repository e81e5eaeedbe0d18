"""Figures about motion: frequencies of modes, spectra of velocities, and how well functions are conserved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_rfhgn.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOT = 3.5
"""Size of the dots of modes."""

LOWEST_SPREAD = 1e-30
"""Smallest variance that is drawn, relative to the whole one."""


def plot_mode_frequencies(frequency_u: FloatArray, error_u: FloatArray, axes: Axes) -> Axes:
    """Draw frequencies of modes with their standard errors; return the axes.

    Parameters
    ----------
    frequency_u, error_u : ndarray of shape (n_modes,)
        Frequencies and standard errors (THz).
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    axes.errorbar(np.arange(len(frequency_u)), frequency_u, yerr=error_u, fmt=".", markersize=DOT, capsize=1.5)
    axes.set(xlabel="mode", ylabel="frequency (THz)")
    axes.set_title(f"{len(frequency_u)} modes", fontsize="medium")
    return axes


def plot_velocity_spectrum(frequency_k: FloatArray, density_k: FloatArray, frequency_u: FloatArray, axes: Axes) -> Axes:
    """Draw the spectrum of velocities, and marks at the frequencies of modes; return the axes.

    Parameters
    ----------
    frequency_k, density_k : ndarray
        Frequencies (THz) and density (1/THz).
    frequency_u : ndarray of shape (n_modes,)
        Frequencies of the modes (THz).
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    shown_k = frequency_k <= 1.3 * float(np.max(frequency_u, initial=0.1))
    axes.plot(frequency_k[shown_k], density_k[shown_k], linewidth=0.8)
    axes.plot(frequency_u, np.zeros_like(frequency_u), "|", color="black", markersize=2.0 * DOT)
    axes.set(xlabel="frequency (THz)", ylabel="density of states (1/THz)")
    axes.set_title("spectrum of velocities", fontsize="medium")
    return axes


def plot_spreads(judged_i: FloatArray, fitted_i: FloatArray, threshold: float, axes: Axes) -> Axes:
    """Draw how well functions are conserved on runs of the fit and on others, with the threshold; return the axes.

    Parameters
    ----------
    judged_i, fitted_i : ndarray of shape (n_functions,)
        λ on runs left out, and on runs of the fit.
    threshold : float
        λ below which a function counts as conserved.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    number_i = np.arange(1, len(judged_i) + 1)
    for spread_i, label in ((judged_i, "left out"), (fitted_i, "fit")):
        axes.semilogy(number_i, np.maximum(spread_i, LOWEST_SPREAD), ".", label=label)
    axes.axhline(threshold, color="black", linewidth=0.6)
    axes.legend(fontsize="small")
    axes.set(xlabel="function", ylabel="variance along runs / variance")
    return axes
