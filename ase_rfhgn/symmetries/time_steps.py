"""Time between frames: estimated from positions and momenta, checked to be equal, and rates of change from it."""

from __future__ import annotations

from math import factorial

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.symmetries.ensemble import Ensemble

BOOLE = np.array([7.0, 32.0, 12.0, 32.0, 7.0]) * 2.0 / 45.0
"""Weights of Boole's rule for the integral over four intervals."""

SIMPSON = np.array([1.0, 4.0, 2.0, 4.0, 1.0]) / 3.0
"""Weights of Simpson's rule, on either side of the middle."""

UNEQUAL = 1.5
"""Factor between intervals that are not equal, if there is no noise."""

NOISE_MARGIN = 8.0
"""Deviation of a displacement that noise may explain, in units of the median."""

FAST = 0.05
"""Part of the mean square velocity of its run that an interval needs so that its length can be judged."""

RESOLVED = 0.8
"""Share of intervals that must look alike; otherwise frames are too far apart to tell."""


def estimated_timestep(ensemble: Ensemble) -> float:
    """Return the time between frames by which momenta explain displacements (ASE units).

    Parameters
    ----------
    ensemble : Ensemble
        States of equally spaced frames.

    Raises
    ------
    TrainingDataError
        If runs are shorter than three frames, or momenta do not explain displacements.
    """
    along, square = 0.0, 0.0
    n = ensemble.n
    for run in range(ensemble.n_runs):
        state_td = ensemble.state_md[ensemble.start_g[run] : ensemble.start_g[run + 1]]
        width = 5 if len(state_td) >= 5 else 3
        weights = BOOLE if width == 5 else np.array([1.0, 4.0, 1.0]) / 3.0
        window_twd = np.lib.stride_tricks.sliding_window_view(state_td, width, axis=0)
        path_tu = window_twd[:, :n, -1] - window_twd[:, :n, 0]
        integral_tu = window_twd[:, n:] @ weights
        along += float((path_tu * integral_tu).sum())
        square += float((integral_tu**2).sum())
    if not (square > 0.0 and along > 0.0):
        message = "momenta do not explain how positions change: frames are too far apart; give more frequent frames"
        raise TrainingDataError(message)
    return along / square


def share_along_momenta(ensemble: Ensemble) -> float:
    """Return the share of squared displacements between frames that lie along the mean momenta."""
    n = ensemble.n
    inside_m = np.diff(ensemble.run_m) == 0
    change_md = np.diff(ensemble.state_md[:, :n], axis=0)[inside_m]
    mean_md = (ensemble.state_md[1:, n:] + ensemble.state_md[:-1, n:])[inside_m]
    along = max(float((change_md * mean_md).sum()), 0.0)
    scale = float((change_md**2).sum() * (mean_md**2).sum())
    return along**2 / scale if scale > 0.0 else 0.0


def timestep_of_modes(ensemble: Ensemble, phase_u: FloatArray, weight_u: FloatArray) -> float:
    """Return the time between frames of oscillations that friction may disturb (ASE units).

    The displacement over four intervals, correlated with the velocity in their middle, is the integral of the
    velocity autocorrelation. Simpson's rule on either side of its kink gives it, and the known phases of harmonic
    modes correct the rule.

    Parameters
    ----------
    ensemble : Ensemble
        States of equally spaced frames, with five frames in some run.
    phase_u : ndarray of shape (n_modes,)
        Angular frequencies times the time step.
    weight_u : ndarray of shape (n_modes,)
        Mean square velocities.
    """
    path, integral, n = 0.0, 0.0, ensemble.n
    for run in range(ensemble.n_runs):
        state_td = ensemble.state_md[ensemble.start_g[run] : ensemble.start_g[run + 1]]
        if len(state_td) < len(SIMPSON):
            continue
        window_tdw = np.lib.stride_tricks.sliding_window_view(state_td, len(SIMPSON), axis=0)
        middle_tu = window_tdw[:, n:, 2]
        path += float(((window_tdw[:, :n, -1] - window_tdw[:, :n, 0]) * middle_tu).sum())
        integral += float(((window_tdw[:, n:] @ SIMPSON) * middle_tu).sum())
    rule_u = SIMPSON @ np.cos(np.outer(np.arange(-2.0, 3.0), phase_u))
    path_u = 4.0 * np.sinc(2.0 * phase_u / np.pi)
    return path / integral * float((weight_u * rule_u).sum() / (weight_u * path_u).sum())


def require_equal_spacing(ensemble: Ensemble, names: tuple[str, ...]) -> None:
    """Refuse runs whose frames are not equally spaced in time.

    Every interval is judged by its displacements over its mean velocity.

    Parameters
    ----------
    ensemble : Ensemble
        States.
    names : tuple of str
        Names of the runs.

    Raises
    ------
    TrainingDataError
        If an interval differs.
    """
    n = ensemble.n
    change_md = np.diff(ensemble.state_md[:, :n], axis=0)
    mean_md = 0.5 * (ensemble.state_md[1:, n:] + ensemble.state_md[:-1, n:])
    inside_m = np.diff(ensemble.run_m) == 0
    square_m = (mean_md**2).sum(axis=1)
    usual_g = ensemble.mean((ensemble.state_md[:, n:] ** 2).sum(axis=1, keepdims=True))[:, 0]
    judged_m = np.flatnonzero(inside_m & (square_m > FAST * usual_g[ensemble.run_m[:-1]]))
    length_m = (change_md[judged_m] * mean_md[judged_m]).sum(axis=1) / square_m[judged_m]
    typical = float(np.median(length_m))
    rest_m = np.linalg.norm(change_md - typical * mean_md, axis=1)
    usual = float(np.median(rest_m[inside_m]))
    allowed_m = np.maximum((UNEQUAL - 1.0) * typical * np.sqrt(square_m), NOISE_MARGIN * usual)
    odd_m = rest_m[judged_m] > allowed_m[judged_m]
    if typical <= 0.0 or odd_m.mean() > 1.0 - RESOLVED:
        return
    for m in judged_m[odd_m][:1]:
        run = int(ensemble.run_m[m])
        message = (
            f"{names[run]}: frames {m - ensemble.start_g[run]} and {m + 1 - ensemble.start_g[run]} are not as far "
            "apart in time as others: frames must be equally spaced; give every k-th frame of one run"
        )
        raise TrainingDataError(message)


def checked_timestep(timestep: float | None, ensemble: Ensemble) -> float:
    """Return the time between frames, estimated where it is not given.

    Parameters
    ----------
    timestep : float or None
        Time between frames (ASE units).
    ensemble : Ensemble
        States.
    """
    checked_setting(timestep)
    return estimated_timestep(ensemble) if timestep is None else float(timestep)


def checked_setting(timestep: float | None) -> None:
    """Refuse a time step that is not positive.

    Raises
    ------
    SettingsError
        If it is not.
    """
    if timestep is not None and not (np.isfinite(timestep) and timestep > 0.0):
        message = f"timestep is {timestep!r}: it must be a positive time between frames in ASE's units"
        raise SettingsError(message)


def accelerations(ensemble: Ensemble, timestep: float) -> tuple[FloatArray, FloatArray]:
    """Return states and rates of momenta by Hermite interpolation of five frames; frames near ends are left out.

    Parameters
    ----------
    ensemble : Ensemble
        States whose velocities are their momenta.
    timestep : float
        Time between frames.

    Raises
    ------
    TrainingDataError
        If all runs are shorter than five frames.
    """
    by_position_w, by_velocity_w = _second_derivative_weights()
    states, rates, n = [], [], ensemble.n
    for run in range(ensemble.n_runs):
        state_td = ensemble.state_md[ensemble.start_g[run] : ensemble.start_g[run + 1]]
        if len(state_td) < 5:
            continue
        window_tdw = np.lib.stride_tricks.sliding_window_view(state_td, 5, axis=0)
        relative_tuw = window_tdw[:, :n] - window_tdw[:, :n, 2:3]
        rates.append(relative_tuw @ by_position_w / timestep**2 + window_tdw[:, n:] @ by_velocity_w / timestep)
        states.append(state_td[2:-2])
    if not states:
        message = "without forces, a run needs at least five frames: give longer runs, or forces"
        raise TrainingDataError(message)
    return np.concatenate(states), np.concatenate(rates)


def _second_derivative_weights() -> tuple[FloatArray, FloatArray]:
    """Return the weights of values and slopes at −2 … 2 in the second derivative at 0, exact to degree nine."""
    place_w, degrees = np.arange(-2.0, 3.0), np.arange(10)
    value_pw = place_w ** degrees[:, None]
    slope_pw = np.where(degrees[:, None] > 0, degrees[:, None] * place_w ** np.maximum(degrees[:, None] - 1, 0), 0.0)
    second_p = np.where(degrees == 2, float(factorial(2)), 0.0)
    weights = np.linalg.solve(np.concatenate([value_pw, slope_pw], axis=1), second_p)
    return weights[:5], weights[5:]
