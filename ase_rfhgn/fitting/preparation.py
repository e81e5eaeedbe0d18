"""Preparation of the fit of a potential: features, baseline, groups of frames and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.initialise import Architecture, initialise_fields
from ase_rfhgn.fitting.default_size import default_size
from ase_rfhgn.fitting.engine import Options, Prepared
from ase_rfhgn.fitting.grouping import group_frames
from ase_rfhgn.fitting.motion.equations import Motion
from ase_rfhgn.fitting.repulsion import enforce_repulsion
from ase_rfhgn.fitting.self_training import unlabelled_rows
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.fitting.survey import Survey, surveyed
from ase_rfhgn.fitting.targets import Labels
from ase_rfhgn.models.baselines.short_range import Baseline, ShortRangeCore
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.regression.triangular import Factor
from ase_rfhgn.runtime.random_streams import GROUPING, UNLABELLED, random_stream
from ase_rfhgn.structures.training_set import TrainingSet

ENERGY_WEIGHT = 10.0
"""Weight of an energy (1/eV) against a force component, times the root of the number of atoms."""

STRESS_WEIGHT = 0.3
"""Weight of a virial (1/eV) against a force component, times the root of the number of atoms."""

COMPRESSED_STRUCTURES = 8
"""Training structures that are compressed to make sure that the energy rises."""


@dataclass(frozen=True, slots=True)
class PotentialProblem:
    """Potentials as a kind of model that `ase_rfhgn.fitting.engine.fit_model` can fit.

    Attributes
    ----------
    settings : FitSettings
        Settings of the fit.
    """

    settings: FitSettings

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
        found, items = surveyed(frames, settings.cutoff, progress=options.progress)
        grouping = group_frames(found, random_stream(settings.seed, GROUPING))
        weights = _weights(settings, found)
        has_energies = bool(np.isfinite(found.energy_i).any()) and weights["energy"] > 0.0
        return Prepared(
            model=SphericalModel(
                fields=_initialised(settings, found),
                baseline=_baseline(settings, found),
                species_power=1.0 if grouping.by_system else 0.0,
                free_one_body=settings.one_body is None,
                closest=frames.closest,
            ),
            items=items,
            grouping=grouping,
            weights=weights,
            targets=targets,
            species_s=found.species_s,
            n_atoms_i=found.count_is.sum(axis=1),
            energies="absolute" if has_energies or settings.known_energy is not None else "relative",
        )

    def unlabelled(self, prepared: Prepared) -> Factor | None:
        """Return the factor of the rows of unlabelled structures, None where none can be made."""
        model = prepared.model
        assert isinstance(model, SphericalModel)  # noqa: S101  # made by `prepare`
        rng = random_stream(self.settings.seed, UNLABELLED)
        mixed = prepared.grouping.by_system
        factor = unlabelled_rows(prepared.items, model, prepared.weights, rng, mixed=mixed)
        return factor if factor.n_rows else None

    def completed(self, model: AnyModel, prepared: Prepared) -> Potential:
        """Return the potential that repels outside of its data, with the constant of a known energy."""
        assert isinstance(model, Potential)  # noqa: S101  # made by `SphericalModel.finish`
        potential = enforce_repulsion(model, _some_structures(prepared))
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


def _baseline(settings: FitSettings, found: Survey) -> Baseline:
    """Return one-body energies, by least squares unless they are given, and the short-range core."""
    symbols = [chemical_symbols[z] for z in found.species_s]
    core = ShortRangeCore(found.species_s, found.floor_b, np.ones(len(found.floor_b)))
    if settings.one_body is not None:
        missing = [symbol for symbol in symbols if symbol not in settings.one_body]
        if missing:
            message = f"one_body lacks {', '.join(missing)}: give an energy for every element of the frames, or none"
            raise SettingsError(message)
        return Baseline(np.array([settings.one_body[symbol] for symbol in symbols]), core)
    known_i = np.isfinite(found.energy_i)
    if not known_i.any():
        return Baseline(np.zeros(len(symbols)), core)
    # the shortest least-squares solution: well-posed when compositions do not vary
    one_body_s, *_ = np.linalg.lstsq(found.count_is[known_i].astype(float), found.energy_i[known_i], rcond=1e-8)
    return Baseline(one_body_s, core)


def _weights(settings: FitSettings, found: Survey) -> Mapping[str, float]:
    """Return the weight of every kind of label; errors of extensive ones are taken to grow as √n."""
    root = float(np.sqrt(found.count_is.sum(axis=1).mean()))
    energy = ENERGY_WEIGHT * root if settings.energy_weight is None else settings.energy_weight
    stress = STRESS_WEIGHT * root * found.volume if settings.stress_weight is None else settings.stress_weight
    return {"energy": energy, "force": settings.force_weight, "stress": stress, "motion": settings.force_weight}


def _some_structures(prepared: Prepared) -> list[Atoms]:
    """Return the smallest structure of every stretch of the training set."""
    n_atoms_i = prepared.n_atoms_i
    stretches = np.array_split(np.arange(len(n_atoms_i)), min(COMPRESSED_STRUCTURES, len(n_atoms_i)))
    numbers = [int(stretch_i[np.argmin(n_atoms_i[stretch_i])]) for stretch_i in stretches]
    return [prepared.items[i].frame.atoms for i in numbers]
