"""Frames of several files, globs, slices and structures at once, in their order, and told apart in messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms
from ase.io import write
from labelled import labelled, shaken

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.sources import expanded
from ase_rfhgn.structures.training_set import TrainingSet, read_structures


@pytest.fixture
def crystals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Atoms]:
    """Return crystals, which are in several files of the current folder, too."""
    monkeypatch.chdir(tmp_path)
    frames = [labelled(shaken(seed)) for seed in range(8)]
    for folder, part in (("run1", frames[:3]), ("run2", frames[3:6])):
        Path(folder).mkdir()
        write(f"{folder}/out.extxyz", part)
    write("rest.traj", frames[6:])
    return frames


def energies(frames: TrainingSet) -> list[float]:
    return [frame.energy for frame in frames if frame.energy is not None]


def test_a_glob_is_its_files_sorted_by_name(crystals: list[Atoms]) -> None:
    frames = TrainingSet.open(["run*/out.extxyz", "rest.traj"])
    assert energies(frames) == pytest.approx([atoms.get_potential_energy() for atoms in crystals], abs=1e-7)
    assert energies(TrainingSet.open("**/out.extxyz")) == energies(frames)[:6]


def test_an_index_holds_for_every_file_of_a_glob(crystals: list[Atoms]) -> None:
    frames = TrainingSet.open("run*/out.extxyz@::2")
    assert energies(frames) == pytest.approx([crystals[i].get_potential_energy() for i in (0, 2, 3, 5)], abs=1e-7)


def test_paths_and_structures_may_be_mixed(crystals: list[Atoms]) -> None:
    frames = TrainingSet.open([crystals[7], Path("run1/out.extxyz"), crystals[6], "rest.traj@0"])
    assert [frame.name for frame in frames] == [
        "structures, frame 0",
        *(f"out.extxyz, frame {i}" for i in range(3)),
        "structures, frame 0",
        "rest.traj, frame 0",
    ]
    assert frames.name == "structures and 3 more"
    assert frames[1].energy == pytest.approx(crystals[0].get_potential_energy(), abs=1e-7)
    assert frames[-1].energy == crystals[6].get_potential_energy()


def test_one_structure_is_a_set_of_one(crystals: list[Atoms]) -> None:
    assert energies(TrainingSet.open(crystals[0])) == [crystals[0].get_potential_energy()]


def test_files_of_one_name_are_told_apart(crystals: list[Atoms]) -> None:
    assert crystals
    assert [frame.name for frame in TrainingSet.open("run*/out.extxyz@0")] == [
        "run1/out.extxyz, frame 0",
        "run2/out.extxyz, frame 0",
    ]


def test_a_subset_is_in_the_order_of_the_set(crystals: list[Atoms]) -> None:
    frames = TrainingSet.open(["run*/out.extxyz", "rest.traj"]).subset([7, 1, 4])
    assert energies(frames) == pytest.approx([crystals[i].get_potential_energy() for i in (1, 4, 7)], abs=1e-7)
    assert len(frames.subset([0, 2])) == 2
    assert frames.subset([2])[0].name == "rest.traj, frame 1"


def test_structures_are_read_as_they_are(crystals: list[Atoms]) -> None:
    crystals[0].info["note"] = "kept"
    write("noted.extxyz", crystals[0])
    assert [atoms.info.get("note") for atoms in read_structures(["noted.extxyz", "rest.traj@0"])] == ["kept", None]


def test_a_file_may_be_named_like_a_glob(crystals: list[Atoms]) -> None:
    write("cu[1].traj", crystals[:2])
    assert expanded(["cu[1].traj"]) == ["cu[1].traj"]
    assert len(TrainingSet.open("cu[1].traj")) == 2


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("nothing*.traj", r"nothing\*\.traj: no file matches"),
        (["rest.traj", "nothing.traj"], r"nothing\.traj: there is no such file"),
        (["rest.traj", "run1/out.extxyz@7:"], r"out\.extxyz: there are no frames"),
        (["rest.traj", 3], "no structure but of type int"),
        (3, "frames are of type int"),
    ],
)
def test_bad_sources_are_named(source: object, complaint: str, crystals: list[Atoms]) -> None:
    assert crystals
    with pytest.raises(TrainingDataError, match=complaint):
        list(TrainingSet.open(source))  # type: ignore[arg-type]
