"""Training sets of any size that are generated frame by frame as they are read: nothing of them is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.structures.graph import build_graph
from ase_rfhgn.structures.parts import Part
from ase_rfhgn.structures.training_set import TrainingSet

STIFFNESS = 1.2
"""Spring constant between nearest neighbours (eV/Å²)."""

AMPLITUDE = 0.08
"""Standard deviation of displacements (Å)."""

BYTES_PER_ATOM = 100
"""Bytes of an atom with its force in a file of extended XYZ."""


@dataclass(frozen=True, slots=True)
class Crystals:
    """Rattled crystals of copper whose nearest neighbours are joined by springs, as structures and their opener.

    Attributes
    ----------
    n_frames : int
        Number of frames.
    edge : int
        Cubic cells of four atoms along the edge of the crystal.
    """

    n_frames: int
    edge: int

    @contextmanager
    def __call__(self) -> Iterator[_Generator]:
        """Return a context manager of the structures."""
        crystal = bulk("Cu", cubic=True).repeat(self.edge)
        graph = build_graph(crystal, 3.0)
        yield _Generator(self.n_frames, crystal, graph.centre_p, graph.neighbour_p, graph.vector_pc)

    def frames(self) -> TrainingSet:
        """Return the training set."""
        return TrainingSet([Part(self, range(self.n_frames), "crystals")], "crystals")

    @property
    def n_atoms(self) -> int:
        """Number of atoms of all frames."""
        return 4 * self.edge**3 * self.n_frames


@dataclass(frozen=True, slots=True)
class _Generator:
    """Makes a frame from its number."""

    n_frames: int
    crystal: Atoms
    centre_p: IntArray
    neighbour_p: IntArray
    vector_pc: FloatArray

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.n_frames

    def __getitem__(self, number: int) -> Atoms:
        """Return a frame with its energy and forces."""
        atoms: Atoms = self.crystal.copy()
        shift_nc = np.random.default_rng([7, number]).normal(scale=AMPLITUDE, size=(len(atoms), 3))
        vector_pc = self.vector_pc + shift_nc[self.neighbour_p] - shift_nc[self.centre_p]
        length_p = np.linalg.norm(vector_pc, axis=1)
        longer_p = length_p - np.linalg.norm(self.vector_pc, axis=1)
        pull_pc = (STIFFNESS * longer_p / length_p)[:, None] * vector_pc
        force_nc = np.column_stack([np.bincount(self.centre_p, pull_c, len(atoms)) for pull_c in pull_pc.T])
        energy = 0.25 * STIFFNESS * float(np.sum(longer_p**2))  # every pair occurs twice
        atoms.positions += shift_nc
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=force_nc)
        return atoms
