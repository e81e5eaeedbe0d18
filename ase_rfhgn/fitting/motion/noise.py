"""Noise of runs: found in the residuals of a fit, reported by a warning, and weighted in the next fit."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
from ase.data import chemical_symbols

from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.fitting.motion.equations import ForcesOf, Motion, Unexplained, Weighting
from ase_rfhgn.regression.correlated_noise import Noise, autocorrelation, noise_of
from ase_rfhgn.structures.frame_graphs import FrameGraphs

NEGLIGIBLE = 0.02
"""Noise, in units of the forces, below which all rows count the same."""

REMARKABLE = 0.1
"""Noise, in units of the forces, that is worth a warning."""

LEAST_NOISE = 1e-3
"""Noise, in units of the forces, that is assumed at least."""


def weighted_for_noise(motion: Motion, items: FrameGraphs, forces: ForcesOf) -> Motion | None:
    """Return equations of motion that count less where noise is strong, None where it is weak everywhere.

    Parameters
    ----------
    motion : Motion
        Equations that all count the same.
    items : FrameGraphs
        The frames.
    forces : callable
        Forces of a fit to these equations.

    Warns
    -----
    TrainingDataWarning
        If thermostats, or measurement noise, hide much of the forces; the message has its size.
    """
    unexplained_z = motion.unexplained(items, forces)
    noise_z = {z: _noise(motion, one) for z, one in unexplained_z.items()}
    if all(_rough(noise_z[z], one) <= NEGLIGIBLE * one.force for z, one in unexplained_z.items()):
        return None
    _warn(motion, noise_z, unexplained_z, items.frames.name)
    sizes = [np.hypot(np.hypot(noise.smooth, noise.kick), _as_force(motion, noise)) for noise in noise_z.values()]
    return replace(motion, weighting=Weighting(noise_z, float(min(sizes)), forces))


def _as_force(motion: Motion, noise: Noise) -> float:
    """Return the size of measurement noise after differences are taken (eV/Å)."""
    return float(noise.observed * np.sqrt(autocorrelation(motion.law.difference_j)[0]))


def _noise(motion: Motion, unexplained: Unexplained) -> Noise:
    noise = noise_of(unexplained.residuals, motion.law.difference_j, motion.law.kick_h)
    return replace(noise, smooth=max(noise.smooth, LEAST_NOISE * unexplained.force))


def _rough(noise: Noise, unexplained: Unexplained) -> float:
    """Return the size of residuals, outliers included, less the part that varies smoothly (eV/Å)."""
    return float(np.sqrt(max(unexplained.size**2 - noise.smooth**2, 0.0)))


def _warn(motion: Motion, noise_z: dict[int, Noise], unexplained_z: dict[int, Unexplained], name: str) -> None:
    """Warn of the stronger kind of noise of every element, where it hides much of the forces."""
    kicks, measurements = [], []
    for z, noise in noise_z.items():
        least, symbol, as_force = REMARKABLE * unexplained_z[z].force, chemical_symbols[z], _as_force(motion, noise)
        if noise.kick > max(least, as_force):
            kicks.append(f"{noise.kick:.2g} eV/Å on {symbol} beside forces of {unexplained_z[z].force:.2g} eV/Å")
        elif as_force > least:
            size = motion.observed_noise(z, noise.observed, unexplained_z[z].mass)
            measurements.append(f"{size:.2g} on {symbol}")
    if kicks:
        message = (
            f"{name}: no conservative force explains random kicks ({', '.join(kicks)}), as thermostats make them: "
            "equations are weighted; more frames help, and a run without thermostat (NVE) is better"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=3)
    if measurements:
        unit = "Å" if motion.observed == "positions" else "ASE's unit"
        message = (
            f"{name}: {motion.observed} have a noise of {', '.join(measurements)} ({unit}): equations are weighted "
            "accordingly; more frames or a longer time step help"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=3)
