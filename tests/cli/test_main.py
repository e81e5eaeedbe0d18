"""The command line: what it prints and where, its exit codes, and that failures leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import iread, write
from verlet_runs import run_of, shaken_crystal, without

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.cli import info
from ase_rfhgn.cli import main as cli
from ase_rfhgn.cli.copper_demo import strained_frames
from ase_rfhgn.models.potential import Potential

pytestmark = pytest.mark.quick

ERROR_KEYS = {
    *("energy_rmse", "energy_mae", "force_rmse", "force_mae", "stress_rmse", "stress_mae"),
    *("n_frames", "n_atoms"),
}
COST_KEYS = {"fit_cpu_seconds", "fit_wall_seconds", "n_features", "ridge", "targets", "energies", "motion_rmse"}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command: exit code, stdout, stderr."""

    def run_command(*words: object) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_command


ENTRY_POINT = "import sys; from ase_rfhgn.cli.main import main; sys.exit(main())"

UNBUFFERED = {**os.environ, "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with labelled frames, and a model that a process of its own fitted to them."""
    folder = tmp_path_factory.mktemp("cli")
    frames = list(strained_frames(0.5, np.random.default_rng(0)))
    for atoms in frames:
        atoms.get_stress()
    write(folder / "train.traj", frames[:6])
    write(folder / "test.traj", frames[6:8])
    words = ["fit", "train.traj", "-o", "model.npz", "--cutoff", "4", "--test", "test.traj", "--json"]
    command = [sys.executable, "-c", ENTRY_POINT, *words]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603
    (folder / "fit.json").write_text(finished.stdout)
    (folder / "fit.err").write_text(finished.stderr)
    return folder


def parsed(text: str) -> dict[str, Any]:
    """Return the one JSON object that a text is; NaN and infinity are not JSON."""

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def frames_of(path: Path) -> list[Atoms]:
    """Return all frames of a trajectory."""
    return list(iread(path))


def test_fit_reports_errors_cost_and_test(folder: Path) -> None:
    report = parsed((folder / "fit.json").read_text())
    assert report.keys() >= ERROR_KEYS | COST_KEYS
    assert report["test"].keys() == ERROR_KEYS
    assert (report["n_frames"], report["n_atoms"]) == (6, 6 * 32)
    assert (report["test"]["n_frames"], report["test"]["n_atoms"]) == (2, 2 * 32)


def test_fit_shows_no_progress_without_a_terminal(folder: Path) -> None:
    assert (folder / "fit.err").read_text() == "train.traj: fitted to labels\n"


def test_same_seed_makes_the_same_model_in_another_process(run: Run, folder: Path) -> None:
    code, out, err = run("fit", folder / "train.traj", "-o", folder / "again.npz", "--cutoff", 4, "--seed", 0)
    assert (code, err) == (0, "train.traj: fitted to labels\n")
    assert {"training", "cross-validation"} <= set(out.split())
    assert str(folder / "again.npz") in out
    np.testing.assert_array_equal(coefficients(folder / "again.npz"), coefficients(folder / "model.npz"))


def test_another_seed_makes_another_model(run: Run, folder: Path) -> None:
    run("fit", folder / "train.traj", "-o", folder / "other.npz", "--cutoff", 4, "--seed", 1)
    assert not np.array_equal(coefficients(folder / "other.npz"), coefficients(folder / "model.npz"))


def coefficients(model: Path) -> FloatArray:
    """Return the coefficients in a model file."""
    return Potential.load(model).coefficient_sf


def test_test_finds_what_fit_reported(run: Run, folder: Path) -> None:
    code, out, err = run("test", folder / "model.npz", folder / "test.traj", "--json")
    assert (code, err) == (0, "")
    expected = parsed((folder / "fit.json").read_text())["test"]
    assert parsed(out) == pytest.approx(expected, rel=1e-6)


def test_errors_of_absent_labels_are_null(run: Run, folder: Path) -> None:
    atoms = frames_of(folder / "test.traj")[0]
    atoms.calc = SinglePointCalculator(atoms, energy=atoms.get_potential_energy())
    atoms.write(folder / "energy_only.traj")
    _, out, _ = run("test", folder / "model.npz", folder / "energy_only.traj", "--json")
    report = parsed(out)
    assert report["energy_rmse"] is not None
    assert [report[f"{kind}_{measure}"] for kind in ("force", "stress") for measure in ("rmse", "mae")] == [None] * 4
    assert "–" in run("test", folder / "model.npz", folder / "energy_only.traj")[1]


def test_test_draws_a_parity_plot(run: Run, folder: Path) -> None:
    code, out, _ = run("test", folder / "model.npz", folder / "test.traj", "--json", "--plot", folder / "parity.png")
    assert code == 0
    assert parsed(out).keys() == ERROR_KEYS
    assert (folder / "parity.png").read_bytes().startswith(b"\x89PNG")


def test_info_says_what_the_model_is(run: Run, folder: Path) -> None:
    code, out, err = run("info", folder / "model.npz", "--json")
    assert (code, err) == (0, "")
    report = parsed(out)
    assert report["elements"] == ["Cu"]
    assert report["fingerprint"] == Potential.load(folder / "model.npz").fingerprint
    assert report["cutoff"] == 4.0
    assert report["settings"]["seed"] == 0
    assert report["n_features"] > 0
    assert "Cu" in run("info", folder / "model.npz")[1]


BAD_COMMANDS = {
    "no command": [],
    "unknown command": ["train"],
    "missing argument": ["test", "model.npz"],
    "cutoff that is no number": ["fit", "train.traj", "-o", "new.npz", "--cutoff", "far"],
    "negative cutoff": ["fit", "train.traj", "-o", "new.npz", "--cutoff", "-1"],
    "cutoff that is not finite": ["fit", "train.traj", "-o", "new.npz", "--cutoff", "nan"],
    "missing training file": ["fit", "absent.traj", "-o", "new.npz"],
    "missing test file": ["fit", "train.traj", "-o", "new.npz", "--test", "absent.traj"],
    "empty training file": ["fit", "empty.traj", "-o", "new.npz"],
    "missing folder for the model": ["fit", "train.traj", "-o", "absent/new.npz"],
    "folder in place of the model": ["fit", "train.traj", "-o", "."],
    "missing model": ["info", "absent.npz"],
    "trajectory in place of a model": ["info", "train.traj"],
    "truncated model": ["test", "truncated.npz", "test.traj"],
    "unknown element": ["test", "model.npz", "nickel.traj"],
    "plot of unknown format": ["test", "model.npz", "test.traj", "--plot", "parity.doc"],
    "selection of unknown format": ["select", "train.traj", "-n", "2", "-o", "picked.doc"],
    "missing folder for the plot": ["test", "model.npz", "test.traj", "--plot", "absent/parity.png"],
}


@pytest.mark.parametrize("words", BAD_COMMANDS.values(), ids=BAD_COMMANDS.keys())
def test_bad_input_is_one_line_on_stderr_and_exit_code_2(
    words: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    Path("empty.traj").touch()
    Path("truncated.npz").write_bytes(Path("model.npz").read_bytes()[:-100])
    nickel = bulk("Ni")
    nickel.calc = SinglePointCalculator(nickel, energy=0.0)
    nickel.write("nickel.traj")
    try:
        code = cli.main(words)
    except SystemExit as stop:  # argparse leaves this way
        code = int(str(stop.code))
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert captured.err.startswith("ase-rfhgn: ")
    assert captured.err.count("\n") == 1
    assert not Path("new.npz").exists()


def test_message_about_a_frame_names_it(run: Run, folder: Path) -> None:
    frames = frames_of(folder / "test.traj")
    frames[1].numbers[0] = 28
    frames[1].calc = SinglePointCalculator(frames[1], energy=0.0)
    write(folder / "alloy.traj", frames)
    _, _, err = run("test", folder / "model.npz", folder / "alloy.traj")
    assert "alloy.traj, frame 1" in err
    assert "Ni" in err


def test_a_warning_is_one_line_on_stderr(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_and_warn(path: str) -> None:
        warnings.warn(f"look at {path}", UserWarning, stacklevel=1)
        raise OSError(path)

    monkeypatch.setattr(info, "load_model", load_and_warn)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        _, out, err = run("info", "it")
    assert (out, err) == ("", "ase-rfhgn: warning: look at it\nase-rfhgn: it\n")


def test_interruption_leaves_one_line_and_no_file(folder: Path) -> None:
    frames = frames_of(folder / "train.traj")
    write(folder / "long.traj", frames * 50)
    before = set(folder.iterdir())
    # a shell may start background processes deaf to SIGINT
    listening = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import ase_rfhgn.cli.main; print()"
    )
    command = [sys.executable, "-c", f"{listening}; {ENTRY_POINT}", "fit", "long.traj", "-o", "long.npz"]
    with subprocess.Popen(  # noqa: S603
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=UNBUFFERED
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.removeprefix("long.traj: fitted to labels\n") == "ase-rfhgn: interrupted\n"
    assert set(folder.iterdir()) == before


# %% Runs without labels


def test_a_run_is_fitted_to_its_positions(folder: Path, tmp_path: Path, run: Run) -> None:
    write(tmp_path / "run.traj", without(run_of(shaken_crystal(), 12), momenta=True))
    words = ["--timestep", 5, "--known-energy", 3, -1.5, "--cutoff", 4, "--test", folder / "test.traj"]
    code, out, err = run("fit", tmp_path / "run.traj", "-o", tmp_path / "run.npz", *words)
    assert code == 0
    assert "run.traj: fitted to positions of frames 5 fs apart" in err
    assert "fitted to positions of frames 5 fs apart" in out
    assert "energies are absolute" in out
    code, out, _ = run("info", tmp_path / "run.npz", "--json")
    assert code == 0
    assert parsed(out)["energies"] == "absolute"
    assert parsed(out)["settings"]["known_energy"] == [3, -1.5]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "timestep is needed"),
        (["--timestep", 2], "5 fs apart, but timestep × stride is 2 fs"),
        (["--timestep", 5, "--stride", 0], "stride is 0"),
        (["--timestep", 5, "--known-energy", 1.5, 0], "frame of known_energy is 1.5"),
        (["--targets", "labels"], "no frame has labels"),
    ],
)
def test_runs_that_cannot_be_fitted_end_in_one_line(tmp_path: Path, run: Run, words: list[Any], complaint: str) -> None:
    write(tmp_path / "run.traj", without(run_of(shaken_crystal(), 5)))
    code, out, err = run("fit", tmp_path / "run.traj", "-o", tmp_path / "run.npz", *words)
    assert (code, out) == (cli.EXIT_BAD_INPUT, "")
    assert complaint in err
    assert err.count("\n") == 1
    assert not (tmp_path / "run.npz").exists()
