"""Accumulation: factors hold all rows of their group, whatever the order of the frames."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from conftest import MakePotential
from graphed import graphed
from known_truth import labelled_by, random_alloy

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.accumulation import Factors, accumulate
from ase_rfhgn.fitting.grouping import Group, Grouping
from ase_rfhgn.fitting.linear_model import KINDS
from ase_rfhgn.fitting.rows import frame_rows
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.frame import Frame, frame_of
from ase_rfhgn.structures.graph import build_graph

# %% Factors


@pytest.fixture(scope="module")
def truth(make_potential: MakePotential) -> Potential:
    """Return a potential of copper and gold."""
    return make_potential(["Cu", "Au"], np.random.default_rng(5), channels=2, projections=1, degree=2)


def mixed_frames(truth: Potential) -> list[Frame]:
    """Return frames of copper and of the alloy; some lack labels, one is a single atom."""
    structures: list[Atoms] = [random_alloy(symbols, seed) for seed in range(6) for symbols in (["Cu"], ["Cu", "Au"])]
    structures = [atoms for atoms in structures if "Cu" in atoms.symbols]
    structures.append(bulk("Cu"))
    labelled = [labelled_by(truth, atoms) for atoms in structures]
    for i, label in enumerate(("energy", "forces", "stress")):
        del labelled[i].calc.results[label]
    return [frame_of(atoms, f"frame {i}") for i, atoms in enumerate(labelled)]


def model_of(truth: Potential) -> SphericalModel:
    return SphericalModel(truth.hamiltonian, truth.baseline)


def grouping_of(truth: Potential, frames: list[Frame]) -> Grouping:
    systems = [tuple(np.flatnonzero(np.isin(truth.species_s, frame.atoms.numbers)).tolist()) for frame in frames]
    return Grouping(tuple(Group("system", system) for system in systems), (), by_system=True)


def grams(truth: Potential, frames: list[Frame], weights: dict[str, float]) -> dict[Group, FloatArray]:
    """Return the products of all weighted columns, from explicit rows over all species."""
    sums: dict[Group, FloatArray] = {}
    for frame, group in zip(frames, grouping_of(truth, frames).group_i, strict=True):
        graph = build_graph(frame.atoms, truth.cutoff)
        for kind, row_mf in frame_rows(truth.hamiltonian, truth.baseline, frame, graph, (0, 1)).items():
            sums[group] = sums.get(group, 0.0) + weights.get(kind, 0.0) ** 2 * row_mf.T @ row_mf
    return sums


WEIGHTS: list[dict[str, float]] = [
    {"energy": 10.0, "force": 1.0, "stress": 30.0},
    {"energy": 1.0},
    {"force": 0.5, "stress": 0.0},
]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_factors_hold_the_weighted_rows_of_their_group(truth: Potential, weights: dict[str, float]) -> None:
    frames = mixed_frames(truth)
    factors = accumulate(graphed(frames, truth.cutoff), grouping_of(truth, frames), model_of(truth))
    for group, expected in grams(truth, frames, weights).items():
        row_mf = factors.rows(group, weights)
        np.testing.assert_allclose(row_mf.T @ row_mf, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_rows_are_counted_per_kind(truth: Potential) -> None:
    frames = mixed_frames(truth)
    factors = accumulate(graphed(frames, truth.cutoff), grouping_of(truth, frames), model_of(truth))
    expected = {
        "energy": sum(frame.energy is not None for frame in frames),
        "force": sum(frame.force_nc.size for frame in frames if frame.force_nc is not None),
        "stress": 6 * sum(frame.stress_v is not None for frame in frames),
        "velocity": 0,
        "motion": 0,
    }
    assert {kind: factors.n_rows(kind) for kind in KINDS} == expected


def test_order_of_frames_does_not_matter(truth: Potential) -> None:
    frames = mixed_frames(truth)
    weights = WEIGHTS[0]
    one, two = (
        accumulate(graphed(ordered, truth.cutoff), grouping_of(truth, ordered), model_of(truth))
        for ordered in (frames, frames[::-1])
    )
    for group in set(grouping_of(truth, frames).group_i):
        first_mf, second_mf = one.rows(group, weights), two.rows(group, weights)
        scale = np.abs(first_mf.T @ first_mf).max()
        np.testing.assert_allclose(first_mf.T @ first_mf, second_mf.T @ second_mf, rtol=0, atol=1e-12 * scale)


def test_frames_are_gone_through_once(truth: Potential) -> None:
    frames = mixed_frames(truth)
    grouping, items = grouping_of(truth, frames), graphed(frames, truth.cutoff)
    accumulate(iter(items), grouping, model_of(truth))
    shorter = replace(grouping, group_i=grouping.group_i[:-1])
    with pytest.raises(IndexError):
        accumulate(iter(items), shorter, model_of(truth))


@pytest.mark.parametrize("n_chunks", [1, 2, 7])
def test_what_chunks_accumulate_merges_to_the_whole_in_any_order(
    truth: Potential, rng: np.random.Generator, n_chunks: int
) -> None:
    frames = mixed_frames(truth)
    grouping, items, model = grouping_of(truth, frames), graphed(frames, truth.cutoff), model_of(truth)
    whole = accumulate(items, grouping, model, sampled={1, 4, 5})
    chunks = np.array_split(rng.permutation(len(items)), n_chunks)
    passes = [accumulate([items[i] for i in chunk], grouping, model, sampled={1, 4, 5}) for chunk in chunks]
    merged = reduce(Factors.merged, passes)
    assert list(merged.sample) == list(whole.sample) == [1, 4, 5]
    assert merged.fingerprint_i == whole.fingerprint_i
    for kind in KINDS:
        assert merged.n_rows(kind) == whole.n_rows(kind)
    for group in whole.by_group:
        first_mf, second_mf = (factors.rows(group, WEIGHTS[0]) for factors in (whole, merged))
        scale = np.abs(first_mf.T @ first_mf).max()
        np.testing.assert_allclose(first_mf.T @ first_mf, second_mf.T @ second_mf, rtol=0, atol=1e-13 * scale)
    assert merged.sites is not None
    assert whole.sites is not None
    one, other = merged.sites.domain(), whole.sites.domain()
    assert one is not None
    assert other is not None
    for first, second in ((one.own, other.own), (one.around, other.around)):
        assert first is not None
        assert second is not None
        np.testing.assert_allclose(first.moment_sdd, second.moment_sdd, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(first.limit_s, second.limit_s, rtol=1e-9)
