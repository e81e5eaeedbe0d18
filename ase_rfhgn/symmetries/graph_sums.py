"""Extensive functions of N-body systems: the pooled features of a random graph network of phase space.

They are sums over nodes, bonds and messages of momenta and displacements, so they do not change when atoms are
numbered otherwise, and not when all atoms are shifted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import StructureError, TrainingDataError
from ase_rfhgn.features.phase_space.initialise import NetworkArchitecture, initialise_network
from ase_rfhgn.features.phase_space.inputs import Encoding
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.features.phase_space.sums import Pooled
from ase_rfhgn.models.archive import Arrays, Header, shaped, with_prefix, without_prefix
from ase_rfhgn.models.stored_network import network_as_arrays, network_of_arrays
from ase_rfhgn.structures.graph import Bonds, bonded_graph
from ase_rfhgn.symmetries.coordinates import PhaseSpaceCoordinates
from ase_rfhgn.symmetries.runs import Runs

INPUTS = {"axes": "laboratory", "node_inputs": ("momentum",), "edge_inputs": ("displacement",)}
"""What nodes and edges see."""

STATES_PER_BLOCK = 250
SAMPLE = 200
"""States that weights are sampled from."""


@dataclass(frozen=True)
class GraphSums:
    """Pooled features of a graph network over the bonds of the atoms.

    Attributes
    ----------
    network : GraphNetwork
        The network.
    coordinates : PhaseSpaceCoordinates
        What states are.
    end_p, head_p : ndarray of shape (n_edges,)
        Atoms at the tail and the head of every edge: one per bond, in its direction.
    shift_pc : ndarray of shape (n_edges, 3)
        Cell vectors that an edge crosses (Å).
    n_dimensions : int
        Coordinates that move.
    """

    network: GraphNetwork
    coordinates: PhaseSpaceCoordinates
    end_p: IntArray
    head_p: IntArray
    shift_pc: FloatArray
    n_dimensions: int

    @property
    def n_features(self) -> int:
        """Number of functions."""
        return self.network.n_features

    def values(self, state_md: FloatArray) -> FloatArray:
        """Return φ, shape (m, n_features)."""
        return np.concatenate([pooled.value_if for _, pooled in self._pooled(state_md)])

    def rates(self, state_md: FloatArray, rate_md: FloatArray) -> FloatArray:
        """Return ∇φ·ż, shape (m, n_features)."""
        parts = [
            np.einsum("md,mdf->mf", rate_md[rows], self._by_states(pooled)) for rows, pooled in self._pooled(state_md)
        ]
        return np.concatenate(parts)

    def gradients(self, state_md: FloatArray, coefficient_fi: FloatArray) -> FloatArray:
        """Return the gradients of Σ_f c_fi φ_f, shape (m, 2n, n_sets)."""
        return np.concatenate([self._by_states(pooled) @ coefficient_fi for _, pooled in self._pooled(state_md)])

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        parts: Arrays = {"end": self.end_p, "head": self.head_p, "shift": self.shift_pc}
        parts["n_dimensions"] = np.array([self.n_dimensions])
        parts |= with_prefix("network", network_as_arrays(self.network))
        return parts | with_prefix("coordinates", self.coordinates.arrays())

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> GraphSums:
        """Return the sums of a model file."""
        n_dimensions = int(shaped(arrays, "n_dimensions", (1,))[0])
        coordinates = PhaseSpaceCoordinates.of_arrays(without_prefix("coordinates", arrays))
        header: Header = {"network": "graph", "smooth_cutoff": None, **INPUTS}
        network = network_of_arrays(header, without_prefix("network", arrays), n_dimensions)
        end_p = shaped(arrays, "end", (None,))
        head_p, shift_pc = shaped(arrays, "head", (len(end_p),)), shaped(arrays, "shift", (len(end_p), 3))
        known = np.arange(len(coordinates.mass_n))
        if not (isinstance(network, GraphNetwork) and np.isin(np.concatenate([end_p, head_p]), known).all()):
            message = "edges do not fit the atoms"
            raise ValueError(message)
        return cls(network, coordinates, end_p, head_p, shift_pc, n_dimensions)

    def points(self, state_md: FloatArray) -> PhasePoints:
        """Return states as points of phase space."""
        n, n_atoms = self.coordinates.n, len(self.coordinates.mass_n)
        moved_md, speed_md = (part @ self.coordinates.basis_du.T for part in np.split(state_md, [n], axis=1))
        position_mnc = self.coordinates.origin_nc + (moved_md / self.coordinates.root_d).reshape(-1, n_atoms, 3)
        momentum_mnc = (speed_md * self.coordinates.root_d).reshape(-1, n_atoms, 3)
        vector_mpc = position_mnc[:, self.head_p] - position_mnc[:, self.end_p] + self.shift_pc
        first_i = n_atoms * np.arange(len(state_md) + 1)
        return PhasePoints(
            position_nc=position_mnc.reshape(-1, 3)[:, : self.n_dimensions],
            momentum_nc=momentum_mnc.reshape(-1, 3)[:, : self.n_dimensions],
            first_i=first_i,
            centre_p=(first_i[:-1, None] + self.end_p).ravel(),
            neighbour_p=(first_i[:-1, None] + self.head_p).ravel(),
            vector_pc=vector_mpc.reshape(-1, 3)[:, : self.n_dimensions],
            number_n=np.tile(self.coordinates.number_n, len(state_md)),
            mass_n=np.tile(self.coordinates.mass_n, len(state_md)),
        )

    def _pooled(self, state_md: FloatArray) -> Iterator[tuple[slice, Pooled]]:
        for start in range(0, len(state_md), STATES_PER_BLOCK):
            rows = slice(start, start + STATES_PER_BLOCK)
            yield rows, self.network.features(self.points(state_md[rows]))

    def _by_states(self, pooled: Pooled) -> FloatArray:
        """Return the derivatives of all features by the states, shape (m, 2n, n_features)."""
        n_atoms = len(self.coordinates.mass_n)
        basis_ncu = self.coordinates.basis_du.reshape(n_atoms, 3, -1)[:, : self.n_dimensions]
        root_n11 = np.sqrt(self.coordinates.mass_n)[:, None, None]
        parts = []
        for slope_ncf, scaled_ncu in (
            (pooled.position_ncf, basis_ncu / root_n11),
            (pooled.momentum_ncf, basis_ncu * root_n11),
        ):
            slope_mncf = slope_ncf.reshape(-1, n_atoms, *slope_ncf.shape[1:])
            parts.append(np.einsum("ncu,mncf->muf", scaled_ncu, slope_mncf, optimize=True))
        return np.concatenate(parts, axis=1)


def graph_sums_of(
    runs: Runs,
    coordinates: PhaseSpaceCoordinates,
    bonds: Bonds,
    state_md: FloatArray,
    n_units: int,
    rng: np.random.Generator,
) -> GraphSums:
    """Return the pooled features of a network whose weights SWIM samples from states.

    Parameters
    ----------
    runs : Runs
        Trajectories.
    coordinates : PhaseSpaceCoordinates
        Their coordinates.
    bonds : Bonds
        Edges.
    state_md : ndarray of shape (m, 2n)
        States of the runs that fit.
    n_units : int
        Number of features: a quarter of nodes, a quarter of edges, half of messages.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    TrainingDataError
        If there are no bonds, or they name atoms that do not exist.
    """
    if not len(bonds):
        message = "there are no bonds: give those of the system"
        raise TrainingDataError(message)
    try:
        bonded_graph(runs.atoms, bonds)
    except StructureError as error:
        message = f"{runs.name_g[0]}: {error}"
        raise TrainingDataError(message) from error
    moving_c = np.flatnonzero(np.abs(coordinates.basis_du.reshape(-1, 3, coordinates.n)).max(axis=(0, 2)) > 1e-6)
    shift_jc = bonds.image_jc @ runs.atoms.cell.array
    ends = np.asarray(bonds.first_j), np.asarray(bonds.second_j)  # one direction: chains need not be mirror images
    shift_pc = shift_jc.astype(np.float64)
    n_dimensions = int(moving_c[-1]) + 1
    units = max(1, n_units // 4), max(1, n_units // 4), max(1, n_units // 2)
    encoding = Encoding(INPUTS["axes"], INPUTS["node_inputs"], INPUTS["edge_inputs"])  # type: ignore[arg-type]
    blank = GraphSums(None, coordinates, *ends, shift_pc, n_dimensions)  # type: ignore[arg-type]  # no network yet
    sample = blank.points(state_md[rng.choice(len(state_md), min(SAMPLE, len(state_md)), replace=False)])
    network = initialise_network(NetworkArchitecture("graph", encoding, units, "swim"), sample, rng)
    return GraphSums(network, coordinates, *ends, shift_pc, n_dimensions)  # type: ignore[arg-type]  # a graph network
