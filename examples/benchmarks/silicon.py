"""What is fitted and moved in the measurements of speed: silicon crystals and labelled frames."""

from __future__ import annotations

from itertools import chain, count, islice
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import write
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si,
    StillingerWeber,
)

from ase_rfhgn.cli.copper_demo import strained_frames

LATTICE_CONSTANTS = {"Si": 5.47, "Cu": 3.615}
"""Edges of the cubic cells (Å); that of silicon is the one of the functional of the training data."""

TEMPERATURE = 300.0
RATTLE = 0.05
"""Standard deviation of the atoms from their sites (Å)."""


def crystal(element: str, edge: int) -> Atoms:
    """Return a crystal of ``edge³`` cubic cells off its sites, in thermal motion."""
    atoms: Atoms = bulk(element, a=LATTICE_CONSTANTS[element], cubic=True) * (edge, edge, edge)
    atoms.rattle(RATTLE, seed=0)
    MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=np.random.default_rng(0))
    Stationary(atoms)
    return atoms


def write_silicon(path: Path, n_frames: int) -> Path:
    """Write crystals of eight atoms labelled by Stillinger and Weber, for want of real data; return the path."""
    frames = []
    for seed in range(n_frames):
        atoms = bulk("Si", cubic=True)
        atoms.rattle(0.02 + 0.1 * seed / n_frames, seed=seed)
        atoms.calc = Manybody(**StillingerWeber(Stillinger_Weber_PRB_31_5262_Si))
        atoms.get_stress()
        frames.append(atoms)
    write(path, frames)
    return path


def write_copper(path: Path, n_frames: int) -> Path:
    """Write strained copper crystals of the demonstration; return the path.

    They have 32 atoms each, are labelled by EMT, and no two are the same.
    """
    generator = np.random.default_rng(0)
    endless = chain.from_iterable(strained_frames(1.0, generator) for _ in count())
    frames = list(islice(endless, n_frames))
    for atoms in frames:
        atoms.get_stress()
    write(path, frames)
    return path
