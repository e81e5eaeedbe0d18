"""What random features reach on the 3D lattice, and in which time: fits of many widths, and what their time goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
from ase import Atoms
from lattice_motion import Lattice
from results_page import Clock, clocked, table

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.phase_space.initialise import initialise_network
from ase_rfhgn.fitting.accumulation import accumulate
from ase_rfhgn.fitting.grouping import Group, Grouping
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.phase_space.linear_model import PhaseSpaceModel, points_of
from ase_rfhgn.fitting.phase_space.preparation import PhaseSpaceProblem
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.fitting.targets import LABELS
from ase_rfhgn.regression.ridge import Regression
from ase_rfhgn.regression.triangular import packed
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.frame_graphs import FrameGraphs
from ase_rfhgn.structures.training_set import TrainingSet
from ase_rfhgn.systems.pair_laws import Spring

SYSTEM = Lattice((2, 2, 2), Spring(stiffness=1.0))
AXES = "mean position"
WIDTHS = (384, 64, 128)
BALANCES: tuple[tuple[int, int, int], ...] = (
    WIDTHS,
    (128, 16, 432),
    (256, 32, 288),
    (384, 176, 16),
    (448, 112, 16),
    (480, 80, 16),
    (512, 48, 16),
)
"""Units of node encoder, edge encoder and message constructor, 576 in all: balances that are tried."""

SCALES = tuple(step / 16.0 for step in range(1, 21))
"""Sizes of networks of the best balance."""

RIDGE = 1e-10
REPEATS = 5
TRAJECTORIES = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the network.

    Attributes
    ----------
    name : str
        Who set the weights.
    error : float
        Mean square error of velocities and forces on test snapshots.
    cpu, wall : float
        Seconds to reach it.
    rate : float or None
        Learning rate.
    curve : tuple of (float, float)
        CPU seconds and test errors along the way.
    shares : tuple of float
        Parts of the time of a fit: drawing the network, rows and their factorisation, coefficients.
    """

    name: str
    error: float
    cpu: float
    wall: float
    rate: float | None = None
    curve: tuple[tuple[float, float], ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Ladder:
    """Networks of growing size, of the balance of widths that predicts best.

    Attributes
    ----------
    left_out : dict
        For every balance that was tried, the mean square error on trajectories left out of the training data.
    rungs : list of Outcome
        Fits to all training data.
    """

    left_out: dict[tuple[int, int, int], float]
    rungs: list[Outcome]

    def rival(self, error: float) -> Outcome | None:
        """Return the fastest network that is, like all larger ones, at least as good as an error, if there is one."""
        good = takewhile(lambda rung: rung.error <= error, reversed(self.rungs))
        return min(good, key=lambda rung: rung.cpu, default=None)

    def report(self) -> str:
        """Return tables of the balances and of the sizes."""
        balances = [["/".join(map(str, units)), error] for units, error in self.left_out.items()]
        sizes = [[rung.name, rung.error, rung.cpu] for rung in self.rungs]
        return (
            table(["balance, units of node/edge/message", "MSE on training data left out"], balances)
            + "\n"
            + table(["size, units of node/edge/message", "test MSE", "CPU s"], sizes)
        )


def ladder_of(train: Sequence[Atoms], test: Sequence[Atoms], *, quick: bool) -> Ladder:
    """Return fits of growing size; the balance of widths is chosen without the test data.

    Parameters
    ----------
    train, test : sequence of ase.Atoms
        Labelled frames, trajectory by trajectory.
    quick : bool
        Whether to try little, in seconds.
    """
    balances, scales, n_left_out, repeats = BALANCES, SCALES, TRAJECTORIES, REPEATS
    if quick:
        balances, scales, n_left_out, repeats = BALANCES[:2], SCALES[::8], 1, 1
    left_out = {units: left_out_error(units, train, n_left_out) for units in balances}
    best = min(left_out, key=lambda units: left_out[units])
    sizes = [tuple(max(1, round(scale * width)) for width in best) for scale in scales]
    return Ladder(left_out, [random_features("swim", units, train, test, repeats) for units in sizes])


def left_out_error(units: tuple[int, ...], train: Sequence[Atoms], n_left_out: int) -> float:
    """Return the mean square error on trajectories that are left out of the fit in turn."""
    length = len(train) // TRAJECTORIES
    errors = []
    for start in range(0, n_left_out * length, length):
        left_out, rest = train[start : start + length], [*train[:start], *train[start + length :]]
        errors.append(random_features("swim", units, rest, left_out, repeats=1).error)
    return float(np.mean(errors))


def random_features(
    sampler: str, units: tuple[int, ...], train: Sequence[Atoms], test: Sequence[Atoms], repeats: int
) -> Outcome:
    """Return what random features reach: medians over several draws, from arrays in memory as PyTorch has them."""
    errors, stages = [], []
    for seed in range(repeats):
        settings = PhaseSpaceSettings(
            axes=AXES, sampler=sampler, seed=seed, node_units=units[0], edge_units=units[1], message_units=units[2]
        )
        model, coefficient_f, clocks = solved(settings, TrainingSet.open(train, closest=0.0))
        unseen = list(FrameGraphs.of(TrainingSet.open(test, closest=0.0), model.graphed))
        rows = [row_mf for by_kind in model.rows(unseen, (0,)) for row_mf in by_kind.values()]
        row_mf = np.concatenate(rows)
        errors.append(np.mean((row_mf[:, :-1] @ coefficient_f - row_mf[:, -1]) ** 2))
        stages.append([(clock.cpu, clock.wall) for clock in clocks])
    cpu, wall = np.median(np.sum(stages, axis=1), axis=0)
    shares = np.sum(stages, axis=0)[:, 0] / np.sum(stages, axis=(0, 1))[0]
    name = f"RF-HGN, {sampler.upper()} {'/'.join(map(str, units))}"
    return Outcome(name, float(np.median(errors)), float(cpu), float(wall), shares=tuple(shares.tolist()))


def solved(settings: PhaseSpaceSettings, frames: TrainingSet) -> tuple[PhaseSpaceModel, FloatArray, list[Clock]]:
    """Return a model drawn for frames, the coefficients of its linear output, and the times of three stages."""
    with single_threaded():
        prepared = PhaseSpaceProblem(settings, SYSTEM.bonds).prepare(frames, LABELS, Options())
        model, items = prepared.model, list(prepared.items)
        assert isinstance(model, PhaseSpaceModel)  # noqa: S101  # made by this problem
        with clocked() as drawing:
            sample = points_of(items[:200], model.graphs.n_dimensions)
            network = initialise_network(settings.architecture, sample, np.random.default_rng(settings.seed))
        model, everything = replace(model, network=network), Group("all", (0,))
        with clocked() as factorising:
            factors = accumulate(items, Grouping((everything,) * len(items), (), by_system=False), model)
        with clocked() as solving:
            labelled = packed(factors.rows(everything, prepared.weights))
            regression = Regression(labelled, model.prior(factors.column_norms(prepared.weights)), RIDGE)
            coefficient_f = regression.solve().coefficient_f
    return model, coefficient_f, [drawing, factorising, solving]
