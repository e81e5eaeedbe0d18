"""Symplectic molecular dynamics for any Hamiltonian, separable or not, in the form of ASE's drivers.

ASE's own `VelocityVerlet` assumes that velocities are p/m. The drivers here ask the calculator for the
velocities (`ase_rfhgn.models.gradients`), so they also run Hamiltonians whose kinetic energy was learned.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms, FixCartesian
from ase.md.md import MolecularDynamics

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.dynamics.integrators import FixedPoint, State, explicit_verlet, implicit_midpoint, implicit_verlet
from ase_rfhgn.errors import IntegrationError, SettingsError, StructureError
from ase_rfhgn.models.gradients import gradients_of, is_separable


class HamiltonianDynamics(MolecularDynamics):
    """Dynamics under Hamilton's equations, q̇ = ∂H/∂p and ṗ = −∂H/∂q.

    Parameters
    ----------
    atoms : ase.Atoms
        Structure with a calculator and momenta; without momenta, the structure starts at rest.
    timestep : float
        Time step in ASE's units; negative to go back in time.
    tolerance : float, default 1e-10
        Relative accuracy of the solution of implicit equations.
    most_iterations : int, default 100
        Largest number of iterations for an implicit equation.
    **kwargs
        Arguments of ASE's drivers: ``trajectory``, ``logfile``, ``loginterval``, ``append_trajectory``.

    Raises
    ------
    SettingsError
        If the time step is zero or not finite, or the tolerance or number of iterations is not positive.

    Notes
    -----
    Constraints that fix coordinates (`FixAtoms`, `FixCartesian`) are obeyed. The momenta of fixed
    coordinates are zero, and all other coordinates move under H. Other constraints raise a `StructureError`.
    """

    def __init__(
        self,
        atoms: Atoms,
        timestep: float,
        *,
        tolerance: float = 1e-10,
        most_iterations: int = 100,
        **kwargs: Any,  # noqa: ANN401  # ASE's own
    ) -> None:
        if not np.isfinite(timestep) or timestep == 0.0:
            message = f"timestep is {timestep!r}: it must be finite and not zero"
            raise SettingsError(message)
        self.solver = FixedPoint(tolerance, most_iterations)
        super().__init__(atoms, timestep, **kwargs)

    @abstractmethod
    def advance(self, state: State) -> State:
        """Return positions and momenta one step later."""

    def step(self) -> None:
        """Move the atoms by one time step.

        Raises
        ------
        IntegrationError
            If an implicit equation cannot be solved; the atoms keep their positions and momenta.
        StructureError
            If there is a constraint other than fixed coordinates.
        """
        state = self.atoms.get_positions(), self.atoms.get_momenta() * _free(self.atoms)
        try:
            state = self.advance(state)
        except IntegrationError as error:
            message = f"{type(self).__name__}, step {self.nsteps + 1} of {self.dt:g} ASE time units: {error}"
            raise IntegrationError(message) from error
        finally:
            self._place(*state)

    def irun(self, steps: int = 50) -> Iterator[bool]:
        """Yield after every step whether all steps are done; observers are called before.

        Parameters
        ----------
        steps : int, default 50
            Number of steps.
        """
        # ASE's own loop asks for forces, which say nothing where H is not separable.
        self.max_steps = self.nsteps + steps
        if self.nsteps == 0:
            self._observe()
        yield self.nsteps == self.max_steps
        while self.nsteps < self.max_steps:
            self.step()
            self.nsteps += 1
            self._observe()
            yield self.nsteps == self.max_steps

    def run(self, steps: int = 50) -> bool:
        """Return whether all steps were done.

        Parameters
        ----------
        steps : int, default 50
            Number of steps.
        """
        return list(self.irun(steps))[-1]

    def motion(self, position_nc: FloatArray, momentum_nc: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return velocities (Å per ASE time unit) and forces (eV/Å), zero for fixed coordinates.

        Parameters
        ----------
        position_nc, momentum_nc : ndarray of shape (n_atoms, 3)
            A point of phase space, to which the atoms are moved.
        """
        self._place(position_nc, momentum_nc)
        gradients, free_nc = gradients_of(self.atoms), _free(self.atoms)
        return gradients.velocity_nc * free_nc, gradients.force_nc * free_nc

    def _place(self, position_nc: FloatArray, momentum_nc: FloatArray) -> None:
        self.atoms.set_positions(position_nc, apply_constraint=False)
        self.atoms.set_momenta(momentum_nc, apply_constraint=False)

    def _observe(self) -> None:
        if any(interval > 0 and self.nsteps % interval == 0 for _, interval, *_ in self.observers):
            gradients_of(self.atoms)  # a trajectory holds only what has been calculated
        self.call_observers()  # type: ignore[no-untyped-call]


class StormerVerlet(HamiltonianDynamics):
    """Störmer–Verlet dynamics: explicit if the Hamiltonian is separable, else implicit; always symplectic."""

    def advance(self, state: State) -> State:
        """Return positions and momenta one step later.

        Parameters
        ----------
        state : (ndarray, ndarray)
            Positions (Å) and momenta, each of shape (n_atoms, 3).
        """
        if is_separable(self.atoms):
            return explicit_verlet(self.motion, state, self.dt)
        return implicit_verlet(self.motion, state, self.dt, self.solver)


class ImplicitMidpoint(HamiltonianDynamics):
    """Dynamics by the implicit midpoint rule: it is symplectic and keeps every quadratic invariant."""

    def advance(self, state: State) -> State:
        """Return positions and momenta one step later.

        Parameters
        ----------
        state : (ndarray, ndarray)
            Positions (Å) and momenta, each of shape (n_atoms, 3).
        """
        return implicit_midpoint(self.motion, state, self.dt, self.solver)


def _free(atoms: Atoms) -> FloatArray:
    """Return 1 for coordinates that may move and 0 for fixed coordinates, shape (n_atoms, 3)."""
    free_nc = np.ones((len(atoms), 3))
    for constraint in atoms.constraints:
        if not isinstance(constraint, FixAtoms | FixCartesian):
            message = (
                f"{type(constraint).__name__} is not a constraint of fixed coordinates: "
                "use FixAtoms or FixCartesian, or remove it"
            )
            raise StructureError(message)
        constraint.adjust_forces(atoms, free_nc)
    return free_nc
