"""The command line fits, tests and shows models of positions and momenta."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase.io import write
from snapshots import spring_lattice

from ase_rfhgn.cli.main import EXIT_BAD_INPUT, main
from ase_rfhgn.models.load import load_model
from ase_rfhgn.models.phase_space import PhaseSpacePotential


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with labelled states of springs, and their bonds, that is the current one."""
    frames, bonds = spring_lattice(np.random.default_rng(1), (2, 2), 60)
    write(tmp_path / "train.traj", frames[:50])
    write(tmp_path / "test.traj", frames[50:])
    np.savetxt(tmp_path / "bonds.txt", np.column_stack([bonds.first_j, bonds.second_j]), fmt="%d")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FIT = ["fit", "train.traj", "-o", "h.npz", "--hamiltonian", "phase-space", "--bonds", "bonds.txt"]


def test_fit_test_and_info(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FIT, "--axes", "mean position", "--test", "test.traj", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["test"]["force_rmse"] < 0.05
    assert report["cross_validation"].keys() == {"force_rmse", "velocity_rmse"}
    model = load_model(folder / "h.npz")
    assert isinstance(model, PhaseSpacePotential)
    assert not model.separable
    assert main(["test", "h.npz", "test.traj", "--bonds", "bonds.txt", "--plot", "parity.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["force_rmse"] == pytest.approx(report["test"]["force_rmse"])
    assert (folder / "parity.png").exists()
    assert main(["info", "h.npz"]) == 0
    assert "phase space" in capsys.readouterr().out


def test_settings_reach_the_fit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--kinetic", "known", "--axes", "laboratory", "--ridge", "1e-6", "--seed", "3", "--updatable"]
    assert main([*FIT, *words]) == 0
    capsys.readouterr()
    model = load_model(folder / "h.npz")
    assert isinstance(model, PhaseSpacePotential)
    assert model.separable
    assert model.linear_system is not None
    assert (model.record["settings"]["axes"], model.record["ridge"]) == ("laboratory", 1e-6)


def test_reports_are_for_phase_space_models_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FIT, "--axes", "laboratory", "--updatable"]) == 0
    words = ["--test", "test.traj", "--train", "train.traj", "--bonds", "bonds.txt", "-o", "report.html", "--json"]
    capsys.readouterr()
    assert main(["report", "h.npz", *words]) == 0
    sections = json.loads(capsys.readouterr().out)["sections"]
    assert sections == ["card", "errors", "error-bars", "worst", "learning-curve"]
    assert "digits would be lost" in (folder / "report.html").read_text(encoding="utf-8")  # too few frames


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["fit", "train.traj", "-o", "h.npz", "--bonds", "bonds.txt"], "add --hamiltonian phase-space"),
        (["fit", "train.traj", "-o", "h.npz", "--kinetic", "known"], "--kinetic belong"),
        ([*FIT[:-1], "train.traj"], "cannot be read as bonds"),
        ([*FIT[:-1], "nowhere.txt"], "cannot be read as bonds"),
        (FIT[:-2], "the edges of the model are bonds"),
        ([*FIT, "--cutoff", "2"], "leave out bonds"),
    ],
)
def test_bad_input_ends_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    assert main(words) == EXIT_BAD_INPUT
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1
    assert not (folder / "h.npz").exists()
