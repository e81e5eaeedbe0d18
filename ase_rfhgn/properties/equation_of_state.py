"""Equations of state: the energy of a crystal over its volume."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.eos import EquationOfState as FittedCurve
from ase.units import GPa

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import ConvergenceError, SettingsError
from ase_rfhgn.properties.committee import Committee, Model, energies, require_crystal, with_calculator
from ase_rfhgn.properties.relaxation import TIGHT, relaxed_or_refused
from ase_rfhgn.properties.results import Result
from ase_rfhgn.runtime.progress import progress_bar

LAWS = ("birchmurnaghan", "vinet", "murnaghan", "birch", "p3")
"""Laws of `ase.eos` that have a bulk modulus."""

FEWEST = 5
"""Fewest volumes: a law has four parameters."""


@dataclass(frozen=True, slots=True)
class EquationOfState(Result):
    """Energy over volume.

    Attributes
    ----------
    volume_a3, volume_a3_error : float
        Volume per atom at zero pressure (Å³), and its error bar.
    bulk_modulus_gpa, bulk_modulus_gpa_error : float
        Bulk modulus there (GPa), and its error bar.
    energy_ev, energy_ev_error : float
        Energy per atom there (eV), and its error bar.
    volumes_a3, energies_ev : ndarray of shape (n_volumes,)
        Volumes and energies per atom that the law was fitted to.
    energies_ev_error : ndarray of shape (n_volumes,) or None
        Error bars of the energies.
    gamma : float or None
        Largest extrapolation grade of an atom.
    law : str
        The law, as `ase.eos` calls it.
    """

    volume_a3: float
    volume_a3_error: float | None
    bulk_modulus_gpa: float
    bulk_modulus_gpa_error: float | None
    energy_ev: float
    energy_ev_error: float | None
    volumes_a3: FloatArray
    energies_ev: FloatArray
    energies_ev_error: FloatArray | None
    gamma: float | None
    law: str


def equation_of_state(
    model: Model | Committee,
    atoms: Atoms,
    *,
    strain: float = 0.06,
    points: int = 9,
    law: str = "birchmurnaghan",
    relaxed: bool = True,
    progress: bool = False,
) -> EquationOfState:
    """Return the volume, bulk modulus and energy of a crystal at zero pressure, by `ase.eos`.

    Parameters
    ----------
    model : Potential, path or ase.calculators.calculator.Calculator
        What gives energies.
    atoms : ase.Atoms
        A crystal; it relaxes first.
    strain : float, default 0.06
        Largest relative change of the volume.
    points : int, default 9
        Number of volumes.
    law : {"birchmurnaghan", "vinet", "murnaghan", "birch", "p3"}
        The law that is fitted to the energies.
    relaxed : bool, default True
        Whether the crystal, and at every volume its shape and its atoms, relax. If not, the cell is scaled.
    progress : bool, default False
        Whether to show progress on a terminal.

    Raises
    ------
    SettingsError
        If a setting is out of its range.
    StructureError
        If the structure is not a crystal, or cannot be evaluated.
    ConvergenceError
        If a structure does not relax, or there is no minimum among the volumes.
    """
    require_crystal(atoms)
    _check(strain, points, law)
    committee = Committee.of(model)
    start = relaxed_or_refused(committee, atoms, "the crystal", cell=True, fmax=TIGHT) if relaxed else atoms
    structures = []
    for scale in progress_bar(np.linspace(1.0 - strain, 1.0 + strain, points), "E(V)", shown=progress):
        one = with_calculator(start, committee.calculator)
        one.set_cell(start.cell * np.cbrt(scale), scale_atoms=True)
        if relaxed:
            label = f"the crystal at {scale:.3f} of its volume"
            one = relaxed_or_refused(committee, one, label, cell=True, fixed_volume=True, fmax=TIGHT)
        structures.append(one)
    volume_i = np.array([one.get_volume() for one in structures]) / len(atoms)
    energy_i, energy_error_i = committee.estimate(partial(_energies_per_atom, structures), "energy")

    def measured(calculator: Calculator) -> FloatArray:
        return _fitted(volume_i, _energies_per_atom(structures, calculator), law)

    # Volume and stiffness are derivatives of the energy by strain, as stresses are.
    value, error = committee.estimate(measured, "stress")
    energy_error = committee.estimate(measured, "energy")[1]
    errors = [None] * 2 if error is None else [float(error[0]), float(error[2])]
    return EquationOfState(
        volume_a3=float(value[0]),
        volume_a3_error=errors[0],
        energy_ev=float(value[1]),
        energy_ev_error=None if energy_error is None else float(energy_error[1]),
        bulk_modulus_gpa=float(value[2]),
        bulk_modulus_gpa_error=errors[1],
        volumes_a3=volume_i,
        energies_ev=energy_i,
        energies_ev_error=energy_error_i,
        gamma=committee.gamma(structures),
        law=law,
    )


def curve(found: EquationOfState, volume_i: FloatArray) -> FloatArray:
    """Return the energies per atom of the fitted law at other volumes per atom.

    Parameters
    ----------
    found : EquationOfState
        An equation of state.
    volume_i : ndarray of shape (n,)
        Volumes per atom (Å³).
    """
    fitted = FittedCurve(found.volumes_a3, found.energies_ev, eos=found.law)
    fitted.fit(warn=False)
    energy_i: FloatArray = fitted.func(volume_i, *fitted.eos_parameters)
    return energy_i


def _energies_per_atom(structures: list[Atoms], calculator: Calculator) -> FloatArray:
    return energies(calculator, structures) / len(structures[0])


def _fitted(volume_i: FloatArray, energy_i: FloatArray, law: str) -> FloatArray:
    """Return volume (Å³), energy (eV) and bulk modulus (GPa) at the minimum of a law."""
    outside = ConvergenceError(
        f"the energy has no minimum between {volume_i[0]:.2f} and {volume_i[-1]:.2f} Å³ per atom: begin closer to it"
    )
    try:
        volume, energy, stiffness = FittedCurve(volume_i, energy_i, eos=law).fit(warn=False)
    except RuntimeError as error:  # scipy's, if the fit does not converge
        raise outside from error
    if not (volume_i[0] < volume < volume_i[-1] and stiffness > 0.0):
        raise outside
    return np.array([volume, energy, stiffness / GPa])


def _check(strain: float, points: int, law: str) -> None:
    if not (0.0 < strain < 0.5 and points >= FEWEST):
        message = f"strain is {strain} and points are {points}: they must be between 0 and 0.5, and at least {FEWEST}"
        raise SettingsError(message)
    if law not in LAWS:
        message = f"law is {law!r}: it must be one of {', '.join(LAWS)}"
        raise SettingsError(message)
