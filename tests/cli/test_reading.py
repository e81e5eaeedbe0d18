"""Reading and settings on the command line: many files, names of labels, tests, files of settings, logs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from labelled import labelled, shaken

from ase_rfhgn import fit, fit_phase_space, load_model
from ase_rfhgn.cli.main import COMMANDS, EXIT_BAD_INPUT, build_parser, main

TINY = ["--cutoff", "3.5", "--channels", "4", "--projections", "1", "--degree", "1"]


def renamed(atoms: Atoms) -> Atoms:
    """Return a structure with labels under names that ASE does not know."""
    other: Atoms = atoms.copy()
    other.info |= {"dft_energy": atoms.get_potential_energy(), "config_type": atoms.info["config_type"]}
    other.info["virials"] = -atoms.get_volume() * atoms.get_stress(voigt=False)
    other.arrays["dft_forces"] = atoms.get_forces()
    return other


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with frames in several files."""
    monkeypatch.chdir(tmp_path)
    frames = [labelled(shaken(seed)) for seed in range(12)]
    for i, atoms in enumerate(frames):
        atoms.info["config_type"] = "hot" if i % 2 else "cold"
    Path("run1").mkdir()
    write("a.traj", frames[:5])
    write("run1/out.extxyz", frames[5:9])
    write("test.traj", frames[9:])
    write("named.extxyz", [renamed(atoms) for atoms in frames])
    return tmp_path


def report_of(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return the JSON object that a command prints."""
    assert main([*words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def complaint_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one line that a bad command prints."""
    assert main(list(words)) == EXIT_BAD_INPUT
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


@pytest.mark.usefixtures("folder")
def test_a_fit_of_many_files_is_recorded_and_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    first = report_of(
        capsys,
        *("fit", "a.traj", "run*/out.extxyz@1:", "-o", "m.npz", *TINY, "--test", "test.traj", "--seed", "3"),
        *("--group-weight", "hot=0.5", "--one-body", "Cu=-0.1", "--no-updatable", "--energy-weight", "9"),
        *("--save-settings", "fit.toml", "--log", "fit.log"),
    )
    assert (first["n_frames"], first["labels"]["forces"]) == (8, {"used": {"forces": 8}, "ignored": {}})
    assert first["test"]["by_group"].keys() == {"hot", "cold"}
    assert load_model("m.npz").record["test"]["force_rmse"] == first["test"]["force_rmse"]
    written = tomllib.loads(Path("fit.toml").read_text(encoding="utf-8"))
    assert (written["one_body"], written["seed"], written["degree"]) == ({"Cu": -0.1}, 3, 1)
    stages = Path("fit.log").read_text(encoding="utf-8").splitlines()
    assert [line for line in stages if "choice of the ridge" in line]

    again = report_of(capsys, "fit", "--settings", "fit.toml", "-o", "again.npz")
    assert again["test"] == first["test"]
    other = report_of(capsys, "fit", "a.traj", "--settings", "fit.toml", "-o", "other.npz", "--test", "test.traj@0")
    assert (other["n_frames"], other["test"]["n_frames"]) == (5, 1)

    assert main(["info", "m.npz"]) == 0
    text = capsys.readouterr().out
    assert {"training", "cross-validation", "test"} <= {line.partition(" ")[0] for line in text.splitlines()}
    assert "group_weights hot 0.5" in text
    assert "None" not in text


@pytest.mark.usefixtures("folder")
def test_labels_under_other_names_are_named_and_then_used(capsys: pytest.CaptureFixture[str]) -> None:
    advice = complaint_of(capsys, "fit", "named.extxyz", "-o", "m.npz")
    options = advice.partition("use ")[2].partition(", or choose")[0].replace(",", "").split()
    assert sorted(options[::2]) == ["--energy-key", "--forces-key", "--virials-key"]
    assert "--targets momenta" in advice
    report = report_of(capsys, "fit", "named.extxyz", "-o", "m.npz", *TINY, *options, "--test-fraction", "0.25")
    used = {kind: counts["used"] for kind, counts in report["labels"].items()}
    assert used == {"energy": {"dft_energy": 9}, "forces": {"dft_forces": 9}, "stress": {"virials": 9}}
    assert report["test"]["n_frames"] == 3
    tested = report_of(capsys, "test", "m.npz", "named.extxyz@:2", "named.extxyz@3")
    assert tested["n_frames"] == 3
    assert tested["stress_rmse"] is not None, "the names of the fit are those of the test"
    assert main(["check", "named.extxyz", *options]) == 0
    assert capsys.readouterr().out.startswith("12 frames, 12 with energy, 12 with forces, 12 with stress")
    absent = complaint_of(capsys, "test", "m.npz", "a.traj")
    assert "no frame has 'dft_energy', which is energy_key" in absent
    assert report_of(capsys, "select", "a.traj", "run*/out.extxyz", "-n", "2", "-o", "p.traj")["n_pool"] == 9


@pytest.mark.usefixtures("folder")
def test_a_test_with_an_unknown_element_is_refused_before_the_fit(capsys: pytest.CaptureFixture[str]) -> None:
    nickel = bulk("Ni")
    nickel.calc = SinglePointCalculator(nickel, energy=0.0)
    nickel.write("nickel.traj")
    complaint = complaint_of(capsys, "fit", "a.traj", "-o", "m.npz", "--test", "test.traj", "nickel.traj")
    assert "nickel.traj, frame 0: the test has Ni, but training has only Cu" in complaint
    assert not Path("m.npz").exists()


BAD = {
    "no frames": (["fit", "-o", "m.npz"], "there are no files of frames"),
    "no output": (["fit", "a.traj"], "name the file of the model with -o"),
    "two tests": (["fit", "a.traj", "-o", "m.npz", "--test", "test.traj", "--test-fraction", "0.1"], "leave one"),
    "a test by nothing": (["fit", "a.traj", "-o", "m.npz", "--test-by", "group"], "add --test-fraction"),
    "a fraction of 2": (["fit", "a.traj", "-o", "m.npz", "--test-fraction", "2"], "test_fraction is 2"),
    "training over itself": (["fit", "a.traj", "-o", "a.traj"], "is an input"),
    "training over notes": (["fit", "a.traj", "-o", "notes.txt"], "add --force"),
    "settings over a test": (
        ["fit", "a.traj", "-o", "m.npz", "--test", "test.traj", "--save-settings", "test.traj"],
        "is an input",
    ),
    "a log over a model": (["fit", "a.traj", "-o", "m.npz", "--log", "a.traj"], "is an input"),
    "a figure over frames": (["test", "made.npz", "test.traj", "--plot", "test.traj"], "is an input"),
    "a pool over itself": (["select", "a.traj", "-n", "1", "-o", "a.traj"], "is an input"),
    "an unknown setting": (["fit", "--settings", "bad.toml", "-o", "m.npz"], "there is no option curoff"),
    "settings that are none": (["fit", "--settings", "notes.txt", "-o", "m.npz"], "cannot be read as settings"),
    "a bad pair": (["fit", "a.traj", "-o", "m.npz", "--one-body", "Cu"], "not of the form name=number"),
    "a setting of potentials": (
        ["fit", "a.traj", "-o", "m.npz", "--hamiltonian", "phase-space", "--channels", "3"],
        "--channels belong to potentials",
    ),
}


@pytest.mark.parametrize(("words", "complaint"), BAD.values(), ids=BAD.keys())
@pytest.mark.usefixtures("folder")
def test_bad_input_ends_in_one_line(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes.txt").write_text("buy milk", encoding="utf-8")
    Path("bad.toml").write_text('frames = ["a.traj"]\ncuroff = 4.0\n', encoding="utf-8")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    try:
        code: object = main(words)
    except SystemExit as stop:  # argparse leaves this way
        code = stop.code
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (EXIT_BAD_INPUT, "", 1)
    assert complaint in err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def options_of(command: str) -> dict[str, Any]:
    """Return the actions of a command by the names of their arguments."""
    found = next(action.choices for action in build_parser()._actions if isinstance(action.choices, dict))
    return {action.dest: action for action in found[command]._actions}


@pytest.mark.parametrize("function", [fit, fit_phase_space])
def test_every_setting_of_a_fit_is_an_option(function: Any) -> None:  # noqa: ANN401
    renamed = {"frames": "frames", "progress": "json", "client": "dask"}
    assert {renamed.get(name, name) for name in inspect.signature(function).parameters} <= options_of("fit").keys()


@pytest.mark.parametrize("command", [add.__name__.removeprefix("add_").replace("_", "-") for add in COMMANDS])
def test_every_help_has_an_example_that_can_be_parsed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    examples = capsys.readouterr().out.partition("example:\n")[2].splitlines()
    assert examples
    for example in examples:
        words = example.replace("'", "").partition(" >")[0].split()
        assert words[0] == "ase-rfhgn"
        assert "--settings" in words or build_parser().parse_args(words[1:]).run


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.startswith("ase-rfhgn ")


def test_the_package_is_a_program_and_a_reader_may_leave_early() -> None:
    command = f"{sys.executable} -m ase_rfhgn fit --help | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert done.stdout.splitlines()[0].startswith("usage: ase-rfhgn fit")
    assert (done.stdout.splitlines()[1], done.stderr) == ("0", "")


def test_shells_complete_options(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    assert "--energy-key" in capsys.readouterr().out
