"""The arrows between modules point one way, and no module grows into a heap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ase_rfhgn

PACKAGE = Path(ase_rfhgn.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
LONGEST_MODULE = 300

LAYERS = (
    {"arrays", "batches", "errors", "progress", "threads", "stopwatch", "random_streams", "whole_file", "model_file"},
    {"dense", "pooling", "settings_check", "target_settings"},
    {"sampling", "sphere", "ridge", "metrics", "settings", "integrators", "extrapolation", "motion", "motion_noise"},
    {"cross_validation", "downdating", "regression", "posterior"},
    {"graph", "neighbours", "phase_space_motion", "mixing", "structure_check"},
    {"response", "hamiltonian"},  # feature Hamiltonians
    {"baseline"},
    {"committee"},
    {"potential", "phase_space_potential", "phase_space_results"},
    {"loading", "results"},
    {"frame"},
    {"unit_check"},
    {"training_set", "chronology"},
    {"timestep_check", "targets", "phase_space_settings"},
    {"target_choice", "noise_check"},
    {"survey", "drawing", "phase_space_drawing", "prior"},
    {"equations", "grouping", "phase_space_equations"},
    {"accumulation", "unlabelled", "phase_space_frames"},
    {"selection", "memory", "calibration", "phase_space_regression"},
    {"repulsion", "training_record", "preparation"},
    {"fitting", "phase_space_fitting", "updating", "frame_selection"},
    {"journal", "left_out"},
    {"calculator", "dynamics", "systems", "testing", "assessment"},  # edges to the world
    {"active"},
    {"plots"},
    {"demo"},
    {"report"},
    {"cli"},
    {"__init__"},
)
"""A module may import from its own layer and from those before it, but never in a circle."""

FIRST_OF_TRAINING, LAST_OF_TRAINING = "frame", "fitting"
TRAINING_NUMBERS = {
    *("sampling", "ridge", "settings", "target_settings", "downdating", "regression", "posterior"),
    *("motion", "motion_noise", "stopwatch", "random_streams"),
}
EVALUATION = {"potential", "phase_space_potential", "calculator", "dynamics", "testing"}

DOORS = {"potential": {"updating"}}
"""Imports that go back on purpose: methods that hand a potential to training, and import it only when called."""

ONLY_IN = {
    "matscipy": {"graph"},  # the only module that knows periodic images
    "numba": {"hamiltonian.kernels", "hamiltonian.row_kernels", "sphere"},
    "threadpoolctl": {"threads"},
    "matplotlib": {"plots"},
    "tqdm": {"progress"},
    "argparse": {"cli"},
}


def part_of(module: str) -> str:
    """Return the name under which a module stands in `LAYERS`: a subpackage counts as one."""
    return module.split(".", maxsplit=1)[0]


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of all modules that a syntax tree imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide an arrow"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> set[str]:
    """Return the modules of this package that a module imports."""
    names = (name.removeprefix("ase_rfhgn.") for name in imports_of(tree_of(module)) if name.startswith("ase_rfhgn."))
    found = {name if name in MODULES else name.rpartition(".")[0] or "__init__" for name in names}
    return found - DOORS.get(module, set())


def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def reachable(parts: set[str]) -> set[str]:
    """Return everything that parts import, directly or through others."""
    found: set[str] = set()
    waiting = set(parts)
    while waiting:
        part = waiting.pop()
        found.add(part)
        imported = {part_of(name) for module in MODULES if part_of(module) == part for name in own_imports(module)}
        waiting |= imported - found
    return found


def layer_of(module: str) -> int:
    """Return the index of the layer of a module."""
    return next(index for index, layer in enumerate(LAYERS) if part_of(module) in layer)


def test_every_module_has_one_layer() -> None:
    listed = [part for layer in LAYERS for part in layer]
    assert sorted(listed) == sorted({part_of(module) for module in MODULES})


@pytest.mark.parametrize("module", MODULES)
def test_no_arrow_goes_back(module: str) -> None:
    later = {name for name in own_imports(module) if layer_of(name) > layer_of(module)}
    assert not later, f"{module} imports {later} from a later layer"


@pytest.mark.parametrize("module", MODULES)
def test_no_circle(module: str) -> None:
    seen: set[str] = set()
    waiting = own_imports(module)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= own_imports(name) - seen
    assert module not in seen


def test_evaluation_never_reaches_training() -> None:
    training = {*TRAINING_NUMBERS}.union(*LAYERS[layer_of(FIRST_OF_TRAINING) : layer_of(LAST_OF_TRAINING) + 1])
    assert not reachable(EVALUATION) & training


@pytest.mark.parametrize("module", DOORS)
def test_doors_stay_closed_until_a_function_opens_them(module: str) -> None:
    at_import = {name for node in tree_of(module).body for name in imports_of(node) if not _is_definition(node)}
    inside = set(imports_of(tree_of(module))) - at_import
    for door in DOORS[module]:
        assert any(name.startswith(f"ase_rfhgn.{door}.") for name in inside), f"{module} does not use its door {door}"
        assert not any(name.startswith(f"ase_rfhgn.{door}") for name in at_import)


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef | ast.FunctionDef)


def test_a_calculation_imports_no_training() -> None:
    training = {*TRAINING_NUMBERS}.union(*LAYERS[layer_of(FIRST_OF_TRAINING) : layer_of(LAST_OF_TRAINING) + 1])
    program = "import sys, ase_rfhgn.calculators.rfhgn; print(*(name for name in sys.modules if name.startswith('ase_rfhgn.')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert not {part_of(name.removeprefix("ase_rfhgn.")) for name in done.stdout.split()} & training


@pytest.mark.parametrize("module", MODULES)
def test_libraries_stay_where_they_belong(module: str) -> None:
    libraries = {name.split(".", maxsplit=1)[0] for name in imports_of(tree_of(module))}
    misplaced = {library for library in libraries if module not in ONLY_IN.get(library, {module})}
    assert not misplaced, f"{module} imports {misplaced}"


@pytest.mark.parametrize("module", sorted(LAYERS[1]))
def test_numbers_know_no_atoms(module: str) -> None:
    from_ase = {name for name in imports_of(tree_of(module)) if name.startswith("ase.")}
    assert all(name.startswith(("ase.units", "ase.data")) for name in from_ase)


def test_matplotlib_is_imported_only_while_drawing() -> None:
    at_import = (node for node in tree_of("plots").body if isinstance(node, ast.Import | ast.ImportFrom))
    assert not [name for node in at_import for name in imports_of(node) if name.startswith("matplotlib")]


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_named_after_what_they_do(module: str) -> None:
    assert not {"utils", "util", "helpers", "helper", "base", "common", "misc"} & set(module.split("."))


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(tree_of(module))
