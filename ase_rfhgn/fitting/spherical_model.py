"""The linear model of potentials: one-body energies, and features of atomic neighbourhoods per species."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.reduced import reduced_features
from ase_rfhgn.fitting.linear_model import Layout, RidgeSearch, Solution
from ase_rfhgn.fitting.prior import prior_spread
from ase_rfhgn.fitting.rows import frame_rows
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.models.uncertainty import QUANTITIES, Ensemble
from ase_rfhgn.structures.checks import MISTAKEN
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import GraphedFrame, WithinCutoff

SEARCH = RidgeSearch(ridges=tuple(10.0**power for power in range(-14, 1, 2)), tolerance=0.005, default=1e-3)
"""How the ridge is searched for."""

SHARE = 2
"""A member of the ensemble has one of so many channels."""


@dataclass(frozen=True, slots=True)
class SphericalModel:
    """A potential before its coefficients are known.

    Attributes
    ----------
    fields : SphericalFields
        The features.
    baseline : Baseline
        Baseline that is subtracted from the labels.
    species_power : float
        How far the prior holds down channels that switch between elements; see `ase_rfhgn.fitting.prior`.
    free_s : tuple of bool
        Whether the one-body energy of every species is fitted; by default all are.
    closest : float
        Distance below which two atoms of a frame are there by mistake (Å).
    """

    fields: SphericalFields
    baseline: Baseline
    species_power: float = 0.0
    free_s: tuple[bool, ...] | None = None
    closest: float = MISTAKEN

    @property
    def layout(self) -> Layout:
        """Columns: one-body energies, then the features of every species."""
        return Layout(len(self.fields.species_s), self.fields.n_features)

    @property
    def search(self) -> RidgeSearch:
        """How the ridge is searched for."""
        return SEARCH

    @property
    def reduced_columns(self) -> IntArray:
        """Columns of the ensemble: one-body energies, and low body orders of half of the channels."""
        layout = self.layout
        reduced_f = reduced_features(self.fields, max(1, self.fields.n_channels // SHARE))
        starts = layout.n_one_body + layout.n_features * np.arange(layout.n_species)
        return np.concatenate([np.arange(layout.n_one_body), *(start + reduced_f for start in starts)])

    @property
    def pair_columns(self) -> IntArray:
        """Columns of a potential of pairs: one-body energies, and sums over neighbours."""
        return self._first_columns(self.fields.n_channels)

    @property
    def triplet_columns(self) -> IntArray:
        """Columns of a potential of pairs and triplets: the squares of all degrees, too."""
        return self._first_columns(self.fields.n_channels * (self.fields.degree + 2))

    def _first_columns(self, n_features: int) -> IntArray:
        """Return the columns of one-body energies and of the first features of every species."""
        layout = self.layout
        start_s = layout.n_one_body + layout.n_features * np.arange(layout.n_species)
        first_sk = start_s[:, None] + np.arange(min(n_features, layout.n_features))
        return np.concatenate([np.arange(layout.n_one_body), first_sk.ravel()])

    @property
    def baseline_s(self) -> FloatArray:
        """One-body energies that are subtracted from labels (eV)."""
        return self.baseline.one_body_s

    @property
    def parameters(self) -> FloatArray:
        """Power of the species' length scale, and whether the one-body energy of every species is free."""
        return np.array([self.species_power, *map(float, self._free())])

    @property
    def nothing_seen(self) -> Domain:
        """Domain of no training sites."""
        n_around = self.fields.n_around
        n_own = self.fields.n_channels * (2 if self.fields.degree else 1)
        return Domain.nothing(self.layout.n_species, n_own, n_around)

    def graphed(self, index: int, frame: Frame) -> GraphedFrame:
        """Return a frame with the graph that the features see, checked."""
        return WithinCutoff(self.fields.cutoff, self.closest)(index, frame)

    def encoded(self, item: GraphedFrame) -> GraphedFrame:
        """Return a frame with the work that `rows` and `descriptors` share."""
        return replace(item, encoded=self.fields.encoded(item.graph))

    def rows(self, items: Sequence[GraphedFrame], system: tuple[int, ...]) -> list[dict[str, FloatArray]]:
        """Return the rows of every kind of label that frames have; see `LinearModel.rows`."""
        return [frame_rows(self.fields, self.baseline, item.frame, item.graph, system, item.encoded) for item in items]

    def size(self, item: GraphedFrame) -> float:  # noqa: ARG002  # all are alike
        """Return 1: frames are dealt with one by one."""
        return 1.0

    def prior(self, norm_f: FloatArray) -> FloatArray:
        """Return the prior spread of the coefficients for given norms of the weighted columns."""
        return prior_spread(self.fields, norm_f, self.species_power, self._free())

    def _free(self) -> tuple[bool, ...]:
        return (True,) * len(self.fields.species_s) if self.free_s is None else self.free_s

    def descriptors(self, item: GraphedFrame) -> tuple[FloatArray, IntArray]:
        """Return descriptors and species of the atoms of a frame."""
        species_n = np.searchsorted(self.fields.species_s, item.graph.number_n)
        return self.fields.descriptors(item.graph, item.encoded), species_n

    def finish(self, solution: Solution) -> Potential:
        """Return the potential of a solution."""
        one_body_s, coefficient_sf = self.layout.split(solution.coefficient_f)
        return Potential(
            hamiltonian=self.fields,
            coefficient_sf=coefficient_sf,
            baseline=replace(self.baseline, one_body_s=self.baseline.one_body_s + one_body_s),
            ensemble=self._ensemble(solution),
            record=solution.record,
            linear_system=solution.linear_system,
        )

    def forces(self, model: AnyModel, item: GraphedFrame) -> FloatArray:
        """Return the forces of a potential on a frame (eV/Å)."""
        assert isinstance(model, Potential)  # noqa: S101  # made by `finish`
        return model.respond(item.frame.atoms, item.graph).force_nc

    def _ensemble(self, solution: Solution) -> Ensemble | None:
        if solution.domain is None:
            return None
        n_species, n_members = len(self.fields.species_s), len(solution.member_ef)
        return Ensemble(
            coefficient_esf=solution.member_ef[:, n_species:].reshape(n_members, n_species, -1),
            one_body_es=solution.member_ef[:, :n_species],
            interval_scale_ol=np.array([solution.interval_scale[kind] for kind in QUANTITIES]),
            domain=solution.domain,
        )
