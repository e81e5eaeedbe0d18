"""The diagnosis of a fit: what looks wrong is told or refused before it, and told and recorded after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.linear_model import LinearModel
from ase_rfhgn.fitting.ridge_choice import Choice
from ase_rfhgn.fitting.second_opinion.opinion import second_opinion
from ase_rfhgn.structures.doctor.composition import deviations
from ase_rfhgn.structures.doctor.facts import FrameFacts, column
from ase_rfhgn.structures.doctor.suspicion import Suspicion, ranked, warn_of
from ase_rfhgn.structures.frame_graphs import FrameGraphs

NO_BETTER = 0.9
"""Error on frames left out, in units of the spread of the labels, from which a fit is no better than their mean."""


LEAST_SPREAD = {"energy": 1e-4, "force": 1e-3, "stress": 1e-5}
"""Spread of labels below which there is nothing to predict (eV/atom, eV/Å, eV/Å³)."""


def tell(suspicions: Sequence[Suspicion], weights: Mapping[str, float]) -> None:
    """Warn of suspicions before a fit, and refuse labels that contradict each other beyond doubt.

    Parameters
    ----------
    suspicions : sequence of Suspicion
        What looks wrong, the gravest first.
    weights : mapping of str to float
        Weight of every kind of label: a contradiction of labels that are not used does not matter.

    Raises
    ------
    TrainingDataError
        If no fit can be right.

    Warns
    -----
    TrainingDataWarning
        Once for each other suspicion.
    """
    for suspicion in suspicions:
        if suspicion.proven and all(weights.get(kind, 0.0) > 0.0 for kind in suspicion.proven):
            needless = suspicion.proven[-1]
            message = f"{suspicion.line}; repair the labels, or set {needless}_weight to 0 to leave one kind out"
            raise TrainingDataError(message)
    warn_of(suspicions)


def diagnosed(
    facts: Sequence[FrameFacts],
    told: Sequence[Suspicion],
    model: LinearModel,
    factors: Factors,
    choice: Choice,
    items: FrameGraphs,
    weights: Mapping[str, float],
) -> list[dict[str, str]]:
    """Return all suspicions about a fit for its record, and warn of those that were not told before.

    Parameters
    ----------
    facts : sequence of FrameFacts
        Facts about the frames; without any, nothing is looked for.
    told : sequence of Suspicion
        What was told before the fit.
    model : LinearModel
        The model of the fit.
    factors : Factors
        Rows of all frames.
    choice : Choice
        The regression, with errors of cross-validation.
    items : FrameGraphs
        The frames.
    weights : mapping of str to float
        Weight of every kind of label.

    Warns
    -----
    TrainingDataWarning
        Once for each new suspicion.
    """
    new: tuple[Suspicion, ...] = ()
    if any(one.labelled for one in facts):
        known = {one.kind for one in told}
        found = [
            *second_opinion(model, factors, items, weights, known, _energy_error(factors, choice)),
            *_no_better(facts, choice, weights, by_system=factors.grouping.by_system),
        ]
        new = ranked(one for one in found if one.kind not in known)
        warn_of(new)
    return [{"kind": one.kind, "line": one.line} for one in ranked([*told, *new])]


def _energy_error(factors: Factors, choice: Choice) -> float:
    """Return the error of energies left out (eV/atom), infinite where whole chemical systems are left out."""
    return np.inf if factors.grouping.by_system else choice.cross_validation.get("energy", np.inf)


def _no_better(
    facts: Sequence[FrameFacts], choice: Choice, weights: Mapping[str, float], *, by_system: bool
) -> Iterator[Suspicion]:
    """Yield a suspicion if cross-validation finds errors as large as the spread of the labels."""
    found: dict[str, float] = {}
    spreads = _spreads(facts)
    if by_system:
        del spreads["energy"]  # energies of an unknown system have an unpredictable offset
    for kind, spread in spreads.items():
        error = choice.cross_validation.get(kind)
        if (
            error is not None
            and weights.get(kind, 0.0) > 0.0
            and spread > LEAST_SPREAD[kind]
            and error > NO_BETTER * spread
        ):
            found[kind] = error / spread
    if found:
        words = ", ".join(f"{kind} {ratio:.2g}" for kind, ratio in found.items())
        message = (
            f"errors on frames left out are as large as the spread of the labels ({words} times): there the fit is no "
            "better than a mean, do not use it; give more frames, or look at the labels"
        )
        yield Suspicion("no better than the mean", message)


def _spreads(facts: Sequence[FrameFacts]) -> dict[str, float]:
    """Return the root mean square of labels around what is known without structures: mean, composition, zero."""
    deviation_i = deviations([one.composition for one in facts], column(facts, "energy"))
    force_i, n_atoms_i = column(facts, "force_rms"), column(facts, "n_atoms")
    stress_iv = np.stack([one.stress_v for one in facts])
    return {
        "energy": _root_mean_square(deviation_i),
        "force": _root_mean_square(force_i, n_atoms_i),
        "stress": _root_mean_square((stress_iv - _mean(stress_iv)).ravel()),
    }


def _mean(stress_iv: FloatArray) -> FloatArray:
    known_iv = np.where(np.isnan(stress_iv), 0.0, stress_iv)
    mean_v: FloatArray = known_iv.sum(axis=0) / max(1, np.isfinite(stress_iv[:, 0]).sum())
    return mean_v


def _root_mean_square(value_i: FloatArray, weight_i: FloatArray | None = None) -> float:
    known_i = np.isfinite(value_i)
    if not known_i.any():
        return 0.0
    weights = None if weight_i is None else weight_i[known_i]
    return float(np.sqrt(np.average(np.square(value_i[known_i]), weights=weights)))
