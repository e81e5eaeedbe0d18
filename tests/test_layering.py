"""The house: each room imports only what its row allows, no circle, and no module grows into a heap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

import ase_rfhgn

PACKAGE = Path(ase_rfhgn.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
LONGEST_MODULE = 300

EVERYWHERE = {"arrays", "errors", "runtime"}
"""What every room may import."""

ROOMS: dict[str, set[str]] = {
    "arrays": set(),
    "errors": set(),
    "runtime": set(),
    "regression": set(),
    "structures": set(),
    "features": {"structures"},
    "models": {"structures", "features"},
    "fitting": {"structures", "features", "regression", "models"},
    "calculators": {"structures", "models"},
    "dynamics": {"models"},
    "properties": {"structures", "models", "calculators"},
    "reports": {"structures", "regression", "models"},
    "distillation": {"structures", "models", "fitting", "calculators", "properties", "reports"},
    "symmetries": {"structures", "features", "models"},
    "testing": set(),
    "systems": {"structures", "features"},
    "cli": {
        *("structures", "features", "models", "fitting", "calculators", "properties", "reports"),
        *("distillation", "symmetries"),
    },
    "__main__": {"cli"},
    "__init__": {"structures", "models", "fitting", "calculators", "reports"},
}
"""What each room may import, besides itself and `EVERYWHERE`."""

DOORS = {
    "calculators.active": {"fitting"},  # learns while it runs
}
"""Modules that may import one room more."""

EVALUATION = {
    "models",
    "calculators.rfhgn",
    "calculators.lammps",
    "calculators.serve",
    "dynamics",
    "properties",
    "testing",
    "reports",
}
"""What never reaches training."""

ONLY_IN = {
    "matscipy": {"structures.graph", "properties.elasticity"},  # the only module that knows periodic images; stiffness
    "phonopy": {"properties.phonons"},
    "spglib": {"properties.defects"},
    "numba": {"features.compilation"},
    "threadpoolctl": {"runtime.threads"},
    "matplotlib": {
        "reports.plots",
        "reports.behaviour_plots",
        "reports.motion_plots",
        "reports.page.images",
        "properties.plots",
    },
    "tqdm": {"runtime.progress"},
    "shtab": {"cli.completion"},
    "distributed": {"runtime.dask_workers"},
    "dask": {"runtime.dask_workers"},
    "tomli_w": {"cli.settings_file"},
    "lammps": {"calculators.lammps.library"},
    "mpi4py": {"calculators.lammps.library"},
    "argparse": {module for module in MODULES if module.startswith("cli.")},
}


def room_of(module: str) -> str:
    """Return the room that a module stands in."""
    return module.split(".", maxsplit=1)[0]


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of all modules that a syntax tree imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide an arrow"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(tree: ast.AST, modules: Iterable[str]) -> set[str]:
    """Return the modules of this package that a syntax tree imports."""
    known = set(modules)
    names = [name.removeprefix("ase_rfhgn.") for name in imports_of(tree) if name.startswith("ase_rfhgn.")]
    return {name if name in known else name.rpartition(".")[0] or "__init__" for name in names}


def trees() -> dict[str, ast.Module]:
    """Return the syntax tree of every module."""
    return {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}


TREES = trees()


def arrows_back(forest: Mapping[str, ast.AST]) -> list[str]:
    """Return the imports that no row allows, as "module -> module"."""
    found = []
    for module, tree in forest.items():
        allowed = {room_of(module)} | EVERYWHERE | ROOMS[room_of(module)] | DOORS.get(module, set())
        found += [f"{module} -> {name}" for name in sorted(own_imports(tree, forest)) if room_of(name) not in allowed]
    return found


def reached_from(modules: Iterable[str], arrows: Mapping[str, set[str]]) -> set[str]:
    """Return what modules import, directly or through others."""
    seen: set[str] = set()
    waiting = set[str]().union(*(arrows[module] for module in modules))
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= arrows[name] - seen
    return seen


def arrows_of(module: str, forest: Mapping[str, ast.AST]) -> set[str]:
    """Return the modules that a module imports."""
    return own_imports(forest[module], forest)


def all_arrows(forest: Mapping[str, ast.AST]) -> dict[str, set[str]]:
    """Return what every module imports."""
    return {module: arrows_of(module, forest) for module in forest}


ARROWS = all_arrows(TREES)


def planted(module: str, line: str) -> dict[str, ast.AST]:
    """Return all syntax trees, one of them with an import that it does not have."""
    source = MODULES[module].read_text(encoding="utf-8")
    return {**TREES, module: ast.parse(f"{source}\n{line}\n")}


def test_every_room_has_one_row() -> None:
    assert {room_of(module) for module in MODULES} == ROOMS.keys()


def test_no_arrow_goes_back() -> None:
    assert not arrows_back(TREES)


@pytest.mark.parametrize(
    ("module", "line", "found"),
    [
        ("regression.triangular", "from ase_rfhgn.structures import graph", "structures.graph"),
        ("features.layers", "from ase_rfhgn.fitting.fit import fit", "fitting.fit"),
        ("models.potential", "def f():\n    from ase_rfhgn.reports import plots", "reports.plots"),
        ("structures.frame", "import ase_rfhgn.models.potential", "models.potential"),
    ],
)
def test_a_planted_arrow_is_found(module: str, line: str, found: str) -> None:
    assert arrows_back(planted(module, line)) == [f"{module} -> {found}"]


def test_no_row_allows_more_than_is_used() -> None:
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module, tree in TREES.items():
        used[room_of(module)] |= {room_of(name) for name in own_imports(tree, TREES)} - DOORS.get(module, set())
    assert {room: allowed - used[room] for room, allowed in ROOMS.items() if room != "__init__"} == {
        room: set() for room in ROOMS if room != "__init__"
    }


def test_rows_have_no_circle() -> None:
    order: list[str] = []
    while len(order) < len(ROOMS):
        free = [room for room, allowed in ROOMS.items() if room not in order and allowed <= set(order)]
        assert free, f"a circle among {ROOMS.keys() - set(order)}"
        order += free


@pytest.mark.parametrize("module", MODULES)
def test_no_circle(module: str) -> None:
    assert module not in reached_from([module], ARROWS)


def test_a_planted_circle_is_found() -> None:
    forest = planted("structures.graph", "from ase_rfhgn.structures import checks")
    assert "structures.graph" in reached_from(["structures.graph"], all_arrows(forest))


def test_evaluation_never_reaches_training() -> None:
    evaluation = [module for module in MODULES if module in EVALUATION or room_of(module) in EVALUATION]
    assert not {module for module in reached_from(evaluation, ARROWS) if room_of(module) == "fitting"}


def test_a_calculation_imports_no_training() -> None:
    program = "import sys, ase_rfhgn.calculators.rfhgn; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert not [name for name in done.stdout.split() if name.startswith("ase_rfhgn.fitting")]


@pytest.mark.parametrize("module", MODULES)
def test_libraries_stay_where_they_belong(module: str) -> None:
    libraries = {name.split(".", maxsplit=1)[0] for name in imports_of(TREES[module])}
    misplaced = {library for library in libraries if module not in ONLY_IN.get(library, {module})}
    assert not misplaced, f"{module} imports {misplaced}"


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) in {"regression", "runtime"}])
def test_numbers_know_no_atoms(module: str) -> None:
    assert not [name for name in imports_of(TREES[module]) if name == "ase" or name.startswith("ase.")]


@pytest.mark.parametrize("module", sorted(ONLY_IN["matplotlib"]))
def test_matplotlib_is_imported_only_while_drawing(module: str) -> None:
    at_import = (node for node in TREES[module].body if isinstance(node, ast.Import | ast.ImportFrom))
    assert not [name for node in at_import for name in imports_of(node) if name.startswith("matplotlib")]


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_named_after_what_they_do(module: str) -> None:
    assert not {"utils", "util", "helpers", "helper", "base", "common", "misc"} & set(module.split("."))


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(TREES[module])
