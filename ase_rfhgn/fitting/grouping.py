"""Groups of frames, which cross-validation leaves out together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import IntArray
from ase_rfhgn.fitting.mixtures import is_open, random_elements
from ase_rfhgn.fitting.survey import Survey

FRAME_FOLDS = 4
"""Folds of frames where chemical systems cannot be left out."""

RUNS = 25
"""Runs of consecutive frames that a fold of frames is made of, about: neighbours in time stay together."""

FEWEST_FRAMES = 3
"""Frames from which some can be left out."""

MOST_SYSTEMS = 12
"""Chemical systems that have a factor of their own; the rarest share one."""

LEAST_SHARE = 0.02
"""Share of all atoms below which a chemical system is too rare to have a factor of its own."""

LEAST_OPEN = 0.8
"""Share of structures that must stand random elements on their sites for systems to be left out.

Metals can take each other's places. The elements of molecules and of most compounds cannot, and to
predict one chemical system from others is then hopeless.
"""

SYSTEMS_LEFT_OUT = 3
"""Chemical systems that are left out in turn."""


@dataclass(frozen=True, slots=True)
class Group:
    """Frames that share factors.

    Attributes
    ----------
    name : str
        Common property of the frames.
    system : tuple of int
        Species that occur, as indices.
    """

    name: str
    system: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Frames sorted into groups.

    Attributes
    ----------
    group_i : tuple of Group
        Group of every frame.
    left_out : tuple of Group
        Groups that cross-validation leaves out in turn; none if there are too few frames.
    by_system : bool
        Whether these are chemical systems, which the others must predict; otherwise they are folds
        of frames like all others.
    original_i : tuple of int
        First frame with the same structure, for every frame; empty where there are no copies.
    """

    group_i: tuple[Group, ...]
    left_out: tuple[Group, ...]
    by_system: bool
    original_i: tuple[int, ...] = ()

    def original(self, i: int) -> int:
        """Return the first frame with the same structure as a frame."""
        return self.original_i[i] if self.original_i else i

    @property
    def originals(self) -> list[int]:
        """Frames that are no copies of frames before them."""
        return [i for i in range(len(self.group_i)) if self.original(i) == i]

    def with_copies(self, chosen: Collection[int]) -> frozenset[int]:
        """Return some of the originals with all their copies.

        Parameters
        ----------
        chosen : collection of int
            Which of `originals`, by their place there.
        """
        originals = self.originals
        wanted = {originals[i] for i in chosen}
        return frozenset(i for i in range(len(self.group_i)) if self.original(i) in wanted)


def group_frames(survey: Survey, rng: np.random.Generator) -> Grouping:
    """Return the groups of the frames of a training set.

    Groups are chemical systems (sets of elements) under three conditions: elements can take each other's
    places, no system has all elements, and all elements of at least two systems occur in other systems.
    Only then is a mixture conceivable that the frames do not have. If not, groups are folds of frames, each
    made of runs of consecutive frames. Very few frames are one group. Isolated atoms are never
    left out, because nothing else determines their energy. Copies of a structure are in the same fold.

    Parameters
    ----------
    survey : Survey
        Survey of the training set.
    rng : numpy.random.Generator
        Source of randomness, for trial mixtures.
    """
    systems = [() if isolated else system for system, isolated in zip(survey.system_i, survey.isolated_i, strict=True)]
    everything = tuple(range(len(survey.species_s)))
    frequent = _frequent_systems(systems, survey.count_is.sum(axis=1).tolist())
    removable = [system for system in frequent if _occurs_in(system, [other for other in frequent if other != system])]
    if len(removable) < 2 or everything in frequent or not _elements_mix(survey, rng):
        return _folds_of_frames(survey.isolated_i.tolist(), everything, survey.original_i)
    other = Group("other systems", everything)
    most_elements = sorted(removable, key=len, reverse=True)[:SYSTEMS_LEFT_OUT]
    return Grouping(
        group_i=tuple(Group("system", system) if system in frequent else other for system in systems),
        left_out=tuple(Group("system", system) for system in most_elements),
        by_system=True,
        original_i=survey.original_i,
    )


def _frequent_systems(systems: Sequence[tuple[int, ...]], n_atoms: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the chemical systems that hold most of the atoms, the most frequent first."""
    atoms: Counter[tuple[int, ...]] = Counter()
    for system, n in zip(systems, n_atoms, strict=True):
        atoms[system] += n
    least = LEAST_SHARE * atoms.total()
    del atoms[()]
    return [system for system, n in atoms.most_common(MOST_SYSTEMS) if n >= least]


def _elements_mix(survey: Survey, rng: np.random.Generator) -> bool:
    """Return whether structures stand random elements on their sites."""
    species_s, n_open = survey.species_s, 0
    for graph in survey.sample:
        mixed = replace(graph, number_n=random_elements(graph.n_atoms, species_s, rng))
        n_open += is_open(mixed, species_s, survey.floor_b)
    return n_open > LEAST_OPEN * len(survey.sample)


def _occurs_in(system: Sequence[int], others: Sequence[Sequence[int]]) -> bool:
    """Return whether every species of a system occurs in others, too."""
    return set(system) <= {s for other in others for s in other}


def folds_in_turn(n_frames: int) -> IntArray:
    """Return the fold of every frame: runs of consecutive frames in turn, one fold where there are very few.

    Parameters
    ----------
    n_frames : int
        Number of frames, in their order.
    """
    n_folds = min(FRAME_FOLDS, n_frames) if n_frames >= FEWEST_FRAMES else 1
    length = max(1, n_frames // (FRAME_FOLDS * RUNS))
    return np.arange(n_frames) // length % n_folds


def _folds_of_frames(isolated: Sequence[bool], everything: tuple[int, ...], original_i: tuple[int, ...]) -> Grouping:
    first_i = original_i or tuple(range(len(isolated)))
    counted = [i for i, alone in enumerate(isolated) if first_i[i] == i and not alone]
    fold_i = dict(zip(counted, folds_in_turn(len(counted)).tolist(), strict=True))
    folds = tuple(Group(f"fold {number}", everything) for number in sorted(set(fold_i.values())))
    atoms = Group("isolated atoms", everything)
    return Grouping(
        group_i=tuple(atoms if alone else folds[fold_i[first_i[i]]] for i, alone in enumerate(isolated)),
        left_out=folds if len(folds) > 1 else (),
        by_system=False,
        original_i=original_i,
    )
