"""`fit_canonical_map`: from trajectories to a canonical map with constant actions, by linear least squares."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ase_rfhgn.errors import SettingsError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.runtime.random_streams import random_stream
from ase_rfhgn.runtime.stopwatch import Stopwatch
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.symmetries.action_hamiltonian import action_hamiltonian_of
from ase_rfhgn.symmetries.canonical_map import CanonicalMap
from ase_rfhgn.symmetries.central_field import central_field_of
from ase_rfhgn.symmetries.coordinates import PhaseSpaceCoordinates, coordinates_of
from ase_rfhgn.symmetries.ensemble import Ensemble, constancy, parts_of
from ase_rfhgn.symmetries.equilibrium import Opening, opening_at_equilibrium
from ase_rfhgn.symmetries.orbit_fit import FittedLayers, fitted_orbits
from ase_rfhgn.symmetries.run_checks import refuse_unbound_motion, warn_of_thermostat
from ase_rfhgn.symmetries.runs import Runs, RunSource, read_runs, require_ensemble, require_momenta
from ase_rfhgn.symmetries.shear_fit import fitted_shears, schedule_of
from ase_rfhgn.symmetries.time_steps import accelerations, checked_setting, checked_timestep, require_equal_spacing

FEWEST_RUNS = 4
"""Runs of the smallest ensemble."""

MOST_DEGREES = 24
"""Largest number of degrees of freedom; rows of the least squares grow with it."""

VARYING = 0.05
"""Loss on runs left out that a warning tells."""

CHARTS = ("equilibrium", "central-field")
"""What motion may go about."""


def fit_canonical_map(
    runs: Runs | RunSource | Iterable[RunSource],
    *,
    timestep: float | None = None,
    chart: str | None = None,
    n_layers: int = 5,
    most_terms: int = 500,
    seed: int = 0,
) -> CanonicalMap:
    """Return a canonical map to variables whose actions are constant along trajectories.

    The linear layer comes from forces at the equilibrium. Every further layer is a symmetric composition of exact
    shears, whose coefficients are one linear least squares. A quarter of the runs chooses ridges, and keeps
    only layers that help.

    Parameters
    ----------
    runs : iterable of runs
        At least four trajectories with momenta: files, or lists of Atoms, with equally spaced frames. Forces are
        used where all frames have them; otherwise they come from five frames in a row.
    timestep : float, optional
        Time between frames (ASE units). By default momenta and displacements tell it.
    chart : {"equilibrium", "central-field"}, optional
        What motion goes about: a stable equilibrium, or a centre, in a plane or in space. By default a centre if
        forces point to one and no orbit comes closer to it than a tenth of the mean distance.
    n_layers : int, default 5
        Most layers of shears.
    most_terms : int, default 500
        Most terms of a layer.
    seed : int, default 0
        Seed of the random directions of shears and of the runs that are left out.

    Returns
    -------
    CanonicalMap
        The map, with its frequencies and its Hamiltonian of actions.

    Raises
    ------
    TrainingDataError
        If there are fewer than four runs, no momenta, unequal spacing, unbound motion or no equilibrium, or more than
        24 degrees of freedom.
    SettingsError
        If a setting is out of its range.

    Notes
    -----
    Canonical maps learned by gradient descent: Bondesan and Lamacraft, arXiv:1906.04645.
    """
    _check_settings(chart, n_layers, most_terms)
    checked_setting(timestep)
    watch = Stopwatch()
    known = read_runs(runs)
    require_ensemble(known, FEWEST_RUNS, "a canonical map")
    coordinates = coordinates_of(known)
    if coordinates.n > MOST_DEGREES:
        message = (
            f"the motion has {coordinates.n} degrees of freedom, and a canonical map at most {MOST_DEGREES}: "
            "normal_modes finds the modes of larger systems"
        )
        raise TrainingDataError(message)
    ensemble = Ensemble(
        coordinates.states(known.position_mnc, require_momenta(known, "a canonical map")), known.start_g
    )
    require_equal_spacing(ensemble, known.name_g)
    refuse_unbound_motion(ensemble, known.name_g)
    warn_of_thermostat(known)
    step = checked_timestep(timestep, ensemble)
    rng = random_stream(seed)
    with single_threaded():
        fitted = _fitted(known, coordinates, ensemble, step, chart, n_layers, most_terms, rng)
    judged = [
        constancy(replace(part, rotations=fitted.hamiltonian.rotations).mapped(layers)).loss
        for part, layers in (
            (ensemble, fitted.layers.opening),
            (ensemble, fitted.layers),
            (fitted.valid, fitted.layers),
        )
    ]
    if judged[-1] > VARYING:
        message = (
            f"actions still vary along runs left out (loss {judged[-1]:.2g}): the motion may be chaotic, too strong "
            "for these layers, or not about an equilibrium (see chart); look at constancy of further runs"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=2)
    record = {
        "runs": known.n_runs,
        "frames": len(known.position_mnc),
        "timestep": step,
        "seed": seed,
        "chart": "central-field" if fitted.hamiltonian.rotations else None,
        "layers": fitted.layers.n_shears,
        **dict(zip(("loss_linear", "loss", "loss_left_out"), judged, strict=True)),
        **watch.times(),
    }
    return CanonicalMap(coordinates, fitted.layers, fitted.hamiltonian, fitted.frequency_u, record)


def _check_settings(chart: str | None, n_layers: int, most_terms: int) -> None:
    if chart is not None and chart not in CHARTS:
        message = f"chart is {chart!r}: it must be one of {', '.join(CHARTS)}, or None"
        raise SettingsError(message)
    if n_layers < 0 or most_terms < 8:
        message = f"n_layers is {n_layers!r} and most_terms {most_terms!r}: they must be at least 0 and 8"
        raise SettingsError(message)


def _fitted(
    runs: Runs,
    coordinates: PhaseSpaceCoordinates,
    ensemble: Ensemble,
    timestep: float,
    chart: str | None,
    n_layers: int,
    most_terms: int,
    rng: np.random.Generator,
) -> FittedLayers:
    """Return the layers about an equilibrium, or around a centre if that is wanted or there is no equilibrium."""
    n = ensemble.n
    if runs.force_mnc is None:
        state_md, force_mu = accelerations(ensemble, timestep)
    else:
        state_md, force_mu = ensemble.state_md, coordinates.forces(runs.force_mnc)
    field = None
    if chart == "central-field" or (chart is None and n in (2, 3)):
        field = central_field_of(coordinates, ensemble, state_md[:, :n], force_mu, needed=chart is not None)
    if field is not None:
        return fitted_orbits(field, ensemble, timestep, rng, most_terms=most_terms, n_layers=n_layers)
    opening = opening_at_equilibrium(state_md[:, :n], force_mu)
    return _fitted_oscillations(opening, ensemble, timestep, n_layers, most_terms, rng)


def _fitted_oscillations(
    opening: Opening, ensemble: Ensemble, timestep: float, n_layers: int, most_terms: int, rng: np.random.Generator
) -> FittedLayers:
    """Return the layers about an equilibrium."""
    opened = ensemble.mapped(opening.layers)
    train, valid = parts_of(opened, rng)
    schedule = schedule_of(ensemble.n, even=opening.even, most_terms=most_terms, n_layers=n_layers)
    shears = fitted_shears(opened.picked(train), opened.picked(valid), opening.reversal_dd, schedule, rng)
    hamiltonian = action_hamiltonian_of(opened.mapped(shears), timestep, opening.frequency_u)
    layers = opening.layers.then(*shears.layers)
    return FittedLayers(layers, hamiltonian, opening.frequency_u, ensemble.picked(valid))
