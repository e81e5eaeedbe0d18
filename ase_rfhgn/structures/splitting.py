"""Splits of frames into training and test: frames that are neighbours in time, or copies, stay together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.structures.doctor.places import kin_of, originals, place_marks
from ase_rfhgn.structures.label_keys import LabelKeys
from ase_rfhgn.structures.training_set import AnyFrames, TrainingSet, open_frames

SPLITS = ("time", "group")
"""What is left out together: frames that follow each other in time, or all frames of a group."""

NEAR = 0.5
"""Mean square displacement, relative to the one between any two frames, below which frames are neighbours in time."""

FEWEST = 4
"""Frames of a kind from which displacements tell whether frames are neighbours; fewer stay together."""

PAIRS = 200
"""Pairs of frames of a kind whose displacements say how far apart any two frames are."""

MOST_ATOMS = 32
"""Atoms of a frame whose displacements are looked at."""

MOST = 1.5
"""Test frames, relative to the wanted number, beyond which a block of frames is too large."""


def split_frames(
    frames: AnyFrames, test_fraction: float, *, by: str = "time", group_key: str | None = None, seed: int = 0
) -> tuple[TrainingSet, TrainingSet]:
    """Return training frames and test frames, of which none is a neighbour in time or a copy of a training frame.

    Runs of frames that follow each other are cut into blocks of at most half as many frames as the test set has, and
    whole blocks are drawn. So only the few frames at the ends of a test block have a neighbour in training. Frames
    that are not neighbours in time are drawn one by one. If frames have groups, each group gives its share.

    Parameters
    ----------
    frames : path, ase.Atoms, iterable of these, or TrainingSet
        Frames, as for `ase_rfhgn.fit`.
    test_fraction : float
        Share of the frames that the test set has, about.
    by : {"time", "group"}
        Whether blocks of neighbours in time are drawn, or whole groups: then test frames are of groups that
        training lacks.
    group_key : str, optional
        Entry of ``info`` that groups frames; by default ``config_type``.
    seed : int
        Seed of the draw.

    Raises
    ------
    SettingsError
        If the fraction is not between 0 and 1, or there are no groups to draw.
    TrainingDataError
        If no frame can be left out: isolated atoms and the last frames of an element stay in training.
    """
    if not 0.0 < test_fraction < 1.0:
        message = f"test_fraction is {test_fraction!r}: it must be between 0 and 1, such as 0.1"
        raise SettingsError(message)
    if by not in SPLITS:
        message = f"by is {by!r}: choose one of {', '.join(SPLITS)}"
        raise SettingsError(message)
    opened = open_frames(frames)
    opened = opened.with_keys(opened.keys.overridden(LabelKeys(group=group_key)))
    seen = [_Seen.of(frame.atoms, frame.group) for frame in opened.without_labels()]
    n_test = max(1, round(test_fraction * len(seen)))
    blocks = _joined(_blocks(opened, seen, by, n_test), _originals(seen))
    test_i = _drawn(blocks, seen, test_fraction, np.random.default_rng(seed), by)
    if not test_i:
        message = (
            f"{opened.name}: none of {len(seen)} frames can be left out for a test: they follow each other, are alone "
            "with an element, or are of one group; give a test set instead"
        )
        raise TrainingDataError(message)
    train_i = set(range(len(seen))) - test_i
    return opened.subset(train_i), opened.subset(test_i)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a split needs to know about a frame."""

    group: str | None
    element: frozenset[int]
    isolated: bool
    kin: int
    place: FloatArray
    fraction_nc: FloatArray
    cell_cc: FloatArray
    periodic_c: FloatArray

    @classmethod
    def of(cls, atoms: Atoms, group: str | None) -> _Seen:
        chosen_n = np.unique(np.linspace(0, len(atoms) - 1, min(len(atoms), MOST_ATOMS)).astype(int))
        cell_cc = np.where(atoms.cell.any(axis=1)[:, None], atoms.cell.array, np.eye(3))
        if abs(np.linalg.det(cell_cc)) < 1e-6:
            cell_cc = np.eye(3)
        return cls(
            group=group,
            element=frozenset(atoms.numbers.tolist()),
            isolated=len(atoms) == 1 and not atoms.pbc.any(),
            kin=kin_of(atoms),
            place=place_marks(atoms),
            fraction_nc=np.linalg.solve(cell_cc.T, atoms.positions[chosen_n].T).T,
            cell_cc=cell_cc,
            periodic_c=atoms.pbc.astype(float),
        )

    def square(self, other: _Seen) -> float:
        """Return the mean square displacement to another frame of the same kin, without common translation (Å²)."""
        moved_nc = other.fraction_nc - self.fraction_nc
        moved_nc -= self.periodic_c * np.round(moved_nc)
        moved_nc = moved_nc @ (0.5 * (self.cell_cc + other.cell_cc))
        return float(np.mean(np.sum((moved_nc - moved_nc.mean(axis=0)) ** 2, axis=1)))


def _originals(seen: Sequence[_Seen]) -> list[int]:
    return [int(i) for i in originals([one.kin for one in seen], [one.place for one in seen])]


def _blocks(frames: TrainingSet, seen: Sequence[_Seen], by: str, n_test: int) -> list[list[int]]:
    """Return the frames that are drawn together."""
    if by == "time":
        longest = max(1, n_test // 2)
        return [run[at : at + longest] for run in _runs(frames, seen) for at in range(0, len(run), longest)]
    groups: dict[str | None, list[int]] = {}
    for i, one in enumerate(seen):
        groups.setdefault(one.group, []).append(i)
    if len(groups) < 2:
        known = ", ".join(str(group) for group in groups if group is not None) or "none"
        message = f"{frames.name}: there are no groups of which some can be left out (found: {known}); give group_key"
        raise SettingsError(message)
    return list(groups.values())


def _runs(frames: TrainingSet, seen: Sequence[_Seen]) -> Iterator[list[int]]:
    """Yield runs of frames, each of which is near the frame before it."""
    first_of_part = {0, *np.cumsum([len(part.number_i) for part in frames.parts]).tolist()}
    usual = _usual_squares(seen)
    run = [0]
    for i in range(1, len(seen)):
        before, one = seen[i - 1], seen[i]
        follows = i not in first_of_part and one.kin == before.kin
        if follows and before.square(one) < NEAR * usual[one.kin]:
            run.append(i)
            continue
        yield run
        run = [i]
    yield run


def _usual_squares(seen: Sequence[_Seen]) -> dict[int, float]:
    """Return the typical mean square displacement between any two frames of a kin; infinite for few frames."""
    members: dict[int, list[int]] = {}
    for i, one in enumerate(seen):
        members.setdefault(one.kin, []).append(i)
    return {kin: _usual_square([seen[i] for i in numbers]) for kin, numbers in members.items()}


def _usual_square(seen: Sequence[_Seen]) -> float:
    if len(seen) < FEWEST:
        return np.inf
    pair_p2 = np.random.default_rng(len(seen)).integers(len(seen), size=(PAIRS, 2))
    return float(np.median([seen[i].square(seen[j]) for i, j in pair_p2 if i != j]))


def _joined(blocks: Iterable[list[int]], original_i: Sequence[int]) -> list[list[int]]:
    """Return blocks, of which those that share a structure are one."""
    by_original: dict[int, list[int]] = {}
    for block in blocks:
        known = {
            id(by_original[original_i[i]]): by_original[original_i[i]] for i in block if original_i[i] in by_original
        }
        joined = [*(i for other in known.values() for i in other), *block]
        for i in joined:
            by_original[original_i[i]] = joined
    return list({id(block): block for block in by_original.values()}.values())


def _drawn(
    blocks: Sequence[list[int]], seen: Sequence[_Seen], fraction: float, rng: np.random.Generator, by: str
) -> set[int]:
    """Return the frames of the blocks that are drawn."""
    left: dict[int, int] = {}
    for one in seen:
        for number in one.element:
            left[number] = left.get(number, 0) + 1
    test: set[int] = set()
    share = 0.0
    for together in _by_group(blocks, seen) if by == "time" else [list(blocks)]:
        share += fraction * sum(map(len, together))
        for at in rng.permutation(len(together)).tolist():
            block = together[at]
            if round(share) < 1 or len(block) > MOST * share or not _may_go(block, seen, left):
                continue
            test.update(block)
            share -= len(block)
    return test


def _by_group(blocks: Sequence[list[int]], seen: Sequence[_Seen]) -> list[list[list[int]]]:
    groups: dict[str, list[list[int]]] = {}
    for block in blocks:
        groups.setdefault(str(seen[block[0]].group), []).append(block)
    return [groups[name] for name in sorted(groups, key=lambda name: len(groups[name]))]


def _may_go(block: Sequence[int], seen: Sequence[_Seen], left: dict[int, int]) -> bool:
    """Return whether training keeps all elements without a block, which is then counted as gone."""
    gone: dict[int, int] = {}
    for i in block:
        if seen[i].isolated:
            return False
        for number in seen[i].element:
            gone[number] = gone.get(number, 0) + 1
    if _any_last(gone, left):
        return False
    for number, count in gone.items():
        left[number] -= count
    return True


def _any_last(gone: Mapping[int, int], left: Mapping[int, int]) -> bool:
    return any(left[number] <= count for number, count in gone.items())
