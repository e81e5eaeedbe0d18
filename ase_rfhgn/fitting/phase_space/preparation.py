"""Preparation of a fit in phase space: network, weights, and a structure of known energy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, StructureError, TrainingDataError
from ase_rfhgn.features.phase_space.initialise import initialise_network
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork
from ase_rfhgn.fitting.engine import Prepared
from ase_rfhgn.fitting.far_lessons import DisplacedRows
from ase_rfhgn.fitting.grouping import Group, Grouping, folds_in_turn
from ase_rfhgn.fitting.motion.equations import HamiltonianMotion, Motion
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.phase_space.linear_model import PhaseSpaceGraphs, PhaseSpaceModel, features_of, points_of
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.fitting.row_weights import EQUAL
from ase_rfhgn.fitting.targets import Labels, Targets
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.regression.triangular import Factor
from ase_rfhgn.runtime.random_streams import SNAPSHOTS, random_stream
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import TrainingSet

SAMPLE = 200
"""Frames that SWIM chooses from, at most."""


@dataclass(frozen=True, slots=True)
class PhaseSpaceProblem:
    """Hamiltonians of positions and momenta as a kind of model that `ase_rfhgn.fitting.engine.fit_model` can fit.

    Attributes
    ----------
    settings : PhaseSpaceSettings
        Settings of the fit.
    bonds : Bonds, sequence of Bonds, or None
        Edges of all frames, or of each frame, if there is no cutoff.
    """

    settings: PhaseSpaceSettings
    bonds: Bonds | Sequence[Bonds] | None = None

    @property
    def ridge(self) -> float | None:
        """The ridge, where it is given."""
        return self.settings.ridge

    @property
    def seed(self) -> int:
        """Seed of all random numbers."""
        return self.settings.seed

    def prepare(self, frames: TrainingSet, targets: Labels | Motion, options: Options) -> Prepared:  # noqa: ARG002
        """Return network, groups and weights for the frames of a fit."""
        self._refuse_contradictions(frames, targets)
        first, n_dimensions, items, sample = self._sampled(frames, labelled=isinstance(targets, Labels))
        network = self._initialised(first, sample, n_dimensions)
        both = self._both_halves(targets, n_dimensions)
        number, energy, is_known = self._known_energy(first)
        known = items[number]
        kinetic = float(known.frame.atoms.get_kinetic_energy()) if self.settings.kinetic == "known" else 0.0
        model = PhaseSpaceModel(
            network=network,
            graphs=_graphs_of(items),
            reference_energy=energy - kinetic,
            reference_f=features_of(network, known, n_dimensions),
        )
        return Prepared(
            model=model,
            items=items,
            grouping=_grouping(len(frames)),
            weights=_weights(both, items, sample),
            row_weights=EQUAL,
            targets=both,
            species_s=np.unique(model.graphs.species.number_s),
            n_atoms_i=np.full(len(frames), len(first.atoms)),
            energies="absolute" if is_known else "relative",
        )

    def unlabelled(self, prepared: Prepared) -> Factor | None:  # noqa: ARG002  # as for potentials
        """Return nothing: there are no unlabelled structures."""
        return None

    def far(self, prepared: Prepared, domain: Domain | None) -> Factor | None:  # noqa: ARG002  # as for potentials
        """Return nothing: there are no unlabelled structures."""
        return None

    def displaced(self, prepared: Prepared, domain: Domain | None) -> DisplacedRows:
        """Refuse: without far structures nobody asks for displaced ones."""
        raise NotImplementedError

    def completed(self, model: AnyModel, prepared: Prepared) -> AnyModel:  # noqa: ARG002  # as for potentials
        """Return the model as it is."""
        return model

    def _refuse_contradictions(self, frames: TrainingSet, targets: Labels | Motion) -> None:
        if isinstance(self.bonds, Sequence) and len(self.bonds) != len(frames):
            message = f"bonds has {len(self.bonds)} entries for {len(frames)} frames: give one for all, or one for each"
            raise SettingsError(message)
        if self.settings.kinetic == "learned" and isinstance(targets, Motion) and targets.observed == "positions":
            message = (
                f"{frames.name}: positions alone do not determine the momenta, so no kinetic energy can be "
                'learned; use kinetic="known", or frames with momenta'
            )
            raise SettingsError(message)

    def _sampled(self, frames: TrainingSet, *, labelled: bool) -> tuple[Frame, int, FrameGraphs, list[GraphedFrame]]:
        """Return the first frame, the number of dimensions, all frames with graphs, and some of them."""
        settings = self.settings
        count = min(SAMPLE, len(frames))
        chosen_i = random_stream(settings.seed, SNAPSHOTS).permutation(len(frames))[:count]
        chosen = {int(i): frames[int(i)] for i in sorted({0, *chosen_i.tolist()})}
        graphs = PhaseSpaceGraphs(
            n_dimensions=settings.dimensions or _dimensions(chosen.values()),
            species=_species(chosen.values()),
            cutoff=settings.cutoff,
            bonds=self.bonds,
            has_edges=settings.network == "graph",
            labelled=labelled,
            learned=settings.kinetic == "learned",
        )
        items = FrameGraphs.of(frames, graphs)
        return chosen[0], graphs.n_dimensions, items, [items.made(i, frame) for i, frame in chosen.items()]

    def _initialised(
        self, first: Frame, sample: Sequence[GraphedFrame], n_dimensions: int
    ) -> GraphNetwork | VectorNetwork:
        """Return a network whose weights are sampled from some of the frames."""
        rng = random_stream(self.settings.seed)
        try:
            return initialise_network(self.settings.architecture, points_of(sample, n_dimensions), rng)
        except StructureError as error:
            message = f"{first.name.rpartition(',')[0]}: {error}"
            raise TrainingDataError(message) from error

    def _both_halves(self, targets: Labels | Motion, n_dimensions: int) -> Targets:
        """Return the targets: with a learned kinetic energy both halves of Hamilton's equations."""
        if isinstance(targets, Labels):
            return targets
        motion = replace(targets, n_dimensions=n_dimensions)
        return HamiltonianMotion(motion, motion.displacements) if self.settings.kinetic == "learned" else motion

    def _known_energy(self, first: Frame) -> tuple[int, float, bool]:
        """Return the number of a frame, its energy H, and whether it is really known."""
        if self.settings.known_energy is not None:
            number, energy = self.settings.known_energy
            return int(number), float(energy), True
        if first.energy is None:
            return 0, 0.0, False
        return 0, first.energy + float(first.atoms.get_kinetic_energy()), True


def _graphs_of(items: FrameGraphs) -> PhaseSpaceGraphs:
    assert isinstance(items.graphed, PhaseSpaceGraphs)  # noqa: S101  # made above
    return items.graphed


def _species(frames: Iterable[Frame]) -> Species:
    """Return the species of all nodes of some frames."""
    atoms = [frame.atoms for frame in frames]
    return Species.of_nodes(
        np.concatenate([one.numbers for one in atoms]), np.concatenate([one.get_masses() for one in atoms])
    )


def _dimensions(frames: Iterable[Frame]) -> int:
    """Return how many coordinates are in use: all up to the last that is not zero somewhere."""
    used_c = np.zeros(3, dtype=bool)
    for frame in frames:
        used_c |= np.any(frame.atoms.positions, axis=0) | np.any(frame.atoms.get_momenta(), axis=0)
    return int(np.flatnonzero(used_c).max(initial=0)) + 1


def _grouping(n_frames: int) -> Grouping:
    """Return folds of frames, all over the same columns."""
    fold_i = folds_in_turn(n_frames)
    folds = tuple(Group(f"fold {i}", (0,)) for i in np.unique(fold_i))
    return Grouping(tuple(folds[i] for i in fold_i), folds if len(folds) > 1 else (), by_system=False)


def _weights(targets: Targets, items: FrameGraphs, sample: Sequence[GraphedFrame]) -> dict[str, float]:
    """Return weights that measure both halves of Hamilton's equations in their root mean squares."""
    if isinstance(targets, HamiltonianMotion):
        spreads = (_observed_spread(motion, items) for motion in (targets.force, targets.velocity))
        return {kind: 1.0 / spread for kind, spread in zip(("motion", "velocity"), spreads, strict=True)}
    if isinstance(targets, Motion):
        return {"motion": 1.0}
    forces = [item.frame.force_nc for item in sample if item.frame.force_nc is not None]
    velocities = [item.frame.velocity_nc for item in sample if item.frame.velocity_nc is not None]
    labels = {"force": forces, "velocity": velocities}
    return {kind: 1.0 / _spread(values) for kind, values in labels.items() if values}


def _observed_spread(motion: Motion, items: FrameGraphs) -> float:
    """Return the root mean square of the differences between frames."""
    maker = _Nothing(motion)
    parts = [target_m1.ravel() for _, _, target_m1 in replace(motion, weighting=None).equations(items, maker)]
    return _spread(parts) if parts else 1.0


@dataclass(frozen=True, slots=True)
class _Nothing:
    """Makes right-hand sides of zero, and no columns."""

    motion: Motion

    def rows(self, items: Sequence[GraphedFrame]) -> list[Mapping[str, FloatArray]]:
        """Return a right-hand side of zero for every frame."""
        n_dimensions = self.motion.n_dimensions
        return [{self.motion.averaged: np.zeros((item.graph.n_atoms * n_dimensions, 1))} for item in items]

    def size(self, item: GraphedFrame) -> float:  # noqa: ARG002  # all are alike
        """Return 1: frames come alone."""
        return 1.0


def _spread(values: Sequence[FloatArray]) -> float:
    """Return the root mean square of numbers; one where all are zero."""
    square = float(np.mean(np.concatenate([value.ravel() for value in values]) ** 2))
    return float(np.sqrt(square)) if square > 0.0 else 1.0
