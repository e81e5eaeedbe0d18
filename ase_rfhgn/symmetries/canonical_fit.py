"""`fit_canonical_map`: from trajectories to a canonical map with constant actions, by linear least squares."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.runtime.random_streams import random_stream
from ase_rfhgn.runtime.stopwatch import Stopwatch
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.symmetries.action_hamiltonian import action_hamiltonian_of
from ase_rfhgn.symmetries.canonical_map import CanonicalMap
from ase_rfhgn.symmetries.coordinates import PhaseSpaceCoordinates, coordinates_of
from ase_rfhgn.symmetries.ensemble import Ensemble, constancy
from ase_rfhgn.symmetries.equilibrium import Opening, opening_at_equilibrium, opening_by_moments
from ase_rfhgn.symmetries.layers import Composition, LeviCivita, Shift
from ase_rfhgn.symmetries.run_checks import refuse_unbound_motion, warn_of_thermostat
from ase_rfhgn.symmetries.runs import Runs, RunSource, read_runs, require_ensemble, require_momenta
from ase_rfhgn.symmetries.shear_fit import fitted_shears, schedule_of
from ase_rfhgn.symmetries.time_steps import accelerations, checked_setting, checked_timestep, require_equal_spacing

FEWEST_RUNS = 4
"""Runs of the smallest ensemble."""

MOST_DEGREES = 24
"""Largest number of degrees of freedom; rows of the least squares grow with it."""

VALIDATION_SHARE = 0.25
"""Share of runs that choose ridges, steps and layers."""

CHARTS = (None, "levi-civita")

MIRRORED_REVERSAL = np.diag([1.0, -1.0, -1.0, 1.0])
"""Time reversal with a reflection of the plane, which keeps the sense of orbits."""


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
    chart : {"levi-civita"}, optional
        Coordinates that come first: square-root coordinates of orbits around a centre in a plane.
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
    with single_threaded():
        opening = _opening(known, coordinates, ensemble, step, chart)
        opened, layers = ensemble.mapped(opening.layers), opening.layers
        linear = constancy(opened)
        rng = random_stream(seed)
        train, valid = _parts(opened, rng)
        schedule = schedule_of(
            ensemble.n, even=opening.even, most_terms=most_terms, n_layers=n_layers, powers_only=chart is not None
        )
        shears = fitted_shears(train, valid, opening.reversal_dd, schedule, rng)
        layers = layers.then(*shears.layers)
        mapped = opened.mapped(shears)
        of_chart = chart is not None
        hamiltonian = action_hamiltonian_of(
            mapped, step, None if of_chart else opening.frequency_u, period=np.pi if of_chart else 2.0 * np.pi
        )
    frequency_u = hamiltonian.frequencies(np.zeros((1, ensemble.n)))[0] if of_chart else opening.frequency_u
    record = {
        "runs": known.n_runs,
        "frames": len(known.position_mnc),
        "timestep": step,
        "seed": seed,
        "chart": chart,
        "layers": len(shears.layers),
        "loss_linear": linear.loss,
        "loss": constancy(mapped).loss,
        "loss_left_out": constancy(valid.mapped(shears)).loss,
        **watch.times(),
    }
    return CanonicalMap(coordinates, layers, hamiltonian, frequency_u, record)


def _check_settings(chart: str | None, n_layers: int, most_terms: int) -> None:
    if chart not in CHARTS:
        message = f"chart is {chart!r}: it must be None or 'levi-civita'"
        raise SettingsError(message)
    if n_layers < 0 or most_terms < 8:
        message = f"n_layers is {n_layers!r} and most_terms {most_terms!r}: they must be at least 0 and 8"
        raise SettingsError(message)


def _parts(ensemble: Ensemble, rng: np.random.Generator) -> tuple[Ensemble, Ensemble]:
    """Return trajectories to fit, and trajectories to choose by."""
    order = rng.permutation(ensemble.n_runs)
    n_valid = max(1, round(VALIDATION_SHARE * ensemble.n_runs))
    return ensemble.picked(np.sort(order[n_valid:])), ensemble.picked(np.sort(order[:n_valid]))


def _opening(
    runs: Runs, coordinates: PhaseSpaceCoordinates, ensemble: Ensemble, timestep: float, chart: str | None
) -> Opening:
    """Return the linear part of the map, after the chart."""
    n = ensemble.n
    if runs.force_mnc is None:
        state_md, force_mu = accelerations(ensemble, timestep)
    else:
        state_md, force_mu = ensemble.state_md, coordinates.forces(runs.force_mnc)
    if chart is None:
        return opening_at_equilibrium(state_md[:, :n], force_mu)
    if n != 2:
        message = f"the motion has {n} degrees of freedom: the Levi-Civita chart is for orbits in a plane"
        raise TrainingDataError(message)
    centre_d = np.concatenate([_centre(state_md[:, :2], force_mu), np.zeros(2)])
    charted = Composition((Shift(centre_d), LeviCivita()))
    opening = opening_by_moments(charted.forward(ensemble.state_md), MIRRORED_REVERSAL)
    return Opening(charted.then(*opening.layers.layers), opening.frequency_u, opening.reversal_dd, opening.even)


def _centre(place_m2: FloatArray, force_m2: FloatArray) -> FloatArray:
    """Return the point that forces in a plane point to or away from, by least squares of their torque."""
    torque_m = place_m2[:, 0] * force_m2[:, 1] - place_m2[:, 1] * force_m2[:, 0]
    arm_m2 = np.stack([force_m2[:, 1], -force_m2[:, 0]], axis=1)
    return np.asarray(np.linalg.lstsq(arm_m2, torque_m, rcond=None)[0], dtype=np.float64)
