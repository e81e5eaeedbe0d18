"""One pass over the frames: rows of all of them, folded into a few triangular factors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.fitting.grouping import Group, Grouping
from ase_rfhgn.fitting.rows import KINDS, Layout, frame_rows
from ase_rfhgn.fitting.targets import LABELS, Targets
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.regression.triangular import Factor, RunningFactor, joined, weighted
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph
from ase_rfhgn.structures.training_set import Frame


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """A frame whose rows were kept.

    Attributes
    ----------
    column_f : ndarray
        Columns of the rows in the larger system, right-hand side last.
    rows : dict
        Rows of every kind of label.
    """

    column_f: IntArray
    rows: Mapping[str, FloatArray]

    def weighted_rows(self, weights: Mapping[str, float], n_columns: int) -> dict[str, FloatArray]:
        """Return the rows over all columns, times the weights of their kinds, where these are not zero."""
        weighted = {}
        for kind, row_mf in self.rows.items():
            if weights[kind] > 0.0:
                weighted[kind] = np.zeros((len(row_mf), n_columns + 1))
                weighted[kind][:, self.column_f] = weights[kind] * row_mf
        return weighted


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
    sample : tuple of SampledFrame
        Rows of some frames.
    """

    layout: Layout
    grouping: Grouping
    by_group: Mapping[Group, Mapping[str, Factor]]
    sample: tuple[SampledFrame, ...] = ()

    def n_rows(self, kind: str) -> int:
        """Return the number of rows of a kind."""
        return sum(factors[kind].n_rows for factors in self.by_group.values() if kind in factors)

    def rows(self, group: Group, weights: Mapping[str, float]) -> FloatArray:
        """Return the rows of the weighted factor of a group, over all columns: an upper trapezoid."""
        factors = self.by_group[group]
        n_columns = self.layout.n_columns
        used = [(factors[kind], weight) for kind, weight in weights.items() if kind in factors]
        return weighted(used).wide_rows(n_columns) if used else np.zeros((0, n_columns + 1))

    def residual(self, group: Group, weights: Mapping[str, float], coefficient_f: FloatArray) -> float:
        """Return the weighted sum of squared residuals of coefficients over the rows of a group."""
        factors = self.by_group[group]
        return sum(
            weight**2 * factors[kind].residual(coefficient_f) for kind, weight in weights.items() if kind in factors
        )

    def by_kind(self) -> dict[str, Factor]:
        """Return the factor of all rows of every kind over all columns."""
        n_columns = self.layout.n_columns
        parts: dict[str, list[Factor]] = {}
        for factors in self.by_group.values():
            for kind, factor in factors.items():
                parts.setdefault(kind, []).append(factor)
        return {kind: joined(factors, n_columns) for kind, factors in parts.items()}

    def column_norms(self, weights: Mapping[str, float]) -> FloatArray:
        """Return the norms of the weighted columns."""
        n_columns = self.layout.n_columns
        parts = (
            factor.column_squares(n_columns, weights[kind])
            for factors in self.by_group.values()
            for kind, factor in factors.items()
        )
        return np.sqrt(sum(parts, start=np.zeros(n_columns)))


def accumulate(
    frames: Iterable[Frame],
    grouping: Grouping,
    hamiltonian: SphericalFields,
    baseline: Baseline,
    sampled: Collection[int] = (),
    targets: Targets = LABELS,
    see: Callable[[NeighbourGraph], None] = lambda _: None,
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
    sampled : collection of int
        Frames whose rows are kept, too.
    targets : Targets, optional
        What the rows' right-hand sides are made of; by default labels.
    see : callable, optional
        Is shown the graph of every frame, in an order that does not depend on threads.
    """
    layout = Layout(len(hamiltonian.species_s), hamiltonian.n_features)
    running: dict[tuple[Group, str], RunningFactor] = {}
    rows_of_sampled: dict[int, dict[str, FloatArray]] = {}

    unseen: dict[int, NeighbourGraph] = {}

    def rows(i: int, frame: Frame) -> dict[str, FloatArray]:
        unseen[i] = build_graph(frame.atoms, hamiltonian.cutoff)
        return frame_rows(hamiltonian, baseline, frame, unseen[i], grouping.group_i[i].system)

    for i, kind, row_mf in targets.equations(frames, rows):
        if i in unseen:
            see(unseen.pop(i))
        key = grouping.group_i[i], kind
        if key not in running:
            running[key] = RunningFactor(layout.columns(key[0].system))
        running[key].add(row_mf)
        if i in sampled:
            rows_of_sampled.setdefault(i, {})[kind] = row_mf
    for i in sorted(unseen):  # frames without a row of their own
        see(unseen[i])
    by_group: dict[Group, dict[str, Factor]] = {group: {} for group in dict.fromkeys(grouping.group_i)}
    for group, kind in sorted(running, key=lambda key: KINDS.index(key[1])):
        by_group[group][kind] = running.pop((group, kind)).factor()
    columns = {i: layout.columns(grouping.group_i[i].system) for i in rows_of_sampled}
    sample = tuple(SampledFrame(columns[i], by_kind) for i, by_kind in rows_of_sampled.items())
    return Factors(layout, grouping, by_group, sample)
