"""A limit on the density of neighbours, beyond which features are held and the energy rises.

Features are polynomials of sums over neighbours. In a crystal that is compressed beyond the training
data, they leave the range for which their coefficients were fitted. The energy may then fall to minus
infinity, although no pair of atoms is closer than in the data. Beyond the largest density of training,
the atomic basis is therefore scaled down to that density. Further beyond, a cubic repulsion is added:
structures that are a little denser than training are left to the features. Nothing changes below that
density.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.features.cutoff import cutoff_function
from ase_rfhgn.structures.graph import NeighbourGraph

MARGIN = 0.2
"""Excess over the largest density of training at which the atomic basis stops to grow."""


ONSET = 0.25
"""Excess over the largest density of training at which the repulsion starts."""


@dataclass(frozen=True, slots=True)
class DenseSites:
    """Effect of the density limit on the sites of a structure.

    Attributes
    ----------
    scale_n, scale_slope_n, scale_curvature_n : ndarray of shape (n_atoms,)
        Factors of the atomic basis, and their first two derivatives by the density.
    energy_n, energy_slope_n, energy_curvature_n : ndarray of shape (n_atoms,)
        Repulsion (eV), and its first two derivatives by the density.
    """

    scale_n: FloatArray
    scale_slope_n: FloatArray
    scale_curvature_n: FloatArray
    energy_n: FloatArray
    energy_slope_n: FloatArray
    energy_curvature_n: FloatArray

    @classmethod
    def nowhere(cls, n_atoms: int) -> DenseSites:
        """Return the effect on sites of which none is dense."""
        one_n, zero_n = np.ones(n_atoms), np.zeros(n_atoms)
        return cls(one_n, zero_n, zero_n, zero_n, zero_n, zero_n)


@dataclass(frozen=True, slots=True)
class DensityLimit(ReadOnlyArrays):
    """Limit on the density Σ_j (1 − r²/r_c²)³ of neighbours.

    Attributes
    ----------
    cutoff : float
        Distance at which neighbours stop to count (Å).
    largest_density_s : ndarray of shape (n_species,)
        Largest density of training per species of the centre.
    strength : float
        Repulsion where the excess over the largest density is the onset plus 1 (eV).
    onset : float
        Excess at which the repulsion starts; 0 in models of older versions.
    """

    cutoff: float
    largest_density_s: FloatArray
    strength: float
    onset: float = ONSET

    def density(self, graph: NeighbourGraph) -> FloatArray:
        """Return the density of neighbours around every atom of a graph."""
        density_p, _ = cutoff_function(graph.distance_p, self.cutoff)
        return np.bincount(graph.centre_p, density_p, graph.n_atoms).astype(np.float64)

    def sites(self, density_n: FloatArray, species_n: IntArray) -> DenseSites:
        """Return the effect of densities on sites."""
        largest_density_n = self.largest_density_s[species_n]
        excess_n = np.maximum(density_n / largest_density_n - 1.0, 0.0)
        turn_n = np.tanh(excess_n / MARGIN)
        held_n = 1.0 + MARGIN * turn_n
        scale_n = np.where(excess_n > 0.0, held_n / (1.0 + excess_n), 1.0)
        slope_n = np.where(excess_n > 0.0, (1.0 - turn_n**2 - scale_n) / (1.0 + excess_n), 0.0)
        bend_n = np.where(
            excess_n > 0.0, -2.0 * (turn_n * (1.0 - turn_n**2) / MARGIN + slope_n) / (1.0 + excess_n), 0.0
        )
        beyond_n = np.maximum(excess_n - self.onset, 0.0)
        return DenseSites(
            scale_n=scale_n,
            scale_slope_n=slope_n / largest_density_n,
            scale_curvature_n=bend_n / largest_density_n**2,
            energy_n=self.strength * beyond_n**3,
            energy_slope_n=3.0 * self.strength * beyond_n**2 / largest_density_n,
            energy_curvature_n=6.0 * self.strength * beyond_n / largest_density_n**2,
        )
