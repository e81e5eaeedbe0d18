"""The command ``ase-rfhgn lammps`` prints lines that LAMMPS takes, and names the extra where a library is absent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ase_rfhgn import Potential
from ase_rfhgn.calculators.lammps import Grading, library
from ase_rfhgn.calculators.lammps.script import MARK
from ase_rfhgn.cli.main import main
from ase_rfhgn.errors import SettingsError


@pytest.fixture
def model(copper: Potential, tmp_path: Path) -> str:
    """Return the file of a potential for copper."""
    copper.save(tmp_path / "cu.npz")
    return str(tmp_path / "cu.npz")


def test_lines_are_those_of_the_model(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lammps", model]) == 0
    printed = capsys.readouterr().out
    assert "pair_style      zero 9.2\npair_coeff      * *\n" in printed
    assert f"mpirun -n 2 ase-rfhgn lammps {model} --run in.lmp --elements Cu" in printed
    assert MARK.search(printed)


@pytest.mark.parametrize("absent", ["lammps", "mpi4py"])
def test_an_absent_library_names_the_extra(
    absent: str, model: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.lmp").write_text("fix rfhgn all external pf/callback 1 1\n")
    program = (
        "import sys; from ase_rfhgn.cli.main import main;"
        f"sys.modules['{absent}'] = None; sys.modules.setdefault('mpi4py', type(sys)('mpi4py'));"
        "comm = type('Comm', (), {'rank': 0, 'size': 1, 'allgather': lambda self, one: [one]})();"
        "sys.modules['mpi4py.MPI'] = None if sys.modules['mpi4py'] is None else type('MPI', (), {'COMM_WORLD': comm});"
        f"raise SystemExit(main(['lammps', {model!r}, '--run', 'in.lmp']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)  # noqa: S603
    message = capfd.readouterr().err
    assert done.returncode == 2
    assert message.count("\n") == 1
    assert f"{absent} cannot be imported" in message
    assert "pip install 'ase-rfhgn[lammps]'" in message


def test_processes_of_another_mpi_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lonely = type("MPI", (), {"COMM_WORLD": type("Comm", (), {"rank": 0, "size": 1})})
    monkeypatch.setattr(library, "import_module", lambda _: lonely)
    monkeypatch.setattr(library, "_load_mpi", lambda: None)
    assert library.communicator().size == 1
    monkeypatch.setitem(os.environ, "OMPI_COMM_WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match="2 processes were started, but each of them is alone"):
        library.communicator()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.npz"], "nowhere.npz does not exist"),
        (["{model}", "--elements", "Cu"], "--elements is for --run"),
    ],
)
def test_bad_input_ends_in_one_line(
    arguments: list[str], said: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lammps", *[argument.format(model=model) for argument in arguments]]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize("settings", [{"every": 0}, {"warn": -1.0}, {"halt": float("nan")}])
def test_bad_gradings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="all of them must be positive"):
        Grading(**settings)  # type: ignore[arg-type]
