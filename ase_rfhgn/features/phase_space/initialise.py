"""Initialisation of phase-space networks: each layer is sampled from data that passed the layers before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.features.layers import DenseLayer
from ase_rfhgn.features.phase_space.inputs import EncodedPoints, Encoding
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork
from ase_rfhgn.features.sampling import sample_layer, sample_layer_of_parts

EDGES_PER_UNIT = 100
"""Edges that SWIM chooses from per unit of a layer, at most: it takes two."""

MOST_GROWTH = 4
"""Species up to which graph networks widen with their number: coefficients are shared by all species."""


@dataclass(frozen=True, slots=True)
class NetworkArchitecture:
    """Kind, inputs and size of a network of phase space.

    Attributes
    ----------
    network : {"graph", "vector"}
        RF-HGN, or RF-HNN without a graph.
    encoding : Encoding
        Inputs of the network.
    units : tuple of int
        Units of the node encoder, the edge encoder and the message constructor per species, for at most
        four species. For "vector", only the first number counts, for all species together.
    sampler : {"swim", "elm"}
        How the weights of dense layers are sampled.
    smooth_cutoff : float, optional
        Distance at which messages vanish smoothly (Å); by default they have no factor.
    """

    network: str
    encoding: Encoding
    units: tuple[int, int, int]
    sampler: str
    smooth_cutoff: float | None = None


def initialise_network(
    architecture: NetworkArchitecture, sample: PhasePoints, rng: np.random.Generator
) -> GraphNetwork | VectorNetwork:
    """Return a network with random weights, sampled for some of the data.

    Parameters
    ----------
    architecture : NetworkArchitecture
        Kind, inputs, numbers of units and sampler.
    sample : PhasePoints
        Structures that stand for the data; their species are those that the network knows.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    StructureError
        If the axes of a structure are undefined.
    TrainingDataError
        If the data have too few different points.
    """
    species = Species.of_nodes(sample.number_n, sample.mass_n)
    encoded = replace(architecture.encoding, species=species).encode(sample)
    if architecture.network == "vector":
        part_id = [part.reshape(sample.n_structures, -1) for part in encoded.node_parts]
        layer = sample_layer_of_parts(architecture.sampler, part_id, architecture.units[0], rng)
        return VectorNetwork(encoded.encoding, _interleaved(layer, encoded))
    return _initialise_graph_network(architecture, encoded, rng)


def _interleaved(layer: DenseLayer, encoded: EncodedPoints) -> DenseLayer:
    """Return a layer sampled for all positions, then all momenta, for inputs that go node by node."""
    shape = encoded.points.n_nodes // encoded.points.n_structures, encoded.points.n_dimensions
    weights = layer.weight_kd.reshape(layer.n_units, len(encoded.node_parts), *shape)
    return DenseLayer(np.ascontiguousarray(np.swapaxes(weights, 1, 2).reshape(layer.n_units, -1)), layer.bias_k)


def _initialise_graph_network(
    architecture: NetworkArchitecture, encoded: EncodedPoints, rng: np.random.Generator
) -> GraphNetwork:
    growth = min(encoded.encoding.species.n_species, MOST_GROWTH)
    n_node, n_edge, n_message = (growth * n_units for n_units in architecture.units)
    order_p = rng.permutation(len(encoded.distance_p))
    edge_p, message_p = (np.sort(order_p[: EDGES_PER_UNIT * n_units]) for n_units in (n_edge, n_message))
    sampler, edge_parts = architecture.sampler, [part[edge_p] for part in encoded.edge_parts]
    node = sample_layer_of_parts(sampler, encoded.node_parts, n_node, rng, encoded.species_ns)
    edge = sample_layer_of_parts(sampler, edge_parts, n_edge, rng, encoded.ends_ps[edge_p])
    hidden_nh, _ = node.activate(encoded.node_nd)
    hidden_ph, _ = edge.activate(encoded.edge_pd[message_p])
    centre_p, neighbour_p = encoded.points.centre_p[message_p], encoded.points.neighbour_p[message_p]
    input_pd = np.concatenate([hidden_nh[centre_p], hidden_nh[neighbour_p], hidden_ph], axis=1)
    message = sample_layer(sampler, input_pd, n_message, rng)
    return GraphNetwork(encoded.encoding, node, edge, message, architecture.smooth_cutoff)
