"""What the experiments share: random states of lattices, labelled trajectories, errors of a model, rollouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.dynamics.drivers import StormerVerlet
from ase_rfhgn.errors import IntegrationError
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.calculators import BondedPairs
from ase_rfhgn.systems.lattices import lattice
from ase_rfhgn.systems.pair_laws import PairLaw


@dataclass(frozen=True, slots=True)
class Lattice:
    """Lattice whose random states are to be drawn.

    Attributes
    ----------
    shape : tuple of int
        Nodes along each axis.
    law : PairLaw
        Energy of neighbours.
    spacing : float, default 0
        Distance of neighbours (Å); at zero, positions are displacements from the sites.
    periodic : bool, default False
        Whether opposite faces are bonded.
    dimensions : int, optional
        Coordinates that move; by default as many as the lattice has axes.
    """

    shape: tuple[int, ...]
    law: PairLaw
    spacing: float = 0.0
    periodic: bool = False
    dimensions: int | None = None

    @property
    def name(self) -> str:
        """Shape as text."""
        return "×".join(map(str, self.shape)) + (" periodic" if self.periodic else "")

    @property
    def n_dimensions(self) -> int:
        """Coordinates that move."""
        return self.dimensions or len(self.shape)

    @property
    def bonds(self) -> Bonds:
        """Bonds of nearest neighbours."""
        return lattice(self.shape, spacing=self.spacing, periodic=self.periodic)[1]

    @property
    def degree_n(self) -> FloatArray:
        """Number of bonds of every node."""
        ends = np.concatenate([self.bonds.first_j, self.bonds.second_j])
        return np.bincount(ends, minlength=int(np.prod(self.shape))).astype(float)

    def state(self, rng: np.random.Generator, reach: float = 1.0) -> Atoms:
        """Return a random state: displacements and momenta uniform on [−reach, reach] per coordinate."""
        atoms, bonds = lattice(self.shape, spacing=self.spacing, periodic=self.periodic)
        used = len(atoms), self.n_dimensions
        atoms.positions[:, : self.n_dimensions] += rng.uniform(-reach, reach, used)
        momentum_nc = np.zeros((len(atoms), 3))
        momentum_nc[:, : self.n_dimensions] = rng.uniform(-reach, reach, used)
        atoms.set_momenta(momentum_nc)
        atoms.calc = BondedPairs(self.law, bonds)
        return atoms


@dataclass(frozen=True, slots=True)
class MotionErrors:
    """Errors of velocities and forces on a set of snapshots.

    Attributes
    ----------
    velocity, force : float
        Root mean squares, in units of the root mean squares of the truth.
    mse : float
        Mean square over all components of both, in ASE's units.
    """

    velocity: float
    force: float
    mse: float


def labelled(atoms: Atoms) -> Atoms:
    """Return a copy that carries its energy and forces as results."""
    frame: Atoms = atoms.copy()
    frame.calc = SinglePointCalculator(
        frame, energy=atoms.get_potential_energy(), forces=atoms.get_forces(apply_constraint=False)
    )
    return frame


def trajectory(atoms: Atoms, *, n_frames: int, every: int, step: float) -> list[Atoms]:
    """Return labelled frames along the true motion, the start included; the atoms move.

    Parameters
    ----------
    atoms : ase.Atoms
        Start, with its calculator.
    n_frames : int
        Number of frames.
    every : int
        Time steps from frame to frame.
    step : float
        Time step (ASE units).
    """
    dynamics = StormerVerlet(atoms, step)
    steps = dynamics.irun(every * (n_frames - 1))
    return [labelled(atoms) for i, _ in enumerate(steps) if i % every == 0]


def training_frames(
    system: Lattice, rng: np.random.Generator, *, n_trajectories: int, n_frames: int, reach: float = 1.0
) -> list[Atoms]:
    """Return labelled frames of several trajectories from random states, 0.25 units of time apart."""
    return [
        frame
        for _ in range(n_trajectories)
        for frame in trajectory(system.state(rng, reach), n_frames=n_frames, every=5, step=0.05)
    ]


def errors_of(potential: PhaseSpacePotential, frames: Sequence[Atoms], bonds: Bonds | None) -> MotionErrors:
    """Return the errors of velocities and forces on labelled frames, over the coordinates that move.

    Parameters
    ----------
    potential : PhaseSpacePotential
        A model.
    frames : sequence of ase.Atoms
        Frames with forces; their velocities are p/m.
    bonds : Bonds or None
        Their edges.
    """
    n = potential.n_dimensions
    true, learned = [], []
    for atoms in frames:
        motion = potential.evaluate(atoms, bonds)
        true.append([atoms.get_velocities()[:, :n], atoms.get_forces(apply_constraint=False)[:, :n]])
        learned.append([motion.velocity_nc[:, :n], motion.force_nc[:, :n]])
    truth, error = np.array(true), np.array(learned) - np.array(true)
    square = np.mean(error**2, axis=(0, 2, 3))
    relative = np.sqrt(square / np.mean(truth**2, axis=(0, 2, 3)))
    return MotionErrors(float(relative[0]), float(relative[1]), float(square.mean()))


def rollout(atoms: Atoms, *, n_steps: int, step: float, tolerance: float = 1e-6) -> FloatArray:
    """Return the positions at every time step, the start included: shape (n_steps + 1, n_atoms, 3).

    The atoms stay. Where a step cannot be solved, the rollout ends before it.

    Parameters
    ----------
    atoms : ase.Atoms
        Start, with any calculator.
    n_steps : int
        Number of time steps.
    step : float
        Time step (ASE units).
    tolerance : float, default 1e-6
        Relative accuracy of implicit equations, where H is not separable.
    """
    moving = atoms.copy()
    moving.calc = atoms.calc
    positions = []
    try:
        for _ in StormerVerlet(moving, step, tolerance=tolerance).irun(n_steps):
            positions.append(moving.get_positions())  # noqa: PERF401  # those before an error count
    except IntegrationError:
        pass
    return np.array(positions)


def learned_twin(atoms: Atoms, potential: PhaseSpacePotential, bonds: Bonds | None) -> Atoms:
    """Return a copy of the atoms that moves under a learned Hamiltonian."""
    twin: Atoms = atoms.copy()
    twin.calc = RFHGNCalculator(potential, bonds=bonds)
    return twin
