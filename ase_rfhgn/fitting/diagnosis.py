"""The diagnosis of a fit: what looks wrong is told or refused before it, and told and recorded after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.linear_model import LinearModel
from ase_rfhgn.fitting.no_better import no_better
from ase_rfhgn.fitting.ridge_choice import Choice
from ase_rfhgn.fitting.second_opinion.opinion import second_opinion
from ase_rfhgn.fitting.survey import Survey
from ase_rfhgn.structures.doctor.facts import FrameFacts
from ase_rfhgn.structures.doctor.suspicion import Suspicion, ranked, warn_of
from ase_rfhgn.structures.frame_graphs import FrameGraphs

LEAST_LABELS = 1.0 / 50.0
"""Labels per coefficient below which the prior decides nearly everything."""


def few_labels(survey: Survey, weights: Mapping[str, float], n_columns: int) -> Iterator[Suspicion]:
    """Yield a suspicion if there are very few labels for the coefficients of a fit; copies of a structure count once.

    Parameters
    ----------
    survey : Survey
        Survey of the training set.
    weights : mapping of str to float
        Weight of every kind of label.
    n_columns : int
        Number of coefficients.
    """
    if survey.isolated_i.all():
        message = (
            "all frames are isolated atoms: nothing is learned about bonds; give frames in which atoms are closer than "
            f"{survey.cutoff:g} Å"
        )
        yield Suspicion("few frames", message)
        return
    originals = [survey.facts[i] for i in sorted(set(survey.original_i))]
    n_labels = {
        "energy": sum(np.isfinite(one.energy) for one in originals),
        "force": sum(3 * one.n_atoms for one in originals if np.isfinite(one.force_rms)),
        "stress": sum(6 for one in originals if np.isfinite(one.stress_v).all()),
    }
    n_used = int(sum(n for kind, n in n_labels.items() if weights.get(kind, 0.0) > 0.0))
    if 0 < n_used < LEAST_LABELS * n_columns:
        message = (
            f"there are {n_used} labels for {n_columns} coefficients: the prior decides nearly everything; give more "
            "frames, or forces beside energies, or set fewer channels"
        )
        yield Suspicion("few frames", message)


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
            *no_better(facts, factors, choice, weights),
        ]
        new = ranked(one for one in found if one.kind not in known)
        warn_of(new)
    return [{"kind": one.kind, "line": one.line} for one in ranked([*told, *new])]


def _energy_error(factors: Factors, choice: Choice) -> float:
    """Return the error of energies left out (eV/atom), infinite where whole chemical systems are left out."""
    return np.inf if factors.grouping.by_system else choice.cross_validation.get("energy", np.inf)
