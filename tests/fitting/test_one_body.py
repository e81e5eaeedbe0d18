"""One-body energies: isolated atoms are labels, unless they contradict everything else."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn import Potential, fit
from ase_rfhgn.errors import TrainingDataWarning


def fitted(frames: list[Atoms], *, updatable: bool = False) -> Potential:
    """Return a small potential."""
    return fit(frames, channels=6, projections=1, cutoff=4.5, threads=1, updatable=updatable)


def with_energy(atoms: Atoms, energy: float) -> Atoms:
    """Return a structure with an energy and its forces by EMT."""
    atoms.calc = EMT()
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=atoms.get_forces())
    return atoms


def alloys(per_atom: dict[str, float]) -> list[Atoms]:
    """Return cells of copper and gold; EMT's energies are moved by some per atom."""
    rng = np.random.default_rng(0)
    frames = []
    for i in range(12):
        atoms = bulk("Cu", a=3.8, cubic=True) * (2, 1, 1)
        atoms.symbols[rng.permutation(8)[: i % 5]] = "Au"
        atoms.rattle(0.1, rng=rng)
        atoms.calc = EMT()
        moved = sum(per_atom[symbol] for symbol in atoms.symbols)
        frames.append(with_energy(atoms, atoms.get_potential_energy() + moved))
    return frames


def isolated(symbol: str, energy: float) -> Atoms:
    """Return an atom alone in a box."""
    atoms = Atoms(symbol, cell=[12.0] * 3, pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.zeros((1, 3)))
    return atoms


def energy_of_atom(potential: Potential, symbol: str) -> float:
    return float(potential.evaluate(Atoms(symbol)).energy)


def test_energies_of_isolated_atoms_are_exact() -> None:
    moved = {"Cu": -4.0, "Au": -7.0}
    frames = [*alloys(moved), isolated("Cu", -0.25), isolated("Au", -3.5)]
    potential = fitted(frames)
    assert energy_of_atom(potential, "Cu") == pytest.approx(-0.25, abs=1e-12)
    assert energy_of_atom(potential, "Au") == pytest.approx(-3.5, abs=1e-12)
    assert potential.record["train_rmse"]["energy"] < 20.0  # meV/atom: the others are fitted as well


def test_one_isolated_element_leaves_the_other_to_the_fit() -> None:
    potential = fitted([*alloys({"Cu": -4.0, "Au": -7.0}), isolated("Cu", -0.25)], updatable=True)
    assert energy_of_atom(potential, "Cu") == pytest.approx(-0.25, abs=1e-12)
    assert potential.linear_system is not None
    np.testing.assert_array_equal(potential.linear_system["parameters"][1:], [0.0, 1.0])  # Au alone is free


def test_an_isolated_atom_of_another_reference_is_not_believed() -> None:
    frames = [*alloys({"Cu": -45000.0, "Au": -500000.0}), isolated("Cu", 0.0)]
    with pytest.warns(TrainingDataWarning):
        potential = fitted(frames)
    assert energy_of_atom(potential, "Cu") < -1000.0
