"""The command line where stdout lacks characters, and what its complaints point to."""

from __future__ import annotations

import json
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

ENTRY_POINT = """
import json, os, sys
from ase_rfhgn import Potential, evaluate_errors, fit
from ase_rfhgn.cli.main import main
codes = []
for words in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        sys.exit(main(words))
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
with open("codes.json", "w") as file:
    json.dump(codes, file)
"""
"""Runs several commands, each in a process whose streams are new; what they import is imported once."""


@pytest.fixture(scope="module")
def model(make_potential: MakePotential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "modèle.npz"
    make_potential(["Cu"], np.random.default_rng(0)).save(path)
    return path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the commands are forks of one process")
@pytest.mark.parametrize("encoding", ["ascii", "gbk", "cp932", "koi8-r"])
def test_any_encoding_of_stdout_will_do(encoding: str, model: Path) -> None:
    labelled(shaken(0)).write(model.parent / "test.traj")
    commands = [["fit", "--help"], ["info", str(model)], ["test", str(model), "test.traj"], ["info", "nothing.npz"]]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ENTRY_POINT, json.dumps(commands)],
        capture_output=True,
        check=False,
        cwd=model.parent,
        env=os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert json.loads((model.parent / "codes.json").read_text(encoding="utf-8")) == [0, 0, 0, 2], done.stderr
    assert b"usage: " in done.stdout


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
