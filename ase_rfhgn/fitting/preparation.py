"""Preparation of the fit of a potential: features, baseline, groups of frames and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.initialise import Architecture, initialise_fields
from ase_rfhgn.fitting.baseline_answers import answered, forgotten, with_known_stress
from ase_rfhgn.fitting.default_size import default_size
from ase_rfhgn.fitting.diagnosis import few_labels, tell
from ase_rfhgn.fitting.engine import Prepared
from ase_rfhgn.fitting.far_lessons import DisplacedRows
from ase_rfhgn.fitting.grouping import group_frames
from ase_rfhgn.fitting.linear_model import KINDS
from ase_rfhgn.fitting.motion.equations import Motion
from ase_rfhgn.fitting.one_body import OneBody, one_body_energies
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.repulsion import enforce_repulsion
from ase_rfhgn.fitting.row_weights import FrameWeights, calm_stress_weights
from ase_rfhgn.fitting.self_training import displaced_rows, far_rows, unlabelled_rows
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.fitting.stability import tested_for_stability
from ase_rfhgn.fitting.survey import Survey, surveyed
from ase_rfhgn.fitting.targets import Labels
from ase_rfhgn.models.baselines.calculators import CalculatorBaseline
from ase_rfhgn.models.baselines.short_range import Baseline, ShortRangeCore
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.regression.triangular import Factor
from ase_rfhgn.runtime.random_streams import DISPLACED, FAR, GROUPING, STABILITY, UNLABELLED, random_stream
from ase_rfhgn.structures.doctor.facts import column
from ase_rfhgn.structures.doctor.suspicion import ranked
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.training_set import TrainingSet

ENERGY_WEIGHT = 7.0
"""Weight of an energy (1/eV) against a force component, times the root of the number of atoms."""

STRESS_WEIGHT = 0.3
"""Weight of a virial (1/eV) against a force component, times the root of the number of atoms."""

COMPRESSED_STRUCTURES = 8
"""Training frames that are compressed to make sure that the energy rises."""


@dataclass(frozen=True, slots=True)
class PotentialProblem:
    """Potentials as a kind of model that `ase_rfhgn.fitting.engine.fit_model` can fit.

    Attributes
    ----------
    settings : FitSettings
        Settings of the fit.
    known : CalculatorBaseline, optional
        Other calculators whose answers are subtracted from the labels.
    """

    settings: FitSettings
    known: CalculatorBaseline | None = None

    @property
    def ridge(self) -> float | None:
        """The ridge, where it is given."""
        return self.settings.ridge

    @property
    def seed(self) -> int:
        """Seed of all random numbers."""
        return self.settings.seed

    def prepare(self, frames: TrainingSet, targets: Labels | Motion, options: Options) -> Prepared:
        """Return features, baseline, groups and weights for the frames of a fit."""
        settings = self.settings
        found, items = surveyed(with_known_stress(frames, self.known), settings.cutoff, options)
        others = None
        if self.known is not None:
            others = answered(self.known, items, progress=options.progress)
            found = replace(found, energy_i=found.energy_i - others.energy_i)
        one_body = one_body_energies(settings, found)
        grouping = group_frames(found, random_stream(settings.seed, GROUPING))
        weights = _weights(settings, found)
        has_energies = bool(np.isfinite(found.energy_i).any()) and weights["energy"] > 0.0
        model = SphericalModel(
            fields=_initialised(settings, found),
            baseline=_baseline(one_body, found, others),
            species_power=1.0 if grouping.by_system else 0.0,
            free_s=one_body.free_s,
            closest=frames.closest,
        )
        suspicions = ranked([*found.suspicions, *few_labels(found, weights, model.layout.n_columns)])
        tell(suspicions, weights)
        return Prepared(
            model=model,
            items=items,
            grouping=grouping,
            weights=weights,
            row_weights=_row_weights(settings, found, one_body),
            targets=targets,
            species_s=found.species_s,
            n_atoms_i=found.count_is.sum(axis=1),
            energies="absolute" if has_energies or settings.known_energy is not None else "relative",
            facts=found.facts,
            suspicions=suspicions,
        )

    def unlabelled(self, prepared: Prepared) -> Factor | None:
        """Return the factor of the rows of unlabelled structures, None where none can be made."""
        model = prepared.model
        assert isinstance(model, SphericalModel)  # noqa: S101  # made by `prepare`
        rng = random_stream(self.settings.seed, UNLABELLED)
        mixed = prepared.grouping.by_system
        factor = unlabelled_rows(prepared.items, model, prepared.weights, rng, mixed=mixed)
        return factor if factor.n_rows else None

    def far(self, prepared: Prepared, domain: Domain | None) -> Factor | None:
        """Return the factor of the rows of structures far away from the frames, None without labels or such rows.

        Accelerations of a run are almost exact: there, answers far away would cost more than they give.
        """
        if not isinstance(prepared.targets, Labels):
            return None
        model = prepared.model
        assert isinstance(model, SphericalModel)  # noqa: S101  # made by `prepare`
        assert domain is not None  # noqa: S101  # such a model has descriptors
        rng = random_stream(self.settings.seed, FAR)
        factor = far_rows(prepared.items, model, prepared.weights, domain, rng)
        return factor if factor.n_rows else None

    def displaced(self, prepared: Prepared, domain: Domain | None) -> DisplacedRows:
        """Return the rows of frames displaced far beyond the domain of the frames."""
        model = prepared.model
        assert isinstance(model, SphericalModel)  # noqa: S101  # made by `prepare`
        assert domain is not None  # noqa: S101  # such a model has descriptors
        rng = random_stream(self.settings.seed, DISPLACED)
        return displaced_rows(prepared.items, model, prepared.weights, domain, rng)

    def completed(self, model: AnyModel, prepared: Prepared) -> Potential:
        """Return the potential that repels outside of its data, with the constant of a known energy."""
        assert isinstance(model, Potential)  # noqa: S101  # made by `SphericalModel.finish`
        frames = _some_frames(prepared)
        potential = enforce_repulsion(forgotten(model), [frame.atoms for frame in frames])
        potential = tested_for_stability(potential, frames, random_stream(self.settings.seed, STABILITY))
        if self.settings.known_energy is None:
            return potential
        number, energy = self.settings.known_energy
        item = prepared.items[number]
        told = float(potential.respond(item.frame.atoms, item.graph).energy_n.sum())
        one_body_s = potential.baseline.one_body_s + (energy - told) / item.graph.n_atoms
        return replace(potential, baseline=replace(potential.baseline, one_body_s=one_body_s))


def _initialised(settings: FitSettings, found: Survey) -> SphericalFields:
    channels, projections = default_size(len(found.species_s), settings.degree, settings.correlation)
    architecture = Architecture(
        cutoff=found.cutoff,
        channels=settings.channels or channels,
        projections=settings.projections or projections,
        correlation=settings.correlation,
        degree=settings.degree,
        sampler=settings.sampler,
    )
    rng = random_stream(settings.seed)
    return initialise_fields(architecture, found.species_s, found.floor_b, found.largest_density_s, found.sample, rng)


def _baseline(one_body: OneBody, found: Survey, others: CalculatorBaseline | None) -> Baseline:
    """Return one-body energies, the short-range core, and other calculators."""
    core = ShortRangeCore(found.species_s, found.floor_b, np.ones(len(found.floor_b)))
    return Baseline(one_body.energy_s, core, others)


def _weights(settings: FitSettings, found: Survey) -> Mapping[str, float]:
    """Return the weight of every kind of label; errors of extensive ones are taken to grow as √n."""
    root = float(np.sqrt(found.count_is.sum(axis=1).mean()))
    energy = ENERGY_WEIGHT * root if settings.energy_weight is None else settings.energy_weight
    stress = STRESS_WEIGHT * root * found.volume if settings.stress_weight is None else settings.stress_weight
    return {"energy": energy, "force": settings.force_weight, "stress": stress, "motion": settings.force_weight}


def _row_weights(settings: FitSettings, found: Survey, one_body: OneBody) -> FrameWeights:
    """Return larger weights of stresses of calm frames, unless the user chose one, and none of contradicted labels."""
    component_v = np.ones(6)
    component_v[[3 + s for s in found.contradicted.shears]] = 0.0
    weight_ik = np.ones((len(found.energy_i), len(KINDS)))
    weight_ik[one_body.ignored_i, KINDS.index("energy")] = 0.0
    weight_ik[list(found.contradicted.energies), KINDS.index("energy")] = 0.0
    weight_ik[list(found.contradicted.forces), KINDS.index("force")] = 0.0
    if settings.stress_weight is None:
        volume_i = np.array([one.volume if np.isfinite(one.stress_v).all() else np.nan for one in found.facts])
        weight_ik[:, KINDS.index("stress")] = calm_stress_weights(column(found.facts, "force_rms"), volume_i)
    weight_ik[list(found.contradicted.stresses), KINDS.index("stress")] = 0.0
    return FrameWeights(weight_ik, component_v)


def _some_frames(prepared: Prepared) -> list[Frame]:
    """Return the smallest frame of every stretch of the training set."""
    n_atoms_i = prepared.n_atoms_i
    stretches = np.array_split(np.arange(len(n_atoms_i)), min(COMPRESSED_STRUCTURES, len(n_atoms_i)))
    numbers = [int(stretch_i[np.argmin(n_atoms_i[stretch_i])]) for stretch_i in stretches]
    return [prepared.items[i].frame for i in numbers]
