"""Short runs of molecular dynamics, for tests of what learns from them."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.verlet import VelocityVerlet

TIMESTEP = 5.0 * units.fs


def shaken_crystal(seed: int = 0, symbols: str = "Cu4") -> Atoms:
    """Return a small crystal whose atoms have momenta, one of them about to cross the boundary of the cell."""
    atoms: Atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.symbols = symbols
    rng = np.random.default_rng(seed)
    momenta_nc = np.sqrt(atoms.get_masses())[:, None] * rng.normal(0.0, 0.3, (len(atoms), 3))
    atoms.set_momenta(momenta_nc - momenta_nc.mean(axis=0))
    atoms.positions += rng.normal(0.0, 0.03, (len(atoms), 3))
    return atoms


def run_of(
    atoms: Atoms,
    n_frames: int,
    *,
    stride: int = 1,
    wrap: bool = True,
    timestep: float = TIMESTEP,
    calculator: Calculator | None = None,
) -> list[Atoms]:
    """Return frames of a run of velocity Verlet with a calculator, by default EMT, labelled with forces."""
    atoms = atoms.copy()
    atoms.calc = EMT() if calculator is None else calculator
    dynamics = VelocityVerlet(atoms, timestep)
    frames = []
    for _ in range(n_frames):
        frame = atoms.copy()
        if wrap:
            frame.wrap()
        energy, force_nc = atoms.get_potential_energy(), atoms.get_forces(apply_constraint=False)
        frame.calc = SinglePointCalculator(frame, energy=energy, forces=force_nc)
        frames.append(frame)
        dynamics.run(stride)
    return frames


def without(frames: list[Atoms], *, momenta: bool = False, labels: bool = True) -> list[Atoms]:
    """Return copies of frames without their labels, or without their momenta."""
    copies = [atoms.copy() for atoms in frames]
    for copy, atoms in zip(copies, frames, strict=True):
        if momenta:
            del copy.arrays["momenta"]
        if not labels:
            copy.calc = atoms.calc
    return copies
