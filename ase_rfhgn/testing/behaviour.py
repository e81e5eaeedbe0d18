"""Laws of behaviour: properties of calculators on which drivers, files and threads rely."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculatorSetupError
from ase.io import iread, write

from ase_rfhgn.testing.answers import Answer, ask, ask_afresh, fresh, has_volume, require, with_calculator


def check_results_are_never_stale(atoms: Atoms) -> None:
    """Assert that results belong to the current structure, whatever changed since the last calculation."""
    for law, changed in _changes(with_calculator(atoms, fresh(atoms.calc))):
        ask(changed).assert_close(ask_afresh(changed), f"stale after {law}", atol=0.0)


def check_results_are_own_copies(atoms: Atoms) -> None:
    """Assert that results are copies: a caller may write into them, and later calculations do not change them."""
    twin = with_calculator(atoms, fresh(atoms.calc))
    expected, handed_out = ask_afresh(twin), ask(twin)
    handed_out.force_nc[:] = np.inf
    handed_out = ask(twin)
    handed_out.assert_close(expected, "results that a caller wrote into", atol=0.0)
    twin.positions[0] += 0.1
    ask(twin)
    handed_out.assert_close(expected, "results that were handed out before", atol=0.0)


def check_charges_cost_nothing(atoms: Atoms) -> None:
    """Assert that nothing is computed again when charges, magnetic moments, momenta or tags change.

    For potentials that depend on positions, cell and elements only.
    """
    twin = with_calculator(atoms, fresh(atoms.calc))
    ask(twin)
    with patch.object(twin.calc, "calculate", wraps=twin.calc.calculate) as calculate:
        twin.set_initial_charges(np.full(len(twin), 0.5))
        twin.set_initial_magnetic_moments(np.full(len(twin), 2.0))
        twin.set_momenta(np.ones((len(twin), 3)), apply_constraint=False)
        twin.set_tags(np.arange(len(twin)))
        ask(twin)
    require(not calculate.called, f"{calculate.call_count} calculations after a change that does not matter")


def check_input_is_untouched(atoms: Atoms) -> None:
    """Assert that a calculation does not change the structure."""
    twin = with_calculator(atoms, fresh(atoms.calc))
    ask(twin)
    require(twin.arrays.keys() == atoms.arrays.keys(), "an array was added or removed")
    for name, array in atoms.arrays.items():
        np.testing.assert_array_equal(twin.arrays[name], array, err_msg=f"{name} changed")
    np.testing.assert_array_equal(twin.cell.array, atoms.cell.array, err_msg="the cell changed")
    np.testing.assert_array_equal(twin.pbc, atoms.pbc, err_msg="the periodic boundary conditions changed")
    require(twin.info == atoms.info, "info changed")


def check_file_round_trip(atoms: Atoms, path: str | Path, *, atol: float = 1e-7) -> None:
    """Assert that energy, forces and stress survive in a file; the suffix of the path is the format."""
    expected = ask(atoms)
    write(path, atoms)
    (again,) = iread(path)
    written = set() if again.calc is None else set(again.calc.results)
    require({"energy", "forces"} <= written, f"no energy and forces were written to {Path(path).suffix}")
    ask(again).assert_close(expected, f"round trip through {Path(path).suffix}", atol=atol)


def check_calculator_copies(atoms: Atoms) -> None:
    """Assert that pickled and deep copies of a calculator give its answers, and are independent of it."""
    expected = ask(atoms)
    for twin in (pickle.loads(pickle.dumps(atoms.calc)), copy.deepcopy(atoms.calc)):  # noqa: S301
        atoms.calc.reset()
        require("energy" in twin.results, "a copy forgets when its original does")
        twin.reset()
        ask(with_calculator(atoms, twin)).assert_close(expected, "copy of a calculator", atol=0.0)
        ask(atoms)


def check_threads(atoms: Atoms, *, n_threads: int = 4, n_repeats: int = 20) -> None:
    """Assert that calculators that share a potential (shallow copies) give the same answers in parallel."""
    tasks = []
    for seed in range(n_threads):
        task = with_calculator(atoms, fresh(atoms.calc))
        task.rattle(0.01, seed=seed)
        tasks.append(task)
    expected = [ask_afresh(task) for task in tasks]
    with ThreadPoolExecutor(n_threads) as pool:
        answers = list(pool.map(lambda task: [ask_afresh(task) for _ in range(n_repeats)], tasks))
    for repeats, alone in zip(answers, expected, strict=True):
        for answer in repeats:
            answer.assert_close(alone, "threads", atol=0.0)


def check_unknown_element_is_refused(
    atoms: Atoms, *, symbol: str = "Og", error: type[Exception] = CalculatorSetupError
) -> None:
    """Assert that an unknown element raises an error and leaves no results."""
    foreign = with_calculator(atoms, fresh(atoms.calc))
    known = foreign.get_potential_energy()
    symbols = list(foreign.symbols)
    foreign.symbols[0] = symbol
    try:
        answer: Answer | None = ask(foreign)
    except error:
        answer = None
    require(answer is None, f"{symbol} was not refused")
    require(not foreign.calc.results, "results are left of a structure that was refused")
    foreign.symbols = symbols
    np.testing.assert_equal(foreign.get_potential_energy(), known)


def check_save_and_load(atoms: Atoms, path: str | Path) -> None:
    """Assert that a saved potential is read back bit by bit, and saved again byte by byte.

    For structures with an `RFHGNCalculator`.
    """
    path, again = Path(path), Path(f"{path}.again")
    potential, make_calculator = atoms.calc.potential, type(atoms.calc)
    potential.save(path)
    loaded = type(potential).load(path)
    loaded.save(again)
    require(path.read_bytes() == again.read_bytes(), "a potential that was loaded is saved differently")
    answer = ask(with_calculator(atoms, make_calculator(loaded)))
    answer.assert_close(ask_afresh(atoms), "save and load", atol=0.0)


def _changes(atoms: Atoms) -> Iterator[tuple[str, Atoms]]:
    """Change a structure in every way that matters, one after the other."""
    yield "nothing", atoms
    atoms.positions[0, 0] += 0.05
    yield "an atom moved", atoms
    other = with_calculator(atoms)
    other.positions[-1, 2] -= 0.05
    other.get_properties(["energy"])
    yield "another structure was calculated", atoms
    if has_volume(atoms):
        atoms.set_cell(1.01 * atoms.cell.array)
        yield "the cell changed", atoms
    if atoms.pbc.any():
        atoms.pbc = False
        yield "the boundary conditions changed", atoms
    atoms.numbers[:] = np.roll(atoms.numbers, 1)
    yield "elements changed places", atoms
    atoms.append(atoms[0].symbol)
    atoms.positions[-1] = atoms.positions.max(axis=0) + 1.5
    yield "an atom was added", atoms
