"""Use of labels: weights of groups of frames, and counts of the labels that a fit found, used and ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.labels import KINDS
from ase_rfhgn.structures.training_set import TrainingSet

ROWS = {"energy": "energy", "forces": "force", "stress": "stress"}
"""Kind of rows of every kind of labels."""

MOST_GROUPS = 50
"""Groups beyond which they are not listed: then each is next to a frame of its own."""


def group_weights_i(frames: TrainingSet, weights: Mapping[str, float] | None) -> FloatArray | None:
    """Return the weight of every frame by its group, shape (n_frames,), None without weights.

    Parameters
    ----------
    frames : TrainingSet
        The frames.
    weights : mapping of str to float
        Weights of groups; a group that is not named has a weight of one.

    Raises
    ------
    SettingsError
        If no frame is in a group that is named.
    """
    if not weights:
        return None
    group_i = [frame.group for frame in frames.without_labels()]
    present = Counter(group for group in group_i if group is not None)
    for name in weights:
        if name not in present:
            known = ", ".join(group for group, _ in present.most_common(MOST_GROUPS)) or "none"
            message = f"group_weights names {name!r}, but no frame of {frames.name} is in this group; groups: {known}"
            raise SettingsError(message)
    return np.array([1.0 if group is None else weights.get(group, 1.0) for group in group_i])


@dataclass(frozen=True, slots=True)
class LabelUse:
    """Names of the labels of a frame.

    Attributes
    ----------
    used, other : tuple of (kind, name)
        Labels that stand where labels are looked for, and what else looks like a label.
    group : str or None
        Group of the frame.
    """

    used: tuple[tuple[str, str], ...]
    other: tuple[tuple[str, str], ...]
    group: str | None

    @classmethod
    def of(cls, frame: Frame) -> LabelUse:
        """Return the names of the labels of a frame."""
        return cls(
            used=tuple(frame.label_names.items()),
            other=tuple((one.kind, one.name) for one in frame.other_labels),
            group=frame.group,
        )


def label_record(
    use_i: Mapping[int, LabelUse], weight_i: Mapping[int, Mapping[str, float]], weights: Mapping[str, float]
) -> dict[str, Any]:
    """Return the entries "labels" and, if there are any, "groups" of a training record.

    Parameters
    ----------
    use_i, weight_i, weights
        As for `label_counts`.
    """
    groups = group_counts(use_i)
    return {"labels": label_counts(use_i, weight_i, weights)} | ({"groups": groups} if groups else {})


def label_counts(
    use_i: Mapping[int, LabelUse], weight_i: Mapping[int, Mapping[str, float]], weights: Mapping[str, float]
) -> dict[str, dict[str, dict[str, int]]]:
    """Return numbers of frames: kind of label → "used" or "ignored" → name of the label → frames.

    Parameters
    ----------
    use_i : mapping of int to LabelUse
        Labels of every frame.
    weight_i : mapping of int to mapping
        Weight of the rows of every frame, per kind of rows, besides the weights of the kinds.
    weights : mapping of str to float
        Weights of kinds of rows; labels with a weight of zero are ignored.
    """
    found: dict[str, dict[str, Counter[str]]] = {kind: {"used": Counter(), "ignored": Counter()} for kind in KINDS}
    for i, use in use_i.items():
        for kind, name in use.used:
            weight = weights.get(ROWS[kind], 0.0) * weight_i.get(i, {}).get(ROWS[kind], 0.0)
            found[kind]["used" if weight > 0.0 else "ignored"][name] += 1
        for kind, name in use.other:
            found[kind]["ignored"][name] += 1
    return {kind: {word: dict(counts) for word, counts in by_word.items()} for kind, by_word in found.items()}


def group_counts(use_i: Mapping[int, LabelUse]) -> dict[str, int]:
    """Return the number of frames of every group; nothing where there are no groups, or very many."""
    counts = Counter(use.group for use in use_i.values() if use.group is not None)
    return dict(counts.most_common()) if len(counts) <= MOST_GROUPS else {}


def changed_counts(recorded: Mapping[str, Any], added: Mapping[str, Any], sign: int) -> dict[str, Any]:
    """Return counts of a record after frames were added (sign 1) or removed (sign −1), at any depth of mappings."""
    changed: dict[str, Any] = {}
    for key in recorded.keys() | added.keys():
        before, more = recorded.get(key), added.get(key)
        if isinstance(before, Mapping) or isinstance(more, Mapping):
            changed[key] = changed_counts(before or {}, more or {}, sign)
        elif (before or 0) + sign * (more or 0) > 0:
            changed[key] = (before or 0) + sign * (more or 0)
    return {key: changed[key] for key in [*recorded, *(added.keys() - recorded.keys())] if key in changed}
