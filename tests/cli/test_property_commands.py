"""Commands that put a potential to use: keys of their JSON, their text, files, figures and exit codes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from ase.units import GPa, fs
from labelled import labelled

from ase_rfhgn.cli import main as cli
from ase_rfhgn.cli.property_text import describe_result, with_error
from ase_rfhgn.cli.quantities import PRESSURES, TEMPERATURES, TIMES, quantity
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential

Run = Callable[..., tuple[int, str, str]]

WITH_ERRORS = {
    "relax": ("energy_ev", "max_force"),
    "eos": ("volume_a3", "bulk_modulus_gpa"),
    "elastic": ("stiffness_gpa", "bulk_modulus_gpa"),
    "phonons": ("frequencies_thz",),
    "vibrations": ("frequencies_thz",),
    "surface": ("energy_j_m2",),
    "vacancy": ("energy_ev",),
    "neb": ("barrier_ev",),
    "evaluate": ("energies_ev", "max_force"),
    "compare": ("energy_mev_atom", "force_ev_a"),
}
"""Entries that have an error bar, per command."""

WORDS = {
    "relax": "model.npz POSCAR --cell",
    "eos": "model.npz POSCAR --points 5",
    "elastic": "model.npz POSCAR",
    "phonons": "model.npz POSCAR --supercell 2 2 2 --points 5",
    "vibrations": "model.npz trimer.xyz",
    "surface": "model.npz POSCAR --thickness 6 --no-relax",
    "vacancy": "model.npz POSCAR --supercell 2 2 1",
    "neb": "model.npz initial.xyz final.xyz --images 1 --no-climb",
    "evaluate": "model.npz frames.xyz -o out.xyz --force",
    "compare": "model.npz model.npz frames.xyz",
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command: exit code, stdout, stderr."""

    def run_command(*words: object) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_command


@pytest.fixture(scope="module")
def folder(copper: Potential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model and structures of several formats."""
    folder = tmp_path_factory.mktemp("properties")
    copper.save(folder / "model.npz")
    crystal = bulk("Cu", cubic=True)
    write(folder / "POSCAR", crystal)
    write(folder / "trimer.xyz", Atoms("Cu3", [[0, 0, 0], [2.3, 0, 0], [1.1, 2.0, 0]]))
    initial = crystal * (2, 1, 1)
    final = initial.copy()
    final.positions[1] = initial.positions[0]
    write(folder / "initial.xyz", initial[1:])
    write(folder / "final.xyz", final[1:])
    frames = [crystal.copy() for _ in range(2)]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.1, seed=seed)
        atoms.info["config_type"] = f"kind {seed}"
    write(folder / "frames.xyz", frames)
    return folder


@pytest.fixture
def at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder, which is the current one during a test."""
    monkeypatch.chdir(folder)
    return folder


def parsed(text: str) -> dict[str, Any]:
    """Return the one JSON object that a text is; NaN and infinity are not JSON."""

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    report = json.loads(text, parse_constant=refuse)
    assert isinstance(report, dict)
    return report


@pytest.mark.parametrize("command", WITH_ERRORS)
@pytest.mark.filterwarnings("default::ase_rfhgn.errors.ExtrapolationWarning")
@pytest.mark.usefixtures("at_home")
def test_json_has_numbers_with_error_bars_and_a_figure_is_drawn(command: str, run: Run, tmp_path: Path) -> None:
    if command == "phonons":
        pytest.importorskip("phonopy")
    figure = tmp_path / "figure.png"
    code, out, err = run(command, *WORDS[command].split(), "--json", "--plot", figure)
    assert code == 0
    report = parsed(out)
    assert ("warning: structures are unlike the training data" in err) == ((report.get("gamma") or 0.0) > 2.0)
    for key in WITH_ERRORS[command]:
        assert np.shape(report[key]) == np.shape(report[f"{key}_error"]), key
        assert np.all(np.asarray(report[f"{key}_error"]) >= 0.0), key
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("at_home")
def test_text_has_units_and_error_bars(run: Run) -> None:
    code, out, _ = run("elastic", "model.npz", "POSCAR")
    assert code == 0
    assert "stiffness (GPa)" in out
    assert " ± " in out.partition("bulk modulus ")[2].splitlines()[0]
    if pytest.importorskip("phonopy"):
        _, out, _ = run("phonons", "model.npz", "POSCAR", "--supercell", 2, 2, 2, "--points", 1, "--path", "GX")
        assert out.splitlines()[1].startswith("Γ        0.00     0.00     0.00   ±")


def test_numbers_are_rounded_by_their_errors() -> None:
    assert with_error(138.273, 3.99) == "138.3 ± 4.0"
    assert with_error(0.123456, 0.00123) == "0.1235 ± 0.0012"
    assert with_error(3.5e-14, 1.2e-15) == "3.5e-14 ± 1.2e-15"
    assert with_error(1.0, np.inf) == "1"
    assert with_error(None) == "–"
    assert describe_result({"n_atoms": 3, "times_ps": list(range(20))}).splitlines()[1].endswith("from 0 to 19 ps")


# %% Files and exit codes


def test_what_does_not_converge_has_exit_code_1(run: Run, at_home: Path) -> None:
    words = ("frames.xyz", "--steps", 1, "--fmax", 1e-6, "--json")
    code, out, _ = run("relax", "model.npz", *words, "-o", "short.extxyz", "--force")
    assert code == 1
    assert parsed(out)["converged"] is False
    assert len(read(at_home / "short.extxyz")) == 4
    code, out, err = run("eos", "model.npz", "POSCAR", "--no-relax", "--strain", 0.001, "--points", 5)
    assert (code, out) == (1, "")
    assert "the energy has no minimum between" in err


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("elastic missing.npz POSCAR", "missing.npz"),
        ("elastic model.npz missing.xyz", "there is no such file"),
        ("elastic model.npz trimer.xyz", "a crystal is needed"),
        ("relax model.npz POSCAR -o model.npz", "model.npz is an input"),
        ("relax model.npz POSCAR -o POSCAR --force", "POSCAR is an input"),
        ("relax model.npz POSCAR -o frames.xyz", "add --force to replace it"),
        ("relax model.npz POSCAR -o relaxed.nonsense", "format that ASE writes"),
        ("eos model.npz POSCAR --plot frames.xyz", "add --force"),
        ("eos model.npz POSCAR --plot eos.nonsense", "unknown format of a figure"),
        ("md model.npz POSCAR --time 2parsec", "'2parsec' is not a number with one of the units fs, ps, ns"),
        ("md model.npz POSCAR --time 2ps --pressure 1GPa --ensemble nve", "--pressure belongs to --ensemble npt"),
        ("md model.npz POSCAR --time 2ps --restart", "name it with -o"),
        ("md model.npz POSCAR --time 2ps -o run.xyz", "must end in .traj"),
        ("evaluate model.npz frames.xyz -o out.cif", "which keep uncertainties"),
        ("learning-curve model.npz", "name files of frames after it"),
        ("update model.npz frames.xyz -o new.npz", "no frame has labels"),
    ],
)
@pytest.mark.usefixtures("at_home")
def test_bad_input_has_exit_code_2_and_one_line(line: str, complaint: str, run: Run) -> None:
    try:
        code, out, err = run(*shlex.split(line))
    except SystemExit as stop:  # argparse's
        code, out, err = int(stop.code or 0), "", complaint
    assert (code, out) == (2, "")
    assert complaint in err
    assert len(err.strip().splitlines()) == 1


def test_evaluation_keeps_positions_and_info(run: Run, at_home: Path, copper: Potential) -> None:
    code, out, _ = run("evaluate", "model.npz", "frames.xyz", "-o", "kept.xyz", "--json", "--force")
    assert code == 0
    before, after = read(at_home / "frames.xyz", ":"), read(at_home / "kept.xyz", ":")
    for old, new in zip(before, after, strict=True):
        found = copper.evaluate(old, uncertainty=True)
        assert found.uncertainty is not None
        assert found.stress_v is not None
        np.testing.assert_array_equal(new.positions, old.positions)
        assert new.info["config_type"] == old.info["config_type"]
        assert new.get_potential_energy() == pytest.approx(found.energy)
        np.testing.assert_allclose(new.get_forces(), found.force_nc, atol=1e-7)
        np.testing.assert_allclose(new.get_stress(), found.stress_v, atol=1e-7)
        np.testing.assert_allclose(new.arrays["forces_uncertainty"], found.uncertainty.force_nc, atol=1e-7)
        np.testing.assert_allclose(new.arrays["gamma"], found.uncertainty.grade_n, atol=1e-7)
        assert new.info["energy_uncertainty"] == pytest.approx(found.uncertainty.energy)
    assert parsed(out)["n_frames"] == 2


def test_a_run_of_the_command_line_goes_on(run: Run, at_home: Path) -> None:
    words = ("md", "model.npz", "POSCAR", "--temperature", "300K", "-o", "run.traj", "--log", "run.log", "--json")
    code, out, _ = run(*words, "--time", "60fs", "--timestep", "3")
    assert code == 0
    assert parsed(out)["n_steps"] == 20
    code, _, err = run(*words, "--time", "60fs")
    assert code == 2
    assert "add --force" in err
    code, out, _ = run(*words, "--time", "0.12ps", "--timestep", "3fs", "--restart")
    assert code == 0
    assert parsed(out)["n_steps"] == 40
    assert [atoms.info["md_step"] for atoms in read(at_home / "run.traj", ":")] == [0, 10, 20, 30, 40]


@pytest.mark.filterwarnings("default::ase_rfhgn.errors.ExtrapolationWarning")
@pytest.mark.usefixtures("at_home")
def test_grades_stop_a_run(run: Run) -> None:
    words = ("model.npz", "POSCAR", "--time", "60fs", "--temperature", "300", "--save-strange", "strange.traj")
    code, out, err = run("md", *words, "--stop-grade", 0.1)
    assert (code, out) == (1, "")
    assert "has the extrapolation grade" in err
    assert len(read("strange.traj", ":")) == 1
    code, _, err = run("md", *words, "--warn-grade", 0.1, "--json")
    assert code == 0
    assert err.count("warning") == 1


# %% Fits


@pytest.fixture(scope="module")
def labelled_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of labelled frames."""
    frames = []
    for seed in range(8):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.1, seed=seed)
        frames.append(labelled(atoms))
    path = tmp_path_factory.mktemp("fits") / "train.traj"
    write(path, frames)
    return path


def test_errors_fall_with_more_frames(run: Run, labelled_frames: Path, tmp_path: Path) -> None:
    fit(read(labelled_frames, ":3"), channels=4, projections=1, ridge=1e-6).save(tmp_path / "small.npz")
    words = (tmp_path / "small.npz", labelled_frames, "--sizes", 2, 5, "--repeats", 2, "--json")
    code, out, _ = run("learning-curve", *words, "--plot", tmp_path / "curve.png")
    assert code == 0
    report = parsed(out)
    assert report["n_frames"] == [2, 5]
    assert 1 <= report["n_test"] <= 2
    assert len(report["force_rmse"]) == len(report["force_rmse_error"]) == 2
    assert (tmp_path / "curve.png").exists()
    code, _, err = run("learning-curve", labelled_frames, "--sizes", 2, 50)
    assert code == 2
    assert "they must be from 2 to" in err


def test_a_model_is_updated_and_back(run: Run, labelled_frames: Path, tmp_path: Path) -> None:
    settings = {"channels": 4, "projections": 1, "ridge": 1e-6}
    fit(read(labelled_frames, ":5"), updatable=True, **settings).save(tmp_path / "old.npz")  # type: ignore[arg-type]
    new = f"{labelled_frames}@5:"
    code, out, _ = run("update", tmp_path / "old.npz", new, "-o", tmp_path / "new.npz", "--json")
    assert code == 0
    assert parsed(out)["n_frames"] == 8
    code, out, _ = run("update", tmp_path / "new.npz", new, "-o", tmp_path / "back.npz", "--remove")
    assert code == 0
    assert "5 frames in the fit" in out
    atoms = bulk("Cu", cubic=True)
    old, back = (Potential.load(tmp_path / name).evaluate(atoms).energy for name in ("old.npz", "back.npz"))
    assert back == pytest.approx(old, abs=1e-6)


# %% Numbers with units


def test_numbers_with_units() -> None:
    assert quantity(TIMES)("2ps") == pytest.approx(2000 * fs)
    assert quantity(TIMES)("1.5") == pytest.approx(1.5 * fs)
    assert quantity(TIMES)("1e-3 ns") == pytest.approx(1000 * fs)
    assert quantity(TEMPERATURES)("300K") == quantity(TEMPERATURES)("300") == 300.0
    assert quantity(PRESSURES)("-1 gpa") == pytest.approx(-GPa)
    assert quantity(PRESSURES)("10kbar") == pytest.approx(GPa)
