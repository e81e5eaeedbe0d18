"""Answers of calculators for structures, as plain arrays that laws can compare."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from ase_rfhgn.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Answer:
    """Energy, forces and stress of a structure.

    Attributes
    ----------
    energy : float
        Energy (eV).
    force_nc : ndarray of shape (n_atoms, 3)
        Forces without constraints (eV/Å).
    stress_cc : ndarray of shape (3, 3) or None
        Stress (eV/Å³); None unless the cell has a volume and the calculator knows the stress.
    """

    energy: float
    force_nc: FloatArray
    stress_cc: FloatArray | None

    def assert_close(self, expected: Answer, law: str, *, rtol: float = 0.0, atol: float) -> None:
        """Assert that this answer is the expected one (eV, eV/Å, eV/Å³)."""
        np.testing.assert_allclose(self.energy, expected.energy, rtol, atol, err_msg=f"energy: {law}")
        np.testing.assert_allclose(self.force_nc, expected.force_nc, rtol, atol, err_msg=f"forces: {law}")
        if self.stress_cc is not None and expected.stress_cc is not None:
            np.testing.assert_allclose(self.stress_cc, expected.stress_cc, rtol, atol, err_msg=f"stress: {law}")

    def turned(self, matrix_cc: FloatArray) -> Answer:
        """Return the answer of an observer who sees x as ``matrix_cc @ x``, the matrix orthogonal."""
        stress_cc = None if self.stress_cc is None else matrix_cc @ self.stress_cc @ matrix_cc.T
        return replace(self, force_nc=self.force_nc @ matrix_cc.T, stress_cc=stress_cc)


def ask(atoms: Atoms) -> Answer:
    """Return the answer of the calculator of a structure."""
    knows_stress = has_volume(atoms) and "stress" in atoms.calc.implemented_properties
    return Answer(
        energy=float(atoms.get_potential_energy()),
        force_nc=atoms.get_forces(apply_constraint=False),
        stress_cc=atoms.get_stress(voigt=False, apply_constraint=False) if knows_stress else None,
    )


def ask_afresh(atoms: Atoms) -> Answer:
    """Return the answer of a copy of the calculator without earlier results."""
    return ask(with_calculator(atoms, fresh(atoms.calc)))


def fresh(calculator: Calculator) -> Calculator:
    """Return a shallow copy of a calculator, with the same parameters, without earlier results."""
    twin: Calculator = copy.copy(calculator)
    twin.reset()
    return twin


def has_volume(atoms: Atoms) -> bool:
    """Return whether the cell has three independent vectors."""
    return bool(np.linalg.matrix_rank(atoms.cell.array) == 3)


def require(holds: object, message: str) -> None:
    """Raise AssertionError unless a condition holds, also when Python runs with ``-O``."""
    if not holds:
        raise AssertionError(message)


def with_calculator(atoms: Atoms, calculator: Calculator | None = None) -> Atoms:
    """Return a copy of a structure with a calculator, by default its own."""
    twin: Atoms = atoms.copy()
    twin.calc = atoms.calc if calculator is None else calculator
    return twin
