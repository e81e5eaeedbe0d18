"""Groups: chemical systems where some can be predicted from others, folds of frames elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_rfhgn.fitting.grouping import (
    FEWEST_FRAMES,
    FRAME_FOLDS,
    MOST_SYSTEMS,
    SYSTEMS_LEFT_OUT,
    Grouping,
    group_frames,
)
from ase_rfhgn.fitting.survey import Survey
from ase_rfhgn.structures.graph import NeighbourGraph

PAIR = NeighbourGraph(np.array([1, 1]), np.array([0, 1]), np.array([1, 0]), np.array([[2.0, 0, 0], [-2.0, 0, 0]]))
"""Two atoms of the first element, 2 Å apart."""


def survey_of(
    systems: Sequence[tuple[int, ...]], n_species: int, n_atoms: Sequence[int] | None = None, floor: float = 1.0
) -> Survey:
    """Return a survey of frames that hold given species, with a number of atoms of each.

    Pairs with other elements than the first come no closer than a floor.
    """
    count_is = np.zeros((len(systems), n_species), dtype=np.int64)
    for i, system in enumerate(systems):
        count_is[i, list(system)] = 2 if n_atoms is None else n_atoms[i]
    return Survey(
        cutoff=4.0,
        species_s=np.arange(1, n_species + 1),
        count_is=count_is,
        energy_i=np.zeros(len(systems)),
        isolated_i=count_is.sum(axis=1) == 1,
        floor_b=np.where(np.arange(n_species**2) == 0, 1.0, floor),
        largest_density_s=np.ones(n_species),
        volume=0.0,
        sample=100 * (PAIR,),
    )


def grouped(survey: Survey) -> Grouping:
    return group_frames(survey, np.random.default_rng(0))


@given(st.integers(FRAME_FOLDS, 400))
@settings(deadline=None)
def test_frames_of_one_system_are_spread_evenly_over_folds(n_frames: int) -> None:
    grouping = grouped(survey_of(n_frames * [(0,)], 1))
    sizes = Counter(grouping.group_i)
    assert len(grouping.group_i) == n_frames
    assert set(sizes) == set(grouping.left_out)
    assert len(sizes) == FRAME_FOLDS
    assert min(sizes.values()) > 0.5 * n_frames / FRAME_FOLDS - 1.0
    assert max(sizes.values()) < 1.5 * n_frames / FRAME_FOLDS + 1.0


@pytest.mark.parametrize("n_frames", range(1, FEWEST_FRAMES))
def test_very_few_frames_are_one_group_that_is_never_left_out(n_frames: int) -> None:
    grouping = grouped(survey_of(n_frames * [(0,)], 1))
    assert len(set(grouping.group_i)) == 1
    assert grouping.left_out == ()


def test_fewer_frames_than_folds_leave_out_one_each() -> None:
    grouping = grouped(survey_of(3 * [(0,)], 1))
    assert grouping.left_out == grouping.group_i
    assert len(set(grouping.left_out)) == 3


def test_folds_are_runs_of_neighbours_in_time() -> None:
    group_i = grouped(survey_of(5000 * [(0,)], 1)).group_i
    changes = sum(first != second for first, second in pairwise(group_i))
    assert changes < 200


@pytest.mark.parametrize(
    "systems",
    [[(0,), (1,)], [(0,), (0, 1)], [(0, 1), (2, 3)], [(0, 1, 2)]],
    ids=["no common element", "only one can be predicted", "disjoint", "a single system"],
)
def test_systems_that_cannot_be_left_out_are_folds_of_frames(systems: list[tuple[int, ...]]) -> None:
    grouping = grouped(survey_of(systems * 20, 4))
    assert not grouping.by_system
    assert {group.name for group in grouping.group_i} == {f"fold {fold}" for fold in range(FRAME_FOLDS)}


def test_several_chemical_systems_are_the_groups() -> None:
    systems = [(0,), (0, 1), (0,), (1, 2), (0, 1), (2,)]
    grouping = grouped(survey_of(systems, 3))
    assert grouping.by_system
    assert [group.system for group in grouping.group_i] == systems
    assert len(set(grouping.group_i)) == 4


def test_where_all_elements_occur_together_folds_of_frames_are_left_out() -> None:
    assert not grouped(survey_of(8 * [(0,), (1,), (0, 1)], 2)).by_system
    assert not grouped(survey_of(8 * [(0, 1), (1, 2), (0, 1, 2)], 3)).by_system
    assert grouped(survey_of([*(40 * [(0, 1), (1, 2), (0, 2)]), (0, 1, 2)], 3)).by_system  # one frame tells too little


def test_systems_whose_elements_cannot_take_each_others_places_are_folds_of_frames() -> None:
    systems = 10 * [(0,), (0, 1), (1,), (0, 2), (2,)]
    assert grouped(survey_of(systems, 3, floor=2.0)).by_system  # sites are 2 Å apart: tight, but not too tight
    assert not grouped(survey_of(systems, 3, floor=3.0)).by_system


def test_the_richest_systems_are_left_out() -> None:
    systems = [(0,), (1,), (2,), (3,), (0, 1), (1, 2), (3, 4), (4,), (0, 1, 2, 3)]
    grouping = grouped(survey_of(systems, 5))
    assert [group.system for group in grouping.left_out] == [(0, 1, 2, 3), (0, 1), (1, 2)]
    assert len(grouping.left_out) == SYSTEMS_LEFT_OUT


def test_a_system_with_an_element_of_its_own_is_not_left_out() -> None:
    grouping = grouped(survey_of([(0,), (1,), (0, 1), (1, 2)], 3))
    assert (1, 2) not in {group.system for group in grouping.left_out}


def test_isolated_atoms_among_molecules_are_no_chemical_systems() -> None:
    systems, n_atoms = [(0,), (1,), (2,)] + 50 * [(0, 1, 2)], [1, 1, 1] + 50 * [3]
    grouping = grouped(survey_of(systems, 3, n_atoms))
    assert not grouping.by_system
    assert [group.name for group in grouping.group_i[:3]] == 3 * ["isolated atoms"]
    assert {group.name for group in grouping.left_out} == {f"fold {fold}" for fold in range(FRAME_FOLDS)}
    assert set(grouping.group_i[3:]) == set(grouping.left_out)


def test_isolated_atoms_alone_are_a_group_that_is_never_left_out() -> None:
    grouping = grouped(survey_of([(0,), (1,)], 2, [1, 1]))
    assert len(set(grouping.group_i)) == 1
    assert grouping.left_out == ()


def test_isolated_atoms_among_systems_are_never_left_out() -> None:
    systems, n_atoms = [(0,), (1,)] + 50 * [(0, 1), (1, 2), (0, 2)], [1, 1] + 150 * [4]
    grouping = grouped(survey_of(systems, 3, n_atoms))
    assert grouping.by_system
    assert grouping.group_i[0] == grouping.group_i[1]
    assert grouping.group_i[0] not in grouping.left_out


def test_rare_systems_share_a_group_of_all_their_species() -> None:
    common = [(s, s + 1) for s in range(MOST_SYSTEMS)]
    rare = [(0, 13), (2, 14)]
    group_i = grouped(survey_of([*common, *common, *rare], 15)).group_i
    assert [group.system for group in group_i[: 2 * MOST_SYSTEMS]] == [*common, *common]
    assert group_i[-1] == group_i[-2]
    assert group_i[-1].system == tuple(range(15))
    assert len(set(group_i)) == MOST_SYSTEMS + 1
