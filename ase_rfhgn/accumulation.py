"""One pass over the frames: rows of all of them, folded into a few triangular factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.baseline import Baseline
from ase_rfhgn.equations import KINDS, Layout, frame_rows
from ase_rfhgn.hamiltonian.spherical import SphericalFields
from ase_rfhgn.ridge import Factor, RunningFactor, stack
from ase_rfhgn.survey import Survey
from ase_rfhgn.training_set import Frame

FRAME_FOLDS = 4
"""Folds of frames where all are of one chemical system."""

RUNS = 25
"""Runs of consecutive frames that a fold of frames is made of, about: neighbours in time stay together."""

FEWEST_FRAMES = 3
"""Frames from which some can be left out."""

MOST_GROUPS = 12
"""Chemical systems that have a factor of their own; the rarest share one."""


@dataclass(frozen=True, slots=True)
class Group:
    """Frames that share factors, and that cross-validation may leave out together.

    Attributes
    ----------
    name : str
        What the frames have in common.
    system : tuple of int
        Species that occur, as indices.
    """

    name: str
    system: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """Triangular factors of all rows, per group of frames and kind of label.

    Attributes
    ----------
    layout : Layout
        Columns of the system.
    by_group : dict
        Factor of every group and kind that has rows.
    """

    layout: Layout
    by_group: Mapping[Group, Mapping[str, Factor]]

    def n_rows(self, kind: str) -> int:
        """Return the number of rows of a kind."""
        return sum(factors[kind].n_rows for factors in self.by_group.values() if kind in factors)

    def triangle(self, group: Group, weights: Mapping[str, float]) -> FloatArray:
        """Return the weighted factor of a group over all columns and the right-hand side."""
        factors = self.by_group[group]
        n_columns = self.layout.n_columns
        parts = [factors[kind].full(n_columns, weight) for kind, weight in weights.items() if kind in factors]
        return stack(parts or [np.zeros((n_columns + 1, n_columns + 1))])


def group_frames(survey: Survey) -> list[Group]:
    """Return the group of every frame.

    Chemical systems (sets of elements), where there are several that have elements in common;
    otherwise folds of frames, each made of runs of consecutive ones. Very few frames are one group.
    """
    systems = survey.system_i
    common = Counter(systems).most_common()
    if not any(can_leave_out(system, [other for other, _ in common if other != system]) for system, _ in common):
        everything = tuple(range(len(survey.species_s)))
        length = max(1, len(systems) // (FRAME_FOLDS * RUNS))
        n_folds = FRAME_FOLDS if len(systems) >= FEWEST_FRAMES else 1
        return [Group(f"fold {i // length % n_folds}", everything) for i in range(len(systems))]
    kept = {system for system, _ in common[:MOST_GROUPS]}
    rest = tuple(sorted({s for system, _ in common[MOST_GROUPS:] for s in system}))
    return [Group("system", system) if system in kept else Group("other systems", rest) for system in systems]


def can_leave_out(system: Sequence[int], others: Sequence[Sequence[int]]) -> bool:
    """Return whether every species of a system occurs in others, too."""
    return set(system) <= {s for other in others for s in other}


def accumulate(
    frames: Iterable[Frame], groups: Sequence[Group], hamiltonian: SphericalFields, baseline: Baseline
) -> Factors:
    """Return the factors of the rows of all frames, which are gone through once.

    Parameters
    ----------
    frames : iterable of Frame
        Labelled structures.
    groups : sequence of Group
        Group of every frame.
    hamiltonian : SphericalFields
        The features.
    baseline : Baseline
        What is subtracted from the labels.
    """
    layout = Layout(len(hamiltonian.species_s), hamiltonian.n_features)
    running: dict[tuple[Group, str], RunningFactor] = {}
    for frame, group in zip(frames, groups, strict=True):
        for kind, row_mf in frame_rows(hamiltonian, baseline, frame, group.system).items():
            if (group, kind) not in running:
                running[group, kind] = RunningFactor(layout.columns(group.system))
            running[group, kind].add(row_mf)
    by_group: dict[Group, dict[str, Factor]] = {group: {} for group in dict.fromkeys(groups)}
    for group, kind in sorted(running, key=lambda key: KINDS.index(key[1])):
        by_group[group][kind] = running.pop((group, kind)).factor()
    return Factors(layout, by_group)
