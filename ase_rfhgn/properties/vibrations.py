"""Vibrations of molecules, clusters and adsorbates, by `ase.vibrations`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.units import _e, _hplanck

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.committee import Committee, Model, with_calculator
from ase_rfhgn.properties.hessians import DISPLACEMENT, potential_with_hessian
from ase_rfhgn.properties.relaxation import TIGHT, relaxed_or_refused
from ase_rfhgn.properties.results import Result

THZ_PER_EV = 1e-12 * _e / _hplanck
"""Frequency of a quantum of 1 eV (THz)."""

LEAST_IMAGINARY = 0.5
"""Imaginary frequencies above this number (THz; 17 cm⁻¹) are no rounding of translations and rotations."""


@dataclass(frozen=True, slots=True)
class Vibrations(Result):
    """Vibrations of a structure; imaginary frequencies are negative.

    Attributes
    ----------
    frequencies_thz : ndarray of shape (n_modes,)
        Frequencies, ascending (THz): of all modes, translations and rotations of a free molecule included.
    frequencies_thz_error : ndarray of shape (n_modes,) or None
        Their error bars.
    zero_point_energy_ev, zero_point_energy_ev_error : float
        Half of the quanta of the real modes (eV), and its error bar.
    stable : bool
        Whether no frequency is imaginary, up to rounding.
    gamma : float or None
        Largest extrapolation grade of an atom.
    atoms : ase.Atoms
        The relaxed structure.
    """

    frequencies_thz: FloatArray
    frequencies_thz_error: FloatArray | None
    zero_point_energy_ev: float
    zero_point_energy_ev_error: float | None
    stable: bool
    gamma: float | None
    atoms: Atoms


def vibrations(
    model: Model | Committee, atoms: Atoms, *, displacement: float | None = None, relaxed: bool = True
) -> Vibrations:
    """Return the frequencies of the harmonic vibrations of a structure, by `ase.vibrations`.

    The second derivatives of a potential are analytic; those of other calculators are finite differences.

    Parameters
    ----------
    model : Potential, path or ase.calculators.calculator.Calculator
        What gives forces.
    atoms : ase.Atoms
        A structure; its positions relax first. Atoms fixed by `FixAtoms` do not vibrate.
    displacement : float, optional
        Displacement of atoms (Å); by default 0.01 Å where there are no analytic derivatives.
    relaxed : bool, default True
        Whether positions relax first.

    Raises
    ------
    SettingsError
        If the displacement is not positive.
    StructureError
        If the structure cannot be evaluated.
    ConvergenceError
        If the structure does not relax.
    """
    if displacement is not None and not displacement > 0.0:
        message = f"displacement is {displacement} Å: it must be positive"
        raise SettingsError(message)
    committee = Committee.of(model)
    start = relaxed_or_refused(committee, atoms, "the structure", fmax=TIGHT) if relaxed else atoms

    def measured(calculator: Calculator) -> FloatArray:
        frequency_m = np.sort(_frequencies(start, calculator, displacement))
        return np.array([*frequency_m, 0.5 * frequency_m[frequency_m > 0.0].sum() / THZ_PER_EV])

    value, error = committee.estimate(measured, "force")
    return Vibrations(
        frequencies_thz=value[:-1],
        frequencies_thz_error=None if error is None else error[:-1],
        zero_point_energy_ev=float(value[-1]),
        zero_point_energy_ev_error=None if error is None else float(error[-1]),
        stable=bool(value[:-1].min(initial=0.0) > -LEAST_IMAGINARY),
        gamma=committee.gamma([start]),
        atoms=start,
    )


def _frequencies(atoms: Atoms, calculator: Calculator, displacement: float | None) -> FloatArray:
    """Return frequencies (THz), imaginary ones negative."""
    potential = potential_with_hessian(calculator)
    if displacement is None and potential is not None:
        data = _analytic(atoms, potential)
    else:
        data = _differences(atoms, calculator, displacement or DISPLACEMENT)
    quantum_m = THZ_PER_EV * data.get_energies()
    frequency_m: FloatArray = quantum_m.real - np.abs(quantum_m.imag)
    return frequency_m


def _analytic(atoms: Atoms, potential: Potential) -> Any:  # noqa: ANN401  # ASE's VibrationsData
    from ase.vibrations import VibrationsData  # imports matplotlib

    free = VibrationsData.indices_from_constraints(atoms)
    rows = (3 * np.asarray(free)[:, None] + np.arange(3)).ravel()
    return VibrationsData.from_2d(atoms, potential.hessian(atoms)[np.ix_(rows, rows)], indices=free)


def _differences(atoms: Atoms, calculator: Calculator, displacement: float) -> Any:  # noqa: ANN401  # likewise
    """Return vibrations by forces that ASE keeps in files of a temporary folder."""
    from ase.vibrations import Vibrations as FiniteDifferences  # imports matplotlib

    with tempfile.TemporaryDirectory() as folder:
        name = str(Path(folder) / "vibrations")
        differences = FiniteDifferences(with_calculator(atoms, calculator), name=name, delta=displacement)
        differences.run()
        return differences.get_vibrations()
