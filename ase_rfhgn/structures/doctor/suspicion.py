"""Suspicions: what looks wrong about frames, in one line each, the gravest first."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ase_rfhgn.errors import TrainingDataWarning

KINDS = (
    "force units",
    "energy units",
    "stress units",
    "stress order",
    "garbage",
    "close atoms",
    "distances",
    "periodicity",
    "labels of others",
    "energy zeros",
    "force zeros",
    "stress zeros",
    "references",
    "contradiction",
    "hidden variable",
    "labels elsewhere",
    "no better than the mean",
    "outliers",
    "copies of the test",
    "copies",
    "few frames",
    "net forces",
    "still atoms",
)
"""Kinds of suspicions, the gravest first."""

_NAMED = 5
"""Frames that a suspicion names."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One thing that looks wrong.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    message : str
        What looks wrong, and what to do.
    frames : tuple of str
        Names of the frames in question; none if it is about all of them.
    n_frames : int
        Number of all frames.
    proven : tuple of str
        Kinds of labels ("energy", "force", "stress") that contradict each other beyond doubt: no fit to all
        of them can be right.
    """

    kind: str
    message: str
    frames: tuple[str, ...] = ()
    n_frames: int = 0
    proven: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The suspicion in one line; the first few frames are named."""
        if not self.frames:
            return self.message
        n_more = len(self.frames) - _NAMED
        more = f" and {n_more} more" if n_more > 0 else ""
        count = f"{len(self.frames)} of {self.n_frames} frames"
        return f"{'; '.join(self.frames[:_NAMED])}{more} ({count}): {self.message}"

    def as_dict(self) -> dict[str, object]:
        """Return the suspicion as plain JSON values."""
        return {"kind": self.kind, "message": self.message, "frames": list(self.frames)}


def ranked(suspicions: Iterable[Suspicion]) -> tuple[Suspicion, ...]:
    """Return suspicions, the gravest first; one about all frames stands for those of its kind about some.

    Parameters
    ----------
    suspicions : iterable of Suspicion
        Suspicions in any order.
    """
    found = sorted(suspicions, key=lambda one: (KINDS.index(one.kind), not one.proven))
    whole = {one.kind for one in found if not one.frames}
    return tuple(one for one in found if not one.frames or one.kind not in whole)


def warn_of(suspicions: Sequence[Suspicion]) -> None:
    """Warn of suspicions, one by one.

    Parameters
    ----------
    suspicions : sequence of Suspicion
        The gravest first.

    Warns
    -----
    TrainingDataWarning
        Once for each.
    """
    for suspicion in suspicions:
        warnings.warn(suspicion.line, TrainingDataWarning, stacklevel=3)
