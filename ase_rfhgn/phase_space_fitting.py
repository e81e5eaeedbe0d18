"""Fitting a Hamiltonian of positions and momenta to snapshots of motion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, StructureError, TrainingDataError
from ase_rfhgn.graph import Bonds
from ase_rfhgn.grouping import folds_in_turn
from ase_rfhgn.hamiltonian.encoding import EDGE_INPUTS
from ase_rfhgn.hamiltonian.phase_points import joined
from ase_rfhgn.hamiltonian.phase_space import Network
from ase_rfhgn.phase_space_drawing import draw_network
from ase_rfhgn.phase_space_equations import Snapshot, batches, motion_rows, snapshot_of
from ase_rfhgn.phase_space_potential import PhaseSpacePotential
from ase_rfhgn.phase_space_settings import PhaseSpaceSettings
from ase_rfhgn.progress import tracked
from ase_rfhgn.random_streams import SNAPSHOTS, random_stream
from ase_rfhgn.ridge import RunningFactor, choose_ridge, leave_one_out, residual, solve, stack
from ase_rfhgn.stopwatch import Stopwatch
from ase_rfhgn.threads import single_threaded
from ase_rfhgn.training_set import Frame, TrainingSet

RIDGES = tuple(10.0**power for power in range(-18, 1, 2))
"""Ridges that are tried."""

DEFAULT_RIDGE = 1e-10
"""Ridge where there are too few frames to leave any out."""

SAMPLE = 200
"""Frames that SWIM chooses from, at most."""


def fit_phase_space(
    frames: str | Path | Iterable[Atoms] | TrainingSet,
    *,
    bonds: Bonds | Sequence[Bonds] | None = None,
    cutoff: float | None = None,
    smooth_cutoff: bool = False,
    network: str = "graph",
    kinetic: str = "learned",
    frame: str = "nearest node",
    node_inputs: tuple[str, ...] | None = None,
    edge_inputs: tuple[str, ...] = EDGE_INPUTS,
    sampler: str = "swim",
    node_units: int | None = None,
    edge_units: int | None = None,
    message_units: int | None = None,
    dimensions: int | None = None,
    known_energy: float | None = None,
    ridge: float | None = None,
    seed: int = 0,
    progress: bool = False,
) -> PhaseSpacePotential:
    """Return a Hamiltonian of positions and momenta, fitted to Hamilton's equations in one linear solve.

    Parameters
    ----------
    frames : path, iterable of ase.Atoms, or TrainingSet
        Structures with momenta and forces. Velocities are momenta over masses, or an array
        "hamiltonian_velocities" of the structure.
    bonds : Bonds, or a sequence of them, one per frame, optional
        Edges of a graph that does not change with the positions.
    cutoff : float, optional
        Instead of bonds, the distance up to which two atoms have an edge (Å).
    smooth_cutoff : bool
        Whether messages vanish smoothly at the cutoff; otherwise, as in the paper, the energy jumps
        where an edge appears.
    network : {"graph", "vector"}
        The graph network of the paper (RF-HGN), or one hidden layer on all atoms at once (RF-HNN).
    kinetic : {"learned", "known"}
        Whether H(q, p) is learned whole, or only V(q) of H = p²/2m + V with the masses of the atoms;
        the latter is separable, so that any driver of ASE can run it.
    frame : {"nearest node", "mean position", "laboratory"}
        Frame in which positions, momenta and displacements are seen: that of the paper; with the axes
        of the coordinates; or coordinates as they are.
    node_inputs : tuple of {"position", "momentum"}, optional
        Inputs of the node encoder; by default both, or only positions for a known kinetic energy.
    edge_inputs : tuple of {"displacement", "distance"}
        Inputs of the edge encoder.
    sampler : {"swim", "elm"}
        How dense layers are drawn: through pairs of data points, or blindly.
    node_units, edge_units, message_units : int, optional
        Widths of node encoder, edge encoder and message constructor; by default 128, 64 and 256. The
        hidden layer of a vector network has `node_units`, by default 512.
    dimensions : int, optional
        Coordinates that exist; by default those that are not zero in all frames that SWIM sees.
    known_energy : float, optional
        Energy H of the first frame (eV); by default its potential plus its kinetic energy if it has
        an energy, else zero.
    ridge : float, optional
        Strength of the l2 regularisation, relative to the mean square of a column; by default chosen
        by cross-validation.
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
    RF-HGN, arXiv:2506.06558; RF-HNN, arXiv:2411.17511. Both halves of Hamilton's equations are
    measured in their root mean squares. The paper's frame makes the energy jump when another node
    becomes the nearest to the mean position, and is undefined when that node sits on it (the centre
    of an odd lattice at rest): such frames are refused.
    """
    settings = PhaseSpaceSettings(
        network=network,
        kinetic=kinetic,
        frame=frame,
        node_inputs=node_inputs,
        edge_inputs=edge_inputs,
        sampler=sampler,
        node_units=node_units,
        edge_units=edge_units,
        message_units=message_units,
        cutoff=cutoff,
        smooth_cutoff=smooth_cutoff,
        dimensions=dimensions,
        known_energy=known_energy,
        ridge=ridge,
        seed=seed,
    )
    stopwatch = Stopwatch()
    training_set = frames if isinstance(frames, TrainingSet) else TrainingSet.open(frames, closest=0.0)
    if isinstance(bonds, Sequence) and len(bonds) != len(training_set):
        message = f"bonds has {len(bonds)} entries for {len(training_set)} frames: give one for all, or one for each"
        raise SettingsError(message)
    with single_threaded():
        potential = _fit(settings, _Motion(training_set, bonds, settings), progress=progress)
    return replace(potential, record=potential.record | stopwatch.times())


class _Motion:
    """Frames as snapshots of as many dimensions as there are; a few of them are read in advance."""

    def __init__(
        self, frames: TrainingSet, bonds: Bonds | Sequence[Bonds] | None, settings: PhaseSpaceSettings
    ) -> None:
        self.frames = frames
        self._bonds = bonds
        self._settings = settings
        count = min(SAMPLE, len(frames))
        chosen_i = random_stream(settings.seed, SNAPSHOTS).permutation(len(frames))[:count]
        chosen = {int(i): frames[int(i)] for i in {0, *chosen_i.tolist()}}
        self.first = chosen[0]
        self.n_dimensions = settings.dimensions or _dimensions(chosen.values())
        self.sample = [self._snapshot(i, chosen[i]) for i in sorted(chosen)]

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Snapshot]:
        if len(self.sample) == len(self.frames):  # there is nothing left to read
            yield from self.sample
            return
        for i, frame in enumerate(self.frames):
            yield self._snapshot(i, frame)

    def _snapshot(self, i: int, frame: Frame) -> Snapshot:
        bonds = self._bonds[i] if isinstance(self._bonds, Sequence) else self._bonds
        return snapshot_of(frame, self._settings, self.n_dimensions, bonds)


@dataclass(frozen=True, slots=True)
class _Solution:
    coefficient_f: FloatArray
    ridge: float
    choice: str
    train_rms: float


def _fit(settings: PhaseSpaceSettings, motion: _Motion, *, progress: bool) -> PhaseSpacePotential:
    numbers = sorted({int(number) for number in motion.first.atoms.numbers})
    if len(numbers) > 1 and settings.network == "graph":
        message = f"{motion.first.name}: several elements {numbers}, but the network does not tell nodes apart"
        raise TrainingDataError(message)
    sample = joined([snapshot.points for snapshot in motion.sample])
    try:
        drawn = draw_network(settings, sample, random_stream(settings.seed))
    except StructureError as error:
        message = f"{motion.frames.name}: {error}"
        raise TrainingDataError(message) from error
    factors = _factors(settings, drawn, motion, progress=progress)
    solution = _solve(factors, settings.ridge)
    return PhaseSpacePotential(
        network=drawn,
        coefficient_f=solution.coefficient_f,
        constant=_constant(settings, motion, drawn, solution.coefficient_f),
        n_dimensions=motion.n_dimensions,
        species_s=np.array(numbers),
        cutoff=settings.cutoff,
        separable=settings.kinetic == "known",
        record={
            "settings": settings.as_dict(),
            "n_frames": len(motion),
            "n_features": drawn.n_features,
            "ridge": solution.ridge,
            "ridge_choice": solution.choice,
            "train_relative_rms": solution.train_rms,
        },
    )


def _dimensions(frames: Iterable[Frame]) -> int:
    """Return how many coordinates are in use: all up to the last that is not zero somewhere."""
    used_c = np.zeros(3, dtype=bool)
    for frame in frames:
        used_c |= np.any(frame.atoms.positions, axis=0) | np.any(frame.atoms.get_momenta(), axis=0)
    return int(np.flatnonzero(used_c).max(initial=0)) + 1


def _factors(settings: PhaseSpaceSettings, network: Network, motion: _Motion, *, progress: bool) -> list[FloatArray]:
    """Return the triangular factors of all rows: one per fold of frames, or one where the ridge is given."""
    velocity_unit = _spread([s.velocity_nc for s in motion.sample]) if settings.kinetic == "learned" else None
    force_unit = _spread([s.force_nc for s in motion.sample])
    fold_i = folds_in_turn(len(motion)) if settings.ridge is None else np.zeros(len(motion), dtype=np.int64)
    n_folds = 1 + int(fold_i.max(initial=0))
    column_f = np.arange(network.n_features + 1)
    running = [RunningFactor(column_f) for _ in range(n_folds)]
    waiting: list[list[Snapshot]] = [[] for _ in range(n_folds)]
    for i, snapshot in enumerate(tracked(motion, "features", total=len(motion), shown=progress)):
        fold = fold_i[i]
        waiting[fold].append(snapshot)
        *full, waiting[fold] = batches(waiting[fold], network.n_features)
        for batch in full:
            running[fold].add(motion_rows(network, batch, velocity_unit, force_unit))
    for factor, rest in zip(running, waiting, strict=True):
        for batch in batches(rest, network.n_features):
            factor.add(motion_rows(network, batch, velocity_unit, force_unit))
    return [factor.factor().full(network.n_features) / np.sqrt(max(1, factor.n_rows)) for factor in running]


def _solve(triangles: Sequence[FloatArray], ridge: float | None) -> _Solution:
    """Return the coefficients for a ridge that is given, or chosen by leaving out folds of frames."""
    everything_ff = stack(triangles)
    n_features = len(everything_ff) - 1
    norm = np.sqrt(np.sum(everything_ff[:, :-1] ** 2) / max(1, n_features))
    spread_f = np.full(n_features, 1.0 / norm if norm > 0.0 else 1.0)
    choice = "given"
    if ridge is None and len(triangles) > 1:
        ridge = choose_ridge(leave_one_out(triangles), triangles, spread_f, RIDGES).ridge
        choice = "cross-validation"
    elif ridge is None:
        ridge, choice = DEFAULT_RIDGE, "default: too few frames to leave any out"
    coefficient_f = solve(everything_ff, spread_f, ridge)
    size = max(float(np.sum(everything_ff[:, -1] ** 2)), np.finfo(float).tiny)
    return _Solution(coefficient_f, ridge, choice, float(np.sqrt(residual(everything_ff, coefficient_f) / size)))


def _constant(settings: PhaseSpaceSettings, motion: _Motion, network: Network, coefficient_f: FloatArray) -> float:
    """Return the constant that gives the first frame its known energy."""
    kinetic = float(motion.first.atoms.get_kinetic_energy())
    known = settings.known_energy
    if known is None:
        known = 0.0 if motion.first.energy is None else motion.first.energy + kinetic
    learned = float(network.combination(motion.sample[0].points, coefficient_f).value_if[0, 0])
    return float(known) - learned - (kinetic if settings.kinetic == "known" else 0.0)


def _spread(values: Sequence[FloatArray]) -> float:
    """Return the root mean square of numbers; one where all are zero."""
    square = float(np.mean(np.concatenate([value.ravel() for value in values]) ** 2))
    return np.sqrt(square) if square > 0.0 else 1.0
