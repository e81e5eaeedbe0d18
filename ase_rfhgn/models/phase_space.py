"""The fitted phase-space Hamiltonian: immutable, saved and loaded bit by bit, knows nothing of its training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.features.layers import DenseLayer
from ase_rfhgn.features.phase_space.inputs import AXES, EDGE_INPUTS, NODE_INPUTS, Encoding
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.points import PhasePoints, phase_point
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork
from ase_rfhgn.models.archive import (
    JSON,
    Arrays,
    Header,
    read_model_as,
    shaped,
    with_prefix,
    without_prefix,
    write_model,
)
from ase_rfhgn.models.gradients import PhaseSpaceGradients, PhaseSpaceUncertainty, with_known_masses
from ase_rfhgn.models.phase_space_uncertainty import PhaseSpaceEnsemble
from ase_rfhgn.structures.graph import Bonds, NeighbourGraph, bonded_graph, build_graph

KIND = "phase space"
"""What model files call this kind of model."""

LAYERS = {"graph": ("node", "edge", "message"), "vector": ("layer",)}
"""Dense layers of every kind of network."""


@dataclass(frozen=True, eq=False)
class PhaseSpacePotential:
    """A fitted Hamiltonian H(q, p) of positions and momenta.

    Attributes
    ----------
    network : GraphNetwork or VectorNetwork
        The features, with all drawn weights.
    coefficient_f : ndarray of shape (n_features,)
        Their coefficients (eV).
    constant : float
        What one known energy fixes (eV).
    n_dimensions : int
        Coordinates that exist; the others must be zero.
    cutoff : float or None
        Length up to which two atoms have an edge (Å); None where the edges are given bonds.
    separable : bool
        Whether H = p²/2m + V(q) with the masses of the atoms, and only V was learned.
    record : dict
        Settings, seed and training record: plain JSON values.
    ensemble : PhaseSpaceEnsemble, optional
        What tells how wrong the answers may be.

    Notes
    -----
    RF-HGN, arXiv:2506.06558. With axes by the nearest node, the energy jumps when another node
    becomes the nearest to the mean position, and is undefined when that node sits on it; what is
    learned of positions and displacements along such axes does not carry over to larger systems.
    """

    network: GraphNetwork | VectorNetwork
    coefficient_f: FloatArray
    constant: float
    n_dimensions: int
    cutoff: float | None
    separable: bool
    record: dict[str, Any] = field(default_factory=dict)
    ensemble: PhaseSpaceEnsemble | None = None

    @property
    def species(self) -> Species:
        """Elements and masses of the training data, which the model knows."""
        return self.network.encoding.species

    def evaluate(self, atoms: Atoms, bonds: Bonds | None = None, *, uncertainty: bool = False) -> PhaseSpaceGradients:
        """Return the energy H, the velocities ∂H/∂p and the forces −∂H/∂q of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            Positions and momenta; masses where the kinetic energy is known.
        bonds : Bonds, optional
            Edges, for a model that was fitted with bonds.
        uncertainty : bool
            Whether the errors to be expected are wanted, too.

        Raises
        ------
        StructureError
            If the structure is not one of those that the model is for.
        SettingsError
            If errors are wanted of a model that has no ensemble.
        """
        points = self.points(atoms, bonds)
        result = self.network.combination(points, self.coefficient_f)
        velocity_nc, force_nc = np.zeros((2, len(atoms), 3))
        velocity_nc[:, : self.n_dimensions] = result.momentum_ncf[:, :, 0]
        force_nc[:, : self.n_dimensions] = -result.position_ncf[:, :, 0]
        energy = self.constant + float(result.value_if[0, 0])
        gradients = PhaseSpaceGradients(energy, velocity_nc, force_nc)
        if self.separable:
            gradients = with_known_masses(atoms, energy, force_nc)
        return replace(gradients, uncertainty=self._uncertainty(points)) if uncertainty else gradients

    def points(self, atoms: Atoms, bonds: Bonds | None = None) -> PhasePoints:
        """Return the point of phase space of a structure, with its edges.

        Raises
        ------
        StructureError
            If the structure is not one of those that the model is for.
        """
        self._check(atoms)
        graph = structure_graph(atoms, bonds, self.cutoff, has_edges=isinstance(self.network, GraphNetwork))
        return phase_point(atoms, graph, self.n_dimensions)

    def save(self, path: str | Path) -> None:
        """Write the model to a file (`.npz`), atomically and byte-reproducibly."""
        network, encoding = self.network, self.network.encoding
        kind = "graph" if isinstance(network, GraphNetwork) else "vector"
        arrays: Arrays = {"coefficient_f": self.coefficient_f, "species_s": self.species.number_s}
        arrays |= {"mass_s": self.species.mass_s}
        for name in LAYERS[kind]:
            layer: DenseLayer = getattr(network, name)
            arrays |= {f"{name}_weight_kd": layer.weight_kd, f"{name}_bias_k": layer.bias_k}
        header: dict[str, JSON] = {
            "model": KIND,
            "network": kind,
            "axes": encoding.axes,
            "node_inputs": list(encoding.node_inputs),
            "edge_inputs": list(encoding.edge_inputs),
            "cutoff": self.cutoff,
            "smooth_cutoff": network.smooth_cutoff if isinstance(network, GraphNetwork) else None,
            "constant": self.constant,
            "dimensions": self.n_dimensions,
            "separable": self.separable,
            "record": self.record,
        }
        arrays |= {} if self.ensemble is None else with_prefix("ensemble", self.ensemble.as_arrays())
        write_model(path, header, arrays)

    @classmethod
    def load(cls, path: str | Path) -> PhaseSpacePotential:
        """Return the model of a file.

        Raises
        ------
        ModelFileError
            If the file is missing, truncated, foreign, newer than this program or was changed.
        """
        return read_model_as(path, {KIND: assemble})

    def _uncertainty(self, points: PhasePoints) -> PhaseSpaceUncertainty:
        if self.ensemble is None:
            message = "this model cannot tell its uncertainty: it has no ensemble; leave out uncertainty=True"
            raise SettingsError(message)
        return self.ensemble.predicted_uncertainty(self.network, points, separable=self.separable)

    def _check(self, atoms: Atoms) -> None:
        self.species.indices(atoms.numbers, atoms.get_masses())
        if isinstance(self.network, VectorNetwork):
            needed = self.network.layer.n_inputs // (self.n_dimensions * len(self.network.encoding.node_inputs))
            if len(atoms) != needed:
                message = f"a network without a graph knows one size of system: {needed} atoms, not {len(atoms)}"
                raise StructureError(message)


def structure_graph(atoms: Atoms, bonds: Bonds | None, cutoff: float | None, *, has_edges: bool) -> NeighbourGraph:
    """Return the edges of a structure: bonds, or pairs up to a cutoff, or none.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    bonds : Bonds or None
        Its bonds, where there is no cutoff.
    cutoff : float or None
        Longest edge (Å).
    has_edges : bool
        Whether the network sees edges.

    Raises
    ------
    StructureError
        If there are neither bonds nor a cutoff, or both.
    """
    if has_edges and (bonds is None) == (cutoff is None):
        message = (
            "the edges of the model are bonds: pass bonds=Bonds.between(pairs)"
            if bonds is None
            else f"the edges of the model are pairs up to its cutoff of {cutoff} Å: leave out bonds"
        )
        raise StructureError(message)
    if has_edges and cutoff is not None:
        return build_graph(atoms, cutoff)
    return bonded_graph(atoms, bonds if has_edges and bonds is not None else Bonds.between([]))


def assemble(header: Header, arrays: Arrays) -> PhaseSpacePotential:
    """Return the model of the header and the arrays of a model file."""
    encoding = Encoding(
        axes=_one_of(header["axes"], AXES),
        node_inputs=tuple(_one_of(name, NODE_INPUTS) for name in header["node_inputs"]),
        edge_inputs=tuple(_one_of(name, EDGE_INPUTS) for name in header["edge_inputs"]),
        species=_species(arrays),
    )
    n_dimensions = int(header["dimensions"])
    node_inputs = n_dimensions * len(encoding.node_inputs)
    told_apart = encoding.species.n_species if encoding.species.n_species > 1 else 0
    kind = _one_of(header["network"], tuple(LAYERS))
    network: GraphNetwork | VectorNetwork
    if kind == "vector":
        network = VectorNetwork(encoding, _layer(arrays, "layer", None))
        _check_whole_nodes(network.layer.n_inputs, node_inputs)
    else:
        edge_inputs = sum({"displacement": n_dimensions, "distance": 1}[name] for name in encoding.edge_inputs)
        node, edge = (
            _layer(arrays, name, n_inputs + n_ends * told_apart if n_inputs else 0)
            for name, n_inputs, n_ends in (("node", node_inputs, 1), ("edge", edge_inputs, 2))
        )
        message = _layer(arrays, "message", 2 * node.n_units + edge.n_units)
        network = GraphNetwork(encoding, node, edge, message, _number_or_none(header["smooth_cutoff"]))
    ensemble = without_prefix("ensemble", arrays)
    return PhaseSpacePotential(
        network=network,
        coefficient_f=shaped(arrays, "coefficient_f", (network.n_features,)),
        constant=float(header["constant"]),
        n_dimensions=n_dimensions,
        cutoff=_number_or_none(header["cutoff"]),
        separable=bool(header["separable"]),
        record=dict(header["record"]),
        ensemble=PhaseSpaceEnsemble.of_arrays(ensemble, network.n_features) if ensemble else None,
    )


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
        message = f"{n_inputs} inputs are not those of a number of nodes with {inputs_per_node} each"
        raise ValueError(message)


def _one_of(value: object, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        message = f"{value!r} is not one of {', '.join(allowed)}"
        raise ValueError(message)
    return str(value)


def _number_or_none(value: object) -> float | None:
    if value is None:
        return None
    number = float(str(value))
    if not 0.0 < number < np.inf:
        message = f"{value!r} is not a length"
        raise ValueError(message)
    return number
