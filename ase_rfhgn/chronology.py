"""Which frames follow each other in time, and how their atoms move from one to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.frame import Frame
from ase_rfhgn.graph import nearest_image

EXPLAINED = 0.5
"""Share of the squared displacements that momenta explain, at least, where a frame follows another."""

FARTHEST = 5.0
"""Displacement beyond which a frame without momenta does not follow another, in units of the median."""


@dataclass(frozen=True, slots=True)
class Chronology:
    """The order of frames in time.

    Attributes
    ----------
    runs : tuple of range
        Numbers of frames that follow each other, at least two in a run.
    n_frames : int
        Number of all frames.
    has_momenta : bool
        Whether frames have momenta.
    phase : float
        Root mean square angular frequency of the accelerations, times the time between frames; π
        where they change their sign from frame to frame.
    """

    runs: tuple[range, ...]
    n_frames: int
    has_momenta: bool
    phase: float

    @property
    def longest(self) -> int:
        """Number of frames in the longest run."""
        return max(map(len, self.runs), default=1)


def chronology(frames: Iterable[Frame]) -> Chronology:
    """Return the order of frames in time; they are gone through once.

    A frame follows the one before it if both have the same atoms in the same cell, and the atoms
    have moved along their momenta; without momenta, not much farther than they usually do.

    Parameters
    ----------
    frames : iterable of Frame
        Structures in the order of time, with breaks where one run ends and another begins.
    """
    interval_i = list(_intervals(frames))
    length_i = np.array([interval.length for interval in interval_i])
    explained_i = np.array([interval.explained for interval in interval_i])
    has_momenta = bool(np.isfinite(explained_i).any())
    typical = np.median(length_i[np.isfinite(length_i)]) if np.isfinite(length_i).any() else 0.0
    follows_i = explained_i >= EXPLAINED if has_momenta else length_i <= FARTHEST * typical
    follows_i &= np.isfinite(length_i)
    return Chronology(tuple(_runs(follows_i)), len(interval_i) + 1, has_momenta, _phase(interval_i, follows_i))


def displacement(before: Atoms, after: Atoms) -> FloatArray | None:
    """Return how far atoms moved from one frame to the next (Å); None if they cannot have.

    Periodic boundaries that were crossed are undone. Another cell is that of another run, or of a
    barostat, whose motion is not Newton's.
    """
    same_atoms = np.array_equal(before.numbers, after.numbers) and np.array_equal(before.pbc, after.pbc)
    if not same_atoms or not np.allclose(before.cell, after.cell, rtol=0.0, atol=1e-8):
        return None
    return nearest_image(after.positions - before.positions, after)


def runs_of(frames: Iterable[Frame], runs: Iterable[range]) -> Iterator[tuple[range, Iterator[Frame]]]:
    """Yield every run with its frames, which are to be gone through before the next run is asked for."""
    waiting, position = iter(frames), 0
    for run in runs:
        yield run, islice(waiting, run.start - position, run.stop - position)
        position = run.stop


def with_unbroken_positions(frames: Iterable[Frame]) -> Iterator[tuple[Frame, FloatArray]]:
    """Yield the frames of a run, each with positions that do not jump at periodic boundaries (Å)."""
    before: Atoms | None = None
    position_nc = np.zeros((0, 3))
    for frame in frames:
        moved_nc = None if before is None else displacement(before, frame.atoms)
        position_nc = frame.atoms.positions.copy() if moved_nc is None else position_nc + moved_nc
        before = frame.atoms
        yield frame, position_nc


@dataclass(frozen=True, slots=True)
class _Interval:
    """From a frame to the next: an infinite length where they cannot have to do with each other.

    ``bend`` and ``twist`` are sums of squares of the second and third differences of the positions
    that end here (Å²).
    """

    length: float
    explained: float
    bend: float = 0.0
    twist: float = 0.0


def _intervals(frames: Iterable[Frame]) -> Iterator[_Interval]:
    """Yield what happens from every frame to the next."""
    moved: deque[FloatArray] = deque(maxlen=3)
    for before, after in pairwise(frame.atoms for frame in frames):
        moved_nc = displacement(before, after)
        if moved_nc is None:
            yield _Interval(np.inf, np.nan)
            moved.clear()
            continue
        moved.append(moved_nc)
        has_three = len(moved) == moved.maxlen
        yield _Interval(
            length=float(np.sqrt(np.mean(moved_nc**2))),
            explained=_explained(moved_nc, before, after),
            bend=float(np.sum((moved[2] - moved[1]) ** 2)) if has_three else 0.0,
            twist=float(np.sum((moved[2] - 2.0 * moved[1] + moved[0]) ** 2)) if has_three else 0.0,
        )


def _explained(moved_nc: FloatArray, before: Atoms, after: Atoms) -> float:
    """Return the share of squared displacements that lie along momenta, NaN without any."""
    velocity_nc = before.get_velocities() + after.get_velocities()
    scale = float(np.sum(moved_nc**2) * np.sum(velocity_nc**2))
    along = max(float(np.sum(moved_nc * velocity_nc)), 0.0)
    return along**2 / scale if scale > 0.0 else np.nan


def _phase(interval_i: list[_Interval], follows_i: BoolArray) -> float:
    """Return twice the arc sine of half the ratio of third to second differences."""
    inside = [i for i in range(2, len(interval_i)) if follows_i[i - 2 : i + 1].all()]
    bend, twist = sum(interval_i[i].bend for i in inside), sum(interval_i[i].twist for i in inside)
    return float(2.0 * np.arcsin(0.5 * np.sqrt(min(twist / bend, 4.0)))) if bend > 0.0 else 0.0


def _runs(follows_i: BoolArray) -> Iterator[range]:
    """Yield the frames between breaks, where there are at least two."""
    breaks = [-1, *np.flatnonzero(~follows_i).tolist(), len(follows_i)]
    yield from (range(start + 1, stop + 1) for start, stop in pairwise(breaks) if stop - start > 1)
