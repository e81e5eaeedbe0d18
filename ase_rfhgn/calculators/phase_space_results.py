"""Results of a phase-space model under ASE's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from ase_rfhgn.models.gradients import PhaseSpaceGradients

PROPERTIES = ["energy", "free_energy", "forces"]
"""Properties of a phase-space model."""


def check_forces_exist(properties: Iterable[str], *, separable: bool) -> None:
    """Refuse forces where they depend on momenta.

    Parameters
    ----------
    properties : iterable of str
        Names of the properties.
    separable : bool
        Whether H = p²/2m + V with the masses of the atoms.

    Raises
    ------
    PropertyNotImplementedError
        If forces are asked for, and H is not separable; the message names the drivers to use.
    """
    if "forces" in properties and not separable:
        message = (
            "H(q, p) is not separable: forces depend on momenta, and velocities are not p/m, so ASE's own drivers "
            "would go astray; run StormerVerlet or ImplicitMidpoint of ase_rfhgn.dynamics, or ask "
            "hamiltonian_gradients(atoms)"
        )
        raise PropertyNotImplementedError(message)


def phase_space_results(gradients: PhaseSpaceGradients, atoms: Atoms, *, separable: bool) -> dict[str, Any]:
    """Return energies that make the total energy H, and forces where they do not depend on momenta.

    Parameters
    ----------
    gradients : PhaseSpaceGradients
        Answer of the model.
    atoms : ase.Atoms
        Of which structure.
    separable : bool
        Whether H = p²/2m + V with the masses of the atoms.
    """
    energy = gradients.energy - float(atoms.get_kinetic_energy())
    results: dict[str, Any] = {"energy": energy, "free_energy": energy}
    return results | ({"forces": gradients.force_nc} if separable else {})
