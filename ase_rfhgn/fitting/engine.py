"""The engine of every fit: targets → pass → ridge → solution → model, for models linear in their coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np

from ase_rfhgn.arrays import IntArray
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.diagnosis import diagnosed
from ase_rfhgn.fitting.far_lessons import DisplacedRows
from ase_rfhgn.fitting.grouping import Grouping
from ase_rfhgn.fitting.label_use import group_weights_i, label_record
from ase_rfhgn.fitting.linear_model import LinearModel, Solution
from ase_rfhgn.fitting.linear_system import recorded_system
from ase_rfhgn.fitting.motion.equations import HamiltonianMotion, Motion
from ase_rfhgn.fitting.motion.noise import weighted_for_noise
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.record import training_record
from ase_rfhgn.fitting.ridge_choice import Choice, choose_ridges, given_ridge, left_out_rmse, taught_by_low_orders
from ase_rfhgn.fitting.robust_weights import LOSS, left_out_squares, left_out_weights
from ase_rfhgn.fitting.row_weights import FrameWeights, RowWeights
from ase_rfhgn.fitting.rows_in_chunks import Accumulation, accumulated
from ase_rfhgn.fitting.stability import is_sound, warn_of_dynamics
from ase_rfhgn.fitting.target_choice import choose_targets
from ase_rfhgn.fitting.target_settings import TargetSettings
from ase_rfhgn.fitting.targets import Labels, Targets
from ase_rfhgn.fitting.uncertainty import interval_scales, sampled_frames, sampled_members
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.regression.triangular import Factor
from ase_rfhgn.runtime.progress import log, stage
from ase_rfhgn.runtime.random_streams import ENSEMBLE, random_stream
from ase_rfhgn.runtime.stopwatch import Stopwatch
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.doctor.facts import FrameFacts
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.frame_graphs import FrameGraphs
from ase_rfhgn.structures.training_set import TrainingSet

Unlabelled: TypeAlias = tuple[Factor | None, Factor | None]
"""Rows of unlabelled structures, near the data and far away."""

NOTHING: Unlabelled = (None, None)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Preparation of a fit, before it makes its rows.

    Attributes
    ----------
    model : LinearModel
        The model whose coefficients are solved for.
    items : FrameGraphs
        The frames with their graphs.
    grouping : Grouping
        Groups of frames.
    weights : mapping of str to float
        Weight of every kind of rows.
    row_weights : FrameWeights
        Weights of single frames and components, relative to these.
    targets : Targets
        Labels, or equations of motion.
    species_s : ndarray of shape (n_species,)
        Atomic numbers that occur, ascending.
    n_atoms_i : ndarray of shape (n_frames,)
        Approximate number of atoms of every frame.
    energies : {"absolute", "relative"}
        Whether energies are absolute, or relative to isolated atoms.
    facts : tuple of FrameFacts
        Facts about the frames and their labels.
    suspicions : tuple of Suspicion
        What looked wrong about them, and was told.
    """

    model: LinearModel
    items: FrameGraphs
    grouping: Grouping
    weights: Mapping[str, float]
    row_weights: FrameWeights
    targets: Targets
    species_s: IntArray
    n_atoms_i: IntArray
    energies: str
    facts: tuple[FrameFacts, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()


class Problem(Protocol):
    """A kind of model and its settings, as `fit_model` needs them."""

    @property
    def settings(self) -> TargetSettings:
        """Settings of the fit."""

    @property
    def ridge(self) -> float | None:
        """The ridge, if it is given."""

    @property
    def seed(self) -> int:
        """Seed of all random numbers."""

    def prepare(self, frames: TrainingSet, targets: Labels | Motion, options: Options) -> Prepared:
        """Return the preparation of the fit, before it makes its rows."""

    def unlabelled(self, prepared: Prepared) -> Factor | None:
        """Return the factor of the rows of unlabelled structures, if there are any."""

    def far(self, prepared: Prepared, domain: Domain | None) -> Factor | None:
        """Return the factor of the rows of structures far away from the domain of the frames, if there are any."""

    def displaced(self, prepared: Prepared, domain: Domain | None) -> DisplacedRows:
        """Return the rows of frames displaced far beyond the domain of the frames."""

    def completed(self, model: AnyModel, prepared: Prepared) -> AnyModel:
        """Return the model with its last parts, such as repulsion and the constant of a known energy."""


def fit_model(problem: Problem, frames: TrainingSet, options: Options) -> AnyModel:
    """Return the model of a kind that reproduces frames best.

    Parameters
    ----------
    problem : Problem
        Kind of model and settings.
    frames : TrainingSet
        Labelled structures, or frames of a run.
    options : Options
        How the fit is carried out.

    Raises
    ------
    SettingsError
        If settings contradict the frames.
    TrainingDataError
        If a frame cannot be used; the message names it.
    """
    stopwatch = Stopwatch()
    with single_threaded():
        targets = choose_targets(problem.settings, frames)
        _refuse_contradictions(problem.settings, frames, targets, options)
        weight_i = group_weights_i(frames, problem.settings.group_weights)
        if isinstance(targets, Motion):
            frames = frames.without_labels()
        else:
            targets = replace(targets, threads=1 if options.workers else options.threads)
        prepared = problem.prepare(frames, targets, options)
        prepared = replace(prepared, row_weights=prepared.row_weights.times(weight_i))
        needless = problem.settings.needless_for(targets.description)
        log(f"{frames.name}: fitted to {targets.description}{needless}", shown=options.progress)
        model = _solved(problem, prepared, options)
        weighted = _weighted_for_noise(prepared, model)
        if weighted is not None:
            model = _solved(problem, replace(prepared, targets=weighted), options)
    warn_of_dynamics(model.record)
    record = {"targets": prepared.targets.description, "energies": prepared.energies}
    return replace(model, record=model.record | record | stopwatch.times())


def _refuse_contradictions(
    settings: TargetSettings, frames: TrainingSet, targets: Labels | Motion, options: Options
) -> None:
    """Refuse settings that the frames contradict, before any work is done."""
    if options.updatable and isinstance(targets, Motion):
        message = "updatable is for fits to labels: equations of motion join frames, which cannot be removed one by one"
        raise SettingsError(message)
    if options.workers and isinstance(targets, Motion):
        message = "client is for fits to labels: equations of motion join frames, which cannot be shared; leave it out"
        raise SettingsError(message)
    if settings.group_weights and isinstance(targets, Motion):
        message = "group_weights are for fits to labels: equations of motion join frames; leave them out"
        raise SettingsError(message)
    known = settings.known_energy
    if known is None:
        return
    if known[0] >= len(frames):
        message = f"known_energy is {known}, but there are {len(frames)} frames: leave it out, or name another frame"
        raise SettingsError(message)
    if isinstance(targets, Labels) and settings.uses_energies and any(frame.energy is not None for frame in frames):
        message = f"known_energy is {known}, but the frames have energies: leave it out"
        raise SettingsError(message)


def _solved(problem: Problem, prepared: Prepared, options: Options) -> AnyModel:
    """Return the completed model that reproduces the targets best, and stays whole in short dynamics."""
    model, weights = prepared.model, prepared.weights
    rng = random_stream(problem.seed, ENSEMBLE)
    n_originals, n_rows = len(prepared.grouping.originals), 3 * int(prepared.n_atoms_i.sum())
    chosen = sampled_frames(n_originals, n_rows, model.layout.n_columns, rng)
    sampled = frozenset(prepared.grouping.with_copies(chosen))

    def weighted(row_weights: RowWeights) -> Factors:
        task = Accumulation(model, prepared.grouping, sampled, prepared.targets, problem.seed, row_weights)
        return accumulated(task, prepared.items, prepared.n_atoms_i.tolist(), options)

    equal = weighted(prepared.row_weights)
    if not any(weight > 0.0 and equal.n_rows(kind) for kind, weight in weights.items()):
        message = f"{prepared.items.frames.name}: all labels of the frames have zero weight; the weights are {weights}"
        raise SettingsError(message)
    assert equal.sites is not None  # noqa: S101  # a pass makes them
    domain, unlabelled = equal.sites.domain(), NOTHING
    if problem.ridge is None:
        with stage("unlabelled structures", shown=options.progress):
            unlabelled = problem.unlabelled(prepared), problem.far(prepared, domain)
    factors, choice = _robust(problem, prepared, equal, weighted, unlabelled, shown=options.progress)
    with stage("second opinions about the labels", shown=options.progress):
        suspicions = diagnosed(prepared.facts, prepared.suspicions, model, equal, choice, prepared.items, weights)

    def completed(choice: Choice) -> AnyModel:
        with stage("solution and uncertainties", shown=options.progress):
            solution = _solution(prepared, options, factors, choice, rng)
        record = training_record(problem.settings, prepared.species_s, equal, choice, solution.coefficient_f)
        record |= {"weights": dict(weights), "suspicions": suspicions}
        record |= label_record(factors.use_i, factors.weight_i, weights)
        with stage("repulsion and stability", shown=options.progress):
            return problem.completed(model.finish(replace(solution, record=record)), prepared)

    found = completed(choice)
    if unlabelled[1] is None or is_sound(found):
        return found
    # Displaced frames cost time, and where a potential is sound their answers would cost accuracy.
    with stage("displaced structures", shown=options.progress):
        displaced = problem.displaced(prepared, domain)
    taught = taught_by_low_orders(choice, displaced, mixed=prepared.grouping.by_system)
    return next((model for model in map(completed, taught) if is_sound(model)), found)


def _solution(
    prepared: Prepared, options: Options, factors: Factors, choice: Choice, rng: np.random.Generator
) -> Solution:
    """Return the solution of a regression whose ridges were chosen, with its uncertainties."""
    model, solved = prepared.model, choice.regression.solve()
    reduced = solved.restricted(model.reduced_columns)
    member_ef = sampled_members(reduced, rng)
    scales = interval_scales(member_ef, choice.regression, solved, reduced, factors, prepared.weights, model)
    assert factors.sites is not None  # noqa: S101  # a pass makes them
    return Solution(
        coefficient_f=solved.coefficient_f,
        member_ef=member_ef,
        interval_scale=scales,
        domain=factors.sites.domain(),
        linear_system=_system_arrays(prepared, factors, choice) if options.updatable else None,
    )


def _robust(
    problem: Problem,
    prepared: Prepared,
    equal: Factors,
    passed: Callable[[RowWeights], Factors],
    unlabelled: Unlabelled,
    *,
    shown: bool,
) -> tuple[Factors, Choice]:
    """Return rows and their regression, with smaller weights of frames that are hard to predict where this helps."""
    with stage("choice of the ridge", shown=shown):
        first = _choose(problem, prepared, equal, unlabelled)
    row_weights = left_out_weights(equal, first, prepared.weights, prepared.row_weights)
    if problem.ridge is not None or row_weights is None:
        return equal, first
    factors = passed(row_weights)
    with stage("choice of the ridge", shown=shown):
        second = _choose(problem, prepared, factors, unlabelled)
    weights = prepared.weights
    if left_out_squares(equal, second, weights) > LOSS * left_out_squares(equal, first, weights):
        return equal, first
    return factors, replace(second, cross_validation=left_out_rmse(equal, second.left_out_f))


def _choose(problem: Problem, prepared: Prepared, factors: Factors, unlabelled: Unlabelled) -> Choice:
    """Return the regression, with ridges that are given or chosen."""
    model, weights = prepared.model, prepared.weights
    spread_f = model.prior(factors.column_norms(weights))
    if problem.ridge is not None:
        return given_ridge(factors, weights, spread_f, problem.ridge)
    return choose_ridges(factors, weights, spread_f, model.search, *unlabelled)


def _system_arrays(prepared: Prepared, factors: Factors, choice: Choice) -> dict[str, Any]:
    """Return the arrays of the linear system, for updates of the model."""
    component_v, regression = prepared.row_weights.component_v, choice.regression
    return recorded_system(factors, regression, prepared.weights, prepared.model, component_v).as_arrays()


def _weighted_for_noise(prepared: Prepared, model: AnyModel) -> Targets | None:
    """Return equations of motion with smaller weights where noise is strong, None without noise."""
    targets = prepared.targets
    motion = targets.force if isinstance(targets, HamiltonianMotion) else targets
    if not isinstance(motion, Motion):
        return None
    weighted = weighted_for_noise(motion, prepared.items, lambda item: prepared.model.forces(model, item))
    return replace(targets, force=weighted) if isinstance(targets, HamiltonianMotion) and weighted else weighted
