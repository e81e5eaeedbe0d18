"""`find_integrals`: from trajectories to independent integrals of motion, by one eigenproblem."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.features.sampling import sample_layer
from ase_rfhgn.runtime.random_streams import random_stream
from ase_rfhgn.runtime.stopwatch import Stopwatch
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.symmetries.bond_sums import bond_sums_of
from ase_rfhgn.symmetries.coordinates import PhaseSpaceCoordinates, coordinates_of
from ase_rfhgn.symmetries.eigenfunctions import Eigenfunctions, eigenfunctions, independent, spreads, triangle
from ase_rfhgn.symmetries.ensemble import Ensemble
from ase_rfhgn.symmetries.graph_sums import graph_sums_of
from ase_rfhgn.symmetries.integrals import Integrals
from ase_rfhgn.symmetries.monomials import exponents, n_monomials
from ase_rfhgn.symmetries.observables import (
    JoinedObservables,
    MonomialObservables,
    Observables,
    Scaling,
    UnitObservables,
)
from ase_rfhgn.symmetries.run_checks import warn_of_moving_centre, warn_of_thermostat, warn_of_unbound_motion
from ase_rfhgn.symmetries.runs import Runs, RunSource, read_runs, require_ensemble, require_momenta, split_runs
from ase_rfhgn.symmetries.time_steps import require_equal_spacing

FEATURES = ("both", "swim", "elm", "monomials", "bonds", "graph")
OF_BONDS = {"bonds", "graph"}
FORMS = ("frames", "rates")
FEWEST_RUNS = 6
SHARES = (0.45, 0.2, 0.35)
"""Shares of runs that fit, that choose the ridge and the order, and that judge."""

RIDGES = tuple(10.0**power for power in range(-15, -2, 2))
"""Ridges that are tried, for functions of unit variance."""

LOWEST = 6
"""Number of functions whose λ on validation runs choose the ridge."""

THRESHOLD = 0.01
"""λ on runs left out below which a function is conserved, if there is no noise."""

NOISE_FACTOR = 10.0
"""How the threshold grows with the share of noise in the variance of coordinates."""

MOST_THRESHOLD = 0.3
NOISY = 0.02
"""Share of noise that is worth a warning."""

TOLERANCE = 0.04
"""Singular value of gradients, over the largest, above which functions are independent."""

POINTS = 200
"""States at which gradients are compared."""

MOST_DEPENDENT = 40
"""Functions below the threshold that are compared at most."""

MOST_MONOMIALS = 130


def find_integrals(
    runs: Runs | RunSource | Iterable[RunSource],
    *,
    features: str = "both",
    form: str = "frames",
    bonds: Bonds | None = None,
    n_units: int = 500,
    degree: int = 4,
    steepness: float | None = None,
    seed: int = 0,
) -> Integrals:
    """Return the independent integrals of motion of an ensemble of trajectories.

    Functions of phase space are combined so that they vary least along trajectories, relative to how much they
    vary altogether. One counts if it does so on trajectories left out; functions of functions do not count again.

    Parameters
    ----------
    runs : iterable of runs
        At least six trajectories with momenta: files, or lists of Atoms.
    features : {"both", "swim", "elm", "monomials", "bonds", "graph"}
        Functions: units tanh(w·z + b), monomials, or both; sums over bonds, for chains; or a graph network.
    form : {"frames", "rates"}
        Whether to compare frames of a trajectory, or to use rates of change by velocities and forces.
    bonds : Bonds, optional
        Bonds, for sums over bonds (of a chain, all in one direction) and for a graph network.
    n_units : int, default 500
        Number of units.
    degree : int, default 4
        Highest degree of monomials; for sums over bonds, the number of nodes of a ring finds all integrals of Toda's.
    steepness : float, optional
        Exponent of bond lengths in sums over bonds (1/Å); by default from forces, or 1.
    seed : int, default 0
        Seed of the units and of the runs that are left out.

    Returns
    -------
    Integrals
        The integrals, with how well they are conserved.

    Raises
    ------
    TrainingDataError
        If there are fewer than six runs, no momenta, unequal spacing, or no forces where rates are wanted.
    SettingsError
        If a setting is unknown or out of its range.

    Notes
    -----
    The motion of the centre of mass is left out where it is free, so total momenta are not counted. The threshold
    of λ is 0.01, plus ten times the share of noise in the variance of coordinates, which fourth differences show.
    """
    _check_settings(features, form, bonds, n_units, degree)
    watch = Stopwatch()
    known = read_runs(runs)
    require_ensemble(known, FEWEST_RUNS, "finding integrals")
    momentum_mnc = require_momenta(known, "finding integrals")
    if form == "rates" and known.force_mnc is None:
        message = f"{known.name_g[0]}: frames have no forces, which form='rates' needs; take form='frames'"
        raise TrainingDataError(message)
    coordinates = coordinates_of(known)
    whole = Ensemble(coordinates.states(known.position_mnc, momentum_mnc), known.start_g)
    require_equal_spacing(whole, known.name_g)
    warn_of_unbound_motion(whole, known.name_g)
    warn_of_thermostat(known)
    warn_of_moving_centre(known)
    noise = noise_share(whole)
    _warn_of_noise(noise, known)
    rng = random_stream(seed)
    with single_threaded():
        parts = [_ensemble(part, coordinates) for part in split_runs(known, SHARES, rng)]
        observables: Observables
        if bonds is None:
            observables = _sampled(features, parts[0].state_md, n_units, degree, rng)
        elif features == "bonds":
            observables = bond_sums_of(known, coordinates, bonds, degree, steepness)
        else:
            observables = graph_sums_of(known, coordinates, bonds, parts[0].state_md, n_units, rng)
        found = _Search(observables, parts, form).found()
    threshold = min(MOST_THRESHOLD, THRESHOLD + NOISE_FACTOR * noise)
    record = {
        "runs": known.n_runs,
        "frames": len(known.position_mnc),
        "features": features,
        "n_features": observables.n_features,
        "form": form,
        "ridge": found.ridge,
        "threshold": threshold,
        "noise": noise,
        "seed": seed,
        "degrees_of_freedom": coordinates.n,
        **watch.times(),
    }
    return _chosen(found, coordinates, threshold, record, rng)


def noise_share(ensemble: Ensemble) -> float:
    """Return the share of white noise in the variance of coordinates, by their fourth differences.

    Fourth differences multiply the variance of white noise by 70. Motion of angular frequency ω between frames
    Δ apart contributes (2 sin ωΔ/2)⁸/70, so frames that are far apart look like noise.
    """
    runs = [ensemble.state_md[s:e] for s, e in zip(ensemble.start_g[:-1], ensemble.start_g[1:], strict=True)]
    difference_md = [np.diff(state_td, n=4, axis=0) for state_td in runs if len(state_td) > 4]
    if not difference_md:
        return 0.0
    square_d = (np.concatenate(difference_md) ** 2).mean(axis=0) / 70.0
    return float(np.mean(square_d / ensemble.state_md.var(axis=0)))


class _Found:
    """Eigenfunctions, sorted by λ on validation runs, and judged on the runs left out."""

    def __init__(self, search: _Search, ridge: float, chosen: Eigenfunctions, order: Any) -> None:  # noqa: ANN401
        self.observables = search.observables
        self.ridge = ridge
        self.coefficient_fi = chosen.coefficient_fi[:, order] / search.spread_f[:, None]
        self.fitted_i = chosen.spread_i[order]
        self.test = search.parts[2]
        value_mi = search.values[2] @ chosen.coefficient_fi[:, order]
        self.judged_i = spreads(search.drifts[2] @ chosen.coefficient_fi[:, order], value_mi)


class _Search:
    """The eigenproblem for several ridges."""

    def __init__(self, observables: Observables, parts: list[Ensemble], form: str) -> None:
        self.observables = observables
        self.parts = parts
        values = [observables.values(part.state_md) for part in parts]
        self.spread_f = np.maximum(values[0].std(axis=0), np.finfo(float).tiny)
        self.values = [value_mf / self.spread_f for value_mf in values]
        self.drifts = [self._drift(part, value_mf, form) for part, value_mf in zip(parts, self.values, strict=True)]

    def found(self) -> _Found:
        """Return the eigenfunctions of the ridge whose lowest λ are the lowest on validation runs."""
        value_ff = triangle(self.values[0] - self.values[0].mean(axis=0))
        drift_ff = triangle(self.drifts[0])
        candidates = [eigenfunctions(drift_ff, value_ff, ridge) for ridge in RIDGES]
        spreads_i = [
            spreads(self.drifts[1] @ one.coefficient_fi, self.values[1] @ one.coefficient_fi) for one in candidates
        ]
        scores = [float(np.log(np.maximum(np.sort(one_i)[:LOWEST], 1e-30)).mean()) for one_i in spreads_i]
        best = int(np.argmin(scores))
        return _Found(self, RIDGES[best], candidates[best], np.argsort(spreads_i[best], kind="stable"))

    def _drift(self, part: Ensemble, value_mf: FloatArray, form: str) -> FloatArray:
        if form == "frames" or part.rate_md is None:
            return part.deviations(value_mf)
        frequency = np.sqrt(np.mean(part.rate_md**2 / part.state_md.var(axis=0)))
        rate_mf: FloatArray = self.observables.rates(part.state_md, part.rate_md) / self.spread_f / frequency
        return rate_mf


def _chosen(
    found: _Found,
    coordinates: PhaseSpaceCoordinates,
    threshold: float,
    record: dict[str, Any],
    rng: np.random.Generator,
) -> Integrals:
    """Return the independent functions below the threshold."""
    low = np.flatnonzero(found.judged_i < threshold)[:MOST_DEPENDENT]
    states_md = found.test.state_md
    points_md = states_md[rng.choice(len(states_md), min(POINTS, len(states_md)), replace=False)]
    gradient_mdi = found.observables.gradients(points_md, found.coefficient_fi[:, low])
    trust_i = 1.0 - np.sqrt(found.judged_i[low] / threshold)  # gradients of what is hardly conserved are rough
    taken, singular_k = independent(trust_i * gradient_mdi * states_md.std(axis=0)[:, None], TOLERANCE)
    coefficient_fi = found.coefficient_fi[:, low]
    return Integrals(
        coordinates=coordinates,
        observables=found.observables,
        conserved_fi=coefficient_fi,
        mean_i=(found.observables.values(states_md) @ coefficient_fi).mean(axis=0),
        independent_i=taken,
        spectrum_i=found.judged_i,
        fitted_spectrum_i=found.fitted_i,
        conserved_spread_i=found.judged_i[low],
        singular_k=singular_k,
        record=record,
    )


def _ensemble(runs: Runs, coordinates: PhaseSpaceCoordinates) -> Ensemble:
    """Return states of runs, with rates where there are forces."""
    state_md = coordinates.states(runs.position_mnc, require_momenta(runs, "finding integrals"))
    rate_md = None
    if runs.force_mnc is not None:
        rate_md = np.concatenate([state_md[:, coordinates.n :], coordinates.forces(runs.force_mnc)], axis=1)
    return Ensemble(state_md, runs.start_g, rate_md)


def _sampled(features: str, state_md: FloatArray, n_units: int, degree: int, rng: np.random.Generator) -> Observables:
    """Return monomials, units, or both."""
    scaling = Scaling.of(state_md)
    width = state_md.shape[1]
    parts: list[Observables] = []
    if features in {"both", "monomials"}:
        while features == "both" and degree > 1 and n_monomials(width, degree) > MOST_MONOMIALS:
            degree -= 1
        parts.append(MonomialObservables(scaling, exponents(width, degree)))
    if features != "monomials":
        sampler = "elm" if features == "elm" else "swim"
        n_units = min(n_units, len(state_md) // 2)
        parts.append(UnitObservables(scaling, sample_layer(sampler, scaling(state_md), n_units, rng)))
    return parts[0] if len(parts) == 1 else JoinedObservables(tuple(parts))


def _warn_of_noise(noise: float, runs: Runs) -> None:
    if noise > NOISY:
        message = (
            f"{runs.name_g[0]}: {100 * noise:.0f} % of the variance of coordinates looks like noise, or frames are far "
            "apart; integrals that count are conserved within this only"
        )
        warnings.warn(message, TrainingDataWarning, stacklevel=3)


def _check_settings(features: str, form: str, bonds: Bonds | None, n_units: int, degree: int) -> None:
    if features not in FEATURES:
        message = f"features is {features!r}: it must be one of {', '.join(FEATURES)}"
        raise SettingsError(message)
    if form not in FORMS:
        message = f"form is {form!r}: it must be 'frames' or 'rates'"
        raise SettingsError(message)
    if (features in OF_BONDS) != (bonds is not None):
        message = "features='bonds' or 'graph' and the argument bonds belong together: give both or none"
        raise SettingsError(message)
    if n_units < 1 or degree < 1:
        message = f"n_units is {n_units!r} and degree {degree!r}: they must be at least 1"
        raise SettingsError(message)
