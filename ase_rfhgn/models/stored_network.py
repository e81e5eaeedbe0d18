"""Networks of phase space as the named arrays and the header of a model file, and back."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.features.layers import DenseLayer
from ase_rfhgn.features.phase_space.inputs import AXES, EDGE_INPUTS, NODE_INPUTS, Encoding
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork
from ase_rfhgn.models.archive import JSON, Arrays, Header, shaped

LAYERS = {"graph": ("node", "edge", "message"), "vector": ("layer",)}
"""Dense layers of every kind of network."""


def network_as_arrays(network: GraphNetwork | VectorNetwork) -> Arrays:
    """Return the arrays of a network under their names in a model file."""
    species = network.encoding.species
    arrays: Arrays = {"species_s": species.number_s, "mass_s": species.mass_s}
    for name in LAYERS[_kind_of(network)]:
        layer: DenseLayer = getattr(network, name)
        arrays |= {f"{name}_weight_kd": layer.weight_kd, f"{name}_bias_k": layer.bias_k}
    return arrays


def network_header(network: GraphNetwork | VectorNetwork) -> dict[str, JSON]:
    """Return the parts that are not arrays."""
    encoding = network.encoding
    return {
        "network": _kind_of(network),
        "axes": encoding.axes,
        "node_inputs": list(encoding.node_inputs),
        "edge_inputs": list(encoding.edge_inputs),
        "smooth_cutoff": network.smooth_cutoff if isinstance(network, GraphNetwork) else None,
    }


def network_of_arrays(header: Header, arrays: Arrays, n_dimensions: int) -> GraphNetwork | VectorNetwork:
    """Return the network of a model file.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something is missing or does not fit.
    """
    encoding = Encoding(
        axes=_one_of(header["axes"], AXES),
        node_inputs=tuple(_one_of(name, NODE_INPUTS) for name in header["node_inputs"]),
        edge_inputs=tuple(_one_of(name, EDGE_INPUTS) for name in header["edge_inputs"]),
        species=_species(arrays),
    )
    node_inputs = n_dimensions * len(encoding.node_inputs)
    told_apart = encoding.species.n_species if encoding.species.n_species > 1 else 0
    kind = _one_of(header["network"], tuple(LAYERS))
    if kind == "vector":
        layer = _layer(arrays, "layer", None)
        _check_whole_nodes(layer.n_inputs, node_inputs)
        return VectorNetwork(encoding, layer)
    edge_inputs = sum({"displacement": n_dimensions, "distance": 1}[name] for name in encoding.edge_inputs)
    node, edge = (
        _layer(arrays, name, n_inputs + n_ends * told_apart if n_inputs else 0)
        for name, n_inputs, n_ends in (("node", node_inputs, 1), ("edge", edge_inputs, 2))
    )
    message = _layer(arrays, "message", 2 * node.n_units + edge.n_units)
    return GraphNetwork(encoding, node, edge, message, length_or_none(header["smooth_cutoff"]))


def length_or_none(value: object) -> float | None:
    """Return a length of a header (Å), or None."""
    if value is None:
        return None
    number = float(str(value))
    if not 0.0 < number < np.inf:
        message = f"{value!r} is not a length"
        raise ValueError(message)
    return number


def _kind_of(network: GraphNetwork | VectorNetwork) -> str:
    return "graph" if isinstance(network, GraphNetwork) else "vector"


def _species(arrays: Arrays) -> Species:
    mass_s = shaped(arrays, "mass_s", (None,))
    if not len(mass_s) or not (mass_s > 0.0).all():
        message = f"masses are {mass_s.tolist()}: a model knows one at least, and all are positive"
        raise ValueError(message)
    return Species(shaped(arrays, "species_s", (len(mass_s),)), mass_s)


def _layer(arrays: Arrays, name: str, n_inputs: int | None) -> DenseLayer:
    weight_kd = shaped(arrays, f"{name}_weight_kd", (None, n_inputs))
    return DenseLayer(weight_kd, shaped(arrays, f"{name}_bias_k", (len(weight_kd),)))


def _check_whole_nodes(n_inputs: int, inputs_per_node: int) -> None:
    if inputs_per_node < 1 or n_inputs < 1 or n_inputs % inputs_per_node:
        message = f"{n_inputs} inputs do not fit a number of nodes with {inputs_per_node} inputs each"
        raise ValueError(message)


def _one_of(value: object, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        message = f"{value!r} is not one of {', '.join(allowed)}"
        raise ValueError(message)
    return str(value)
