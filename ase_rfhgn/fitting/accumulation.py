"""One pass over the frames: rows of all of them, folded into a few triangular factors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.fitting.grouping import Group, Grouping
from ase_rfhgn.fitting.label_use import LabelUse
from ase_rfhgn.fitting.linear_model import KINDS, Layout, LinearModel
from ase_rfhgn.fitting.row_weights import EQUAL, RowWeights
from ase_rfhgn.fitting.sites import Sites
from ase_rfhgn.fitting.targets import LABELS, Targets
from ase_rfhgn.regression.triangular import Factor, RunningFactor, joined, weighted
from ase_rfhgn.structures.frame_graphs import GraphedFrame


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """A frame whose rows were kept.

    Attributes
    ----------
    column_f : ndarray
        Columns of the rows in the larger system, right-hand side last.
    rows : mapping of str to ndarray
        Weighted rows of every kind of label.
    weight_m : mapping of str to ndarray
        Their weights, besides those of the kinds.
    group : Group
        Group of the frame.
    """

    column_f: IntArray
    rows: Mapping[str, FloatArray]
    weight_m: Mapping[str, FloatArray]
    group: Group

    def weighted_rows(self, weights: Mapping[str, float], n_columns: int) -> dict[str, FloatArray]:
        """Return the rows over all columns, times the weights of their kinds, where these are not zero."""
        weighted = {}
        for kind, row_mf in self.rows.items():
            if weights[kind] > 0.0:
                weighted[kind] = np.zeros((len(row_mf), n_columns + 1))
                weighted[kind][:, self.column_f] = weights[kind] * row_mf
        return weighted

    def squares(self, coefficient_f: FloatArray) -> dict[str, float]:
        """Return the sum of squared residuals of coefficients over the weighted rows, per kind."""
        known_f = np.append(coefficient_f[self.column_f[:-1]], -1.0)
        return {kind: float(np.sum((row_mf @ known_f) ** 2)) for kind, row_mf in self.rows.items()}

    def mean_squares(self, coefficient_f: FloatArray) -> dict[str, float]:
        """Return the weighted mean square of residuals of coefficients, per kind that has any weight."""
        total = {kind: float(np.sum(weight_m**2)) for kind, weight_m in self.weight_m.items()}
        return {kind: square / total[kind] for kind, square in self.squares(coefficient_f).items() if total[kind] > 0.0}


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
    sample : mapping of int to SampledFrame
        Rows of some frames, by their number.
    sites : Sites, optional
        Neighbourhoods of the atoms.
    fingerprint_i, n_atoms_i : mapping of int to int
        Fingerprint and number of atoms of every frame, by its number.
    weight_i : mapping of int to mapping
        Largest weight of the rows of every frame and kind, besides the weights of the kinds.
    use_i : mapping of int to LabelUse
        Names of the labels of every frame.
    """

    layout: Layout
    grouping: Grouping
    by_group: Mapping[Group, Mapping[str, Factor]]
    sample: Mapping[int, SampledFrame] = field(default_factory=dict)
    sites: Sites | None = None
    fingerprint_i: Mapping[int, int] = field(default_factory=dict)
    n_atoms_i: Mapping[int, int] = field(default_factory=dict)
    weight_i: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    use_i: Mapping[int, LabelUse] = field(default_factory=dict)

    def merged(self, other: Factors) -> Factors:
        """Return the factors of one pass over the frames of both, whatever their order.

        Parameters
        ----------
        other : Factors
            Factors of other frames of the same training set, with the same features and groups.
        """
        by_group = {group: dict(factors) for group, factors in self.by_group.items()}
        for group, factors in other.by_group.items():
            mine = by_group.setdefault(group, {})
            for kind, factor in factors.items():
                mine[kind] = weighted([(mine[kind], 1.0), (factor, 1.0)]) if kind in mine else factor
        sample = dict(self.sample) | dict(other.sample)
        return replace(
            self,
            by_group=by_group,
            sample={i: sample[i] for i in sorted(sample)},
            sites=other.sites if self.sites is None or other.sites is None else self.sites.merged(other.sites),
            fingerprint_i=dict(self.fingerprint_i) | dict(other.fingerprint_i),
            n_atoms_i=dict(self.n_atoms_i) | dict(other.n_atoms_i),
            weight_i=dict(self.weight_i) | dict(other.weight_i),
            use_i=dict(self.use_i) | dict(other.use_i),
        )

    def n_rows(self, kind: str) -> float:
        """Return the number of rows of a kind, each times its squared weight."""
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
    items: Iterable[GraphedFrame],
    grouping: Grouping,
    model: LinearModel,
    sampled: Collection[int] = (),
    targets: Targets = LABELS,
    seed: int = 0,
    row_weights: RowWeights = EQUAL,
) -> Factors:
    """Return the factors of the rows of frames: of a whole training set, or of a part that is merged later.

    Parameters
    ----------
    items : iterable of GraphedFrame
        Frames; they are gone through once, or once per law of motion.
    grouping : Grouping
        Group of every frame of the training set.
    model : LinearModel
        The model that makes rows of frames.
    sampled : collection of int
        Frames whose rows are kept, too.
    targets : Targets, optional
        Right-hand sides of the rows; by default labels.
    seed : int
        Seed of the choice of sites that are kept.
    row_weights : RowWeights, optional
        Weights of single rows; by default all rows of a kind are equal.
    """
    running: dict[tuple[Group, str], RunningFactor] = {}
    rows_of_sampled: dict[int, dict[str, FloatArray]] = {}
    weight_of_sampled: dict[int, dict[str, FloatArray]] = {}
    weight_i: dict[int, dict[str, float]] = {}
    seen = _Seen(model, Sites(len(grouping.group_i), seed, model.nothing_seen))
    for i, kind, row_mf in targets.equations(seen.watched(items), _GroupedRows(model, grouping)):
        key = grouping.group_i[i], kind
        if key not in running:
            running[key] = RunningFactor(model.layout.columns(key[0].system))
        weight_m = row_weights.weigh(i, *key, row_mf)
        weighted_mf = row_mf if np.all(weight_m == 1.0) else weight_m[:, None] * row_mf
        running[key].add(weighted_mf, float(np.sum(weight_m**2)))
        weight_i.setdefault(i, {})[kind] = float(weight_m.max(initial=0.0))
        if i in sampled:
            rows_of_sampled.setdefault(i, {})[kind] = weighted_mf
            weight_of_sampled.setdefault(i, {})[kind] = weight_m
    by_group: dict[Group, dict[str, Factor]] = {grouping.group_i[i]: {} for i in sorted(seen.fingerprint_i)}
    for group, kind in sorted(running, key=lambda key: KINDS.index(key[1])):
        by_group.setdefault(group, {})[kind] = running.pop((group, kind)).factor()
    sample: dict[int, SampledFrame] = {}
    for i in sorted(rows_of_sampled):
        group = grouping.group_i[i]
        column_f = model.layout.columns(group.system)
        sample[i] = SampledFrame(column_f, rows_of_sampled[i], weight_of_sampled[i], group)
    facts = (seen.fingerprint_i, seen.n_atoms_i, weight_i, seen.use_i)
    return Factors(model.layout, grouping, by_group, sample, seen.sites, *facts)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Facts about frames that a pass collects besides their rows."""

    model: LinearModel
    sites: Sites
    fingerprint_i: dict[int, int] = field(default_factory=dict)
    n_atoms_i: dict[int, int] = field(default_factory=dict)
    use_i: dict[int, LabelUse] = field(default_factory=dict)

    def watched(self, items: Iterable[GraphedFrame]) -> _Watched:
        """Return the same frames; whoever goes through them shows them to this object."""
        return _Watched(self, items)

    def see(self, item: GraphedFrame) -> None:
        """Take in a frame, if it was not seen before."""
        if item.index in self.fingerprint_i:
            return
        self.fingerprint_i[item.index] = item.frame.fingerprint
        self.n_atoms_i[item.index] = item.graph.n_atoms
        self.use_i[item.index] = LabelUse.of(item.frame)
        described = self.model.descriptors(item)
        if described is not None:
            self.sites.add(item.index, *described)


@dataclass(frozen=True, slots=True)
class _Watched:
    """Frames that are shown to somebody as they are gone through."""

    seen: _Seen
    items: Iterable[GraphedFrame]

    def __iter__(self) -> Iterator[GraphedFrame]:
        for item in map(self.seen.model.encoded, self.items):
            self.seen.see(item)
            yield item


@dataclass(frozen=True, slots=True)
class _GroupedRows:
    """Makes rows over the columns of the group of every frame."""

    model: LinearModel
    grouping: Grouping

    def rows(self, items: Sequence[GraphedFrame]) -> list[Mapping[str, FloatArray]]:
        """Return the rows of every frame by kind; frames that come together are of one system."""
        return list(self.model.rows(items, self.grouping.group_i[items[0].index].system))

    def size(self, item: GraphedFrame) -> float:
        """Return the size of a frame."""
        return self.model.size(item)
