# ruff: noqa: ANN401, D102, D105, FBT001, FBT002 - the methods are ASE's, its signatures too; each class says its fault
"""Calculators with one planted fault each: what the laws must find."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.models.potential import Potential

Results = dict[str, Any]
Fault = Callable[[Atoms, Results], None]


class Faulty(RFHGNCalculator):
    """A calculator whose results are spoilt after every calculation."""

    def __init__(self, potential: Potential, fault: Fault) -> None:
        super().__init__(potential)
        self.fault = fault

    def calculate(self, atoms: Atoms | None = None, *args: Any, **kwargs: Any) -> None:
        super().calculate(atoms, *args, **kwargs)
        assert self.atoms is not None
        self.fault(self.atoms, self.results)


def add_energy(results: Results, energy: float) -> None:
    """Add an energy that no force belongs to."""
    results["energy"] += energy
    results["free_energy"] += energy
    results["energies"] = results["energies"] + energy / len(results["energies"])


def wrong_sign(_: Atoms, results: Results) -> None:
    results["forces"] = -results["forces"]


def one_force_is_not_returned(_: Atoms, results: Results) -> None:
    results["forces"][0] = 0.0


def swapped_atoms(_: Atoms, results: Results) -> None:
    results["forces"][[0, 1]] = results["forces"][[1, 0]]


def no_virial(_: Atoms, results: Results) -> None:
    results["stress"][:] = 0.0


def no_shear(_: Atoms, results: Results) -> None:
    results["stress"][3:] = 0.0


def swapped_shear(_: Atoms, results: Results) -> None:
    results["stress"][3:] = results["stress"][:2:-1]


def twice_the_stress(_: Atoms, results: Results) -> None:
    results["stress"] *= 2.0


def external_field(atoms: Atoms, results: Results) -> None:
    add_energy(results, 0.01 * atoms.positions[:, 0].sum())
    results["forces"][:, 0] -= 0.01


def preferred_axis(atoms: Atoms, results: Results) -> None:
    add_energy(results, 0.01 * np.ptp(atoms.positions[:, 0]))


def preferred_hand(atoms: Atoms, results: Results) -> None:
    add_energy(results, 0.1 * float(np.linalg.det(atoms.positions[1:4] - atoms.positions[0])))


def spurious_torque(atoms: Atoms, results: Results) -> None:
    arm_nc: FloatArray = atoms.positions - atoms.positions.mean(axis=0)
    results["forces"] += 0.01 * np.cross([0.0, 0.0, 1.0], arm_nc)


def first_atom_is_special(atoms: Atoms, results: Results) -> None:
    add_energy(results, 0.01 * float(atoms.numbers[0]))


def depends_on_the_cell_an_atom_is_in(atoms: Atoms, results: Results) -> None:
    add_energy(results, 1e-3 * float(np.floor(atoms.get_scaled_positions(wrap=False)).sum()))


def depends_on_the_vectors_of_the_cell(atoms: Atoms, results: Results) -> None:
    add_energy(results, 0.01 * float(atoms.cell.lengths().sum()))


def energy_of_the_whole_cell(_: Atoms, results: Results) -> None:
    add_energy(results, 0.01)


def long_range(atoms: Atoms, results: Results) -> None:
    add_energy(results, 1.0 / float(np.ptp(atoms.positions, axis=0).max()))


def energies_that_do_not_sum(_: Atoms, results: Results) -> None:
    results["energies"][0] += 1e-6


def jump_at_the_cutoff(atoms: Atoms, results: Results) -> None:
    if atoms.get_distance(0, 1) < 4.0:
        add_energy(results, 0.05)


def kink_at_the_cutoff(atoms: Atoms, results: Results) -> None:
    results["forces"][1, 0] += max(4.0 - atoms.get_distance(0, 1), 0.0)


class RemembersTooMuch(RFHGNCalculator):
    """Does not see that the structure has changed."""

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:  # noqa: ARG002
        return [] if self.results else ["positions"]


class OverlooksTheCell(RFHGNCalculator):
    """Does not see that the cell has changed."""

    ignored_changes = {"cell"}  # noqa: RUF012


class BelongsToAnotherStructure(RFHGNCalculator):
    """Keeps the results of a structure that it does not remember."""

    def calculate_properties(self, atoms: Atoms, properties: list[str]) -> Any:
        remembered = self.atoms
        properties = super().calculate_properties(atoms, properties)  # type: ignore[no-untyped-call]
        self.atoms = remembered
        return properties


class MindsCharges(RFHGNCalculator):
    """Computes again when a charge changes."""

    ignored_changes = set()  # noqa: RUF012


class HandsOutItsOwnArrays(RFHGNCalculator):
    """Gives the caller the array that it keeps."""

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:
        super().get_property(name, atoms, allow_calculation)
        return self.results.get(name)


class WritesIntoTheStructure(RFHGNCalculator):
    """Leaves a note in the atoms of the caller."""

    def calculate(self, atoms: Atoms | None = None, *args: Any, **kwargs: Any) -> None:
        super().calculate(atoms, *args, **kwargs)
        if atoms is not None:
            atoms.info["seen"] = True


class SharesItselfWithItsCopies(RFHGNCalculator):
    """Is its own deep copy."""

    def __deepcopy__(self, memo: object) -> SharesItselfWithItsCopies:
        return self


class ForgetsToPickle(RFHGNCalculator):
    """Loses its results in a pickle."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "results": {}}


class SharesScratchSpace(RFHGNCalculator):
    """Works in one array that all threads use."""

    scratch: ClassVar[Results] = {}

    def calculate(self, *args: Any, **kwargs: Any) -> None:
        super().calculate(*args, **kwargs)
        self.scratch.update(self.results)
        time.sleep(1e-3)
        self.results = dict(self.scratch)


class AcceptsEveryElement(RFHGNCalculator):
    """Takes elements that it does not know for copper."""

    def calculate(self, atoms: Atoms | None = None, *args: Any, **kwargs: Any) -> None:
        assert atoms is not None
        copper = atoms.copy()
        copper.symbols[:] = "Cu"
        super().calculate(copper, *args, **kwargs)
        self.atoms = atoms.copy()


class WritesNothing(RFHGNCalculator):
    """Never admits that it has results for a structure, so that files stay empty."""

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:
        if not allow_calculation:
            return None
        return super().get_property(name, atoms, allow_calculation)


class SinglePrecision(Potential):
    """Is saved with fewer digits than it has."""

    def save(self, path: str | Path) -> None:
        rounded_sf = self.coefficient_sf.astype(np.float32).astype(np.float64)
        Potential(self.hamiltonian, rounded_sf, self.baseline, self.record).save(path)
