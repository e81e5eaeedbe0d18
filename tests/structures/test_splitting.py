"""Splits: test frames are no neighbours in time and no copies of training frames, and no element goes missing."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from verlet_runs import run_of, shaken_crystal

from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.structures.splitting import split_frames
from ase_rfhgn.structures.training_set import TrainingSet


def numbers(frames: TrainingSet) -> list[int]:
    """Return which frames of a list of structures are in a part of it."""
    return [number for part in frames.parts for number in part.number_i]


def rattled(n_frames: int, element: str = "Cu", n: int = 2) -> list[Atoms]:
    """Return crystals that have nothing to do with each other."""
    rng = np.random.default_rng(3)
    frames = [bulk(element, cubic=True) * (n, 1, 1) for _ in range(n_frames)]
    for atoms in frames:
        atoms.positions += rng.normal(0.0, 0.2, atoms.positions.shape)
    return frames


def blocks_of(chosen: list[int]) -> int:
    return 1 + int(np.sum(np.diff(chosen) > 1))


def test_every_frame_is_in_one_part() -> None:
    train, test = split_frames(rattled(40), 0.25)
    assert sorted(numbers(train) + numbers(test)) == list(range(40))
    assert len(test) == 10


def test_frames_that_are_no_neighbours_are_drawn_one_by_one() -> None:
    _, test = split_frames(rattled(60), 0.2)
    assert blocks_of(numbers(test)) > 6


@pytest.mark.parametrize("seed", range(3))
def test_runs_are_cut_into_blocks(seed: int) -> None:
    run = run_of(shaken_crystal(), 40)
    _, test = split_frames(run, 0.2, seed=seed)
    assert len(test) == 8
    assert blocks_of(numbers(test)) <= 2


def test_the_seed_decides() -> None:
    frames = rattled(40)
    first, again, other = (numbers(split_frames(frames, 0.2, seed=seed)[1]) for seed in (0, 0, 1))
    assert first == again != other


def test_copies_stay_together() -> None:
    frames = rattled(10)
    train, test = split_frames([atoms for _ in range(3) for atoms in frames], 0.3)
    assert {i % 10 for i in numbers(train)}.isdisjoint({i % 10 for i in numbers(test)})
    assert len(test) == 9


def test_every_group_gives_its_share() -> None:
    frames = rattled(40)
    for i, atoms in enumerate(frames):
        atoms.info["config_type"] = "many" if i < 30 else "few"
    _, test = split_frames(frames, 0.2)
    assert [sum(i < 30 for i in numbers(test)), sum(i >= 30 for i in numbers(test))] == [6, 2]


def test_whole_groups_are_left_out_where_wanted() -> None:
    frames = rattled(40)
    for i, atoms in enumerate(frames):
        atoms.info["origin"] = i // 8
    train, test = split_frames(frames, 0.2, by="group", group_key="origin")
    assert {i // 8 for i in numbers(train)}.isdisjoint({i // 8 for i in numbers(test)})
    assert len(test) == 8
    assert test[0].group is not None, "the name of the groups stays with the frames"
    with pytest.raises(SettingsError, match="there are no groups"):
        split_frames(rattled(8), 0.2, by="group")


def test_training_keeps_all_elements_and_isolated_atoms() -> None:
    lone = [Atoms("Cu"), Atoms("O")]
    frames = [*lone, *rattled(12), *(molecule("H2O") for _ in range(1))]
    for seed in range(10):
        train, _ = split_frames(frames, 0.3, seed=seed)
        assert {0, 1, 14} <= set(numbers(train))


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, np.nan])
def test_the_fraction_is_between_0_and_1(fraction: float) -> None:
    with pytest.raises(SettingsError, match="test_fraction is"):
        split_frames(rattled(8), fraction)


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="none of 1 frames can be left out"):
        split_frames(rattled(1), 0.5)
    with pytest.raises(SettingsError, match="by is 'frame'"):
        split_frames(rattled(8), 0.5, by="frame")
