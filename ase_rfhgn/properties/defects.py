"""Energies of surfaces and vacancies of crystals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import make_supercell, surface
from ase.calculators.calculator import Calculator
from ase.units import J, m

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.properties.committee import Committee, Model, energies, require_crystal
from ase_rfhgn.properties.relaxation import TIGHT, relaxed_or_refused
from ase_rfhgn.properties.results import Result
from ase_rfhgn.properties.supercells import repeats
from ase_rfhgn.runtime.extras import library

SIMPLE = ("CUB", "TET", "ORC", "HEX", "RHL", "MCL", "TRI")
"""Bravais lattices, as ASE calls them, whose primitive cell is the conventional one."""

ROUNDING = 1e-4
"""Fraction of a cell by which relaxed atoms may be off its faces; otherwise ASE moves some across the vacuum."""

FORCE = 0.01
"""Largest force of relaxed surfaces and vacancies (eV/Å)."""


@dataclass(frozen=True, slots=True)
class SurfaceEnergy(Result):
    """Energy of a surface.

    Attributes
    ----------
    energy_j_m2, energy_j_m2_error : float
        Energy per area of one side (J/m²), and its error bar; the mean of both sides if they differ.
    energy_unrelaxed_j_m2 : float
        The same before atoms relaxed.
    miller : tuple of int
        Miller indices, of the conventional cell.
    area_a2 : float
        Area of one side of the slab (Å²).
    gamma : float or None
        Largest extrapolation grade of an atom of the slab.
    thickness_a : float
        Distance between the outermost layers of atoms (Å).
    n_atoms : int
        Atoms of the slab.
    atoms : ase.Atoms
        The relaxed slab.
    """

    energy_j_m2: float
    energy_j_m2_error: float | None
    energy_unrelaxed_j_m2: float
    miller: tuple[int, int, int]
    area_a2: float
    gamma: float | None
    thickness_a: float
    n_atoms: int
    atoms: Atoms


@dataclass(frozen=True, slots=True)
class VacancyEnergy(Result):
    """Energy that it costs to take an atom out of a crystal.

    Attributes
    ----------
    energy_ev, energy_ev_error : float
        Formation energy (eV), and its error bar.
    energy_unrelaxed_ev : float
        The same before atoms relaxed.
    element : str
        Element of the atom that is missing.
    chemical_potential_ev : float
        Energy of the atom outside (eV): of the crystal, per atom, if it has one element.
    supercell : tuple of int
        Repeats of the given cell.
    n_atoms : int
        Atoms that are left.
    gamma : float or None
        Largest extrapolation grade of an atom.
    atoms : ase.Atoms
        The relaxed crystal with the vacancy.
    """

    energy_ev: float
    energy_ev_error: float | None
    energy_unrelaxed_ev: float
    element: str
    chemical_potential_ev: float
    supercell: tuple[int, int, int]
    n_atoms: int
    gamma: float | None
    atoms: Atoms


def surface_energy(
    model: Model | Committee,
    atoms: Atoms,
    *,
    miller: Sequence[int] = (1, 1, 1),
    thickness: float = 15.0,
    vacuum: float = 10.0,
    relaxed: bool = True,
) -> SurfaceEnergy:
    """Return the energy of a surface of a crystal, from a slab made by `ase.build.surface`.

    Parameters
    ----------
    model : Potential, path or ase.calculators.calculator.Calculator
        What gives energies and forces.
    atoms : ase.Atoms
        A crystal; it relaxes first, with its cell.
    miller : sequence of int, default (1, 1, 1)
        Miller indices of the conventional cell. spglib makes the conventional cell if a primitive one is given.
    thickness : float, default 15.0
        Least thickness of the slab (Å).
    vacuum : float, default 10.0
        Vacuum on each side (Å).
    relaxed : bool, default True
        Whether the crystal and the slab relax.

    Raises
    ------
    MissingLibraryError
        If the cell is primitive, and spglib is not installed.
    SettingsError
        If a setting is out of its range.
    StructureError
        If the structure is not a crystal, or cannot be evaluated.
    ConvergenceError
        If a structure does not relax.
    """
    require_crystal(atoms)
    indices = _miller(miller)
    if not (thickness > 0.0 and vacuum > 0.0):
        message = f"thickness is {thickness} Å and vacuum is {vacuum} Å: both must be positive"
        raise SettingsError(message)
    committee = Committee.of(model)
    crystal = relaxed_or_refused(committee, atoms, "the crystal", cell=True, fmax=TIGHT) if relaxed else atoms
    crystal = conventional(crystal)
    cut = cut_slab(crystal, indices, thickness, vacuum)
    slab = relaxed_or_refused(committee, cut, "the slab", fmax=FORCE) if relaxed else cut
    area = float(np.linalg.norm(np.cross(slab.cell[0], slab.cell[1])))
    share = len(slab) / len(crystal)

    def measured(calculator: Calculator) -> FloatArray:
        energy, energy_cut, energy_crystal = energies(calculator, [slab, cut, crystal])
        return np.array([energy, energy_cut] - share * energy_crystal) / (2.0 * area) / (J / m**2)

    value, error = committee.estimate(measured, "energy")
    return SurfaceEnergy(
        energy_j_m2=float(value[0]),
        energy_j_m2_error=None if error is None else float(error[0]),
        energy_unrelaxed_j_m2=float(value[1]),
        miller=indices,
        area_a2=area,
        gamma=committee.gamma([slab]),
        thickness_a=float(np.ptp(slab.positions[:, 2])),
        n_atoms=len(slab),
        atoms=slab,
    )


def vacancy_energy(
    model: Model | Committee,
    atoms: Atoms,
    *,
    site: int = 0,
    supercell: Sequence[int] | None = None,
    chemical_potential: float | None = None,
    relaxed: bool = True,
) -> VacancyEnergy:
    """Return the formation energy of a vacancy at constant volume.

    Parameters
    ----------
    model : Potential, path or ase.calculators.calculator.Calculator
        What gives energies and forces.
    atoms : ase.Atoms
        A crystal; it relaxes first, with its cell.
    site : int, default 0
        Number of the atom that is taken out.
    supercell : sequence of int, optional
        Repeats of the cell along its vectors; by default its opposite faces are at least 10 Å apart.
    chemical_potential : float, optional
        Energy of the atom outside (eV). By default the energy per atom of a crystal of one element.
    relaxed : bool, default True
        Whether the crystal, and the atoms around the vacancy, relax.

    Raises
    ------
    SettingsError
        If a setting is out of its range, or a crystal of several elements has no chemical potential.
    StructureError
        If the structure is not a crystal, or cannot be evaluated.
    ConvergenceError
        If a structure does not relax.
    """
    require_crystal(atoms)
    _check_vacancy(atoms, site, chemical_potential)
    committee = Committee.of(model)
    crystal = relaxed_or_refused(committee, atoms, "the crystal", cell=True, fmax=TIGHT) if relaxed else atoms
    repeat = repeats(crystal, supercell)
    whole = make_supercell(crystal, np.diag(repeat))
    image = int(np.argmin(np.linalg.norm(whole.positions - crystal.positions[site], axis=1)))
    holed = whole.copy()
    del holed[image]
    around = relaxed_or_refused(committee, holed, "the crystal with the vacancy", fmax=FORCE) if relaxed else holed

    def measured(calculator: Calculator) -> FloatArray:
        energy, energy_holed, energy_whole = energies(calculator, [around, holed, whole])
        outside = energy_whole / len(whole) if chemical_potential is None else chemical_potential
        return np.array([energy - energy_whole + outside, energy_holed - energy_whole + outside, outside])

    value, error = committee.estimate(measured, "energy")
    return VacancyEnergy(
        energy_ev=float(value[0]),
        energy_ev_error=None if error is None else float(error[0]),
        energy_unrelaxed_ev=float(value[1]),
        element=str(atoms.symbols[site]),
        chemical_potential_ev=float(value[2]),
        supercell=repeat,
        n_atoms=len(around),
        gamma=committee.gamma([around]),
        atoms=around,
    )


def conventional(crystal: Atoms) -> Atoms:
    """Return a crystal in its conventional cell: itself, or what spglib makes if its cell is a primitive one.

    Parameters
    ----------
    crystal : ase.Atoms
        A crystal.

    Raises
    ------
    MissingLibraryError
        If spglib is needed and not installed.
    StructureError
        If spglib finds no symmetry.
    """
    if crystal.cell.get_bravais_lattice(eps=1e-3).name in SIMPLE:
        return crystal
    spglib = library("spglib", "phonons")
    cell = (crystal.cell.array, crystal.get_scaled_positions(), crystal.numbers)
    found = spglib.standardize_cell(cell, to_primitive=False, no_idealize=True, symprec=1e-3)
    if found is None:
        message = "spglib finds no conventional cell: give a structure in its conventional cell"
        raise StructureError(message)
    vectors, positions, numbers = found
    return Atoms(numbers=numbers, cell=vectors, scaled_positions=positions, pbc=True)


def cut_slab(crystal: Atoms, indices: tuple[int, int, int], thickness: float, vacuum: float) -> Atoms:
    """Return a slab of repeats of the crystal that is at least as thick as it should be.

    Parameters
    ----------
    crystal : ase.Atoms
        A crystal in its conventional cell.
    indices : tuple of int
        Miller indices.
    thickness, vacuum : float
        Least thickness, and vacuum on each side (Å).
    """
    moved = crystal.copy()
    moved.set_scaled_positions(np.mod(crystal.get_scaled_positions(wrap=False) + ROUNDING, 1.0))
    one = surface(moved, indices, 1, periodic=True)
    height = one.get_volume() / float(np.linalg.norm(np.cross(one.cell[0], one.cell[1])))
    slab: Atoms = surface(moved, indices, int(np.ceil(thickness / height)), vacuum=vacuum, periodic=True)
    return slab


def _miller(indices: Sequence[int]) -> tuple[int, int, int]:
    if len(indices) != 3 or not any(indices):
        message = f"miller is {tuple(indices)}: it must be three numbers, not all zero"
        raise SettingsError(message)
    return int(indices[0]), int(indices[1]), int(indices[2])


def _check_vacancy(atoms: Atoms, site: int, chemical_potential: float | None) -> None:
    if not 0 <= site < len(atoms):
        message = f"site is {site}: it must be from 0 to {len(atoms) - 1}"
        raise SettingsError(message)
    elements = sorted(set(atoms.symbols))
    if chemical_potential is None and len(elements) > 1:
        message = (
            f"the crystal has the elements {', '.join(elements)}: give the energy of an atom of {atoms.symbols[site]} "
            "outside as chemical potential (eV)"
        )
        raise SettingsError(message)
