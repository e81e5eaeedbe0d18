"""What the data doctor says about frames, for tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ase import Atoms

from ase_rfhgn.structures.doctor.examination import examined
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.training_set import TrainingSet

UNASKED = ("few frames", "copies")
"""Kinds that tests about labels of few frames do not ask for."""


def suspicions_of(structures: Sequence[Atoms]) -> tuple[Suspicion, ...]:
    """Return the suspicions about structures with labels."""
    return examined(TrainingSet.open(structures, closest=0.0)).suspicions()


def kinds_of(structures: Sequence[Atoms]) -> list[str]:
    """Return the kinds of the suspicions about structures with labels."""
    return [one.kind for one in suspicions_of(structures)]


def lines_about(frames: Iterable[Frame], without: Collection[str] = UNASKED) -> list[str]:
    """Return the suspicions about frames, without some kinds."""
    return [one.line for one in examined(frames).suspicions() if one.kind not in without]
