"""Checks of runs before a fit: motion that is not bound, thermostats, a moving centre of mass."""

from __future__ import annotations

import warnings

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataError, TrainingDataWarning
from ase_rfhgn.symmetries.coordinates import has_moving_centre
from ase_rfhgn.symmetries.ensemble import Ensemble
from ase_rfhgn.symmetries.runs import Runs, require_momenta

STEADY = 0.95
"""Share of the variance of positions that a steady drift explains, in a run that is not bound."""

UNBOUND_SHARE = 0.3
"""Share of runs that drift steadily, in an ensemble that is not bound."""

THERMOSTAT = 0.2
"""Fluctuations of the total energy of a run, relative to those of its kinetic energy, of a thermostat."""


def steadily_drifting(ensemble: Ensemble) -> list[int]:
    """Return the runs whose positions move away at a constant pace, further than usual."""
    n = ensemble.n
    place_md = ensemble.state_md[:, :n]
    extent = float(np.sqrt(ensemble.deviations(place_md).var(axis=0).sum()))
    found = []
    for run in range(ensemble.n_runs):
        place_td = place_md[ensemble.start_g[run] : ensemble.start_g[run + 1]]
        path_d = place_td[-1] - place_td[0]
        if _share_of_drift(place_td) > STEADY and np.linalg.norm(path_d) > extent:
            found.append(run)
    return found


def refuse_unbound_motion(ensemble: Ensemble, names: tuple[str, ...]) -> None:
    """Refuse runs that drift away.

    Raises
    ------
    TrainingDataError
        If more than three tenths of them do.
    """
    found = steadily_drifting(ensemble)
    if len(found) > UNBOUND_SHARE * ensemble.n_runs:
        message = (
            f"{names[found[0]]}: the motion is not bound, positions drift away steadily ({len(found)} of "
            f"{ensemble.n_runs} runs): canonical maps to oscillations need bound motion, and runs of at "
            "least half a period"
        )
        raise TrainingDataError(message)


def warn_of_unbound_motion(ensemble: Ensemble, names: tuple[str, ...]) -> None:
    """Warn of runs that drift away."""
    found = steadily_drifting(ensemble)
    if len(found) > UNBOUND_SHARE * ensemble.n_runs:
        message = (
            f"{names[found[0]]}: positions drift away steadily ({len(found)} of {ensemble.n_runs} runs): the motion "
            "is not bound or the runs are short, and what is conserved cannot be told from what is slow"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=3)


def warn_of_thermostat(runs: Runs) -> None:
    """Warn of runs whose total energy changes, where energies are there."""
    if runs.energy_m is None or runs.momentum_mnc is None:
        return
    kinetic_m = kinetic_energies(runs)
    total_m = kinetic_m + runs.energy_m
    for run in range(runs.n_runs):
        frames = runs.frames_of(run)
        if (
            float(total_m[frames].std())
            > THERMOSTAT * float(kinetic_m[frames].std()) + 1e-12 * abs(total_m[frames]).max()
        ):
            message = (
                f"{runs.name_g[run]}: the total energy is not constant (standard deviation {total_m[frames].std():.2g} "
                f"eV, of the kinetic energy {kinetic_m[frames].std():.2g} eV): a thermostat or a long time step; "
                "what is found is not a property of the Hamiltonian alone"
            )
            warnings.warn(message, TrainingDataWarning, stacklevel=3)
            return


def warn_of_moving_centre(runs: Runs) -> None:
    """Warn where the total momentum is conserved and is not zero."""
    if has_moving_centre(runs):
        message = (
            f"{runs.name_g[0]}: the centre of mass drifts; its motion is left out, and the total momentum, which is "
            "conserved, is not counted"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=3)


def kinetic_energies(runs: Runs) -> FloatArray:
    """Return the kinetic energies of all frames (eV)."""
    momentum_mnc = require_momenta(runs, "the kinetic energy")
    kinetic_m: FloatArray = 0.5 * np.einsum("mnc,mnc,n->m", momentum_mnc, momentum_mnc, 1.0 / runs.mass_n)
    return kinetic_m


def _share_of_drift(place_td: FloatArray) -> float:
    """Return the share of the variance of positions that a constant velocity explains."""
    time_t = np.linspace(-1.0, 1.0, len(place_td))
    deviation_td = place_td - place_td.mean(axis=0)
    slope_d = time_t @ deviation_td / (time_t @ time_t)
    total = float((deviation_td**2).sum())
    return float((slope_d**2).sum() * (time_t @ time_t)) / total if total > 0.0 else 0.0
