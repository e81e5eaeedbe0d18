"""Second derivatives of the energy, analytic where a calculator's potential has them."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.units import _amu, _e

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.models.hessian import bloch_hessians
from ase_rfhgn.models.potential import Potential

DISPLACEMENT = 0.01
"""Displacement of atoms where derivatives are finite differences (Å)."""

THZ_OF_ROOT = 1e-12 * np.sqrt(_e / _amu) * 1e10 / (2.0 * np.pi)
"""Frequency of a unit mass (1 amu) on a spring of 1 eV/Å² (THz)."""


def potential_with_hessian(calculator: Calculator) -> Potential | None:
    """Return the potential of a calculator if its second derivatives are known, else None."""
    potential = getattr(calculator, "potential", None)
    return potential if isinstance(potential, Potential) and potential.baseline.others is None else None


def bloch_frequencies(potential: Potential, crystal: Atoms, point_ic: FloatArray) -> FloatArray:
    """Return the phonon frequencies of a crystal (THz), ascending, imaginary ones negative: shape (n_points, n_bands).

    Parameters
    ----------
    potential : Potential
        A potential without other calculators in its baseline.
    crystal : ase.Atoms
        The primitive cell.
    point_ic : ndarray of shape (n_points, 3)
        Points, in reciprocal vectors of the cell.
    """
    wave_vector_ic = 2.0 * np.pi * np.asarray(point_ic) @ crystal.cell.reciprocal().array
    hessian_iff = bloch_hessians(potential.hessian_parts(crystal), len(crystal), wave_vector_ic)
    root_n = np.repeat(np.sqrt(crystal.get_masses()), 3)
    square_im = np.linalg.eigvalsh(hessian_iff / np.outer(root_n, root_n))
    frequency_im: FloatArray = THZ_OF_ROOT * np.sign(square_im) * np.sqrt(np.abs(square_im))
    return frequency_im
