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
"""Runs of consecutive frames that a fold of frames is made of: neighbours in time stay together."""

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

    Chemical systems (sets of elements), where there are several; otherwise folds of frames, each
    made of a few runs of consecutive ones.
    """
    systems = survey.system_i
    common = Counter(systems).most_common()
    if len(common) == 1:
        n_frames, n_runs = len(systems), FRAME_FOLDS * RUNS
        return [Group(f"fold {i * n_runs // n_frames % FRAME_FOLDS}", systems[0]) for i in range(n_frames)]
    kept = {system for system, _ in common[:MOST_GROUPS]}
    rest = tuple(sorted({s for system, _ in common[MOST_GROUPS:] for s in system}))
    return [Group("system", system) if system in kept else Group("other systems", rest) for system in systems]


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
