"""What a fit knows before it makes its rows: features, baseline, groups of frames and weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.initialise import Architecture, initialise_fields
from ase_rfhgn.fitting.grouping import Grouping, group_frames
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.fitting.survey import Survey, default_cutoff, survey
from ase_rfhgn.models.baselines.short_range import Baseline, ShortRangeCore
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.runtime.random_streams import GROUPING, random_stream
from ase_rfhgn.structures.training_set import TrainingSet

ENERGY_WEIGHT = 10.0
"""Weight of an energy (1/eV) against a force component, times the root of the number of atoms."""

STRESS_WEIGHT = 0.3
"""Weight of a virial (1/eV) against a force component, times the root of the number of atoms."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a fit knows before it makes its rows.

    Attributes
    ----------
    surveyed : Survey
        What the frames hold.
    grouping : Grouping
        Groups of frames.
    hamiltonian : SphericalFields
        The features.
    baseline : Baseline
        What is subtracted from the labels.
    weights : dict of str to float
        Weight of every kind of rows.
    """

    surveyed: Survey
    grouping: Grouping
    hamiltonian: SphericalFields
    baseline: Baseline
    weights: dict[str, float]

    @property
    def has_energies(self) -> bool:
        """Whether energies of frames take part in the fit."""
        return bool(np.isfinite(self.surveyed.energy_i).any()) and self.weights["energy"] > 0.0


def prepare(settings: FitSettings, frames: TrainingSet, *, progress: bool) -> Preparation:
    """Return features, baseline, groups and weights for the frames of a fit.

    Parameters
    ----------
    settings : FitSettings
        Settings of the fit.
    frames : TrainingSet
        The frames.
    progress : bool
        Whether long work shows progress on a terminal.
    """
    cutoff = default_cutoff(frames) if settings.cutoff is None else float(settings.cutoff)
    surveyed = survey(progress_bar(frames, "reading", shown=progress), len(frames), cutoff)
    return Preparation(
        surveyed=surveyed,
        grouping=group_frames(surveyed, random_stream(settings.seed, GROUPING)),
        hamiltonian=_draw(settings, cutoff, surveyed),
        baseline=_baseline(settings, surveyed),
        weights=_weights(settings, surveyed),
    )


def _draw(settings: FitSettings, cutoff: float, surveyed: Survey) -> SphericalFields:
    n_species = len(surveyed.species_s)
    architecture = Architecture(
        cutoff=cutoff,
        channels=settings.channels or (40 if n_species == 1 else 64),
        projections=settings.projections or (5 if n_species == 1 else 4),
        correlation=settings.correlation,
        degree=settings.degree,
        sampler=settings.sampler,
    )
    rng = random_stream(settings.seed)
    return initialise_fields(
        architecture, surveyed.species_s, surveyed.floor_b, surveyed.largest_density_s, surveyed.sample, rng
    )


def _baseline(settings: FitSettings, surveyed: Survey) -> Baseline:
    """Return one-body energies, by least squares unless they are given, and the short-range core."""
    symbols = [chemical_symbols[z] for z in surveyed.species_s]
    core = ShortRangeCore(surveyed.species_s, surveyed.floor_b, np.ones(len(surveyed.floor_b)))
    if settings.one_body is not None:
        missing = [symbol for symbol in symbols if symbol not in settings.one_body]
        if missing:
            message = f"one_body lacks {', '.join(missing)}: give an energy for every element of the frames, or none"
            raise SettingsError(message)
        return Baseline(np.array([settings.one_body[symbol] for symbol in symbols]), core)
    known_i = np.isfinite(surveyed.energy_i)
    if not known_i.any():
        return Baseline(np.zeros(len(symbols)), core)
    # the shortest least-squares solution: well-posed when compositions do not vary
    one_body_s, *_ = np.linalg.lstsq(surveyed.count_is[known_i].astype(float), surveyed.energy_i[known_i], rcond=1e-8)
    return Baseline(one_body_s, core)


def _weights(settings: FitSettings, surveyed: Survey) -> dict[str, float]:
    """Return the weight of every kind of label; errors of extensive ones are taken to grow as √n."""
    root = float(np.sqrt(surveyed.count_is.sum(axis=1).mean()))
    energy = ENERGY_WEIGHT * root if settings.energy_weight is None else settings.energy_weight
    stress = STRESS_WEIGHT * root * surveyed.volume if settings.stress_weight is None else settings.stress_weight
    return {"energy": energy, "force": settings.force_weight, "stress": stress, "motion": settings.force_weight}
