"""The command line where stdout lacks characters, and what its complaints point to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from conftest import MakePotential
from labelled import labelled, shaken

from ase_rfhgn.cli import main as cli

ENTRY_POINT = "import sys; from ase_rfhgn.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def model(make_potential: MakePotential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "modèle.npz"
    make_potential(["Cu"], np.random.default_rng(0)).save(path)
    return path


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "cp932", "koi8-r"])
@pytest.mark.parametrize("command", ["fit --help", "info", "test", "info nothing.npz"])
def test_any_encoding_of_stdout_will_do(encoding: str, command: str, model: Path) -> None:
    labelled(shaken(0)).write(model.parent / "test.traj")
    words = command.split() + {"info": [str(model)], "test": [str(model), "test.traj"]}.get(command, [])
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ENTRY_POINT, *words],
        capture_output=True,
        check=False,
        cwd=model.parent,
        env=os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == (2 if "nothing" in command else 0), done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "program"),
    [
        (["fit", "train.traj"], "ase-rfhgn fit"),
        (["fit", "train.traj", "-o", "new.npz", "--cutoff", "far"], "ase-rfhgn fit"),
        (["fit", "train.traj", "-o", "new.npz", "--cut-off", "4"], "ase-rfhgn fit"),
        (["fit", "train.traj", "-o", "new.npz", "--cutoff", "-1"], "ase-rfhgn fit"),
        (["fit", "train.traj", "-o", "nowhere/new.npz"], "ase-rfhgn fit"),
        (["select", "train.traj", "-n", "1", "-o", "new.unknown"], "ase-rfhgn select"),
        (["info", "new.npz", "--what"], "ase-rfhgn info"),
        (["test"], "ase-rfhgn test"),
        (["demo", "copper"], "ase-rfhgn demo"),
        (["train"], "ase-rfhgn"),
        ([], "ase-rfhgn"),
    ],
)
def test_complaints_name_the_help_of_their_command(
    words: list[str], program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    labelled(bulk("Cu", cubic=True)).write("train.traj")
    try:
        code: object = cli.main(words)
    except SystemExit as stop:
        code = stop.code
    assert code == cli.EXIT_BAD_INPUT
    assert capsys.readouterr().err.endswith(f"(see {program} --help)\n")
    with pytest.raises(SystemExit, match="0"):
        cli.main([*program.split()[1:], "--help"])
    assert f"usage: {program} " in capsys.readouterr().out
