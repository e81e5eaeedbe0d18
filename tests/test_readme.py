"""README and documentation keep their word: programs run, commands exist, links lead somewhere.

Tutorials are run by `docs/run_pages.py`, which also compares their outputs.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import test_public
from ase import units
from ase.io import write
from run_pages import missing
from stand_in import frames as labelled_frames
from verlet_runs import run_of, shaken_crystal, without

from ase_rfhgn.cli import main as cli

CHECKOUT = Path(__file__).resolve().parents[1]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCUMENTS = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
TOGETHER = [CHECKOUT / "README.md", CHECKOUT / "docs" / "how-to.md", CHECKOUT / "docs" / "hamiltonians.md"]
"""Documents whose programs run one after the other."""

TEXTS = [text for path in DOCUMENTS if not missing(text := path.read_text(encoding="utf-8"))]
CLI_COMMANDS = sorted(
    {command for text in TEXTS for command in re.findall(r"^ase-rfhgn .+$", text, flags=re.MULTILINE)}
)
FIRST_SCREEN = 26
"""Lines of the README that a page shows before one scrolls."""


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of a document in a language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def set_up_command(name: str) -> str:
    """Return the command that `.ci/run` takes from the README."""
    script = CHECKOUT / ".ci" / "readme_command"
    return subprocess.run([script, name], capture_output=True, text=True, check=True).stdout  # noqa: S603


def test_python_programs_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = labelled_frames(8)
    for name in ("train.traj", "copper_train.traj"):
        write(tmp_path / name, frames[:6])
    for name in ("test.traj", "copper_unseen.traj"):
        write(tmp_path / name, frames[6:8])
    write(tmp_path / "md.traj", without(run_of(shaken_crystal(), 6, timestep=2.0 * units.fs)))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for path in TOGETHER:
        for program in blocks(path, "python"):
            exec(compile(program, path.name, "exec"), names)  # noqa: S102
    assert names["forces"].shape == (4, 3)
    assert names["stress"].shape == (6,)


@pytest.mark.parametrize("command", CLI_COMMANDS)
def test_commands_exist(command: str) -> None:
    options = cli.build_parser().parse_args(command.split()[1:])
    assert callable(options.run)


def test_every_command_is_shown() -> None:
    (commands,) = (action.choices for action in cli.build_parser()._actions if isinstance(action.choices, dict))
    assert {command.split()[1] for command in CLI_COMMANDS} >= set(commands)


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


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_into_the_checkout_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    own = [link.partition("#")[0] for link in links if "://" not in link]
    assert not [link for link in own if link and not (path.parent / link).exists()]


def test_all_pages_are_reached() -> None:
    trees = "".join(
        (CHECKOUT / "docs" / name).read_text(encoding="utf-8") for name in ("index.md", "tutorials/index.md")
    )
    pages = {path.stem for path in DOCUMENTS if "docs" in path.parts} - {"index"}
    lost = {page for page in pages if not re.search(rf"^(tutorials/)?{page}$", trees, flags=re.MULTILINE)}
    assert not lost, f"add these pages to a toctree of docs/index.md: {lost}"


def test_the_documentation_explains_all_public_names() -> None:
    api = (CHECKOUT / "docs" / "api.md").read_text(encoding="utf-8")
    for module in test_public.MODULES:
        part = api.partition(f".. currentmodule:: {module}\n")[2].partition(".. currentmodule::")[0]
        shown = set(re.findall(r"^\.\. auto\w+:: (\w+)$", part, flags=re.MULTILINE))
        assert shown == set(import_module(module).__all__) - {"__version__"}, module


def test_one_version_everywhere() -> None:
    citation = (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\n" in citation


def test_every_dependency_is_justified() -> None:
    contributing = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = contributing.partition("## Why each dependency")[2]
    names = [re.split("[<>=]", requirement)[0] for requirement in PROJECT["dependencies"]]
    assert not [name for name in names if name not in table]
