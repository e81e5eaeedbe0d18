"""Frames whose labels are in other units, or of another sign, than those of the other frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.fitting.second_opinion.predictions import Predicted, with_label
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.doctor.units import FORCE_FAULTS, STRESS_FAULTS, Hypothesis

FEWEST_FRAMES = 8
"""Frames with a label below which nothing is said about it."""

SIMILAR = 0.8
"""Cosine between labels and predictions of most frames, from which these are good."""

GUESSED = 0.4
"""The same, from which predictions tell the sign: if some labels are wrong, they have spoiled the fit."""

OPPOSITE, UNCLEAR = -0.5, 0.3
"""Cosines below which labels have the opposite sign, and below which their sign is unclear."""

EXACT = 0.97
"""Cosine between labels and predictions from which even a single frame is told."""

USUAL = 2.5
"""Factor by which sizes of labels and predictions may differ between frames."""

STRANGE = 5.0
"""Factor from which they are strange."""

LARGE = 2.0
"""Size of labels or predictions, in units of the usual error, from which they can be compared."""

SMALL = 0.3
"""The same in units of the usual size: relaxed structures have small forces, and no sure sign."""

FAULTS = {
    "force": [one for one in FORCE_FAULTS if one.both == 1.0 and one.factor > 0.0],
    "stress": [one for one in STRESS_FAULTS if one.factor > 0.0 and not one.per_volume],
}
"""Other units, by kind of label."""

SUFFIXES = {"force": "force_m", "stress": "stress_v"}
"""Names of the labels of a frame, by kind."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like the labels of frames are to predictions.

    Attributes
    ----------
    name_i : tuple of str
        Names of the frames.
    cosine_i : ndarray of shape (n_frames,)
        Cosine of the angle between labels and predictions.
    ratio_i : ndarray of shape (n_frames,)
        Size of the labels over the size of the predictions, over the usual ratio.
    large_i : ndarray of shape (n_frames,)
        Whether labels or predictions are far larger than the usual error: small ones differ by chance.
    """

    name_i: tuple[str, ...]
    cosine_i: FloatArray
    ratio_i: FloatArray
    large_i: BoolArray

    @property
    def is_good(self) -> bool:
        """Whether most labels are as predicted, up to a common factor."""
        return len(self.name_i) >= FEWEST_FRAMES and float(np.median(self.cosine_i)) > SIMILAR


def likeness(frames: Sequence[Predicted], kind: str) -> Likeness:
    """Return how like the labels of a kind are to predictions.

    Parameters
    ----------
    frames : sequence of Predicted
        All frames.
    kind : str
        "force" or "stress".
    """
    suffix = SUFFIXES[kind]
    names, cosines, sizes = [], [], []
    for one in with_label(frames, f"told_{suffix}"):
        told_m, predicted_m = getattr(one, f"told_{suffix}"), getattr(one, suffix)
        told, predicted = root_mean_square(told_m), root_mean_square(predicted_m)
        if told > 0.0 and predicted > 0.0:
            names.append(one.name)
            cosines.append(float(np.mean(told_m * predicted_m)) / (told * predicted))
            sizes.append((told, predicted))
    size_i2 = np.array(sizes).reshape(-1, 2)
    cosine_i, told_i, predicted_i = np.array(cosines), size_i2[:, 0], size_i2[:, 1]
    ratio_i = told_i / predicted_i
    usual = float(np.median(ratio_i)) if len(ratio_i) else 1.0
    predicted_i = usual * predicted_i
    missed_i = np.sqrt(np.maximum(told_i**2 + predicted_i**2 - 2.0 * cosine_i * told_i * predicted_i, 0.0))
    least = max(LARGE * float(np.median(missed_i)), SMALL * float(np.median(told_i))) if len(missed_i) else 0.0
    return Likeness(tuple(names), cosine_i, ratio_i / usual, np.maximum(told_i, predicted_i) > least)


def mixed_units(frames: Sequence[Predicted], kind: str) -> Iterator[Suspicion]:
    """Yield a suspicion about frames whose labels are in other units, or of another sign, than those of the others.

    Parameters
    ----------
    frames : sequence of Predicted
        All frames.
    kind : str
        "force" or "stress".
    """
    found = likeness(frames, kind)
    if len(found.name_i) < FEWEST_FRAMES:
        return
    words, odd_i = _other_units(found, FAULTS[kind])
    opposite_i = _opposite(found)
    if opposite_i.any():
        words = [*words, "of the wrong sign"]
    odd_i |= opposite_i
    if 0 < np.count_nonzero(odd_i) < 0.5 * len(odd_i):
        label = {"force": "forces", "stress": "stresses"}[kind]
        names = tuple(found.name_i[i] for i in np.flatnonzero(odd_i))
        message = (
            f"{label} unlike those of the other frames: they look like {', or '.join(words)}; give all in one unit"
        )
        yield Suspicion(f"{kind} units", message, names, len(frames))


def _opposite(found: Likeness) -> BoolArray:
    """Return labels that are the opposite of predictions; a single one must be so without doubt."""
    same_size_i = np.abs(np.log(found.ratio_i)) < np.log(STRANGE)
    opposite_i: BoolArray = found.large_i & same_size_i & (found.cosine_i < OPPOSITE)
    if float(np.median(found.cosine_i)) < GUESSED:
        return opposite_i & False
    between_i = found.large_i & ~opposite_i & (found.cosine_i < UNCLEAR)
    single = np.count_nonzero(opposite_i) == 1 and found.cosine_i.min() > -EXACT
    return opposite_i & (not single) & _stand_apart(opposite_i, between_i)


def _other_units(found: Likeness, faults: Sequence[Hypothesis]) -> tuple[list[str], BoolArray]:
    """Return other units in words, and which frames have them, where most others are as large as predicted."""
    none_i = np.zeros(len(found.name_i), dtype=bool)
    distance_i = np.abs(np.log(found.ratio_i))
    if not found.is_good or np.mean(distance_i < np.log(USUAL)) < 0.5:
        return [], none_i
    strange_i = found.large_i & (distance_i > np.log(STRANGE)) & (found.cosine_i > SIMILAR)
    words: list[str] = []
    between_i = found.large_i & (distance_i > np.log(USUAL))
    for fault in faults:
        mended_i = np.abs(np.log(found.ratio_i * fault.factor)) < np.log(USUAL)
        fits_i = strange_i & mended_i
        if fits_i.any():
            words.append(fault.words)
            none_i = none_i | fits_i
    return (words, none_i) if _stand_apart(none_i, between_i & ~none_i) else ([], none_i & False)


def _stand_apart(odd_i: BoolArray, between_i: BoolArray) -> bool:
    """Return whether odd frames are a group of their own: with good predictions few others lie between."""
    return bool(np.count_nonzero(odd_i) >= 2 * np.count_nonzero(between_i))


def root_mean_square(value_m: FloatArray) -> float:
    """Return the root mean square of values.

    Parameters
    ----------
    value_m : ndarray of shape (m,)
        The values.
    """
    return float(np.sqrt(np.mean(np.square(value_m))))
