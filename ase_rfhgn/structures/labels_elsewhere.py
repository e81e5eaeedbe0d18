"""Labels under names that ASE does not know: they are not used, and a message says so and how to use them."""

from __future__ import annotations

from collections.abc import Iterable

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.frame import Frame

ADVICE = "give these names if they are labels (stress = -virial / volume)"
"""Advice that makes such labels usable."""


def labels_elsewhere(frame: Frame) -> list[str]:
    """Return where labels seem to be that the frame lacks: "arrays['force']: forces_key='force'".

    Parameters
    ----------
    frame : Frame
        A frame, with the labels that were found where they were expected.
    """
    return [
        f"{one.place}[{one.name!r}] ({one.advice})"
        for one in frame.other_labels
        if one.kind not in frame.label_names and one.place != "results"
    ]


def refuse_labels_elsewhere(frames: Iterable[Frame], name: str) -> None:
    """Refuse frames without labels where some seem to have labels under other names.

    Parameters
    ----------
    frames : iterable of Frame
        The frames, none of which has labels.
    name : str
        Name of the frames in messages.

    Raises
    ------
    TrainingDataError
        If there are any; the message names them.
    """
    for frame in frames:
        found = [one for one in frame.other_labels if one.place != "results"]
        if found:
            where = " and ".join(f"{one.place}[{one.name!r}]" for one in found)
            first = {one.advice.partition("=")[0]: one.advice for one in reversed(found)}
            message = (
                f"{name}: no frame has labels where ASE keeps them, but {frame.name} has {where}: use "
                f"{', '.join(reversed(first.values()))}, or choose targets='momenta' or targets='positions'"
            )
            raise TrainingDataError(message)
