"""Pairs of atoms far from the data: energies of two atoms alone, from touching to the cutoff."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.models.potential import Potential

CLOSEST = 0.3
"""Distance at which curves begin (Å)."""

POINTS = 120


@dataclass(frozen=True, slots=True)
class PairCurve:
    """Energy of two atoms alone over their distance.

    Attributes
    ----------
    first, second : str
        Chemical symbols.
    distance_i : ndarray of shape (n_points,)
        Distances (Å), ascending.
    energy_i : ndarray of shape (n_points,)
        Energies, relative to the atoms far apart (eV).
    core_radius : float
        Distance below which a short-range repulsion is added (Å): somewhat below the shortest distance of
        the training data.
    """

    first: str
    second: str
    distance_i: FloatArray
    energy_i: FloatArray
    core_radius: float

    @property
    def repels(self) -> bool:
        """Whether the energy falls with the distance all the way below the core radius."""
        below_i = self.energy_i[self.distance_i <= self.core_radius]
        return len(below_i) < 2 or bool(np.all(np.diff(below_i) < 0.0))


def pair_curves(potential: Potential) -> list[PairCurve]:
    """Return the energy curves of all pairs of elements of a potential."""
    species = potential.species_s.tolist()
    return [_curve(potential, *pair) for pair in combinations_with_replacement(species, 2)]


def _curve(potential: Potential, first: int, second: int) -> PairCurve:
    distance_i = np.geomspace(CLOSEST, potential.cutoff, POINTS)
    energy_i = np.array(
        [potential.evaluate(_dimer(first, second, distance)).energy for distance in distance_i.tolist()]
    )
    far = potential.evaluate(_dimer(first, second, 2.0 * potential.cutoff)).energy
    species = potential.species_s.tolist()
    pair = len(species) * species.index(first) + species.index(second)
    return PairCurve(
        first=chemical_symbols[first],
        second=chemical_symbols[second],
        distance_i=distance_i,
        energy_i=energy_i - far,
        core_radius=float(potential.baseline.core.radius_b[pair]),
    )


def _dimer(first: int, second: int, distance: float) -> Atoms:
    return Atoms([first, second], [[0.0, 0.0, 0.0], [distance, 0.0, 0.0]])
