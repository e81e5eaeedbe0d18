"""Hamilton's equations of atoms: energy, velocities and forces of a structure with a calculator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ase import Atoms

from ase_rfhgn.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class PhaseSpaceUncertainty:
    """Predicted uncertainties: half-widths of the intervals that hold the true values with 68 % probability.

    Attributes
    ----------
    energy : float
        Uncertainty of the energy H (eV).
    velocity_nc : ndarray of shape (n_atoms, 3)
        Uncertainties of the velocities (Å per ASE time unit); zero if velocities are p/m.
    force_nc : ndarray of shape (n_atoms, 3)
        Uncertainties of the forces (eV/Å).
    """

    energy: float
    velocity_nc: FloatArray
    force_nc: FloatArray


@dataclass(frozen=True, slots=True)
class PhaseSpaceGradients:
    """Energy and motion at a point of phase space.

    Attributes
    ----------
    energy : float
        Hamiltonian H(q, p), kinetic part included (eV).
    velocity_nc : ndarray of shape (n_atoms, 3)
        Velocities ∂H/∂p (Å per ASE time unit). Where H is not p²/2m + V, they are not p/m.
    force_nc : ndarray of shape (n_atoms, 3)
        Rates of change of the momenta, −∂H/∂q (eV/Å).
    uncertainty : PhaseSpaceUncertainty or None
        Predicted uncertainties; None unless asked for.
    """

    energy: float
    velocity_nc: FloatArray
    force_nc: FloatArray
    uncertainty: PhaseSpaceUncertainty | None = None


@runtime_checkable
class PhaseSpaceCalculator(Protocol):
    """Calculator whose Hamiltonian depends on positions and momenta.

    Attributes
    ----------
    separable : bool
        Whether H(q, p) = T(p) + V(q), so that velocities do not depend on positions, nor forces on momenta.
    """

    separable: bool

    def hamiltonian_gradients(self, atoms: Atoms) -> PhaseSpaceGradients:
        """Return the energy, velocities and forces at the positions and momenta of the atoms."""
        ...


def is_separable(atoms: Atoms) -> bool:
    """Return whether velocities do not depend on positions, nor forces on momenta.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure with a calculator.
    """
    calculator = atoms.calc
    return calculator.separable if isinstance(calculator, PhaseSpaceCalculator) else True


def gradients_of(atoms: Atoms) -> PhaseSpaceGradients:
    """Return the energy, velocities and forces of atoms by their calculator.

    Constraints are not applied. Of an ordinary calculator, which knows only positions, the Hamiltonian
    is p²/2m + V, with the masses of the atoms.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure with any ASE calculator.
    """
    if isinstance(atoms.calc, PhaseSpaceCalculator):
        return atoms.calc.hamiltonian_gradients(atoms)
    energy = atoms.get_potential_energy(apply_constraint=False)
    return with_known_masses(atoms, energy, atoms.get_forces(apply_constraint=False, md=True))


def with_known_masses(atoms: Atoms, potential_energy: float, force_nc: FloatArray) -> PhaseSpaceGradients:
    """Return the motion under H = p²/2m + V, with the masses of the atoms.

    Parameters
    ----------
    atoms : ase.Atoms
        Momenta and masses.
    potential_energy : float
        V (eV).
    force_nc : ndarray of shape (n_atoms, 3)
        −∂V/∂q (eV/Å).
    """
    velocity_nc = atoms.get_momenta() / atoms.get_masses()[:, None]
    return PhaseSpaceGradients(float(potential_energy + atoms.get_kinetic_energy()), velocity_nc, force_nc)
