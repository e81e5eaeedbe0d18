"""Training sets: every way in gives the same frames, read on demand; bad sources are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from ase.io.trajectory import Trajectory, TrajectoryReader
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import labelled, shaken

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.training_set import TrainingSet

N_FRAMES = 6


@pytest.fixture(scope="module")
def crystals() -> list[Atoms]:
    """Return labelled copper cells, all different."""
    return [labelled(shaken(seed)) for seed in range(N_FRAMES)]


@pytest.fixture
def trajectory(tmp_path: Path, crystals: list[Atoms]) -> Path:
    """Return a .traj file of the crystals."""
    path = tmp_path / "train.traj"
    write(path, crystals)
    return path


def assert_same(training_set: TrainingSet, expected: list[Atoms], tolerance: float = 0.0) -> None:
    assert len(training_set) == len(expected)
    for frame, atoms in zip(training_set, expected, strict=True):
        results = atoms.calc.results
        np.testing.assert_allclose(frame.atoms.positions, atoms.positions, rtol=0, atol=tolerance)
        assert frame.energy == pytest.approx(results["energy"], abs=tolerance)
        assert frame.force_nc is not None
        np.testing.assert_allclose(frame.force_nc, results["forces"], rtol=0, atol=tolerance)
        assert frame.stress_v is not None
        np.testing.assert_allclose(frame.stress_v, results["stress"], rtol=0, atol=tolerance)


# %% Ways in


def test_trajectory_list_generator_and_reader_give_the_same_frames(trajectory: Path, crystals: list[Atoms]) -> None:
    assert_same(TrainingSet.open(trajectory), crystals)
    assert_same(TrainingSet.open(str(trajectory)), crystals)
    assert_same(TrainingSet.open(crystals), crystals)
    assert_same(TrainingSet.open(atoms for atoms in crystals), crystals)
    with TrajectoryReader(trajectory) as reader:
        assert_same(TrainingSet.open(reader), crystals)
        assert_same(TrainingSet.open(reader[1::2]), crystals[1::2])


@pytest.mark.parametrize("name", ["train.extxyz", "train.db", "train.json"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_formats_give_the_same_frames(tmp_path: Path, crystals: list[Atoms], name: str) -> None:
    write(tmp_path / name, crystals)
    assert_same(TrainingSet.open(tmp_path / name), crystals, tolerance=1e-7)


@given(st.tuples(*3 * [st.none() | st.integers(-8, 8)]).filter(lambda bounds: bounds[2] != 0))
@settings(max_examples=30, deadline=None)
def test_index_syntax_is_that_of_slices(
    tmp_path_factory: pytest.TempPathFactory, crystals: list[Atoms], bounds: tuple[int | None, ...]
) -> None:
    path = tmp_path_factory.getbasetemp() / "sliced.traj"
    if not path.exists():
        write(path, crystals)
    start, stop, step = ("" if bound is None else str(bound) for bound in bounds)
    source = f"{path}@{start}:{stop}:{step}"
    expected = crystals[slice(*bounds)]
    if expected:
        assert_same(TrainingSet.open(source), expected)
    else:
        with pytest.raises(TrainingDataError, match="no frames"):
            TrainingSet.open(source)


@pytest.mark.parametrize("index", [0, 3, -1])
def test_single_index_gives_one_frame(trajectory: Path, crystals: list[Atoms], index: int) -> None:
    assert_same(TrainingSet.open(f"{trajectory}@{index}"), [crystals[index]])


def test_name_of_a_file_may_hold_an_at_sign(tmp_path: Path, crystals: list[Atoms]) -> None:
    for name, file_format in [("cu@300K.traj", "traj"), ("cu@1", "traj"), ("cu@1:2.extxyz", "extxyz")]:
        write(tmp_path / name, crystals, format=file_format)
        assert len(TrainingSet.open(tmp_path / name)) == N_FRAMES


def test_messages_number_frames_as_in_the_file(trajectory: Path) -> None:
    assert [frame.name for frame in TrainingSet.open(f"{trajectory}@1::2")] == [
        "train.traj, frame 1",
        "train.traj, frame 3",
        "train.traj, frame 5",
    ]


# %% Reading on demand


def test_frames_of_a_trajectory_are_read_one_by_one(trajectory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    true_read: Callable[[TrajectoryReader, int], Atoms] = TrajectoryReader.__getitem__

    def noted_read(self: TrajectoryReader, index: int) -> Atoms:
        read.append(index)
        return true_read(self, index)

    monkeypatch.setattr(TrajectoryReader, "__getitem__", noted_read)
    training_set = TrainingSet.open(trajectory)
    assert read == [0], "opening looks at the first frame"
    read.clear()
    assert training_set[4].name == "train.traj, frame 4"
    assert read == [4]
    read.clear()
    for i, _ in enumerate(training_set):
        assert read == list(range(i + 1))


def test_set_can_be_read_again_and_by_two_at_once(trajectory: Path, crystals: list[Atoms]) -> None:
    training_set = TrainingSet.open(trajectory)
    for first, second in zip(training_set, training_set, strict=True):
        assert first.energy == second.energy
    assert_same(training_set, crystals)


def test_negative_index_counts_from_the_end_and_there_is_no_frame_beyond(trajectory: Path) -> None:
    training_set = TrainingSet.open(trajectory)
    assert training_set[-1].name == f"train.traj, frame {N_FRAMES - 1}"
    with pytest.raises(IndexError):
        training_set[N_FRAMES]


# %% Bad sources


def bad_sources(folder: Path) -> dict[str, Any]:
    write(folder / "whole.traj", [labelled(shaken(seed)) for seed in range(3)])
    (folder / "empty.traj").touch()
    (folder / "text.traj").write_text("no trajectory")
    (folder / "header.traj").write_bytes((folder / "whole.traj").read_bytes()[:40])
    (folder / "folder.traj").mkdir()
    Trajectory(folder / "zero.traj", "w").close()
    return {
        "there is no such file": folder / "missing.traj",
        "missing": f"{folder}/missing.traj@::5",
        "Empty file": folder / "empty.traj",
        r"text\.traj: cannot be read": folder / "text.traj",
        r"header\.traj: cannot be read": folder / "header.traj",
        r"folder\.traj: cannot be read": folder / "folder.traj",
        r"zero\.traj: there are no frames": folder / "zero.traj",
        r"whole\.traj: there are no frames": f"{folder}/whole.traj@7",
        "structures: there are no frames": [],
        "no structure but of type int": [1],
    }


def test_labels_are_required_only_where_they_are_needed(tmp_path: Path) -> None:
    write(tmp_path / "bare.traj", [shaken(0), shaken(1)])
    for source, name in ((tmp_path / "bare.traj", r"bare\.traj"), ([shaken(0)], "structures")):
        training_set = TrainingSet.open(source)
        with pytest.raises(TrainingDataError, match=f"{name}: no frame has labels"):
            training_set.require_labels()
    TrainingSet.open([shaken(0), labelled(shaken(1))]).require_labels()


def test_every_bad_source_gives_one_clear_error(tmp_path: Path) -> None:
    for complaint, source in bad_sources(tmp_path).items():
        with pytest.raises(TrainingDataError, match=complaint):
            TrainingSet.open(source)


def test_every_truncation_of_a_trajectory_gives_one_clear_error(trajectory: Path) -> None:
    content = trajectory.read_bytes()
    for length in range(0, len(content), len(content) // 60):
        trajectory.write_bytes(content[:length])
        with pytest.raises(TrainingDataError, match=r"train\.traj"):
            list(TrainingSet.open(trajectory))


def test_damaged_frame_is_named(trajectory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_until_damage(_: TrajectoryReader, index: int) -> Atoms:
        if index == 4:
            message = "read past the end"
            raise EOFError(message)
        return labelled(shaken(index))

    monkeypatch.setattr(TrajectoryReader, "__getitem__", read_until_damage)
    with pytest.raises(TrainingDataError, match=r"train\.traj, frame 4: cannot be read.*read past the end"):
        list(TrainingSet.open(trajectory))
