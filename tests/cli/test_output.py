"""Files of the user: none is overwritten by accident, and what cannot be written is told before any work."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import MakePotential

from ase_rfhgn.cli.output import require_writable
from ase_rfhgn.errors import SettingsError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_potential: MakePotential) -> Path:
    """Return the current folder, with a model, an input and another file."""
    monkeypatch.chdir(tmp_path)
    make_potential(["Cu"], np.random.default_rng(0)).save("model.npz")
    Path("train.traj").write_bytes(b"frames")
    Path("notes.txt").write_text("notes", encoding="utf-8")
    np.savez("arrays.npz", header=np.zeros(3))
    Path("cut.npz").write_bytes(Path("model.npz").read_bytes()[:-1])
    Path("linked.traj").symlink_to("train.traj")
    os.link("train.traj", "hard.traj")
    Path("folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("output", ["train.traj", "./train.traj", "linked.traj", "hard.traj", "folder/../train.traj"])
@pytest.mark.parametrize("source", ["train.traj", "train.traj@::5", "t*.traj", "t*.traj@-1"])
@pytest.mark.parametrize("force", [False, True])
def test_an_input_is_never_replaced(output: str, source: str, *, force: bool) -> None:
    with pytest.raises(SettingsError, match="is an input, and would be overwritten"):
        require_writable(output, [None, source], force=force)


@pytest.mark.parametrize("output", ["notes.txt", "arrays.npz", "cut.npz"])
def test_what_is_no_model_needs_force(output: str) -> None:
    with pytest.raises(SettingsError, match=f"{output} exists and is not a model: .* add --force"):
        require_writable(output, ["train.traj"])
    require_writable(output, ["train.traj"], force=True)


def test_models_and_new_files_are_fine() -> None:
    for output in ("model.npz", "new.npz", "folder/new.npz", None):
        require_writable(output, ["train.traj"])


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("folder", "is a folder"),
        ("nowhere/new.npz", "there is no folder"),
        ("/proc/new.npz", "nothing can be written to the folder"),
    ],
)
def test_places_that_cannot_be_written_are_told(output: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        require_writable(output, [])
