"""Fitting a potential: the one place where everything meets."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from threadpoolctl import threadpool_limits

from ase_rfhgn.accumulation import Factors, accumulate
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.baseline import Baseline, ShortRangeCore
from ase_rfhgn.drawing import Architecture, draw_fields
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.grouping import Grouping, group_frames
from ase_rfhgn.hamiltonian.spherical import SphericalFields
from ase_rfhgn.noise_check import weighted_for_noise
from ase_rfhgn.potential import Potential
from ase_rfhgn.prior import prior_spread
from ase_rfhgn.progress import tell, tracked
from ase_rfhgn.repulsion import secured
from ase_rfhgn.selection import Solution, solve_by_cross_validation, solve_with_ridge
from ase_rfhgn.settings import FitSettings
from ase_rfhgn.survey import Survey, default_cutoff, survey
from ase_rfhgn.target_choice import choose_targets
from ase_rfhgn.targets import Motion, Targets
from ase_rfhgn.training_record import training_record
from ase_rfhgn.training_set import TrainingSet
from ase_rfhgn.unlabelled import unlabelled_rows

ENERGY_WEIGHT = 10.0
"""Weight of an energy (1/eV) against a force component, times the root of the number of atoms."""

STRESS_WEIGHT = 0.3
"""Weight of a virial (1/eV) against a force component, times the root of the number of atoms."""

SECURED_STRUCTURES = 8
"""Training structures that are compressed to make sure that the energy rises."""


def fit(
    frames: str | Path | Iterable[Atoms] | TrainingSet,
    *,
    cutoff: float | None = None,
    sampler: str = "swim",
    channels: int | None = None,
    mixings: int | None = None,
    correlation: int = 4,
    degree: int = 3,
    energy_weight: float | None = None,
    force_weight: float = 1.0,
    stress_weight: float | None = None,
    ridge: float | None = None,
    one_body: Mapping[str, float] | None = None,
    targets: str = "auto",
    timestep: float | None = None,
    stride: int | None = None,
    known_energy: tuple[int, float] | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Potential:
    """Return a potential fitted to labelled structures, or to their motion, in one linear solve.

    Parameters
    ----------
    frames : path, iterable of ase.Atoms, or TrainingSet
        Structures with energies, forces or stresses; labels that a frame lacks are not used. Or
        frames of molecular dynamics in the order of time, without labels.
    cutoff : float, optional
        Distance beyond which atoms do not see each other (Å); by default 5.5 Å, or 1.9 typical
        distances to the nearest neighbour where that is longer.
    sampler : {"swim", "elm"}
        How the edge encoder is drawn: through pairs of data points, or blindly.
    channels, mixings : int, optional
        Radial channels, and random fields on the sphere per channel; by default 32 and 8 for one
        element, 64 and 4 for several.
    correlation : int
        Highest power ν of a field: features of up to ν neighbours at a time.
    degree : int
        Largest degree of the spherical harmonics.
    energy_weight, force_weight, stress_weight : float, optional
        Weights of an energy error (per eV/atom), a force component (per eV/Å) and a stress
        component (per eV/Å³). By default 10 √n, 1 and 0.3 v √n for a mean of n atoms per frame and a
        volume v per atom: errors of extensive quantities are taken to grow as √n.
    ridge : float, optional
        Strength of the prior on the scaled coefficients; by default chosen by cross-validation.
    one_body : mapping of str to float, optional
        Energies of isolated atoms per chemical symbol (eV); by default fitted.
    targets : {"auto", "labels", "momenta", "positions"}
        What is fitted to: labels, or the change of momenta, or of positions, from frame to frame. By
        default labels where there are any, else momenta where there are any, else positions.
    timestep : float, optional
        Time step of the dynamics (ASE's unit: 2 fs are ``2 * ase.units.fs``), needed where labels
        are not used; by default the ``info["timestep"]`` of the first frame.
    stride : int, optional
        Steps from one frame to the next; by default the ``info["stride"]`` of the first frame, or 1.
    known_energy : tuple of int and float, optional
        Number of a frame and its energy (eV), where frames have no energies. Without it, the energy
        of isolated atoms is zero.
    seed : int
        The same seed draws the same features.
    progress : bool
        Whether long work shows progress on a terminal.

    Raises
    ------
    SettingsError
        If a setting lies outside of what is allowed.
    TrainingDataError
        If a frame cannot be used; the message names it.

    Notes
    -----
    The method is RF-HGN, arXiv:2506.06558: random dense layers, one linear solve on gradients.
    """
    settings = FitSettings(
        cutoff=cutoff,
        sampler=sampler,
        channels=channels,
        mixings=mixings,
        correlation=correlation,
        degree=degree,
        energy_weight=energy_weight,
        force_weight=force_weight,
        stress_weight=stress_weight,
        ridge=ridge,
        one_body=one_body,
        targets=targets,
        timestep=timestep,
        stride=stride,
        known_energy=known_energy,
        seed=seed,
    )
    training_set = frames if isinstance(frames, TrainingSet) else TrainingSet.open(frames)
    with threadpool_limits(limits=1):
        return _fit(settings, training_set, progress=progress)


def _fit(settings: FitSettings, frames: TrainingSet, *, progress: bool) -> Potential:
    started = time.process_time(), time.perf_counter()
    targets = choose_targets(settings, frames)
    if isinstance(targets, Motion):
        frames = frames.without_labels()
    tell(f"{frames.name}: fitted to {targets.description}", shown=progress)
    task = _prepare(settings, frames, progress=progress)
    factors, solution, potential = task.solve(targets)
    if isinstance(targets, Motion):
        weighted = weighted_for_noise(targets, frames, lambda frame: potential.evaluate(frame.atoms).force_nc)
        if weighted is not None:
            factors, solution, potential = task.solve(weighted)
    potential, is_absolute = _with_known_energy(settings, task, potential)
    times = {
        "fit_cpu_seconds": time.process_time() - started[0],
        "fit_wall_seconds": time.perf_counter() - started[1],
    }
    record = training_record(settings, task.surveyed, factors, solution) | {
        "targets": targets.description,
        "energies": "absolute" if is_absolute else "relative",
        "weights": task.weights,
    }
    return replace(potential, record=record | times)


@dataclass(frozen=True, slots=True)
class _Task:
    """All that a solve needs but the targets."""

    settings: FitSettings
    frames: TrainingSet
    surveyed: Survey
    grouping: Grouping
    hamiltonian: SphericalFields
    baseline: Baseline
    weights: dict[str, float]
    progress: bool

    def solve(self, targets: Targets) -> tuple[Factors, Solution, Potential]:
        """Return the factors of all rows, the solution, and the potential that it makes."""
        settings, weights = self.settings, self.weights
        frames = tracked(self.frames, "features", total=len(self.frames), shown=self.progress)
        factors = accumulate(frames, self.grouping, self.hamiltonian, self.baseline, targets)
        if not any(weights[kind] > 0.0 and factors.n_rows(kind) for kind in weights):
            message = f"{self.frames.name}: every label there has zero weight; the weights are {weights}"
            raise SettingsError(message)
        spread_f = _spread(settings, factors, weights, self.hamiltonian)
        if settings.ridge is None:
            rng = np.random.default_rng([settings.seed, 1])
            mixed = self.grouping.by_system
            unlabelled_ff = unlabelled_rows(self.frames, self.surveyed, self.hamiltonian, weights, rng, mixed=mixed)
            solution = solve_by_cross_validation(factors, weights, spread_f, unlabelled_ff)
        else:
            solution = solve_with_ridge(factors, weights, spread_f, settings.ridge)
        one_body_s, coefficient_sf = factors.layout.split(solution.coefficient_f)
        fitted = Baseline(self.baseline.one_body_s + one_body_s, self.baseline.core)
        potential = Potential(self.hamiltonian, coefficient_sf, fitted)
        return factors, solution, secured(potential, _some_structures(self.frames))


def _prepare(settings: FitSettings, frames: TrainingSet, *, progress: bool) -> _Task:
    """Return the features and all that depends on neither rows nor targets."""
    cutoff = default_cutoff(frames) if settings.cutoff is None else float(settings.cutoff)
    surveyed = survey(tracked(frames, "reading", shown=progress), len(frames), cutoff)
    return _Task(
        settings=settings,
        frames=frames,
        surveyed=surveyed,
        grouping=group_frames(surveyed),
        hamiltonian=_draw(settings, cutoff, surveyed),
        baseline=_baseline(settings, surveyed),
        weights=_weights(settings, surveyed),
        progress=progress,
    )


def _with_known_energy(settings: FitSettings, task: _Task, potential: Potential) -> tuple[Potential, bool]:
    """Return the potential with the constant that a known energy fixes, and whether energies are absolute."""
    has_energies = bool(np.isfinite(task.surveyed.energy_i).any() and task.weights["energy"] > 0.0)
    if settings.known_energy is None:
        return potential, has_energies
    number, energy = settings.known_energy
    if has_energies or number >= len(task.frames):
        reason = "the frames have energies" if has_energies else f"there are {len(task.frames)} frames"
        message = f"known_energy is {settings.known_energy}, but {reason}: leave it out, or name another frame"
        raise SettingsError(message)
    atoms = task.frames[number].atoms
    missing = (energy - potential.evaluate(atoms).energy) / len(atoms)
    baseline = replace(potential.baseline, one_body_s=potential.baseline.one_body_s + missing)
    return replace(potential, baseline=baseline), True


def _some_structures(frames: TrainingSet) -> list[Atoms]:
    """Return a few structures of the training set."""
    return [frames[i].atoms for i in range(0, len(frames), max(1, len(frames) // SECURED_STRUCTURES))]


def _draw(settings: FitSettings, cutoff: float, surveyed: Survey) -> SphericalFields:
    n_species = len(surveyed.species_s)
    architecture = Architecture(
        cutoff=cutoff,
        channels=settings.channels or (32 if n_species == 1 else 64),
        mixings=settings.mixings or (8 if n_species == 1 else 4),
        correlation=settings.correlation,
        degree=settings.degree,
        sampler=settings.sampler,
    )
    rng = np.random.default_rng(settings.seed)
    return draw_fields(architecture, surveyed.species_s, surveyed.floor_b, surveyed.ceiling_s, surveyed.sample, rng)


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


def _spread(
    settings: FitSettings, factors: Factors, weights: dict[str, float], hamiltonian: SphericalFields
) -> FloatArray:
    """Return the prior spread of the coefficients."""
    return prior_spread(
        hamiltonian,
        _column_norms(factors, weights),
        sharpness_power=1.0 if factors.grouping.by_system else 0.0,
        free_one_body=settings.one_body is None,
    )


def _column_norms(factors: Factors, weights: dict[str, float]) -> FloatArray:
    """Return the norms of the weighted columns."""
    square_f = np.zeros(factors.layout.n_columns + 1)
    for by_kind in factors.by_group.values():
        for kind, factor in by_kind.items():
            square_f[factor.column_f] += weights[kind] ** 2 * np.sum(factor.triangle_ff**2, axis=0)
    return np.sqrt(square_f[:-1])
