"""The command ``ase-rfhgn check``: what it prints, and its exit codes; what `fit` and `info` say of suspicions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase import Atoms
from ase.io import write
from planted_faults import FAULTS, scaled, sound_frames

from ase_rfhgn.cli.main import main

SOUND, SUSPICIOUS, BAD_INPUT = 0, 1, 2


def written(path: Path, frames: list[Atoms]) -> str:
    write(path, frames)
    return str(path)


@pytest.fixture
def sound(tmp_path: Path) -> str:
    """Return a file of sound frames."""
    return written(tmp_path / "sound.traj", sound_frames("Al", 12))


def test_sound_frames_have_exit_code_0(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", sound]) == SOUND
    assert capsys.readouterr().out == "12 frames, 12 with energy, 12 with forces, 12 with stress\nnothing looks wrong\n"


def test_suspicions_are_printed_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "kbar.traj", scaled("stress", 1602.18)(sound_frames("Al", 12)))
    assert main(["check", path]) == SUSPICIOUS
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("1. ")
    assert "stresses" in out[1]


def test_json_has_kinds_frames_and_counts(sound: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", sound, sound, "--json"]) == SUSPICIOUS
    found = json.loads(capsys.readouterr().out)
    assert (found["frames"], found["labels"]) == (24, {"energy": 24, "forces": 24, "stress": 24})
    (copies,) = found["suspicions"]
    assert (copies["kind"], len(copies["frames"])) == ("copies", 12)
    hidden = written(tmp_path / "named.extxyz", PLANTED["forces under another name"](sound_frames("Cu", 6)))
    assert main(["check", hidden, "--json"]) == SUSPICIOUS
    (elsewhere,) = json.loads(capsys.readouterr().out)["suspicions"]
    assert "REF_forces" in elsewhere["message"]


PLANTED = {fault.name: fault.plant for fault in FAULTS}


def test_test_frames_of_the_training_set_are_named(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", sound, "--test", f"{sound}@3:5"]) == SUSPICIOUS
    assert (
        "sound.traj, frame 3; sound.traj, frame 4 (2 of 2 frames): in the training set, too" in capsys.readouterr().out
    )


def test_what_cannot_be_read_has_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "nothing.traj")]) == BAD_INPUT
    assert "there is no such file" in capsys.readouterr().err


@pytest.mark.filterwarnings("always::ase_rfhgn.errors.TrainingDataWarning")
def test_a_fit_keeps_suspicions_for_info(sound: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(tmp_path / "model.npz")
    copies = written(tmp_path / "copies.traj", sound_frames("Cu", 5) * 2)
    assert main(["fit", copies, "-o", model, "--cutoff", "3.5", "--test", copies, "--json"]) == SOUND
    told = capsys.readouterr()
    known, tested = json.loads(told.out)["warnings"]
    assert "copies of structures" in known
    assert "in the training set, too" in tested
    assert "warning: copies.traj, frame 5;" in told.err
    assert main(["info", model]) == SOUND
    assert "copies of structures" in capsys.readouterr().out
    assert main(["check", sound]) == SOUND


def test_forces_of_the_wrong_sign_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "gradients.traj", scaled("forces", -1.0)(sound_frames("Al", 16)))
    assert main(["fit", path, "-o", str(tmp_path / "model.npz")]) == BAD_INPUT
    assert "forces of the wrong sign" in capsys.readouterr().err
