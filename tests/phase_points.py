"""Random points of phase space and random networks, for tests of phase-space models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.layers import DenseLayer
from ase_rfhgn.features.phase_space.inputs import Encoding
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.features.phase_space.species import ONE_SPECIES, Species
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork

NODES = 5
"""Nodes per structure."""


def random_points(
    rng: np.random.Generator, n_dimensions: int, n_structures: int = 2, species: Species = ONE_SPECIES
) -> PhasePoints:
    """Return structures of five nodes, two thirds of whose pairs have an edge; species take turns."""
    species_n = np.arange(NODES * n_structures) % NODES % species.n_species
    pairs = [(i, j) for i in range(NODES) for j in range(NODES) if i != j and (i + j) % 3]
    edge_pe = np.concatenate([np.array(pairs) + NODES * structure for structure in range(n_structures)])
    position_nc = rng.normal(size=(NODES * n_structures, n_dimensions))
    return PhasePoints(
        position_nc=position_nc,
        momentum_nc=rng.normal(size=position_nc.shape),
        first_i=NODES * np.arange(n_structures + 1),
        centre_p=edge_pe[:, 0],
        neighbour_p=edge_pe[:, 1],
        vector_pc=position_nc[edge_pe[:, 1]] - position_nc[edge_pe[:, 0]],
        number_n=species.number_s[species_n],
        mass_n=species.mass_s[species_n],
    )


def moved(points: PhasePoints, position_nc: FloatArray, momentum_nc: FloatArray) -> PhasePoints:
    """Return the same structures elsewhere in phase space."""
    vector_pc = position_nc[points.neighbour_p] - position_nc[points.centre_p]
    return replace(points, position_nc=position_nc, momentum_nc=momentum_nc, vector_pc=vector_pc)


def permuted(points: PhasePoints, order_n: IntArray) -> PhasePoints:
    """Return one structure with its nodes in another order."""
    place_n = np.argsort(order_n)
    return PhasePoints(
        points.position_nc[order_n],
        points.momentum_nc[order_n],
        points.first_i,
        place_n[points.centre_p],
        place_n[points.neighbour_p],
        points.vector_pc,
        points.number_n[order_n],
        points.mass_n[order_n],
    )


def random_network(
    rng: np.random.Generator, encoding: Encoding, n_dimensions: int, smooth_cutoff: float | None = None
) -> GraphNetwork:
    """Return a graph network with random weights."""
    n_node = n_dimensions * len(encoding.node_inputs)
    n_edge = sum({"displacement": n_dimensions, "distance": 1}[name] for name in encoding.edge_inputs)
    told_apart = encoding.species.n_species if encoding.species.n_species > 1 else 0
    node, edge = (
        _layer(rng, 6, n + ends * told_apart) if n else _layer(rng, 0, 0) for n, ends in ((n_node, 1), (n_edge, 2))
    )
    message = _layer(rng, 7, 2 * node.n_units + edge.n_units)
    return GraphNetwork(encoding, node, edge, message, smooth_cutoff)


def random_vector_network(rng: np.random.Generator, encoding: Encoding, n_dimensions: int) -> VectorNetwork:
    """Return a network without a graph, with random weights."""
    return VectorNetwork(encoding, _layer(rng, 8, NODES * n_dimensions * len(encoding.node_inputs)))


def _layer(rng: np.random.Generator, n_units: int, n_inputs: int) -> DenseLayer:
    return DenseLayer(rng.normal(size=(n_units, n_inputs)), rng.normal(size=n_units))
