"""One pass over the frames: rows of all of them, folded into a few triangular factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.baseline import Baseline
from ase_rfhgn.equations import KINDS, Layout, frame_rows
from ase_rfhgn.grouping import Group, Grouping
from ase_rfhgn.hamiltonian.spherical import SphericalFields
from ase_rfhgn.ridge import Factor, RunningFactor, stack
from ase_rfhgn.targets import LABELS, Targets
from ase_rfhgn.training_set import Frame


@dataclass(frozen=True, slots=True)
class Factors:
    """Triangular factors of all rows, per group of frames and kind of label.

    Attributes
    ----------
    layout : Layout
        Columns of the system.
    grouping : Grouping
        Groups of the frames.
    by_group : dict
        Factor of every group and kind that has rows.
    """

    layout: Layout
    grouping: Grouping
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


def accumulate(
    frames: Iterable[Frame],
    grouping: Grouping,
    hamiltonian: SphericalFields,
    baseline: Baseline,
    targets: Targets = LABELS,
) -> Factors:
    """Return the factors of the rows of all frames, which are gone through once.

    Parameters
    ----------
    frames : iterable of Frame
        Labelled structures.
    grouping : Grouping
        Group of every frame.
    hamiltonian : SphericalFields
        The features.
    baseline : Baseline
        What is subtracted from the labels.
    targets : Targets, optional
        Where the rows' right-hand sides come from; by default labels.
    """
    layout = Layout(len(hamiltonian.species_s), hamiltonian.n_features)
    running: dict[tuple[Group, str], RunningFactor] = {}

    def rows(i: int, frame: Frame) -> dict[str, FloatArray]:
        return frame_rows(hamiltonian, baseline, frame, grouping.group_i[i].system)

    for i, kind, row_mf in targets.equations(frames, rows):
        key = grouping.group_i[i], kind
        if key not in running:
            running[key] = RunningFactor(layout.columns(key[0].system))
        running[key].add(row_mf)
    by_group: dict[Group, dict[str, Factor]] = {group: {} for group in dict.fromkeys(grouping.group_i)}
    for group, kind in sorted(running, key=lambda key: KINDS.index(key[1])):
        by_group[group][kind] = running.pop((group, kind)).factor()
    return Factors(layout, grouping, by_group)
