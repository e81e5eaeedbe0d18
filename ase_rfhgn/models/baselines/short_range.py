"""The short-range baseline: one-body energies, and the repulsion of atoms that come too close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.units import Bohr, Hartree

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.features.response import Response, pairwise_response
from ase_rfhgn.models.archive import shaped
from ase_rfhgn.structures.graph import NeighbourGraph

ZBL_AMPLITUDES = np.array([0.18175, 0.50986, 0.28022, 0.02817])
ZBL_DECAYS = np.array([3.19980, 0.94229, 0.40290, 0.20162])


@dataclass(frozen=True, slots=True)
class ShortRangeCore(ReadOnlyArrays):
    """Pair repulsion that starts smoothly below a radius and follows ZBL's screened Coulomb law.

    The law is the universal potential of Ziegler, Biersack and Littmark (The Stopping and Range of Ions
    in Solids, Pergamon, 1985). The energy of a pair is this law minus its second-order Taylor expansion
    about the radius. It is zero above the radius and twice continuously differentiable there. It rises
    without bound below the radius, because all odd derivatives of the law are negative.

    Attributes
    ----------
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    radius_b : ndarray of shape (n_species²,)
        Distance below which a pair of species repels (Å).
    strength_b : ndarray of shape (n_species²,)
        Factors in front of the law: 1 is ZBL's.
    """

    species_s: IntArray
    radius_b: FloatArray
    strength_b: FloatArray

    def respond(self, graph: NeighbourGraph) -> Response:
        """Return the energies, forces and virial of the repulsion."""
        distance_p = graph.distance_p
        near = np.flatnonzero(distance_p < self.radius_b.max(initial=0.0))
        if not len(near):  # the usual case
            return Response(np.zeros(graph.n_atoms), np.zeros((graph.n_atoms, 3)), np.zeros((3, 3)))
        species_n = np.searchsorted(self.species_s, graph.number_n)
        pair_p = len(self.species_s) * species_n[graph.centre_p[near]] + species_n[graph.neighbour_p[near]]
        inside = distance_p[near] < self.radius_b[pair_p]
        near, pair_p = near[inside], pair_p[inside]
        energy_p, slope_p = self.pair_energy(distance_p[near], pair_p)
        return pairwise_response(graph, near, energy_p, slope_p)

    def pair_energy(self, distance_p: FloatArray, pair_p: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the energies (eV) and slopes (eV/Å) of pairs below their radius."""
        first, second = np.divmod(pair_p, len(self.species_s))
        charges = self.species_s[first], self.species_s[second]
        radius_p, strength_p = self.radius_b[pair_p], self.strength_b[pair_p]
        value, slope, _ = screened_coulomb(distance_p, *charges)
        value_0, slope_0, curvature_0 = screened_coulomb(radius_p, *charges)
        step = distance_p - radius_p
        energy_p = value - value_0 - slope_0 * step - 0.5 * curvature_0 * step**2
        return strength_p * energy_p, strength_p * (slope - slope_0 - curvature_0 * step)


@dataclass(frozen=True, slots=True)
class Baseline(ReadOnlyArrays):
    """One-body energies and short-range repulsion: subtracted before the fit, added after it.

    Attributes
    ----------
    one_body_s : ndarray of shape (n_species,)
        Energy of an isolated atom of every species (eV).
    core : ShortRangeCore
        Repulsion of atoms that come too close.
    """

    one_body_s: FloatArray
    core: ShortRangeCore

    @classmethod
    def nothing(cls, species_s: IntArray) -> Baseline:
        """Return a baseline that is zero everywhere."""
        n_pairs = len(species_s) ** 2
        return cls(np.zeros(len(species_s)), ShortRangeCore(species_s, np.zeros(n_pairs), np.zeros(n_pairs)))

    def as_arrays(self) -> dict[str, FloatArray]:
        """Return the arrays of the baseline under their names in a model file."""
        core = self.core
        return {"one_body_s": self.one_body_s, "core_radius_b": core.radius_b, "core_strength_b": core.strength_b}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, FloatArray], species_s: IntArray) -> Baseline:
        """Return the baseline that `as_arrays` wrote; an array that does not fit raises ValueError."""
        n_species = len(species_s)
        core = ShortRangeCore(
            species_s=species_s,
            radius_b=shaped(arrays, "core_radius_b", (n_species**2,)),
            strength_b=shaped(arrays, "core_strength_b", (n_species**2,)),
        )
        return cls(shaped(arrays, "one_body_s", (n_species,)), core)

    def respond(self, atoms: Atoms, graph: NeighbourGraph) -> Response:  # noqa: ARG002  # others see the atoms
        """Return the energies, forces and virial of the baseline.

        Parameters
        ----------
        atoms : ase.Atoms
            The structure; a baseline beyond the cutoff needs its positions and its cell.
        graph : NeighbourGraph
            The graph of the structure, as the features see it.
        """
        species_n = np.searchsorted(self.core.species_s, graph.number_n)
        core = self.core.respond(graph)
        return Response(core.energy_n + self.one_body_s[species_n], core.force_nc, core.virial_cc)


def screened_coulomb(
    distance_p: FloatArray, first_p: IntArray, second_p: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ZBL's universal potential of pairs of nuclei (eV), and its first two derivatives by distance.

    Parameters
    ----------
    distance_p : ndarray of shape (n,)
        Distances (Å).
    first_p, second_p : ndarray of shape (n,)
        Atomic numbers.
    """
    length_p = 0.88534 * Bohr / (first_p**0.23 + second_p**0.23)
    charge_p = Hartree * Bohr * first_p * second_p
    decay_pt = ZBL_DECAYS / length_p[:, None]
    term_pt = ZBL_AMPLITUDES * np.exp(-decay_pt * distance_p[:, None])
    screen, screen_1, screen_2 = (np.sum((-decay_pt) ** order * term_pt, axis=1) for order in range(3))
    value = charge_p * screen / distance_p
    slope = charge_p * screen_1 / distance_p - value / distance_p
    curvature = charge_p * screen_2 / distance_p - 2.0 * slope / distance_p
    return value, slope, curvature
