"""Order of frames in time: which frames follow each other, and how atoms move from one to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TypeVar

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.graph import nearest_image

Item = TypeVar("Item")

EXPLAINED = 0.5
"""Share of the squared displacements that momenta explain, at least, where a frame follows another."""

JUMP = 5.0
"""Changes of velocity at both ends of an interval that tell a break where there are no momenta, in units of what
is usual and of what happens before or after."""


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
    persistence : float
        Correlation of the displacements in consecutive intervals: 1 for atoms that move on.
    phase : float
        Root mean square angular frequency of the accelerations, times the time between frames; π
        where they change their sign from frame to frame.
    """

    runs: tuple[range, ...]
    n_frames: int
    has_momenta: bool
    persistence: float
    phase: float

    @property
    def longest(self) -> int:
        """Number of frames in the longest run."""
        return max(map(len, self.runs), default=1)


def chronology(frames: Iterable[Frame]) -> Chronology:
    """Return the order of frames in time; they are gone through once.

    A frame follows the frame before it if both have the same atoms in the same cell, and the atoms have
    moved along their momenta. Without momenta, velocities must not change suddenly.

    Parameters
    ----------
    frames : iterable of Frame
        Structures in the order of time, with breaks where one run ends and another begins.
    """
    interval_i = list(_intervals(frames))
    explained_i = np.array([interval.explained for interval in interval_i])
    bend_i = np.array([interval.bend for interval in interval_i])
    has_momenta = bool(np.isfinite(explained_i).any())
    follows_i = explained_i >= EXPLAINED if has_momenta else ~_jumps(bend_i)
    follows_i &= np.array([interval.possible for interval in interval_i], dtype=bool)
    path_i = np.array([interval.path for interval in interval_i])
    twist_i = np.array([interval.twist for interval in interval_i])
    two_i = follows_i & np.append(False, follows_i[:-1])
    three_i = two_i & np.append(False, two_i[:-1])
    return Chronology(
        runs=tuple(_runs(follows_i)),
        n_frames=len(interval_i) + 1,
        has_momenta=has_momenta,
        persistence=1.0 - 0.5 * _ratio(bend_i[two_i], path_i[two_i]),
        phase=float(2.0 * np.arcsin(0.5 * np.sqrt(min(_ratio(twist_i[three_i], bend_i[three_i]), 4.0)))),
    )


def displacement(before: Atoms, after: Atoms) -> FloatArray | None:
    """Return how far atoms moved from one frame to the next (Å); None if they cannot have.

    Periodic boundaries that were crossed are undone. Another cell is that of another run, or of a
    barostat, whose motion is not Newton's.
    """
    same_atoms = np.array_equal(before.numbers, after.numbers) and np.array_equal(before.pbc, after.pbc)
    if not same_atoms or not np.allclose(before.cell, after.cell, rtol=0.0, atol=1e-8):
        return None
    return nearest_image(after.positions - before.positions, after)


def runs_of(items: Iterable[Item], runs: Iterable[range]) -> Iterator[tuple[range, Iterator[Item]]]:
    """Yield every run with its frames; those that are left when the next run is asked for are skipped."""
    waiting, position = iter(items), 0
    for run in runs:
        members = islice(waiting, run.start - position, run.stop - position)
        yield run, members
        deque(members, maxlen=0)
        position = run.stop


def unbroken_positions(structures: Iterable[Atoms]) -> Iterator[FloatArray]:
    """Yield the positions of every structure of a run, which do not jump at periodic boundaries (Å)."""
    before: Atoms | None = None
    position_nc = np.zeros((0, 3))
    for atoms in structures:
        moved_nc = None if before is None else displacement(before, atoms)
        position_nc = atoms.positions.copy() if moved_nc is None else position_nc + moved_nc
        before = atoms
        yield position_nc


@dataclass(frozen=True, slots=True)
class _Interval:
    """From a frame to the next; ``possible`` says whether one can follow the other at all.

    ``path``, ``bend`` and ``twist`` are sums of squares of the first, second and third differences
    of the positions that end here (Å²), NaN where there are too few frames.
    """

    explained: float = np.nan
    path: float = np.nan
    bend: float = np.nan
    twist: float = np.nan
    possible: bool = True


def _intervals(frames: Iterable[Frame]) -> Iterator[_Interval]:
    """Yield what happens from every frame to the next."""
    moved: deque[FloatArray] = deque(maxlen=3)
    for before, after in pairwise(frame.atoms for frame in frames):
        moved_nc = displacement(before, after)
        if moved_nc is None:
            yield _Interval(possible=False)
            moved.clear()
            continue
        moved.append(moved_nc)
        path, bend, twist = (_square(np.diff(moved, n=n, axis=0)) for n in range(3))
        yield _Interval(_explained(moved_nc, before, after), path, bend, twist)


def _square(difference_inc: FloatArray) -> float:
    """Return the sum of squares of the last one of some differences, NaN without any."""
    return float(np.sum(difference_inc[-1] ** 2)) if len(difference_inc) else np.nan


def _explained(moved_nc: FloatArray, before: Atoms, after: Atoms) -> float:
    """Return the share of squared displacements that lie along momenta, NaN without any."""
    velocity_nc = before.get_velocities() + after.get_velocities()
    scale = float(np.sum(moved_nc**2) * np.sum(velocity_nc**2))
    along = max(float(np.sum(moved_nc * velocity_nc)), 0.0)
    return along**2 / scale if scale > 0.0 else np.nan


def _jumps(bend_i: FloatArray) -> BoolArray:
    """Return where velocities change suddenly from before an interval to after it."""
    start_i, end_i = bend_i, np.append(bend_i[1:], np.nan)
    around_i = np.fmin(np.append(np.nan, bend_i[:-1]), np.append(bend_i[2:], [np.nan] * min(2, len(bend_i))))
    usual_i = np.fmax(around_i, np.nanmedian(bend_i) if np.isfinite(bend_i).any() else np.inf)
    jumps_i: BoolArray = np.fmin(start_i, end_i) > JUMP**2 * usual_i
    return jumps_i


def _ratio(square_i: FloatArray, other_i: FloatArray) -> float:
    """Return the ratio of two sums, 0 for nothing."""
    return float(square_i.sum() / other_i.sum()) if other_i.sum() > 0.0 else 0.0


def _runs(follows_i: BoolArray) -> Iterator[range]:
    """Yield the frames between breaks, where there are at least two."""
    breaks = [-1, *np.flatnonzero(~follows_i).tolist(), len(follows_i)]
    yield from (range(start + 1, stop + 1) for start, stop in pairwise(breaks) if stop - start > 1)
