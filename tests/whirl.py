"""A Hamiltonian of atoms that is not separable, as a calculator: masses grow or shrink with the place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from ase_rfhgn.models.gradients import PhaseSpaceGradients


class Whirl(Calculator):
    """H = Σ p²(1 + q²/4)/2m + (q × p)_z/2 + q²/2 + q⁴/8, with q² and p² per atom.

    As in every calculator of a learned Hamiltonian, ASE's energy is H − p²/2m.
    """

    implemented_properties = ["energy"]  # noqa: RUF012  # as in ASE
    separable = False

    def hamiltonian_gradients(self, atoms: Atoms) -> PhaseSpaceGradients:
        """Return energy, velocities and forces."""
        q, p, mass = atoms.get_positions(), atoms.get_momenta(), atoms.get_masses()[:, None]
        square, turn = np.sum(q**2, axis=1, keepdims=True), np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0] * 3])
        kinetic = np.sum(p**2, axis=1, keepdims=True) / (2 * mass)
        energy = np.sum(kinetic * (1 + square / 4) + square / 2 + square**2 / 8) + 0.5 * np.sum(q @ turn * p)
        velocity = p / mass * (1 + square / 4) + 0.5 * q @ turn
        force = -(kinetic / 2 + 1 + square / 2) * q - 0.5 * p @ turn.T
        return PhaseSpaceGradients(float(energy), velocity, force)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` with the energy, without p²/2m."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        structure: Any = self.atoms
        self.results = {"energy": self.hamiltonian_gradients(structure).energy - structure.get_kinetic_energy()}
