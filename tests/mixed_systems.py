"""Small systems of one or several species at random points of phase space, labelled with their motion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.lattices import chain, every_pair

PairLaw: TypeAlias = Callable[[IntArray, IntArray, FloatArray], tuple[FloatArray, FloatArray]]
"""Energies and slopes of pairs by the species of both ends and the distance."""

CUTOFF = 2.5
"""Where the Lennard-Jones forces end (Å)."""


@dataclass(frozen=True)
class MixedSystem:
    """Nodes around places, with a pair law for every pair of species.

    Attributes
    ----------
    atoms : ase.Atoms
        Elements, masses and places.
    species_n : ndarray of shape (n_nodes,)
        Species of every node.
    law : callable
        The pair law.
    pairs : ndarray of shape (n_pairs, 2)
        Which nodes it acts between.
    dimensions : int
        Coordinates that exist.
    spread : float
        Standard deviation of the displacements (Å).
    edges : mapping
        Bonds or cutoff, as settings of a fit.
    """

    atoms: Atoms
    species_n: IntArray
    law: PairLaw
    pairs: IntArray
    dimensions: int
    spread: float
    edges: Mapping[str, Any]

    @property
    def bonds(self) -> Bonds | None:
        """Edges of the graph, where they are bonds."""
        return self.edges.get("bonds")

    def frames(self, rng: np.random.Generator, n_frames: int) -> list[Atoms]:
        """Return frames at random points of phase space, with energies and forces."""
        return [self.frame(rng) for _ in range(n_frames)]

    def frame(self, rng: np.random.Generator) -> Atoms:
        """Return a frame at a random point of phase space."""
        frame: Atoms = self.atoms.copy()
        shape = len(frame), self.dimensions
        frame.positions[:, : self.dimensions] += rng.normal(0.0, self.spread, shape)
        momentum_nc = np.zeros((len(frame), 3))
        momentum_nc[:, : self.dimensions] = rng.normal(0.0, 0.5, shape) * np.sqrt(frame.get_masses())[:, None]
        frame.set_momenta(momentum_nc)
        energy, force_nc = self.motion(frame.positions)
        frame.calc = SinglePointCalculator(frame, energy=energy, forces=force_nc)
        return frame

    def motion(self, position_nc: FloatArray) -> tuple[float, FloatArray]:
        """Return the potential energy and the forces."""
        first, second = self.pairs.T
        vector_pc = position_nc[second] - position_nc[first]
        distance_p = np.linalg.norm(vector_pc, axis=1)
        energy_p, slope_p = self.law(self.species_n[first], self.species_n[second], distance_p)
        pull_pc, force_nc = (slope_p / distance_p)[:, None] * vector_pc, np.zeros_like(position_nc)
        np.add.at(force_nc, first, pull_pc)
        np.add.at(force_nc, second, -pull_pc)
        return float(energy_p.sum()), force_nc


def spring_chain(n_species: int) -> MixedSystem:
    """Return a chain of springs whose masses alternate."""
    atoms, bonds = chain(8)
    species_n = np.arange(len(atoms)) % n_species
    atoms.set_masses(1.0 + 2.0 * species_n)

    def law(_: IntArray, __: IntArray, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        return 0.5 * (distance_p - 0.9) ** 2, distance_p - 0.9

    pairs = np.array([(i, i + 1) for i in range(len(atoms) - 1)])
    return MixedSystem(atoms, species_n, law, pairs, 1, 0.2, {"bonds": bonds})


def lennard_jones(n_species: int) -> MixedSystem:
    """Return nine Lennard-Jones discs in the plane, of the size and depth of their pair, smooth at the cutoff."""
    place_nc = 1.15 * np.array([(i, j, 0.0) for i in range(3) for j in range(3)])
    species_n = np.arange(9) % n_species
    atoms = Atoms(numbers=np.array([18, 36])[species_n], positions=place_nc, masses=1.0 + species_n)
    depth_ss, size_ss = np.array([[1.0, 0.7], [0.7, 0.5]]), np.array([[1.0, 0.93], [0.93, 0.86]])

    def law(first_p: IntArray, second_p: IntArray, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        power_p = (size_ss[first_p, second_p] / distance_p) ** 6
        energy_p = 4.0 * depth_ss[first_p, second_p] * (power_p**2 - power_p)
        slope_p = 4.0 * depth_ss[first_p, second_p] * (6.0 * power_p - 12.0 * power_p**2) / distance_p
        rest_p = np.maximum(1.0 - (distance_p / CUTOFF) ** 2, 0.0)
        rest_slope_p = -6.0 * distance_p / CUTOFF**2 * rest_p**2
        return energy_p * rest_p**3, slope_p * rest_p**3 + energy_p * rest_slope_p

    return MixedSystem(atoms, species_n, law, _all_pairs(9), 2, 0.04, {"cutoff": CUTOFF, "smooth_cutoff": True})


def gravity(n_species: int) -> MixedSystem:
    """Return four bodies of up to four masses in the plane, V = −Σ m m'/r."""
    place_nc = 1.5 * np.array([(1.0, 1.0, 0.0), (-1.0, 1.0, 0.0), (-1.0, -1.0, 0.0), (1.0, -1.0, 0.0)])
    species_n, mass_s = np.arange(4) % n_species, np.array([1.0, 2.0, 3.0, 5.0])
    atoms = Atoms("H4", positions=place_nc, masses=mass_s[species_n])

    def law(first_p: IntArray, second_p: IntArray, distance_p: FloatArray) -> tuple[FloatArray, FloatArray]:
        product_p = mass_s[first_p] * mass_s[second_p]
        return -product_p / distance_p, product_p / distance_p**2

    return MixedSystem(atoms, species_n, law, _all_pairs(4), 2, 0.35, {"bonds": every_pair(4)})


def _all_pairs(n_nodes: int) -> IntArray:
    return np.argwhere(np.tri(n_nodes, k=-1, dtype=bool))
