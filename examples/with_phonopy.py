"""Phonons of copper by phonopy, with forces of a fitted potential: ``pip install phonopy``."""

from __future__ import annotations

import sys

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from ase_rfhgn import RFHGNCalculator

DISPLACEMENT = 0.01
"""Displacement of an atom (Å)."""


def frequencies(calculator: Calculator, repeat: int = 3) -> np.ndarray:
    """Return the frequencies (THz) of copper at the points Γ, X and L of the Brillouin zone, one row per point.

    Parameters
    ----------
    calculator : ase.calculators.calculator.Calculator
        Calculator that knows copper; its neighbour list serves all displaced structures.
    repeat : int
        Primitive cells of the supercell in every direction.
    """
    cell = bulk("Cu")
    crystal = PhonopyAtoms(
        cell.get_chemical_symbols(), cell=cell.cell.array, scaled_positions=cell.get_scaled_positions()
    )
    phonons = Phonopy(crystal, supercell_matrix=repeat * np.eye(3, dtype=int))
    phonons.generate_displacements(distance=DISPLACEMENT)
    phonons.forces = [forces_of(displaced, calculator) for displaced in phonons.supercells_with_displacements]
    phonons.produce_force_constants()
    phonons.symmetrize_force_constants()
    phonons.run_qpoints([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.5]])
    found: np.ndarray = phonons.qpoints.frequencies
    return found


def forces_of(displaced: PhonopyAtoms, calculator: Calculator) -> np.ndarray:
    """Return the forces on a structure of phonopy (eV/Å)."""
    atoms = Atoms(displaced.symbols, cell=displaced.cell, scaled_positions=displaced.scaled_positions, pbc=True)
    atoms.calc = calculator
    forces: np.ndarray = atoms.get_forces()
    return forces


if __name__ == "__main__":
    for point, frequency_m in zip(("Γ", "X", "L"), frequencies(RFHGNCalculator(sys.argv[1])), strict=True):
        print(point, np.round(frequency_m, 3), "THz")
