"""What runs before a merge is what the documents say, at the versions that pyproject allows."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
CI = (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")
CONTRIBUTING = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOOK_FILE = (CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
HOOKS = re.findall(r"^ +entry: (.+)$", HOOK_FILE, flags=re.MULTILINE)
HYGIENE = CHECKOUT / ".ci" / "hygiene.py"


def lowest_declared() -> dict[str, str]:
    """Return the lower bounds of pyproject.toml, of what users and developers install."""
    needed = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]
    return dict(requirement.split(">=") for requirement in needed)


def lowest_tested() -> dict[str, str]:
    """Return the versions that `.ci/run` tests besides the newest ones."""
    lines = (CHECKOUT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_lowest_versions_are_those_of_pyproject() -> None:
    declared, tested = lowest_declared(), lowest_tested()
    assert list(tested) == sorted(tested)
    assert declared.keys() == tested.keys()
    assert not {name for name in declared if re.sub(r"(\.0)+$", "", tested[name]) != declared[name].removesuffix(".0")}


def test_lowest_python_is_tested() -> None:
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    assert "python3.11 python3.12 python3; then" in CI


def test_ci_tests_the_lowest_versions() -> None:
    assert "-c .ci/lowest.txt" in CI
    assert "pytest' -n 2 -m quick" in CI


@pytest.mark.parametrize("command", HOOKS)
def test_ci_and_contributors_run_what_commits_run(command: str) -> None:
    assert f'"{command}"' in CI
    assert command in CONTRIBUTING


def test_hooks_check_style_types_and_files() -> None:
    assert [re.split(r"[/ ]", command)[2] for command in HOOKS] == ["ruff", "ruff", "mypy", "python"]


def test_this_checkout_is_tidy() -> None:
    done = subprocess.run([sys.executable, HYGIENE], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b"a \n", ":1: blanks at the end of the line"),
        (b"a\n\tb\n", ":2: a tab"),
        (b"a\r\n", "carriage returns"),
        (b"a", "must end in one newline"),
        (b"a\n\n", "must end in one newline"),
        (b"a\n<<<<<<< ours\n", "mark of a merge conflict"),
        (b"\xff\n", "not UTF-8"),
        (b"a\n" * 300_000, "600000 bytes"),
    ],
)
def test_a_planted_flaw_is_found(content: bytes, flaw: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_bytes(content)
    command = [sys.executable, str(HYGIENE), str(tmp_path / "file.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert flaw in done.stdout


def test_examples_in_docstrings_are_tests() -> None:
    options = PROJECT["tool"]["pytest"]["ini_options"]
    assert "--doctest-modules" in options["addopts"]
    assert "ase_rfhgn" in options["testpaths"]
    skipped = "+" + "SKIP"
    assert not [path for path in (CHECKOUT / "ase_rfhgn").rglob("*.py") if skipped in path.read_text(encoding="utf-8")]


def test_the_changelog_dates_this_version() -> None:
    changelog = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(.+)\](?: - (\d{4}-\d\d-\d\d))?$", changelog, flags=re.MULTILINE)
    assert releases[0] == ("Unreleased", "")
    assert releases[1][0] == PROJECT["project"]["version"]
    dates = [date for _, date in releases[1:]]
    assert all(dates)
    assert dates == sorted(dates, reverse=True)
    assert f"date-released: {dates[0]}\n" in (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")
