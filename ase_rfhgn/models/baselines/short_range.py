"""The short-range baseline: one-body energies, and the repulsion of atoms that come too close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.units import Bohr, Hartree

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.features.response import (
    PairBlocks,
    Response,
    SiteResponse,
    pair_gradients,
    pair_hessian,
    pairwise_response,
)
from ase_rfhgn.models.archive import shaped
from ase_rfhgn.models.baselines.calculators import CalculatorBaseline
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
        near, pair_p = self._near(graph)
        if not len(near):
            return Response(np.zeros(graph.n_atoms), np.zeros((graph.n_atoms, 3)), np.zeros((3, 3)))
        energy_p, slope_p = self.pair_energy(graph.distance_p[near], pair_p)
        return pairwise_response(graph, near, energy_p, slope_p)

    def by_edges(self, graph: NeighbourGraph) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return the few edges on which the repulsion acts, energies of the pairs, and derivatives of their halves."""
        near, pair_p = self._near(graph)
        energy_p, slope_p = self.pair_energy(graph.distance_p[near], pair_p)
        return near, energy_p, pair_gradients(graph.vector_pc[near], slope_p)

    def hessian(self, graph: NeighbourGraph) -> PairBlocks:
        """Return the second derivatives of the repulsion."""
        near, pair_p = self._near(graph)
        _, slope_p = self.pair_energy(graph.distance_p[near], pair_p)
        return pair_hessian(graph, near, slope_p, self.pair_curvature(graph.distance_p[near], pair_p))

    def _near(self, graph: NeighbourGraph) -> tuple[IntArray, IntArray]:
        """Return the edges that are shorter than their radius, and their pairs of species."""
        distance_p = graph.distance_p
        near = np.flatnonzero(distance_p < self.radius_b.max(initial=0.0))
        if not len(near):  # the usual case
            return near, near
        species_n = np.searchsorted(self.species_s, graph.number_n)
        pair_p = len(self.species_s) * species_n[graph.centre_p[near]] + species_n[graph.neighbour_p[near]]
        inside = distance_p[near] < self.radius_b[pair_p]
        return near[inside], pair_p[inside]

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

    def pair_curvature(self, distance_p: FloatArray, pair_p: IntArray) -> FloatArray:
        """Return the second derivatives of the energies of pairs below their radius (eV/Å²)."""
        first, second = np.divmod(pair_p, len(self.species_s))
        charges = self.species_s[first], self.species_s[second]
        (*_, curvature), (*_, curvature_0) = (
            screened_coulomb(distance, *charges) for distance in (distance_p, self.radius_b[pair_p])
        )
        curvature_p: FloatArray = self.strength_b[pair_p] * (curvature - curvature_0)
        return curvature_p


@dataclass(frozen=True, slots=True)
class Baseline(ReadOnlyArrays):
    """One-body energies and short-range repulsion: subtracted before the fit, added after it.

    Attributes
    ----------
    one_body_s : ndarray of shape (n_species,)
        Energy of an isolated atom of every species (eV).
    core : ShortRangeCore
        Repulsion of atoms that come too close.
    others : CalculatorBaseline, optional
        Other calculators, whose answers are added.
    """

    one_body_s: FloatArray
    core: ShortRangeCore
    others: CalculatorBaseline | None = None

    @property
    def has_stress(self) -> bool:
        """Whether all parts have a stress."""
        return self.others is None or self.others.has_stress

    @classmethod
    def nothing(cls, species_s: IntArray) -> Baseline:
        """Return a baseline that is zero everywhere."""
        n_pairs = len(species_s) ** 2
        return cls(np.zeros(len(species_s)), ShortRangeCore(species_s, np.zeros(n_pairs), np.zeros(n_pairs)))

    def as_arrays(self) -> dict[str, FloatArray]:
        """Return the arrays of one-body energies and repulsion under their names in a model file."""
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

    def respond(self, atoms: Atoms, graph: NeighbourGraph) -> Response:
        """Return the energies, forces and virial of the baseline.

        Parameters
        ----------
        atoms : ase.Atoms
            The structure, for other calculators.
        graph : NeighbourGraph
            The graph of the structure, as the features see it.

        Raises
        ------
        StructureError
            If another calculator fails.
        """
        species_n = np.searchsorted(self.core.species_s, graph.number_n)
        core = self.core.respond(graph)
        own = Response(core.energy_n + self.one_body_s[species_n], core.force_nc, core.virial_cc)
        return own if self.others is None else own + self.others.respond(atoms)

    def add_by_edges(self, response: SiteResponse, graph: NeighbourGraph) -> tuple[IntArray, FloatArray]:
        """Add the energies of atoms and their derivatives by edges to a response of the same graph.

        Returns
        -------
        near : ndarray of int
            The few edges on which the baseline acts.
        gradient_pc : ndarray of shape (len(near), 3)
            What was added there (eV/Å).

        Raises
        ------
        SettingsError
            If there are other calculators, which have no such derivatives.
        """
        self.require_edges()
        near, energy_p, gradient_pc = self.core.by_edges(graph)
        response.energy_n[:] += self.one_body_s[np.searchsorted(self.core.species_s, graph.number_n)]
        np.add.at(response.energy_n, graph.centre_p[near], 0.5 * energy_p)
        response.gradient_pc[near] += gradient_pc
        return near, gradient_pc

    def require_edges(self) -> None:
        """Refuse a baseline of other calculators, whose energies are no sums over edges that we know.

        Raises
        ------
        SettingsError
            If it is one.
        """
        if self.others is not None:
            message = (
                f"the baseline {self.others} has no derivatives by edges: Hessians, virials of atoms, heat fluxes and "
                "LAMMPS need a potential without such a baseline; take finite displacements, and ASE's drivers"
            )
            raise SettingsError(message)


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
