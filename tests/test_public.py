"""Public names: those that are documented, each explained and typed, and none of them costs an import."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

CONTRIBUTING = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = CONTRIBUTING.partition("## Public names")[2].partition("\n## ")[0]
ROOMS = ("calculators.lammps", "distillation", "dynamics", "properties", "symmetries", "systems", "testing", "errors")
MODULES = ["ase_rfhgn", *(f"ase_rfhgn.{room}" for room in ROOMS)]
PUBLIC = [(module, name) for module in MODULES for name in import_module(module).__all__ if name != "__version__"]


def documented() -> dict[str, list[str]]:
    """Return the table of public names: module to names."""
    rows = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", SECTION, flags=re.MULTILINE)
    return {module: re.findall(r"`(\w+)`", names) for module, names in rows}


def functions_of(thing: Any) -> Iterator[Callable[..., object]]:  # noqa: ANN401
    """Yield a function, or the methods that a class defines itself."""
    if inspect.isfunction(thing):
        yield thing
    for name, member in vars(thing).items() if inspect.isclass(thing) else ():
        method = getattr(member, "__func__", getattr(member, "fget", member))
        if inspect.isfunction(method) and not name.startswith("__") and name.lstrip("_") == name:
            yield method


def parameters_of(thing: Callable[..., object]) -> set[str]:
    """Return the names of the arguments that a user gives."""
    return set(inspect.signature(thing).parameters) - {"self", "cls", "args", "kwargs"}


def test_the_table_is_what_modules_offer() -> None:
    assert documented() == {module: list(import_module(module).__all__) for module in MODULES}


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_is_explained(module: str, name: str) -> None:
    thing = getattr(import_module(module), name)
    doc = inspect.getdoc(thing) or ""
    first = doc.partition("\n")[0]
    assert first.endswith("."), first
    sections = re.findall(r"^([A-Z][A-Za-z ]+)\n-+$", doc, flags=re.MULTILINE)
    assert [len(line) for line in re.findall(r"^-+$", doc, flags=re.MULTILINE)] == [len(title) for title in sections]
    if inspect.isfunction(thing) and module != "ase_rfhgn.testing":
        assert not {parameter for parameter in parameters_of(thing) if not re.search(rf"\b{parameter}\b", doc)}


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_is_typed(module: str, name: str) -> None:
    for function in functions_of(getattr(import_module(module), name)):
        untyped = parameters_of(function) - set(function.__annotations__)
        assert not untyped, f"{function.__qualname__}: {untyped}"
        assert "return" in function.__annotations__, function.__qualname__


@pytest.mark.parametrize("module", ["ase_rfhgn", "ase_rfhgn.errors"])
def test_to_import_it_costs_nothing(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"ase", "matscipy", "numba", "numpy", "scipy", "threadpoolctl", "tqdm"}


def test_unknown_names_are_told() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(import_module("ase_rfhgn"), "nothing")  # noqa: B009
