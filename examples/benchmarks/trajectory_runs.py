"""Systems whose runs teach Hamiltonians, and their runs by ASE's drivers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.velocitydistribution import Stationary
from ase.md.verlet import VelocityVerlet

from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.calculators import BondedPairs
from ase_rfhgn.systems.classics import fermi_pasta_ulam_tsingou_chain
from ase_rfhgn.systems.lattices import lattice
from ase_rfhgn.systems.pair_laws import Morse

TIMESTEP = 5.0 * units.fs
EQUILIBRATION = 200
UNSEEN_FRAMES, UNSEEN_STRIDE = 10, 20


@dataclass(frozen=True, slots=True)
class System:
    """Atoms, their potential, temperature (K) and time step (ASE's unit), the coordinates that exist, and bonds."""

    name: str
    atoms: Atoms
    calculator: Calculator
    temperature: float
    timestep: float = TIMESTEP
    n_dimensions: int = 3
    bonds: Bonds | None = None


def copper(n_cells: int = 3) -> System:
    """Return copper by effective medium theory, some cubic cells in every direction."""
    return System("copper, EMT", bulk("Cu", cubic=True) * n_cells, EMT(), 300.0)


def argon() -> System:
    """Return argon with a smoothly cut Lennard-Jones potential."""
    calculator = LennardJones(sigma=3.4, epsilon=0.0104, rc=8.5, smooth=True)
    return System("argon, Lennard-Jones", bulk("Ar", a=5.26, cubic=True) * 3, calculator, 40.0)


def morse_lattice() -> System:
    """Return a periodic lattice of Morse bonds between unit masses in the plane."""
    atoms, bonds = lattice((4, 4), periodic=True)
    return System("lattice of Morse bonds", atoms, BondedPairs(Morse(steepness=1.5), bonds), 500.0, 0.1, 2, bonds)


def chain() -> System:
    """Return a chain of Fermi, Pasta, Ulam and Tsingou between two fixed nodes."""
    atoms = fermi_pasta_ulam_tsingou_chain(16, beta=0.1, amplitude=0.0)
    return System("chain", atoms, atoms.calc, 500.0, 0.1, 1, atoms.calc.bonds)


def run_of(system: System, n_frames: int, stride: int = 1, friction: float = 0.0, seed: int = 0) -> list[Atoms]:
    """Return labelled frames of a run; a friction (1/fs) makes it one of Langevin dynamics."""
    atoms, rng = system.atoms.copy(), np.random.default_rng(seed)
    momentum_nc = np.sqrt(2.0 * units.kB * system.temperature * atoms.get_masses())[:, None] * rng.normal(
        size=(len(atoms), 3)
    )
    momentum_nc[:, system.n_dimensions :] = 0.0
    atoms.set_momenta(momentum_nc)
    if not atoms.constraints:
        Stationary(atoms)
    atoms.calc = system.calculator
    VelocityVerlet(atoms, system.timestep).run(EQUILIBRATION)
    dynamics: MolecularDynamics = VelocityVerlet(atoms, system.timestep)
    if friction > 0.0:
        temperature = system.temperature
        dynamics = Langevin(
            atoms, system.timestep, temperature_K=temperature, friction=friction / units.fs, fixcm=False, rng=rng
        )
    frames = []
    for _ in range(n_frames):
        frame = atoms.copy()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(apply_constraint=False)}
        if has_volume(atoms):
            results["stress"] = atoms.get_stress()
        frame.calc = SinglePointCalculator(frame, **results)
        frames.append(frame)
        dynamics.run(stride)
    return frames


def unseen_of(system: System) -> list[Atoms]:
    """Return frames of another run, far apart."""
    return run_of(system, UNSEEN_FRAMES, stride=UNSEEN_STRIDE, seed=1)
