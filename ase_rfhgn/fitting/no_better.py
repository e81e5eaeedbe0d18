"""Is a fit better than a mean? Its errors on frames left out, beside the spread of the labels, with error bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.ridge_choice import Choice
from ase_rfhgn.structures.doctor.composition import deviations
from ase_rfhgn.structures.doctor.facts import FrameFacts, column
from ase_rfhgn.structures.doctor.suspicion import Suspicion

NO_BETTER = {"energy": 0.9, "force": 0.8, "stress": 0.9}
"""Error on frames left out, in units of the spread of the labels, from which a fit is hardly better than their mean.

Forces on the atoms of one frame are many, so that even forces of other atoms are partly learned by heart.
"""

LEAST_SPREAD = {"energy": 1e-4, "force": 1e-3, "stress": 1e-5}
"""Spread of labels below which there is nothing to predict (eV/atom, eV/Å, eV/Å³)."""


def no_better(
    facts: Sequence[FrameFacts], factors: Factors, choice: Choice, weights: Mapping[str, float]
) -> Iterator[Suspicion]:
    """Yield a suspicion if cross-validation finds errors as large as the spread of the labels.

    The excess of squared errors over squared deviations must be larger than its standard error over frames.

    Parameters
    ----------
    facts : sequence of FrameFacts
        Facts about the frames.
    factors : Factors
        Rows of all frames; the sampled ones tell the standard error.
    choice : Choice
        The regression, with its coefficients without every group of frames.
    weights : mapping of str to float
        Weight of every kind of label.
    """
    found: dict[str, tuple[float, float]] = {}
    for kind, (square_i, count_i) in _squares(facts).items():
        error = choice.cross_validation.get(kind)
        spread = float(np.sqrt(np.average(square_i, weights=count_i))) if count_i.any() else 0.0
        if kind == "energy" and factors.grouping.by_system:
            continue  # energies of an unknown system have an unpredictable offset
        if error is None or not weights.get(kind, 0.0) > 0.0 or spread <= LEAST_SPREAD[kind]:
            continue
        bar = _standard_error(factors, choice, kind, square_i, count_i)
        ratio = error / spread
        if ratio**2 - NO_BETTER[kind] ** 2 > bar / spread**2:
            found[kind] = ratio, 0.5 * bar / (spread**2 * ratio)
    if found:
        words = ", ".join(f"{kind} {ratio:.2g} ± {bar:.1g}" for kind, (ratio, bar) in found.items())
        message = (
            f"errors on frames left out are as large as the spread of the labels ({words} times): there the fit is "
            "hardly better than a mean, do not use it; give more frames, or look at the labels"
        )
        yield Suspicion("no better than the mean", message)


def _standard_error(factors: Factors, choice: Choice, kind: str, square_i: FloatArray, count_i: FloatArray) -> float:
    """Return the standard error of the mean excess of squared errors over squared deviations; 0 if it is unknown."""
    excess, count = [], []
    for i, frame in factors.sample.items():
        if frame.group in choice.left_out_f and count_i[i] > 0.0:
            errors = frame.mean_squares(choice.left_out_f[frame.group])
            if kind in errors:
                excess.append(errors[kind] - NO_BETTER[kind] ** 2 * square_i[i])
                count.append(count_i[i])
    if len(excess) < 2:
        return 0.0
    excess_i, share_i = np.array(excess), np.array(count) / np.sum(count)
    left_i = share_i * (excess_i - share_i @ excess_i)
    # frames of the sample stand for all
    return float(np.sqrt(left_i @ left_i * len(left_i) / max(np.count_nonzero(count_i), 2)))


def _squares(facts: Sequence[FrameFacts]) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return mean squares of labels around what is known without structures, and the number of labels, per frame."""
    composition_i = [one.composition for one in facts]
    energy_i = deviations(composition_i, column(facts, "energy"))
    n_known, n_elements = np.isfinite(energy_i).sum(), len(set().union(*composition_i))
    energy_i *= np.sqrt(n_known / max(n_known - n_elements, 1))  # degrees of freedom
    stress_iv = np.stack([one.stress_v for one in facts])
    known_iv = stress_iv[np.isfinite(stress_iv).all(axis=1)]
    middle_v = known_iv.mean(axis=0) if len(known_iv) else np.zeros(6)
    return {
        "energy": _counted(energy_i**2, np.ones(len(facts))),
        "force": _counted(column(facts, "force_rms") ** 2, column(facts, "n_atoms")),
        "stress": _counted(np.mean((stress_iv - middle_v) ** 2, axis=1), np.ones(len(facts))),
    }


def _counted(square_i: FloatArray, count_i: FloatArray) -> tuple[FloatArray, FloatArray]:
    known_i = np.isfinite(square_i)
    return np.where(known_i, square_i, 0.0), np.where(known_i, count_i, 0.0)
