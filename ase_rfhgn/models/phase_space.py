"""The fitted phase-space model, H(q, p): it is immutable, and saved and loaded bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.points import PhasePoints, phase_point
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork
from ase_rfhgn.models.archive import (
    JSON,
    Arrays,
    Header,
    fingerprint_of_contents,
    read_model_as,
    shaped,
    with_prefix,
    without_prefix,
    write_model,
)
from ase_rfhgn.models.gradients import PhaseSpaceGradients, PhaseSpaceUncertainty, with_known_masses
from ase_rfhgn.models.phase_space_uncertainty import PhaseSpaceEnsemble
from ase_rfhgn.models.stored_network import length_or_none, network_as_arrays, network_header, network_of_arrays
from ase_rfhgn.structures.graph import Bonds, NeighbourGraph, bonded_graph, build_graph

KIND = "phase space"
"""Name of this kind of model in model files."""


@dataclass(frozen=True, eq=False)
class PhaseSpacePotential(ReadOnlyArrays):
    """A fitted Hamiltonian H(q, p) of positions and momenta.

    Attributes
    ----------
    network : GraphNetwork or VectorNetwork
        The features, with all sampled weights.
    coefficient_f : ndarray of shape (n_features,)
        Coefficients of the features (eV).
    constant : float
        Constant of H, from one known energy (eV).
    n_dimensions : int
        Number of coordinates; the others must be zero.
    cutoff : float or None
        Distance up to which two atoms have an edge (Å); None if the edges are bonds.
    separable : bool
        Whether H = p²/2m + V(q) with the masses of the atoms, and only V was learned.
    record : dict
        Settings, seed and training record: plain JSON values.
    ensemble : PhaseSpaceEnsemble, optional
        Ensemble that predicts uncertainties.
    linear_system : mapping of str to ndarray, optional
        Linear system of the fit (`fit_phase_space` with ``updatable=True``).

    Notes
    -----
    The method is RF-HGN (arXiv:2506.06558). With axes by the nearest node, the energy jumps when another
    node becomes the nearest to the mean position. It is undefined when a node lies on the mean position.
    Positions and displacements along such axes do not carry over to larger systems.
    """

    network: GraphNetwork | VectorNetwork
    coefficient_f: FloatArray
    constant: float
    n_dimensions: int
    cutoff: float | None
    separable: bool
    record: dict[str, Any] = field(default_factory=dict)
    ensemble: PhaseSpaceEnsemble | None = None
    linear_system: Mapping[str, NDArray[Any]] | None = None

    def __repr__(self) -> str:
        """Return the model in one line."""
        edges = "bonds" if self.cutoff is None else f"edges up to {self.cutoff:g} Å"
        kinetic = "p²/2m + V(q)" if self.separable else "H(q, p)"
        n_frames = self.record.get("n_frames")
        fitted = f", fitted to {n_frames} frames" if n_frames else ""
        return (
            f"PhaseSpacePotential({kinetic}, {self.n_dimensions} dimensions, {edges}, "
            f"{len(self.coefficient_f)} features{fitted})"
        )

    @property
    def kind(self) -> str:
        """Name of this kind of model."""
        return KIND

    @property
    def resolved_settings(self) -> dict[str, Any]:
        """Settings of the features as they are, whether they were given or chosen."""
        return {"cutoff": self.cutoff, "dimensions": self.n_dimensions}

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
            Whether to predict uncertainties, too.

        Raises
        ------
        StructureError
            If the model does not know a species of the structure, or the edges are not given as in the fit.
        SettingsError
            If uncertainties are wanted and the model has no ensemble.
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
            As for `evaluate`.
        """
        self._check(atoms)
        graph = structure_graph(atoms, bonds, self.cutoff, has_edges=isinstance(self.network, GraphNetwork))
        return phase_point(atoms, graph, self.n_dimensions)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that two models share only if they give the same answers."""
        return fingerprint_of_contents(*self._answering_contents())

    def _answering_contents(self) -> tuple[dict[str, JSON], dict[str, NDArray[Any]]]:
        """Return the header and the arrays that energies and their gradients depend on."""
        header: dict[str, JSON] = {
            "cutoff": self.cutoff,
            "constant": self.constant,
            "dimensions": self.n_dimensions,
            "separable": self.separable,
        }
        arrays = network_as_arrays(self.network) | {"coefficient_f": self.coefficient_f}
        return header | network_header(self.network), arrays

    def save(self, path: str | Path) -> None:
        """Write the model to a file (`.npz`), atomically and byte-reproducibly."""
        header, arrays = self._answering_contents()
        arrays |= {} if self.ensemble is None else with_prefix("ensemble", self.ensemble.as_arrays())
        arrays |= {} if self.linear_system is None else with_prefix("linear_system", self.linear_system)
        write_model(path, header | {"model": KIND, "record": self.record}, arrays)

    @classmethod
    def load(cls, path: str | Path) -> PhaseSpacePotential:
        """Return the model of a file.

        Raises
        ------
        ModelFileError
            If the file is missing, truncated, foreign, changed, or newer than this program.
        """
        return read_model_as(path, {KIND: assemble})

    def _uncertainty(self, points: PhasePoints) -> PhaseSpaceUncertainty:
        if self.ensemble is None:
            message = "this model cannot predict its uncertainty: it has no ensemble; leave out uncertainty=True"
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
        Bonds of the structure, if there is no cutoff.
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
    n_dimensions = int(header["dimensions"])
    network = network_of_arrays(header, arrays, n_dimensions)
    ensemble = without_prefix("ensemble", arrays)
    return PhaseSpacePotential(
        network=network,
        coefficient_f=shaped(arrays, "coefficient_f", (network.n_features,)),
        constant=float(header["constant"]),
        n_dimensions=n_dimensions,
        cutoff=length_or_none(header["cutoff"]),
        separable=bool(header["separable"]),
        record=dict(header["record"]),
        ensemble=PhaseSpaceEnsemble.of_arrays(ensemble, network.n_features) if ensemble else None,
        linear_system=without_prefix("linear_system", arrays) or None,
    )
