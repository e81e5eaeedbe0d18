"""Phonons of crystals along a path through the Brillouin zone: analytic, or by phonopy from displaced atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.properties.committee import Committee, Model, forces, require_crystal
from ase_rfhgn.properties.hessians import DISPLACEMENT, bloch_frequencies, potential_with_hessian
from ase_rfhgn.properties.relaxation import TIGHT, relaxed_or_refused
from ase_rfhgn.properties.results import Result
from ase_rfhgn.properties.supercells import repeats
from ase_rfhgn.runtime.extras import library

SYMMETRY_TOLERANCE = 1e-3
"""Distance (Å) below which relaxed atoms obey a symmetry."""

LEAST_NEGATIVE = 0.05
"""Frequencies are imaginary below minus this number (THz); rounding makes some of zero negative."""


@dataclass(frozen=True, slots=True)
class Phonons(Result):
    """Phonons of a crystal; frequencies of unstable modes are negative.

    Attributes
    ----------
    frequencies_thz : ndarray of shape (n_points, n_bands)
        Frequencies at every point, ascending (THz).
    frequencies_thz_error : ndarray of shape (n_points, n_bands) or None
        Their error bars.
    qpoints : ndarray of shape (n_points, 3)
        Points, in reciprocal vectors of the primitive cell.
    distance_i : ndarray of shape (n_points,)
        Length of the path up to every point (1/Å).
    ticks : tuple of pairs of float and str
        Lengths and names of the special points.
    supercell : tuple of int
        Repeats of the given cell.
    n_displacements : int
        Displaced structures that were evaluated; 0 for analytic second derivatives, which need no supercell.
    gamma : float or None
        Largest extrapolation grade of an atom, of the displaced supercells where there are some.
    stable : bool
        Whether no frequency along the path is imaginary.
    """

    frequencies_thz: FloatArray
    frequencies_thz_error: FloatArray | None
    qpoints: FloatArray
    distance_i: FloatArray
    ticks: tuple[tuple[float, str], ...]
    supercell: tuple[int, int, int]
    n_displacements: int
    gamma: float | None
    stable: bool


def phonons(
    model: Model | Committee,
    atoms: Atoms,
    *,
    supercell: Sequence[int] | None = None,
    displacement: float | None = None,
    points: int = 60,
    path: str | None = None,
    relaxed: bool = True,
) -> Phonons:
    """Return the phonon frequencies of a crystal along a path; phonopy finds its primitive cell.

    The second derivatives of a potential are analytic and exact, for any wave vector, without a supercell.
    Those of other calculators, and those for which a supercell or a displacement is given, are phonopy's.

    Parameters
    ----------
    model : Potential, path or ase.calculators.calculator.Calculator
        What gives forces.
    atoms : ase.Atoms
        A crystal; it relaxes first, with its cell.
    supercell : sequence of int, optional
        Repeats of the cell along its vectors, for finite displacements; by default opposite faces are at
        least 10 Å apart.
    displacement : float, optional
        Displacement of atoms (Å); by default 0.01 Å where there are no analytic derivatives.
    points : int, default 60
        Points along the path.
    path : str, optional
        Special points as `ase.cell.Cell.bandpath` knows them, such as ``"GXWKGL"``; by default ASE's path.
    relaxed : bool, default True
        Whether the crystal relaxes first.

    Raises
    ------
    MissingLibraryError
        If phonopy is not installed.
    SettingsError
        If a setting is out of its range.
    StructureError
        If the structure is not a crystal, or cannot be evaluated.
    ConvergenceError
        If the crystal does not relax.
    """
    phonopy, cells = library("phonopy", "phonons"), library("phonopy.structure.cells", "phonons")
    require_crystal(atoms)
    step = DISPLACEMENT if displacement is None else displacement
    if not (step > 0.0 and points >= 1):
        message = f"displacement is {displacement} Å and points are {points}: both must be positive"
        raise SettingsError(message)
    committee = Committee.of(model)
    start = relaxed_or_refused(committee, atoms, "the crystal", cell=True, fmax=TIGHT) if relaxed else atoms
    analytic = displacement is None and supercell is None and potential_with_hessian(committee.calculator) is not None
    repeat = (1, 1, 1) if analytic else repeats(start, supercell)
    unit = _cell(start)
    primitive_cc = cells.guess_primitive_matrix(unit, symprec=SYMMETRY_TOLERANCE)
    lattice = phonopy.Phonopy(unit, np.diag(repeat), primitive_cc, symprec=SYMMETRY_TOLERANCE)
    primitive, displaced = _atoms(lattice.primitive), []
    if not analytic:
        lattice.generate_displacements(distance=step)
        displaced = [_atoms(one) for one in lattice.supercells_with_displacements]
    band = _path(primitive, points, path)

    def frequencies(calculator: Calculator) -> FloatArray:
        potential = potential_with_hessian(calculator)
        if analytic and potential is not None:
            return bloch_frequencies(potential, primitive, band.kpts)
        lattice.forces = forces(calculator, displaced)
        lattice.produce_force_constants()
        lattice.symmetrize_force_constants()
        lattice.run_qpoints(band.kpts)
        found: FloatArray = lattice.qpoints.frequencies
        return found

    frequency_ib, error_ib = committee.estimate(frequencies, "force")
    distance_i, tick_i, names = band.get_linear_kpoint_axis()
    return Phonons(
        frequencies_thz=frequency_ib,
        frequencies_thz_error=error_ib,
        qpoints=band.kpts,
        distance_i=distance_i,
        ticks=tuple((float(tick), name.replace("G", "Γ")) for tick, name in zip(tick_i, names, strict=True)),
        supercell=repeat,
        n_displacements=len(displaced),
        gamma=committee.gamma(displaced or [primitive]),
        stable=bool(frequency_ib.min() > -LEAST_NEGATIVE),
    )


def _path(primitive: Atoms, points: int, path: str | None) -> Any:  # noqa: ANN401  # ASE's BandPath
    try:
        return primitive.cell.bandpath(path, npoints=points, eps=SYMMETRY_TOLERANCE)
    except (KeyError, ValueError) as error:
        known = ", ".join(primitive.cell.bandpath(npoints=0, eps=SYMMETRY_TOLERANCE).special_points)
        message = f"path is {path!r}: the special points of this lattice are {known}"
        raise SettingsError(message) from error


def _cell(atoms: Atoms) -> Any:  # noqa: ANN401  # phonopy's
    structure = library("phonopy.structure.atoms", "phonons")
    return structure.PhonopyAtoms(
        numbers=atoms.numbers,
        masses=atoms.get_masses(),
        cell=atoms.cell.array,
        scaled_positions=atoms.get_scaled_positions(),
    )


def _atoms(cell: Any) -> Atoms:  # noqa: ANN401  # phonopy's
    return Atoms(numbers=cell.numbers, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True)
