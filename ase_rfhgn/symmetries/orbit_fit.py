"""Canonical maps of orbits around a centre: chart, distance from circular orbits, shears of the radial motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries.action_hamiltonian import ActionHamiltonian, action_hamiltonian_of
from ase_rfhgn.symmetries.central_field import EXPONENTS, CentralField
from ase_rfhgn.symmetries.charts import CircularOrbits
from ase_rfhgn.symmetries.composition import Composition, WithinOrbit, signs_of_sense, within_orbit
from ase_rfhgn.symmetries.ensemble import Ensemble, parts_of
from ase_rfhgn.symmetries.shear_fit import fitted_shears, schedule_of_orbits, weighted_loss

REVERSAL = np.diag([1.0, -1.0, -1.0, 1.0])
"""Time reversal with a reflection of the plane, which keeps the sense of orbits."""


@dataclass(frozen=True, slots=True)
class FittedLayers:
    """Layers of a canonical map with its Hamiltonian.

    Attributes
    ----------
    layers : Composition
        All layers.
    hamiltonian : ActionHamiltonian
        K(I).
    frequency_u : ndarray of shape (n,)
        Frequencies of small oscillations.
    valid : Ensemble
        Trajectories that chose ridges and layers, as they were before all layers.
    """

    layers: Composition
    hamiltonian: ActionHamiltonian
    frequency_u: FloatArray
    valid: Ensemble


def fitted_orbits(
    field: CentralField,
    ensemble: Ensemble,
    timestep: float,
    rng: np.random.Generator,
    *,
    most_terms: int,
    n_layers: int,
) -> FittedLayers:
    """Return the canonical map of orbits to the radial action and angular momentum.

    Angular momentum is a momentum of the chart, and layers do not see the angle: it stays as exact as it is. Orbits
    of either sense are one ensemble.

    Parameters
    ----------
    field : CentralField
        Chart and radial forces.
    ensemble : Ensemble
        Trajectories.
    timestep : float
        Time between frames (ASE units).
    rng : numpy.random.Generator
        Source of randomness.
    most_terms, n_layers : int
        Most terms of a layer, and most layers.
    """
    charted = ensemble.mapped(field.chart)
    state_md = signs_of_sense(charted.state_md) * charted.state_md[:, within_orbit(ensemble.n)]
    planar = replace(ensemble, state_md=state_md, rate_md=None, rotations=(1,))
    train_runs, valid_runs = parts_of(planar, rng)
    schedule = schedule_of_orbits(most_terms, n_layers)
    seed = int(rng.integers(2**32))
    train, valid = planar.picked(train_runs), planar.picked(valid_runs)
    circles = _best_circles(field, train, valid, schedule[:1], seed)
    shears = fitted_shears(train.mapped(circles), valid.mapped(circles), REVERSAL, schedule, rng)
    inner = Composition((circles, *shears.layers))
    frequency_u = field.frequencies(float(np.exp(np.log(state_md[:, 3]).mean())))
    hamiltonian = action_hamiltonian_of(planar.mapped(inner), timestep, frequency_u)
    beyond = ensemble.n - 2
    return FittedLayers(
        layers=field.chart.then(WithinOrbit(inner)),
        hamiltonian=hamiltonian.extended(beyond),
        frequency_u=np.concatenate([frequency_u, np.zeros(beyond)]),
        valid=ensemble.picked(valid_runs),
    )


def _best_circles(
    field: CentralField, train: Ensemble, valid: Ensemble, schedule: Sequence[dict[int, int]], seed: int
) -> CircularOrbits:
    """Return circular orbits with the power of the distance whose first layer is the best on trajectories left out."""
    candidates = [field.circles(exponent) for exponent in EXPONENTS]
    losses = []
    for circles in candidates:
        opened = train.mapped(circles), valid.mapped(circles)
        layer = fitted_shears(*opened, REVERSAL, schedule, np.random.default_rng(seed))
        losses.append(weighted_loss(opened[1].mapped(layer)))
    return candidates[int(np.argmin(losses))]
