"""Error bars from the committee: a calculator, and the members of its ensemble on the same structures.

Structures are made with the calculator itself: relaxed, strained, displaced. A quantity is measured on them
with the calculator, and with every member. The root mean square deviation of the members is the error bar,
because members differ from the potential by their deviation times the interval scale. To first order, an
energy of a relaxed structure needs no relaxation by the members (the theorem of Hellmann and Feynman).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.errors import ConvergenceError, SettingsError, StructureError
from ase_rfhgn.models.load import load_model
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.models.uncertainty import PredictedUncertainty
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.checks import refuse_impossible_places

Model: TypeAlias = Potential | Calculator | str | Path
"""What properties are computed with: a potential, the file of one, or any calculator of ASE, without error bars."""

Measure: TypeAlias = Callable[[Calculator], FloatArray]
"""A quantity of given structures by a calculator."""


@dataclass(frozen=True)
class Committee:
    """A calculator, and the potential whose ensemble gives error bars.

    Attributes
    ----------
    calculator : Calculator
        Any calculator of ASE.
    potential : Potential or None
        Its potential, if it has an ensemble.
    threads : int
        Threads that share an evaluation.
    """

    calculator: Calculator
    potential: Potential | None = None
    threads: int = 1

    @classmethod
    def of(cls, model: Model | Committee, threads: int = 1) -> Committee:
        """Return the committee of a potential, of its file, or of any calculator of ASE.

        Raises
        ------
        ModelFileError
            If the file is not an intact model.
        SettingsError
            If the model is a Hamiltonian of positions and momenta.
        """
        if isinstance(model, Committee):
            return model
        loaded = load_model(model) if isinstance(model, str | Path) else model
        if isinstance(loaded, Calculator):
            potential = getattr(loaded, "potential", None)
            return cls(loaded, _with_ensemble(potential) if isinstance(potential, Potential) else None, threads)
        if not isinstance(loaded, Potential):
            message = (
                f"the model is of the kind {getattr(loaded, 'kind', type(loaded).__name__)!r}: a potential is needed"
            )
            raise SettingsError(message)
        return cls(RFHGNCalculator(loaded, threads=threads), _with_ensemble(loaded), threads)

    def another(self) -> Calculator:
        """Return a calculator for one more structure at a time, such as an image of a band."""
        potential = getattr(self.calculator, "potential", None)
        if not isinstance(potential, Potential):
            message = "bands need a calculator per image: give a potential or the file of one"
            raise SettingsError(message)
        return RFHGNCalculator(potential, threads=self.threads)

    def estimate(self, measure: Measure, quantity: str) -> tuple[FloatArray, FloatArray | None]:
        """Return a quantity and its error bar, None if there is no ensemble.

        Parameters
        ----------
        measure : callable
            Returns the quantity of fixed structures by a calculator.
        quantity : {"energy", "force", "stress"}
            What the quantity is made of.
        """
        value = np.asarray(measure(self.calculator), dtype=np.float64)
        if self.potential is None:
            return value, None
        square = np.zeros_like(value)
        members = self.potential.members(quantity)
        for member in members:
            square += (_measured(measure, RFHGNCalculator(member, threads=self.threads)) - value) ** 2
        return value, np.sqrt(square / len(members))

    def uncertainty(self, atoms: Atoms) -> PredictedUncertainty | None:
        """Return the predicted uncertainties of a structure, None if there is no ensemble."""
        return None if self.potential is None else self.potential.predicted_uncertainty(atoms, threads=self.threads)

    def gamma(self, structures: Iterable[Atoms]) -> float | None:
        """Return the largest extrapolation grade of an atom of some structures, None if there is no ensemble."""
        if self.potential is None:
            return None
        return max(float(self.potential.grade(atoms).max()) for atoms in structures)


def _with_ensemble(potential: Potential) -> Potential | None:
    return None if potential.ensemble is None else potential


def _measured(measure: Measure, member: Calculator) -> FloatArray:
    """Return the quantity by a member; without a result, its error bar is infinite."""
    try:
        return measure(member)
    except ConvergenceError:
        return np.array(np.inf)


def with_calculator(atoms: Atoms, calculator: Calculator) -> Atoms:
    """Return a copy of a structure that carries a calculator."""
    copy: Atoms = atoms.copy()
    copy.calc = calculator
    return copy


def with_results(atoms: Atoms) -> Atoms:
    """Return a copy of a structure that keeps its results, whatever its calculator does next."""
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(apply_constraint=False)}
    if has_volume(atoms):
        results["stress"] = atoms.get_stress(apply_constraint=False)
    return with_calculator(atoms, SinglePointCalculator(atoms, **results))


def energies(calculator: Calculator, structures: Iterable[Atoms]) -> FloatArray:
    """Return the energies of structures by a calculator (eV)."""
    return np.array([with_calculator(atoms, calculator).get_potential_energy() for atoms in structures])


def forces(calculator: Calculator, structures: Iterable[Atoms]) -> FloatArray:
    """Return the forces of structures of one size by a calculator (eV/Å)."""
    return np.array([with_calculator(atoms, calculator).get_forces(apply_constraint=False) for atoms in structures])


def require_crystal(atoms: Atoms) -> None:
    """Refuse a structure that is not periodic in three directions.

    Raises
    ------
    StructureError
        If it is not.
    """
    refuse_impossible_places(atoms)
    if not (atoms.pbc.all() and has_volume(atoms)):
        message = f"a crystal is needed, periodic in three directions; pbc is {atoms.pbc.tolist()}"
        raise StructureError(message)
