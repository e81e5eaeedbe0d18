"""Layers of ridge shears that make actions constant along trajectories, each from one linear least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import comb

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries.composition import Composition
from ase_rfhgn.symmetries.ensemble import Ensemble, radii
from ase_rfhgn.symmetries.layers import RidgeShears
from ase_rfhgn.symmetries.ridge_functions import TANH, RidgeFunctions, sample_ridge_functions

RIDGES = (1e-15, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3)
"""Ridges that are tried, relative to columns of unit mean square."""

STEPS = (1.0, 0.6)
"""Parts of a solution that are tried."""

REPEATS = (4, 12, 36)
"""Numbers of shorter compositions that are tried where one falls short of what least squares promise."""

SHORT = 4.0
"""Loss, relative to the promised one, that falls short."""

ODD_LAYERS = 2
"""Layers whose terms are all odd under time reversal; the errors of their composition are not odd any more."""

MANY = 3
"""Degrees of freedom from which terms of both signs and several powers at once would be too many."""

MOST_ORDERS = 3
"""Layers of such systems where potentials are not even: cubic, quartic and quintic terms."""

POWERS_OF_ORBITS = (3, 5, 8, 11)
"""Highest power of terms for orbits, layer by layer; the last serves further layers, too."""

SPANNING = 0.65
"""Terms for orbits of a power, of each sign under time reversal, relative to all monomials: half of them would span."""

ROWS_TIMES_SQUARED_TERMS = 4e9
"""Work of a least squares; where all frames would be more, some are sampled."""

STATES_OF_TRIALS = 2500
"""States of validation trajectories on which ridges and steps are tried."""

GOOD = 0.1
"""Loss, relative to that of the layers before, that does not fall short in any case."""

WORTH = 0.5
"""A layer of several compositions must lower the loss below this part of that of one."""

GAIN = 0.97
"""A layer must lower the loss on validation trajectories below this part of what it was."""

FLOOR = 1e-17
"""Loss below which rounding decides."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients of a generator, and the loss that they promise to first order."""

    coefficient_f: FloatArray
    promised: float


def fitted_shears(
    train: Ensemble,
    valid: Ensemble,
    reversal_dd: FloatArray,
    schedule: Sequence[Mapping[int, int]],
    rng: np.random.Generator,
) -> Composition:
    """Return layers after which the actions vary least along trajectories.

    Parameters
    ----------
    train, valid : Ensemble
        Trajectories in the variables of the linear layer. The second ones choose ridges, steps, and the
        number of layers.
    reversal_dd : ndarray of shape (2n, 2n)
        Time reversal in these variables.
    schedule : sequence of mappings
        Units of every power, layer by layer, as for `sample_ridge_functions`.
    rng : numpy.random.Generator
        Source of randomness.
    """
    layers = Composition()
    trials = _part(valid)
    for number, units in enumerate(schedule):
        if weighted_loss(valid) < FLOOR:
            break
        both_signs = number >= ODD_LAYERS and train.n < MANY
        functions = sample_ridge_functions(
            train.state_md, units, reversal_dd, rng, both_signs=both_signs, rotations=train.rotations
        )
        best = _best(functions, solutions(functions, train, rng), trials)
        if best is None:
            break
        with np.errstate(over="ignore", invalid="ignore"):
            new_train, new_valid = train.mapped(best), valid.mapped(best)
        if any(weighted_loss(new) > GAIN * weighted_loss(old) for new, old in ((new_train, train), (new_valid, valid))):
            break
        layers = layers.then(best)
        train, valid, trials = new_train, new_valid, trials.mapped(best)
    return layers


def solutions(functions: RidgeFunctions, train: Ensemble, rng: np.random.Generator) -> list[Solution]:
    """Return coefficients for every ridge of `RIDGES`, and the loss that they promise.

    They minimise Σ_u ⟨r_u²⟩⁻¹ |C(r_u + {r_u, W})|² + α|c|², C removing the mean over each trajectory.

    Parameters
    ----------
    functions : RidgeFunctions
        Terms of the generator W.
    train : Ensemble
        Trajectories.
    rng : numpy.random.Generator
        Picks frames where there are more than enough.
    """
    librations = train.librations
    radius_mu = radii(train.state_md)[:, librations]
    weight_u = 1.0 / np.sqrt((radius_mu**2).mean(axis=0))
    target_mu = -train.deviations(radius_mu) * weight_u
    n_rows = int(ROWS_TIMES_SQUARED_TERMS / len(functions.bias_f) ** 2 / len(librations))
    n_states = len(radius_mu)
    rows = np.sort(rng.choice(n_states, n_rows, replace=False)) if n_rows < n_states else np.arange(n_states)
    parts = [
        np.column_stack([weight_u[u] * train.deviations(bracket_mf)[rows], target_mu[rows, u]])
        for u, bracket_mf in enumerate(functions.brackets(train.state_md, librations))
    ]
    system_mf = np.concatenate(parts)
    factor_ff = np.linalg.qr(system_mf, mode="r") / np.sqrt(len(system_mf))
    scale_f = np.maximum(np.linalg.norm(factor_ff[:, :-1], axis=0), np.finfo(float).tiny)
    left, value_k, right = np.linalg.svd(factor_ff[:, :-1] / scale_f, full_matrices=False)
    along_k = left.T @ factor_ff[:, -1]
    found = []
    for ridge in RIDGES:
        coefficient_f = right.T @ (value_k * along_k / (value_k**2 + ridge)) / scale_f
        rest_f = factor_ff[:, :-1] @ coefficient_f - factor_ff[:, -1]
        found.append(Solution(coefficient_f, float(rest_f @ rest_f)))
    return found


def weighted_loss(ensemble: Ensemble) -> float:
    """Return ℓ of the librations of an ensemble, infinite where a map has left the numbers."""
    if not np.isfinite(ensemble.state_md).all():
        return float("inf")
    radius_mu = radii(ensemble.state_md)[:, ensemble.librations]
    within_u = (ensemble.deviations(radius_mu) ** 2).mean(axis=0)
    return float(np.mean(within_u / (radius_mu**2).mean(axis=0)))


def schedule_of(n: int, *, even: bool, most_terms: int = 500, n_layers: int = 4) -> list[dict[int, int]]:
    """Return the number of terms of every power for each layer: enough to span the lower powers, these first.

    Parameters
    ----------
    n : int
        Degrees of freedom.
    even : bool
        Whether the potential is even about its minimum, so that odd powers do not help.
    most_terms : int, default 500
        Most terms of a layer.
    n_layers : int, default 4
        Number of layers.
    """
    if not even and n >= MANY:
        n_layers = min(n_layers, MOST_ORDERS)
    return [_capped(_terms_of_layer(n, number, even=even), most_terms) for number in range(n_layers)]


def schedule_of_orbits(most_terms: int, n_layers: int) -> list[dict[int, int]]:
    """Return the same for the radial motion of orbits: powers of two variables and the angular momentum.

    Parameters
    ----------
    most_terms : int
        Most terms of a layer.
    n_layers : int
        Number of layers.
    """
    schedule = []
    for number in range(n_layers):
        signs = 1 if number < ODD_LAYERS else 2
        powers = range(1, POWERS_OF_ORBITS[min(number, len(POWERS_OF_ORBITS) - 1)] + 1)
        schedule.append({power: 4 + int(SPANNING * signs * comb(power + 2, power)) for power in powers})
    return [_capped(terms, most_terms) for terms in schedule]


def _terms_of_layer(n: int, number: int, *, even: bool) -> dict[int, int]:
    """Return the number of terms of every power for one layer."""
    if not even and n >= MANY:  # as in a normal form, order by order
        powers = [3, 4][: 1 + number] if number < ODD_LAYERS else [3 + number]
    elif not even:
        powers = list(range(3, 4 + number))
    elif n == 1:  # one angle: powers alone converge fast
        powers = list(range(2, 9 + 4 * number, 2))
    else:
        powers = [2, 4]
    signs = 1 if number < ODD_LAYERS or n >= MANY else 2
    terms = {power: 4 + signs * comb(2 * n + power - 1, power) * 4 // 5 for power in powers}
    if even and n > 1:
        terms[TANH] = 100 * signs
    return terms


def _capped(terms: dict[int, int], most_terms: int) -> dict[int, int]:
    """Return as many terms as are allowed; the highest powers give way."""
    while sum(terms.values()) > most_terms:
        top = max(terms)
        terms[top] -= min(terms[top], sum(terms.values()) - most_terms)
        if not terms[top]:
            del terms[top]
    return terms


def _part(valid: Ensemble) -> Ensemble:
    """Return as many of the validation trajectories as trials need."""
    mean_length = len(valid.state_md) / valid.n_runs
    n_runs = min(valid.n_runs, max(4, int(STATES_OF_TRIALS / mean_length)))
    return valid.picked(range(n_runs))


def _best(functions: RidgeFunctions, found: Sequence[Solution], trials: Ensemble) -> RidgeShears | None:
    """Return the layer that makes the actions most constant, None if none does."""
    start = weighted_loss(trials)
    best, least = None, start
    promised = min(solution.promised for solution in found)
    with np.errstate(over="ignore", invalid="ignore"):
        for solution, step in product(found, STEPS):
            layer = RidgeShears(*functions.terms(step * solution.coefficient_f))
            if (loss := weighted_loss(trials.mapped(layer))) < least:
                best, least = layer, loss
        for repeats, solution in product(REPEATS, found[1::2]):
            if least <= max(SHORT * promised, GOOD * start):
                break
            layer = RidgeShears(*functions.terms(solution.coefficient_f), repeats)
            if (loss := weighted_loss(trials.mapped(layer))) < WORTH * least:
                best, least = layer, loss
    return best
