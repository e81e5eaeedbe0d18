"""Fitting a potential: the one place where everything meets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.accumulation import Factors, accumulate
from ase_rfhgn.fitting.linear_system import recorded_system
from ase_rfhgn.fitting.motion.noise import weighted_for_noise
from ase_rfhgn.fitting.preparation import Preparation, prepare
from ase_rfhgn.fitting.prior import prior_spread
from ase_rfhgn.fitting.record import training_record
from ase_rfhgn.fitting.repulsion import enforce_repulsion
from ase_rfhgn.fitting.ridge_choice import Choice, choose_ridges, given_ridge
from ase_rfhgn.fitting.self_training import unlabelled_rows
from ase_rfhgn.fitting.setting_checks import check_optional
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.fitting.target_choice import choose_targets
from ase_rfhgn.fitting.targets import Motion, Targets
from ase_rfhgn.fitting.uncertainty import TrainingSites, calibrated, sample_ensemble, sampled_frames
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.runtime.progress import log, progress_bar
from ase_rfhgn.runtime.random_streams import ENSEMBLE, UNLABELLED, random_stream
from ase_rfhgn.runtime.stopwatch import Stopwatch
from ase_rfhgn.runtime.threads import single_threaded, useful_cores
from ase_rfhgn.structures.training_set import TrainingSet

MOST_THREADS = 1024
"""Threads that a fit may be told to use."""

COMPRESSED_STRUCTURES = 8
"""Training structures that are compressed to make sure that the energy rises."""


def fit(
    frames: str | Path | Iterable[Atoms] | TrainingSet,
    *,
    cutoff: float | None = None,
    sampler: str = "swim",
    channels: int | None = None,
    projections: int | None = None,
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
    updatable: bool = False,
    threads: int | None = None,
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
    channels, projections : int, optional
        Radial channels, and random fields on the sphere per channel; by default 40 and 5 for one
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
        Strength of the prior on the scaled coefficients; by default chosen by cross-validation. With a
        given one, unlabelled structures do not count.
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
    updatable : bool
        Whether the potential remembers its linear system, also in its file, so that `Potential.update`
        can go on from there.
    threads : int, optional
        Threads that make rows of several frames at a time; by default one per core, at most four. The
        potential is the same to the last bit.
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
        projections=projections,
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
    check_optional("threads", threads, 1, MOST_THREADS, whole=True)
    with single_threaded():
        return _fit(settings, training_set, threads or useful_cores(), updatable=updatable, progress=progress)


def _fit(settings: FitSettings, frames: TrainingSet, threads: int, *, updatable: bool, progress: bool) -> Potential:
    stopwatch = Stopwatch()
    targets = choose_targets(settings, frames)
    log(f"{frames.name}: fitted to {targets.description}", shown=progress)
    if isinstance(targets, Motion):
        frames = frames.without_labels()
        if updatable:
            message = "updatable is for fits to labels: equations of motion join frames that cannot leave one by one"
            raise SettingsError(message)
    else:
        targets = replace(targets, threads=threads)
    prepared = prepare(settings, frames, progress=progress)
    potential = _solved(settings, frames, prepared, targets, updatable=updatable, progress=progress)
    if isinstance(targets, Motion):
        first = potential
        weighted = weighted_for_noise(targets, frames, lambda _, frame: first.evaluate(frame.atoms).force_nc)
        if weighted is not None:
            potential = _solved(settings, frames, prepared, weighted, updatable=False, progress=progress)
    potential = _with_known_energy(settings, frames, prepared, potential)
    energies = "absolute" if prepared.has_energies or settings.known_energy is not None else "relative"
    record = potential.record | {"targets": targets.description, "energies": energies}
    return replace(potential, record=record | stopwatch.times())


def _solved(
    settings: FitSettings,
    frames: TrainingSet,
    prepared: Preparation,
    targets: Targets,
    *,
    updatable: bool,
    progress: bool,
) -> Potential:
    """Return the potential that reproduces targets best."""
    hamiltonian, baseline, weights = prepared.hamiltonian, prepared.baseline, prepared.weights
    rng = random_stream(settings.seed, ENSEMBLE)
    sampled = _sampled(prepared, rng)
    sites = TrainingSites(hamiltonian, len(frames), rng)
    read = progress_bar(frames, "features", shown=progress)
    factors = accumulate(read, prepared.grouping, hamiltonian, baseline, sampled, targets, sites.add)
    if not any(weights[kind] > 0.0 and factors.n_rows(kind) for kind in weights):
        message = f"{frames.name}: every label there has zero weight; the weights are {weights}"
        raise SettingsError(message)
    species_power = 1.0 if factors.grouping.by_system else 0.0
    norm_f = factors.column_norms(weights)
    spread_f = prior_spread(hamiltonian, norm_f, species_power, free_one_body=settings.one_body is None)
    choice = _choose(settings, frames, prepared, factors, spread_f)
    solved = choice.regression.solve()
    one_body_s, coefficient_sf = factors.layout.split(solved.coefficient_f)
    ensemble = sample_ensemble(solved, hamiltonian, sites.domain(), rng)
    potential = Potential(
        hamiltonian=hamiltonian,
        coefficient_sf=coefficient_sf,
        baseline=Baseline(baseline.one_body_s + one_body_s, baseline.core),
        ensemble=calibrated(ensemble, choice.regression, solved, factors, weights, hamiltonian),
        record=training_record(settings, prepared.surveyed, factors, choice, solved.coefficient_f)
        | {"weights": weights},
    )
    if updatable:
        system = recorded_system(factors, choice.regression, weights, baseline, species_power, frames)
        potential = replace(potential, linear_system=system.as_arrays())
    return enforce_repulsion(potential, _some_structures(frames, prepared))


def _with_known_energy(
    settings: FitSettings, frames: TrainingSet, prepared: Preparation, potential: Potential
) -> Potential:
    """Return the potential with the constant that a known energy fixes, where there is one."""
    if settings.known_energy is None:
        return potential
    number, energy = settings.known_energy
    if prepared.has_energies or number >= len(frames):
        reason = "the frames have energies" if prepared.has_energies else f"there are {len(frames)} frames"
        message = f"known_energy is {settings.known_energy}, but {reason}: leave it out, or name another frame"
        raise SettingsError(message)
    atoms = frames[number].atoms
    missing = (energy - potential.evaluate(atoms).energy) / len(atoms)
    baseline = replace(potential.baseline, one_body_s=potential.baseline.one_body_s + missing)
    return replace(potential, baseline=baseline)


def _sampled(prepared: Preparation, rng: np.random.Generator) -> frozenset[int]:
    """Return the frames that calibrate the ensemble."""
    n_frames, n_species = prepared.surveyed.count_is.shape
    n_columns = n_species * (1 + prepared.hamiltonian.n_features)
    return sampled_frames(n_frames, 3 * int(prepared.surveyed.count_is.sum()), n_columns, rng)


def _choose(
    settings: FitSettings, frames: TrainingSet, prepared: Preparation, factors: Factors, spread_f: FloatArray
) -> Choice:
    """Return the regression, with ridges that are given or chosen."""
    weights = prepared.weights
    if settings.ridge is not None:
        return given_ridge(factors, weights, spread_f, settings.ridge)
    mixed = factors.grouping.by_system
    rng = random_stream(settings.seed, UNLABELLED)
    unlabelled = unlabelled_rows(frames, prepared.surveyed, prepared.hamiltonian, weights, rng, mixed=mixed)
    return choose_ridges(factors, weights, spread_f, unlabelled)


def _some_structures(frames: TrainingSet, prepared: Preparation) -> list[Atoms]:
    """Return the smallest structure of every stretch of the training set."""
    n_atoms_i = prepared.surveyed.count_is.sum(axis=1)
    stretches = np.array_split(np.arange(len(frames)), min(COMPRESSED_STRUCTURES, len(frames)))
    return [frames[int(stretch_i[np.argmin(n_atoms_i[stretch_i])])].atoms for stretch_i in stretches]
