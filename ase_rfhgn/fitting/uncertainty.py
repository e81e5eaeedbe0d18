"""Draws an ensemble around a fit and measures, on frames left out, how wide its answers must be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.reduced import reduced_features, site_descriptors
from ase_rfhgn.fitting.accumulation import Factors, SampledFrame
from ase_rfhgn.fitting.rows import Layout
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.models.uncertainty import QUANTITIES, Ensemble
from ase_rfhgn.regression.posterior import (
    LEVELS,
    Omission,
    growth_left_out,
    half_interval_scales,
    parts_of,
    sample_members,
)
from ase_rfhgn.regression.ridge import Regression, Solved
from ase_rfhgn.runtime.batches import batched
from ase_rfhgn.structures.graph import NeighbourGraph

MEMBERS = 8
"""Members of an ensemble: their spread is known to a quarter of itself."""

SHARE = 2
"""A member has one of so many channels."""

SITES = 10_000
"""Sites that tell the limits of the domain, about."""

ROUNDS, FEWEST_ROWS = 2e9, 3000
"""Multiplications of a row by the squared number of columns that a calibration may cost, and rows that it has."""

RUNS = 10
"""Runs of consecutive frames that are left out in turn where all frames are: neighbours in time know of each other."""

ROWS_AT_ONCE = 500
"""Rows that are left out in one go, in several sets."""


def count_rows(rows: Mapping[str, FloatArray]) -> int:
    """Return the number of rows of all kinds."""
    return sum(map(len, rows.values()))


def sampled_frames(n_frames: int, n_rows: int, n_columns: int, rng: np.random.Generator) -> frozenset[int]:
    """Return the frames whose rows are kept for the calibration: one of every stretch, at random.

    Parameters
    ----------
    n_frames, n_rows : int
        Number of frames, and of rows of all of them, about.
    n_columns : int
        Number of columns.
    rng : numpy.random.Generator
        Source of randomness.
    """
    wanted = max(FEWEST_ROWS, ROUNDS / n_columns**2)
    n_sampled = int(np.clip(np.ceil(wanted / max(n_rows / n_frames, 1.0)), 1, n_frames))
    edge_i = np.linspace(0, n_frames, n_sampled + 1).astype(int)
    return frozenset(int(rng.integers(first, last)) for first, last in pairwise(edge_i))


class TrainingSites:
    """Neighbourhoods of the frames of a fit, which come one by one.

    Parameters
    ----------
    hamiltonian : SphericalFields
        The features.
    n_frames : int
        Number of frames that will come.
    rng : numpy.random.Generator
        Source of randomness.
    """

    def __init__(self, hamiltonian: SphericalFields, n_frames: int, rng: np.random.Generator) -> None:
        self._hamiltonian = hamiltonian
        self._per_frame = -(-SITES // n_frames)
        self._rng = rng
        self._domain: Domain | None = None
        self._kept: list[tuple[FloatArray, IntArray]] = []

    def add(self, graph: NeighbourGraph) -> None:
        """Take in the atoms of a frame."""
        descriptor_nd, species_n = sites_of(self._hamiltonian, graph)
        domain = self._domain or Domain.nothing(len(self._hamiltonian.species_s), descriptor_nd.shape[1])
        self._domain = domain.extended(descriptor_nd, species_n)
        some_n = self._rng.permutation(len(species_n))[: self._per_frame]
        self._kept.append((descriptor_nd[some_n], species_n[some_n]))

    def domain(self) -> Domain:
        """Return the domain that the frames so far span; there must be one."""
        assert self._domain is not None  # noqa: S101  # a training set has frames
        descriptors, species = zip(*self._kept, strict=True)
        return self._domain.limited(np.concatenate(descriptors), np.concatenate(species))


def sites_of(hamiltonian: SphericalFields, graph: NeighbourGraph) -> tuple[FloatArray, IntArray]:
    """Return the descriptors and the species of the atoms of a graph."""
    return site_descriptors(hamiltonian, graph), np.searchsorted(hamiltonian.species_s, graph.number_n)


def sample_ensemble(solved: Solved, hamiltonian: SphericalFields, domain: Domain, rng: np.random.Generator) -> Ensemble:
    """Return an ensemble drawn from the posterior of a reduced model, of unit widths.

    Parameters
    ----------
    solved : Solved
        The fit.
    hamiltonian : SphericalFields
        The features.
    domain : Domain
        Neighbourhoods that training saw.
    rng : numpy.random.Generator
        Source of randomness.
    """
    n_species = len(hamiltonian.species_s)
    member_ef = sample_members(solved.restricted(_reduced_columns(hamiltonian)), MEMBERS, rng)
    return Ensemble(
        coefficient_esf=member_ef[:, n_species:].reshape(MEMBERS, n_species, -1),
        one_body_es=member_ef[:, :n_species],
        interval_scale_ol=np.ones((len(QUANTITIES), len(LEVELS))),
        domain=domain,
    )


def calibrated(
    ensemble: Ensemble,
    regression: Regression,
    solved: Solved,
    factors: Factors,
    weights: Mapping[str, float],
    hamiltonian: SphericalFields,
) -> Ensemble:
    """Return an ensemble whose widths hold the errors on frames left out.

    Parameters
    ----------
    ensemble : Ensemble
        An ensemble of any widths.
    regression, solved : Regression, Solved
        The fit.
    factors : Factors
        Its rows. Sampled frames are left out, each in turn, or in runs where all frames were sampled.
    weights : mapping
        Weight of every kind of label.
    hamiltonian : SphericalFields
        The features.

    Notes
    -----
    A quantity that no sampled frame has labels of gets the widths of another one.
    """
    omission = Omission(regression, solved)
    column_f = _reduced_columns(hamiltonian)
    reduced = solved.restricted(column_f)
    member_ef = np.concatenate([ensemble.one_body_es, ensemble.coefficient_esf.reshape(MEMBERS, -1)], axis=1)
    misses: dict[str, list[FloatArray]] = {}
    labelled = (_weighted_rows(run, weights, len(solved.spread_f)) for run in _runs(factors))
    for batch in batched((rows for rows in labelled if rows), count_rows, ROWS_AT_ONCE):
        sets = [np.concatenate(list(rows.values())) for rows in batch]
        for rows, row_mf, residual_m in zip(batch, sets, omission.residuals(sets), strict=True):
            reduced_mf = row_mf[:, column_f]
            spread_m = growth_left_out(reduced, reduced_mf) * np.linalg.norm(reduced_mf @ member_ef.T, axis=1)
            missed_m2 = np.stack([residual_m, spread_m], axis=1)
            for kind, part_m2 in zip(rows, parts_of(missed_m2, rows.values()), strict=True):
                misses.setdefault(kind, []).append(part_m2.T)
    return replace(ensemble, interval_scale_ol=_interval_scales(misses))


def _runs(factors: Factors) -> list[tuple[SampledFrame, ...]]:
    """Return the sampled frames, in the runs that are left out."""
    sample, n_frames = factors.sample, len(factors.grouping.group_i)
    length = -(-n_frames // RUNS) if len(sample) == n_frames else 1
    return [sample[i : i + length] for i in range(0, len(sample), length)]


def _weighted_rows(run: Sequence[SampledFrame], weights: Mapping[str, float], n_columns: int) -> dict[str, FloatArray]:
    """Return the weighted rows of several frames over all columns; see `SampledFrame.weighted_rows`."""
    frames = [frame.weighted_rows(weights, n_columns) for frame in run]
    kinds = dict.fromkeys(kind for rows in frames for kind in rows)
    return {kind: np.concatenate([rows[kind] for rows in frames if kind in rows]) for kind in kinds}


def _interval_scales(misses: Mapping[str, Sequence[FloatArray]]) -> FloatArray:
    """Return the half-widths of every quantity from residuals and spreads; those of another where there are none."""
    known = {kind: half_interval_scales(*np.concatenate(parts, axis=1)) for kind, parts in misses.items()}
    known = {kind: scale_l for kind, scale_l in known.items() if np.isfinite(scale_l).all()}
    fallback_l = next((known[kind] for kind in ("force", "motion", *QUANTITIES) if kind in known), np.ones(len(LEVELS)))
    return np.array([known.get(kind, fallback_l) for kind in QUANTITIES])


def _reduced_columns(hamiltonian: SphericalFields) -> IntArray:
    """Return the columns of the members' coefficients in the linear system, one-body energies first."""
    layout = Layout(len(hamiltonian.species_s), hamiltonian.n_features)
    reduced_f = reduced_features(hamiltonian, max(1, hamiltonian.n_channels // SHARE))
    starts = layout.n_species + layout.n_features * np.arange(layout.n_species)
    return np.concatenate([np.arange(layout.n_species), *(start + reduced_f for start in starts)])
