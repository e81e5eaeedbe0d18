"""The README keeps its word: its programs run, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import units
from ase.io import write
from verlet_runs import run_of, shaken_crystal, without

from ase_rfhgn.cli import main as cli
from ase_rfhgn.cli.copper_demo import strained_frames

CHECKOUT = Path(__file__).resolve().parents[1]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CLI_COMMANDS = re.findall(r"^ase-rfhgn .+$", README, flags=re.MULTILINE)
FIRST_SCREEN = 26
"""Lines of the README that a page shows before one scrolls."""


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def set_up_command(name: str) -> str:
    """Return the command that `.ci/run` takes from the README."""
    script = CHECKOUT / ".ci" / "readme_command"
    return subprocess.run([script, name], capture_output=True, text=True, check=True).stdout  # noqa: S603


def test_python_programs_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = list(strained_frames(0.5, np.random.default_rng(0)))
    for atoms in frames:
        atoms.get_stress()
    write(tmp_path / "train.traj", frames[:6])
    write(tmp_path / "test.traj", frames[6:8])
    write(tmp_path / "md.traj", without(run_of(shaken_crystal(), 6, timestep=2.0 * units.fs)))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for program in blocks("python"):
        exec(compile(program, "README.md", "exec"), names)  # noqa: S102
    assert names["forces"].shape == (4, 3)
    assert names["stress"].shape == (6,)


@pytest.mark.parametrize("command", CLI_COMMANDS)
def test_commands_exist(command: str) -> None:
    options = cli.build_parser().parse_args(command.split()[1:])
    assert callable(options.run)


def test_every_command_is_shown() -> None:
    (commands,) = (one.choices for one in cli.build_parser()._actions if isinstance(one.choices, dict))
    assert {command.split()[1] for command in CLI_COMMANDS} == set(commands) - {"completion"}  # a sentence of the text


@pytest.mark.parametrize(("name", "last_word"), [("demo", "ase-rfhgn demo"), ("tests", "pytest -n 2")])
def test_each_set_up_is_one_command_from_nothing(name: str, last_word: str) -> None:
    command = set_up_command(name)
    assert command in "\n".join(README.splitlines()[:FIRST_SCREEN]) + "\n"
    assert command.count("\n") == 1
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert command.endswith(f"&& .venv/bin/{last_word}\n")


@pytest.mark.parametrize("name", ["demo", "tests"])
def test_ci_runs_the_command_of_the_readme(name: str) -> None:
    assert f"run {name}" in (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_into_the_checkout_lead_somewhere(document: str) -> None:
    text = (CHECKOUT / document).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert not [link for link in links if not (CHECKOUT / link).exists()]


def test_one_version_everywhere() -> None:
    citation = (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\n" in citation


def test_every_dependency_is_justified() -> None:
    contributing = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = contributing.partition("## Why each dependency")[2]
    names = [re.split("[<>=]", requirement)[0] for requirement in PROJECT["dependencies"]]
    assert not [name for name in names if name not in table]
