"""Elastic constants of crystals at rest, by matscipy from stresses under small strains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.properties.committee import Committee, Model, require_crystal, with_calculator
from ase_rfhgn.properties.relaxation import TIGHT, relaxed_or_refused
from ase_rfhgn.properties.results import Result
from ase_rfhgn.runtime.progress import progress_bar


@dataclass(frozen=True, slots=True)
class ElasticConstants(Result):
    """Elastic constants of a crystal.

    Attributes
    ----------
    stiffness_gpa : ndarray of shape (6, 6)
        Stiffness in Voigt notation xx, yy, zz, yz, xz, xy, in the axes of the structure (GPa).
    stiffness_gpa_error : ndarray of shape (6, 6) or None
        Its error bars.
    bulk_modulus_gpa, bulk_modulus_gpa_error : float
        Bulk modulus under hydrostatic pressure (the mean of Reuss), and its error bar (GPa).
    bulk_modulus_voigt_gpa, bulk_modulus_voigt_gpa_error : float
        Mean of Voigt, and its error bar (GPa); the same as Reuss's for cubic crystals.
    shear_modulus_gpa, shear_modulus_gpa_error : float
        Shear modulus of a polycrystal (the mean of Hill), and its error bar (GPa).
    stable : bool
        Whether every strain costs energy (Born's criterion).
    volume_a3 : float
        Volume per atom (Å³).
    gamma : float or None
        Largest extrapolation grade of an atom of the strained crystals.
    """

    stiffness_gpa: FloatArray
    stiffness_gpa_error: FloatArray | None
    bulk_modulus_gpa: float
    bulk_modulus_gpa_error: float | None
    bulk_modulus_voigt_gpa: float
    bulk_modulus_voigt_gpa_error: float | None
    shear_modulus_gpa: float
    shear_modulus_gpa_error: float | None
    stable: bool
    volume_a3: float
    gamma: float | None


def elastic_constants(
    model: Model | Committee,
    atoms: Atoms,
    *,
    strain: float = 0.002,
    relaxed: bool = True,
    progress: bool = False,
) -> ElasticConstants:
    """Return the stiffness of a crystal, by central differences of stresses with internal relaxation.

    Parameters
    ----------
    model : Potential, path or ase.calculators.calculator.Calculator
        What gives forces and stresses.
    atoms : ase.Atoms
        A crystal; it relaxes first, with its cell.
    strain : float, default 0.002
        Size of the strains.
    relaxed : bool, default True
        Whether the crystal relaxes first. Atoms of the strained crystals relax anyway.
    progress : bool, default False
        Whether to show progress on a terminal.

    Raises
    ------
    SettingsError
        If the strain is out of its range.
    StructureError
        If the structure is not a crystal, or cannot be evaluated.
    ConvergenceError
        If a structure does not relax.
    """
    require_crystal(atoms)
    if not 0.0 < strain < 0.1:
        message = f"strain is {strain}: it must be between 0 and 0.1"
        raise SettingsError(message)
    committee = Committee.of(model)
    settings = {"cell": True} if relaxed else {}
    start = relaxed_or_refused(committee, atoms, "the crystal", fmax=TIGHT, **settings)
    start.set_constraint()
    strained = Strained.of(committee, start, strain, progress=progress)
    value, error = committee.estimate(strained.moduli, "stress")
    stiffness_vv = value[:36].reshape(6, 6)
    errors = [None] * 3 if error is None else [float(one) for one in error[36:]]
    return ElasticConstants(
        stiffness_gpa=stiffness_vv,
        stiffness_gpa_error=None if error is None else error[:36].reshape(6, 6),
        bulk_modulus_gpa=float(value[36]),
        bulk_modulus_gpa_error=errors[0],
        bulk_modulus_voigt_gpa=float(value[37]),
        bulk_modulus_voigt_gpa_error=errors[1],
        shear_modulus_gpa=float(value[38]),
        shear_modulus_gpa_error=errors[2],
        stable=bool(np.linalg.eigvalsh(stiffness_vv).min() > 0.0),
        volume_a3=float(start.get_volume()) / len(start),
        gamma=committee.gamma(strained.structures),
    )


@dataclass(frozen=True)
class Strained:
    """Strained crystals with relaxed atoms: two of opposite signs per Voigt component of the strain.

    Attributes
    ----------
    structures : list of ase.Atoms
        The crystals.
    shift_vnc : ndarray of shape (6, n_atoms, 3)
        How atoms move within the cell per unit of strain (Å).
    """

    structures: list[Atoms]
    shift_vnc: FloatArray

    @classmethod
    def of(cls, committee: Committee, atoms: Atoms, strain: float, *, progress: bool = False) -> Strained:
        """Return the strained crystals of a crystal at rest."""
        from matscipy.elasticity import generate_strained_configs  # imports scipy.stats

        affine = list(generate_strained_configs(atoms, N_steps=2, delta=2.0 * strain))
        structures = []
        for one in progress_bar(affine, "strain", total=len(affine), shown=progress):
            structures.append(relaxed_or_refused(committee, one, "a strained crystal", fmax=TIGHT))
            structures[-1].info["strain"] = one.info["strain"]
        moved = np.array([after.positions - before.positions for before, after in zip(affine, structures, strict=True)])
        return cls(structures, (moved[1::2] - moved[::2]) / (2.0 * strain))

    def moduli(self, calculator: Calculator) -> FloatArray:
        """Return the stiffness row by row, and bulk moduli of Reuss and Voigt and the shear modulus of Hill (GPa)."""
        from matscipy.elasticity import fit_elastic_constants

        structures = [self._with_stress(one, calculator) for one in self.structures]
        stiffness, _ = fit_elastic_constants(structures, N_steps=2, verbose=False)
        stiffness_vv = 0.5 * (stiffness + stiffness.T) / GPa
        return np.array([*stiffness_vv.ravel(), *_averages(stiffness_vv)])

    def _with_stress(self, atoms: Atoms, calculator: Calculator) -> Atoms:
        """Return a crystal with the derivative of its energy by strain, in which atoms move along.

        Without forces this is the stress. Members of an ensemble have forces there; their work corrects the stress
        to first order for the relaxation by the member.
        """
        answered = with_calculator(atoms, calculator)
        work_v = np.einsum("vnc,nc->v", self.shift_vnc, answered.get_forces()) / atoms.get_volume()
        one: Atoms = atoms.copy()
        one.info["strain"] = atoms.info["strain"]
        one.calc = SinglePointCalculator(one, stress=answered.get_stress() - work_v)
        return one


def _averages(stiffness_vv: FloatArray) -> tuple[float, float, float]:
    """Return bulk moduli of Reuss and Voigt and the shear modulus of Hill (Proc. Phys. Soc. A 65, 349 (1952))."""
    compliance_vv = np.linalg.pinv(stiffness_vv)
    bulk_voigt = stiffness_vv[:3, :3].sum() / 9.0
    bulk_reuss = 1.0 / compliance_vv[:3, :3].sum()
    shear_voigt = (
        np.trace(stiffness_vv[:3, :3])
        - (stiffness_vv[0, 1] + stiffness_vv[0, 2] + stiffness_vv[1, 2])
        + 3.0 * np.trace(stiffness_vv[3:, 3:])
    ) / 15.0
    shear_reuss = 15.0 / (
        4.0 * np.trace(compliance_vv[:3, :3])
        - 4.0 * (compliance_vv[0, 1] + compliance_vv[0, 2] + compliance_vv[1, 2])
        + 3.0 * np.trace(compliance_vv[3:, 3:])
    )
    return float(bulk_reuss), float(bulk_voigt), float(0.5 * (shear_voigt + shear_reuss))
