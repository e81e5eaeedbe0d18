"""Accumulation: frames fall into the right groups, and their factors hold all rows, whatever the order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from conftest import MakePotential
from hypothesis import given, settings
from hypothesis import strategies as st
from known_truth import labelled_by, random_alloy

from ase_rfhgn.accumulation import FEWEST_FRAMES, FRAME_FOLDS, MOST_GROUPS, Group, accumulate, group_frames
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.equations import KINDS, frame_rows
from ase_rfhgn.frame import Frame, frame_of
from ase_rfhgn.potential import Potential
from ase_rfhgn.survey import Survey

# %% Groups


def survey_of(systems: Sequence[tuple[int, ...]], n_species: int) -> Survey:
    """Return a survey of frames that hold given species."""
    count_is = np.zeros((len(systems), n_species), dtype=np.int64)
    for count_s, system in zip(count_is, systems, strict=True):
        count_s[list(system)] = 2
    species_s = np.arange(1, n_species + 1)
    return Survey(
        species_s=species_s,
        count_is=count_is,
        energy_i=np.zeros(len(systems)),
        floor_b=np.ones(n_species**2),
        ceiling_s=np.ones(n_species),
        volume=0.0,
        sample=(),
    )


@given(st.integers(FRAME_FOLDS, 400))
@settings(deadline=None)
def test_frames_of_one_system_are_spread_evenly_over_folds(n_frames: int) -> None:
    groups = group_frames(survey_of(n_frames * [(0,)], 1))
    sizes = Counter(groups)
    assert len(groups) == n_frames
    assert len(sizes) == FRAME_FOLDS
    assert min(sizes.values()) > 0.5 * n_frames / FRAME_FOLDS - 1.0
    assert max(sizes.values()) < 1.5 * n_frames / FRAME_FOLDS + 1.0


@pytest.mark.parametrize("n_frames", range(1, FEWEST_FRAMES))
def test_very_few_frames_are_one_group(n_frames: int) -> None:
    assert len(set(group_frames(survey_of(n_frames * [(0,)], 1)))) == 1


def test_systems_without_common_elements_are_folds_of_frames() -> None:
    groups = group_frames(survey_of([(0,), (1,)] * 20, 2))
    assert {group.name for group in groups} == {f"fold {fold}" for fold in range(FRAME_FOLDS)}


def test_folds_are_runs_of_neighbours_in_time() -> None:
    groups = group_frames(survey_of(5000 * [(0,)], 1))
    changes = sum(first != second for first, second in pairwise(groups))
    assert changes < 200


def test_several_chemical_systems_are_the_groups() -> None:
    systems = [(0,), (0, 1), (0,), (1,), (0, 1)]
    groups = group_frames(survey_of(systems, 2))
    assert [group.system for group in groups] == systems
    assert len(set(groups)) == 3


def test_rare_systems_share_a_group_of_all_their_species() -> None:
    common = [(s,) for s in range(MOST_GROUPS)]
    rare = [(0, 13), (2, 14)]
    groups = group_frames(survey_of([*common, *common, *rare], 15))
    assert [group.system for group in groups[: 2 * MOST_GROUPS]] == [*common, *common]
    assert groups[-1] == groups[-2]
    assert groups[-1].system == (0, 2, 13, 14)
    assert len(set(groups)) == MOST_GROUPS + 1


# %% Factors


@pytest.fixture(scope="module")
def truth(make_potential: MakePotential) -> Potential:
    """Return a potential of copper and gold."""
    return make_potential(["Cu", "Au"], np.random.default_rng(5), channels=2, mixings=1, degree=2)


def mixed_frames(truth: Potential) -> list[Frame]:
    """Return frames of copper and of the alloy; some lack labels, one is a single atom."""
    structures: list[Atoms] = [random_alloy(symbols, seed) for seed in range(6) for symbols in (["Cu"], ["Cu", "Au"])]
    structures = [atoms for atoms in structures if "Cu" in atoms.symbols]
    structures.append(bulk("Cu"))
    labelled = [labelled_by(truth, atoms) for atoms in structures]
    for i, label in enumerate(("energy", "forces", "stress")):
        del labelled[i].calc.results[label]
    return [frame_of(atoms, f"frame {i}") for i, atoms in enumerate(labelled)]


def groups_of(truth: Potential, frames: list[Frame]) -> list[Group]:
    systems = [tuple(np.flatnonzero(np.isin(truth.species_s, frame.atoms.numbers)).tolist()) for frame in frames]
    return [Group("system", system) for system in systems]


def grams(truth: Potential, frames: list[Frame], weights: dict[str, float]) -> dict[Group, FloatArray]:
    """Return the products of all weighted columns, from explicit rows over all species."""
    sums: dict[Group, FloatArray] = {}
    for frame, group in zip(frames, groups_of(truth, frames), strict=True):
        for kind, row_mf in frame_rows(truth.hamiltonian, truth.baseline, frame, (0, 1)).items():
            sums[group] = sums.get(group, 0.0) + weights.get(kind, 0.0) ** 2 * row_mf.T @ row_mf
    return sums


WEIGHTS: list[dict[str, float]] = [
    {"energy": 10.0, "force": 1.0, "stress": 30.0},
    {"energy": 1.0},
    {"force": 0.5, "stress": 0.0},
]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_triangles_hold_the_weighted_rows_of_their_group(truth: Potential, weights: dict[str, float]) -> None:
    frames = mixed_frames(truth)
    factors = accumulate(frames, groups_of(truth, frames), truth.hamiltonian, truth.baseline)
    for group, expected in grams(truth, frames, weights).items():
        triangle_ff = factors.triangle(group, weights)
        np.testing.assert_allclose(triangle_ff.T @ triangle_ff, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_rows_are_counted_per_kind(truth: Potential) -> None:
    frames = mixed_frames(truth)
    factors = accumulate(frames, groups_of(truth, frames), truth.hamiltonian, truth.baseline)
    expected = {
        "energy": sum(frame.energy is not None for frame in frames),
        "force": sum(frame.force_nc.size for frame in frames if frame.force_nc is not None),
        "stress": 6 * sum(frame.stress_v is not None for frame in frames),
    }
    assert {kind: factors.n_rows(kind) for kind in KINDS} == expected


def test_order_of_frames_does_not_matter(truth: Potential) -> None:
    frames = mixed_frames(truth)
    weights = WEIGHTS[0]
    one, two = (
        accumulate(ordered, groups_of(truth, ordered), truth.hamiltonian, truth.baseline)
        for ordered in (frames, frames[::-1])
    )
    for group in set(groups_of(truth, frames)):
        first_ff, second_ff = one.triangle(group, weights), two.triangle(group, weights)
        scale = np.abs(first_ff.T @ first_ff).max()
        np.testing.assert_allclose(first_ff.T @ first_ff, second_ff.T @ second_ff, rtol=0, atol=1e-12 * scale)


def test_frames_are_gone_through_once(truth: Potential) -> None:
    frames = mixed_frames(truth)
    groups = groups_of(truth, frames)
    accumulate(iter(frames), groups, truth.hamiltonian, truth.baseline)
    with pytest.raises(ValueError, match="zip"):
        accumulate(iter(frames), groups[:-1], truth.hamiltonian, truth.baseline)
