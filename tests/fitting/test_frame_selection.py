"""Picked frames are different ones, and tell more than frames that are drawn at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from known_truth import random_alloy
from labelled import labelled

from ase_rfhgn.cli.main import main
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.frame_selection import select_frames
from ase_rfhgn.reports.comparison import evaluate_errors


def crystals(n_frames: int) -> list[Atoms]:
    """Return crystals of copper, most of them much alike."""
    return [random_alloy(["Cu"], seed, size=0.3 if seed % 8 == 0 else 0.02, a=3.6) for seed in range(n_frames)]


def force_error(frames: list[Atoms], pool: list[Atoms]) -> float:
    """Return the error on a pool of a small fit to some frames (eV/Å)."""
    potential = fit(frames, cutoff=4.5, channels=6, projections=1, correlation=3)
    error = evaluate_errors(potential, pool).force_rmse
    assert error is not None
    return error


def test_picked_frames_teach_more_of_the_pool_than_random_ones() -> None:
    pool = [labelled(atoms) for atoms in crystals(32)]
    picked = [pool[i] for i in select_frames(pool, 6).index_i]
    draws = [np.random.default_rng(seed).permutation(32)[:6] for seed in range(3)]
    assert force_error(picked, pool) < 0.8 * min(force_error([pool[i] for i in draw], pool) for draw in draws)


def test_every_pick_removes_some_of_the_doubt() -> None:
    picked = select_frames(crystals(16), 16)
    assert sorted(picked.index_i) == list(range(16))
    assert list(picked.gain_i) == sorted(picked.gain_i, reverse=True)
    assert min(picked.gain_i) > 0.0
    assert 0.999 < sum(picked.gain_i) < 1.0


def test_frames_like_many_others_come_before_lone_ones() -> None:
    many = [random_alloy(["Cu"], seed, a=3.6) for seed in range(30)]
    lone = [random_alloy(["Cu"], 99 + seed, size=0.3, a=4.3) for seed in range(3)]
    assert select_frames([*many, *lone], 1).index_i[0] < len(many)
    assert max(select_frames([*many, *lone], 6).index_i) >= len(many)


def test_energies_count_where_there_are_no_forces() -> None:
    shaken = [random_alloy(["Cu"], seed, size=0.2, a=3.6) for seed in range(20)]
    still = [bulk("Cu", a=a, cubic=True) for a in np.linspace(3.4, 3.9, 20)]
    assert max(select_frames([*shaken, *still], 12).index_i) >= len(shaken)


def test_copies_are_dropped_however_they_are_written() -> None:
    frames = crystals(6)
    turned = frames[1].copy()
    turned.rotate(50, (1, 2, 0), rotate_cell=True)
    shifted = frames[2].copy()
    shifted.positions += 1.3
    shifted.wrap()
    picked = select_frames([*frames, frames[0].copy(), turned, shifted, frames[3][[3, 1, 0, 2]]], 10)
    assert sorted(picked.index_i) == list(range(6))
    assert picked.n_duplicates == 4


def test_a_seed_gives_one_selection_and_mixtures_are_covered() -> None:
    frames = [random_alloy(["Cu"], seed) for seed in range(20)] + [random_alloy(["Cu", "Au"], 3)]
    first, again = (select_frames(frames, 3, seed=4) for _ in range(2))
    assert first == again
    assert 20 in first.index_i


def test_bad_pools_are_refused() -> None:
    with pytest.raises(SettingsError, match="n_frames is 0"):
        select_frames(crystals(2), 0)
    with pytest.raises(TrainingDataError, match="no frames"):
        select_frames([], 3)
    broken = bulk("Cu")
    broken.positions[:] = np.nan
    with pytest.raises(TrainingDataError, match="pool, frame 1"):
        select_frames([bulk("Cu"), broken], 3)


def test_the_command_writes_what_it_picks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool, picked = tmp_path / "pool.traj", tmp_path / "picked.traj"
    write(pool, crystals(10))
    assert main(["select", str(pool), "-n", "3", "-o", str(picked)]) == 0
    assert len(read(picked, ":")) == 3
    assert "picked 3 of 10 frames" in capsys.readouterr().out
    assert main(["select", str(tmp_path / "none.traj"), "-n", "3", "-o", str(picked)]) == 2
