"""Rattled small molecules of many elements, labelled by a synthetic many-body potential.

Every pair of elements has a Morse potential and a bond density, every element an embedding function of its
density and a preferred angle between bonds. Parameters are drawn per element, so that no two are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.collections import g2
from ase.data import covalent_radii

ELEMENTS = ("H", "C", "O", "N", "F", "S", "Cl", "Si", "P", "Li")
"""Elements in the order in which sets of few elements take them in."""

STEP = 1e-4
"""Step of the differences that forces are made of (Å): their error is below 1e-6 eV/Å."""

REACH = 4.5
"""Distance at which interactions vanish (Å)."""


@dataclass(frozen=True, slots=True)
class ManyBody:
    """A smooth many-body potential of made-up elements.

    Attributes
    ----------
    well_z, embedding_z, angle_z, cosine_z : ndarray
        Depth of Morse wells (eV), strength of the embedding (eV), of the angular term (eV), preferred cosine.
    """

    well_z: np.ndarray
    embedding_z: np.ndarray
    angle_z: np.ndarray
    cosine_z: np.ndarray

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> ManyBody:
        """Return a potential with random parameters for all elements."""
        n = len(covalent_radii)
        return cls(
            rng.uniform(1.0, 4.0, n), rng.uniform(0.5, 2.0, n), rng.uniform(0.2, 1.0, n), rng.uniform(-0.8, 0, n)
        )

    def energy(self, numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return the energies (eV) of many structures of the same atoms: positions of shape (…, n_atoms, 3)."""
        vectors = positions[..., None, :, :] - positions[..., :, None, :]
        distances = np.sqrt(np.sum(vectors**2, axis=-1)) + 10.0 * REACH * np.eye(len(numbers))
        screen = np.maximum(1.0 - (distances / REACH) ** 2, 0.0) ** 3
        stretch = distances - np.add.outer(covalent_radii[numbers], covalent_radii[numbers])
        wells = np.sqrt(np.outer(self.well_z[numbers], self.well_z[numbers]))
        bonds = np.exp(-1.8 * stretch) * screen
        pairs = 0.5 * np.sum(wells * (bonds * np.exp(-1.8 * stretch) - 2.0 * bonds), axis=(-1, -2))
        embedding = np.sum(self.embedding_z[numbers] * np.sqrt(np.sum(bonds**2, axis=-1) + 0.01), axis=-1)
        units = vectors / distances[..., None]
        cosines = np.einsum("...ijc,...ikc->...ijk", units, units) - self.cosine_z[numbers][:, None, None]
        weights = bonds / (1.0 + bonds / 3.0) * screen
        bends = np.einsum("...ijk,...ij,...ik->...i", cosines**2, weights, weights)
        return np.asarray(pairs - embedding + 0.1 * np.sum(self.angle_z[numbers] * bends, axis=-1))

    def labelled(self, atoms: Atoms) -> Atoms:
        """Return a copy of a structure with its energy and forces."""
        moved = atoms.positions + STEP * np.concatenate([np.eye(3 * len(atoms)), -np.eye(3 * len(atoms))]).reshape(
            -1, len(atoms), 3
        )
        plus, minus = np.split(np.concatenate([self.energy(atoms.numbers, m[None]) for m in moved]), 2)
        forces = (minus - plus).reshape(-1, 3) / (2.0 * STEP)
        energy = float(self.energy(atoms.numbers, atoms.positions[None])[0])
        copy: Atoms = atoms.copy()
        copy.calc = SinglePointCalculator(copy, energy=energy, forces=forces)
        return copy


def molecules(n_frames: int, n_elements: int, seed: int) -> list[Atoms]:
    """Return rattled molecules that hold some of the first so many elements of `ELEMENTS`.

    Parameters
    ----------
    n_frames, n_elements : int
        How many frames and elements.
    seed : int
        Seed of the displacements; the potential is always the same.
    """
    allowed = set(ELEMENTS[:n_elements])
    found = [molecule(name) for name in g2.names]
    found = [atoms for atoms in found if len(atoms) > 1 and set(atoms.get_chemical_symbols()) <= allowed]
    potential, rng = ManyBody.drawn(np.random.default_rng(0)), np.random.default_rng(seed)
    frames = []
    for i in range(n_frames):
        atoms = found[i % len(found)].copy()
        atoms.positions += rng.normal(0.0, 0.05, atoms.positions.shape)
        frames.append(potential.labelled(atoms))
    return frames
