"""Structures with the answers of a potential: energies, forces, stresses, uncertainties and grades."""

from __future__ import annotations

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.calculators.results import GAMMA, results_of
from ase_rfhgn.models.potential import Potential


def evaluated(potential: Potential, atoms: Atoms, *, threads: int = 1) -> Atoms:
    """Return a copy of a structure with energy, forces and stress, and their uncertainties if there is an ensemble.

    Positions, cell, arrays and ``info`` are kept. Uncertainties are the half-widths of intervals that hold 68 % of
    the errors. In ``info`` are ``energy_uncertainty`` (eV), ``stress_uncertainty`` (eV/Å³) and the largest grade,
    ``gamma``. In ``arrays`` are ``energies_uncertainty`` (eV), ``forces_uncertainty`` (eV/Å) and the grades, ``gamma``.

    Parameters
    ----------
    potential : Potential
        The potential.
    atoms : ase.Atoms
        A structure; its own results are replaced.
    threads : int, default 1
        Threads that share the work.

    Raises
    ------
    StructureError
        If the structure cannot be evaluated.
    """
    found = potential.evaluate(atoms, uncertainty=potential.ensemble is not None, threads=threads)
    answered: Atoms = atoms.copy()
    answered.calc = SinglePointCalculator(answered, **results_of(found))
    doubt = found.uncertainty
    if doubt is not None:
        answered.info |= {"energy_uncertainty": doubt.energy, GAMMA: float(doubt.grade_n.max())}
        if doubt.stress_v is not None:
            answered.info["stress_uncertainty"] = doubt.stress_v
        arrays = {"energies_uncertainty": doubt.energy_n, "forces_uncertainty": doubt.force_nc, GAMMA: doubt.grade_n}
        for name, values in arrays.items():
            answered.set_array(name, values)
    return answered
