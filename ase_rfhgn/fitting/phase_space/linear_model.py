"""The linear model of Hamiltonians of positions and momenta: the pooled features of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import StructureError, TrainingDataError
from ase_rfhgn.features.phase_space.networks import GraphNetwork, Network
from ase_rfhgn.features.phase_space.points import PhasePoints, joined, phase_point
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork
from ase_rfhgn.fitting.linear_model import Layout, RidgeSearch, Solution
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.phase_space import PhaseSpacePotential, structure_graph
from ase_rfhgn.models.phase_space_uncertainty import QUANTITIES, PhaseSpaceEnsemble
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import GraphedFrame
from ase_rfhgn.structures.graph import Bonds

SEARCH = RidgeSearch(ridges=tuple(10.0**power for power in range(-18, 1, 2)), tolerance=0.02, default=1e-10)
"""How the ridge is searched for."""

VELOCITIES = "hamiltonian_velocities"
"""Array of a structure with velocities ∂H/∂p, where they are not momentum over mass (Å per ASE time)."""

NUMBERS_PER_BATCH = 2**20
"""Numbers in the derivatives of a batch of structures (8 MB): larger ones leave the cache."""


@dataclass(frozen=True, slots=True)
class PhaseSpaceGraphs:
    """Makes graphs of structures of a phase-space model, and checks that they are such.

    Attributes
    ----------
    n_dimensions : int
        Coordinates that exist.
    species : Species
        Elements and masses that nodes may have.
    cutoff : float or None
        Longest edge (Å), where edges are not bonds.
    bonds : Bonds, sequence of Bonds, or None
        Edges of all frames, or of each of them.
    has_edges : bool
        Whether the network sees edges.
    labelled : bool
        Whether frames need forces.
    learned : bool
        Whether the kinetic energy is learned: velocities are labels, too.
    """

    n_dimensions: int
    species: Species
    cutoff: float | None
    bonds: Bonds | Sequence[Bonds] | None
    has_edges: bool
    labelled: bool
    learned: bool

    def __call__(self, index: int, frame: Frame) -> GraphedFrame:
        """Return a frame with its graph.

        Raises
        ------
        TrainingDataError
            If the frame has no forces, or is not a structure of the model; the message names it.
        """
        if self.labelled and frame.force_nc is None:
            message = (
                f"{frame.name}: there are no forces; attach them with ASE's SinglePointCalculator, or, for a run, "
                "take targets='momenta' or 'positions'"
            )
            raise TrainingDataError(message)
        bonds = self.bonds[index] if isinstance(self.bonds, Sequence) else self.bonds
        try:
            graph = structure_graph(frame.atoms, bonds, self.cutoff, has_edges=self.has_edges)
            phase_point(frame.atoms, graph, self.n_dimensions)
            self.species.indices(frame.atoms.numbers, frame.atoms.get_masses())
        except StructureError as error:
            message = f"{frame.name}: {error}"
            raise TrainingDataError(message) from error
        velocity_nc = frame.atoms.arrays.get(VELOCITIES, frame.atoms.get_velocities())
        self._refuse_other_dimensions(frame, velocity_nc)
        labels = replace(frame.with_labels_of("forces"), velocity_nc=velocity_nc if self.learned else None)
        return GraphedFrame(index, labels, graph)

    def _refuse_other_dimensions(self, frame: Frame, velocity_nc: FloatArray) -> None:
        for name, value_nc in (("velocities", velocity_nc), ("forces", frame.force_nc)):
            if value_nc is None:
                continue
            if not np.isfinite(value_nc).all() or value_nc[:, self.n_dimensions :].any():
                message = (
                    f"{frame.name}: {name} must be finite, and zero beyond the {self.n_dimensions} dimension(s) of the "
                    "model"
                )
                raise TrainingDataError(message)


@dataclass(frozen=True, slots=True)
class PhaseSpaceModel:
    """A Hamiltonian of positions and momenta before its coefficients are known.

    Attributes
    ----------
    network : GraphNetwork or VectorNetwork
        The features.
    graphs : PhaseSpaceGraphs
        Makes graphs of frames.
    reference_energy : float
        What is learned of the energy of one structure (eV).
    reference_f : ndarray of shape (n_features,)
        The features of that structure.
    """

    network: GraphNetwork | VectorNetwork
    graphs: PhaseSpaceGraphs
    reference_energy: float
    reference_f: FloatArray

    @classmethod
    def of(cls, fitted: PhaseSpacePotential, bonds: Bonds | Sequence[Bonds] | None) -> PhaseSpaceModel:
        """Return the linear model from which an updatable model was solved."""
        assert fitted.linear_system is not None  # noqa: S101  # told by the caller
        energy, *feature_f = fitted.linear_system["parameters"]
        if len(feature_f) != fitted.network.n_features:
            message = (
                f"{len(feature_f)} features of the structure of known energy; needed are {fitted.network.n_features}"
            )
            raise ValueError(message)
        graphs = PhaseSpaceGraphs(
            n_dimensions=fitted.n_dimensions,
            species=fitted.species,
            cutoff=fitted.cutoff,
            bonds=bonds,
            has_edges=isinstance(fitted.network, GraphNetwork),
            labelled=True,
            learned=not fitted.separable,
        )
        return cls(fitted.network, graphs, float(energy), np.array(feature_f))

    @property
    def layout(self) -> Layout:
        """Columns: the features, for all species together."""
        return Layout(1, self.network.n_features, has_one_body=False)

    @property
    def search(self) -> RidgeSearch:
        """How the ridge is searched for."""
        return SEARCH

    @property
    def reduced_columns(self) -> IntArray:
        """All columns: a network of phase space is small."""
        return np.arange(self.network.n_features)

    @property
    def baseline_s(self) -> FloatArray:
        """Nothing: no one-body energies are subtracted."""
        return np.empty(0)

    @property
    def parameters(self) -> FloatArray:
        """Energy and features of the structure whose energy is known."""
        return np.array([self.reference_energy, *self.reference_f])

    @property
    def nothing_seen(self) -> None:
        """Nothing: there is no extrapolation grade."""

    def graphed(self, index: int, frame: Frame) -> GraphedFrame:
        """Return a frame with the graph that the features see, checked."""
        return self.graphs(index, frame)

    def points(self, items: Sequence[GraphedFrame]) -> PhasePoints:
        """Return the points of phase space of frames."""
        return points_of(items, self.graphs.n_dimensions)

    def encoded(self, item: GraphedFrame) -> GraphedFrame:
        """Return the frame as it is: no work is shared."""
        return item

    def rows(self, items: Sequence[GraphedFrame], system: tuple[int, ...]) -> list[dict[str, FloatArray]]:  # noqa: ARG002
        """Return Hamilton's equations as rows: "force" and "velocity"; see `LinearModel.rows`.

        Notes
        -----
        RF-HGN, arXiv:2506.06558: ∂Φ/∂p θ = q̇ and −∂Φ/∂q θ = ṗ.
        """
        features = self.network.features(self.points(items))
        end_i = np.cumsum([item.graph.n_atoms for item in items])[:-1]
        parts = zip(np.split(features.position_ncf, end_i), np.split(features.momentum_ncf, end_i), strict=True)
        return [
            self._rows_of_frame(item.frame, position_ncf, momentum_ncf)
            for item, (position_ncf, momentum_ncf) in zip(items, parts, strict=True)
        ]

    def size(self, item: GraphedFrame) -> float:
        """Return the size of a frame: the share of a processor's cache that its derivatives need."""
        numbers = (item.graph.n_atoms + len(item.graph.centre_p)) * self.graphs.n_dimensions
        return numbers * self.network.n_features / NUMBERS_PER_BATCH

    def prior(self, norm_f: FloatArray) -> FloatArray:
        """Return the prior spread of the coefficients: the same for all, in units of the mean square of a column."""
        norm = float(np.sqrt(np.mean(norm_f**2)))
        return np.full(len(norm_f), 1.0 / norm if norm > 0.0 else 1.0)

    def descriptors(self, item: GraphedFrame) -> None:  # noqa: ARG002  # as for potentials
        """Return nothing: there is no extrapolation grade."""
        return

    def finish(self, solution: Solution) -> PhaseSpacePotential:
        """Return the Hamiltonian of a solution."""
        return PhaseSpacePotential(
            network=self.network,
            coefficient_f=solution.coefficient_f,
            constant=self.reference_energy - float(self.reference_f @ solution.coefficient_f),
            n_dimensions=self.graphs.n_dimensions,
            cutoff=self.graphs.cutoff,
            separable=not self.graphs.learned,
            record=solution.record,
            ensemble=_ensemble(solution),
            linear_system=solution.linear_system,
        )

    def forces(self, model: AnyModel, item: GraphedFrame) -> FloatArray:
        """Return the forces of a Hamiltonian on a frame (eV/Å)."""
        assert isinstance(model, PhaseSpacePotential)  # noqa: S101  # made by `finish`
        found = self.network.combination(self.points([item]), model.coefficient_f)
        force_nc = np.zeros((item.graph.n_atoms, 3))
        force_nc[:, : self.graphs.n_dimensions] = -found.position_ncf[:, :, 0]
        return force_nc

    def _rows_of_frame(self, frame: Frame, position_ncf: FloatArray, momentum_ncf: FloatArray) -> dict[str, FloatArray]:
        rows = {}
        if frame.force_nc is not None:
            rows["force"] = _rows(position_ncf, frame.force_nc[:, : self.graphs.n_dimensions], -1.0)
        if frame.velocity_nc is not None:
            rows["velocity"] = _rows(momentum_ncf, frame.velocity_nc[:, : self.graphs.n_dimensions], 1.0)
        return rows


def points_of(items: Sequence[GraphedFrame], n_dimensions: int) -> PhasePoints:
    """Return the points of phase space of frames.

    Parameters
    ----------
    items : sequence of GraphedFrame
        Frames.
    n_dimensions : int
        Coordinates that exist.
    """
    return joined([phase_point(item.frame.atoms, item.graph, n_dimensions) for item in items])


def features_of(network: Network, item: GraphedFrame, n_dimensions: int) -> FloatArray:
    """Return the pooled features of a frame: shape (n_features,)."""
    feature_f: FloatArray = network.features(points_of([item], n_dimensions)).value_if[0]
    return feature_f


def _rows(slope_ncf: FloatArray, target_nc: FloatArray, sign: float) -> FloatArray:
    """Return rows (±Z, u)."""
    row_mf = np.empty((target_nc.size, slope_ncf.shape[2] + 1))
    np.multiply(slope_ncf.reshape(target_nc.size, -1), sign, out=row_mf[:, :-1])
    row_mf[:, -1] = target_nc.ravel()
    return row_mf


def _ensemble(solution: Solution) -> PhaseSpaceEnsemble | None:
    if not solution.interval_scale:
        return None
    scale_ol = np.array([solution.interval_scale[kind] for kind in QUANTITIES])
    return PhaseSpaceEnsemble(solution.member_ef, scale_ol)
