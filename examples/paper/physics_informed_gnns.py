"""Ring springs and four bodies of a benchmark of physics-informed graph networks: one linear solve against three.

    python examples/paper/physics_informed_gnns.py [--quick] [--output figures]

Systems, data and errors are those of Thangamuthu et al., NeurIPS 2022 (arXiv:2211.05520). The graph networks
are small re-implementations, trained in the same run. Needs PyTorch: pip install .[bench].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ensembles import EVERY, TIME_STEP, Ensemble, runge_kutta, trajectory
from matplotlib.figure import Figure
from results_page import Options, clocked, parse, publish, table
from torch_benchmark import MODELS, Network, train

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.dynamics.integrators import Motion
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.classics import four_bodies, ring_spring
from ase_rfhgn.systems.lattices import every_pair, ring, unit_atoms
from ase_rfhgn.systems.pair_laws import InverseDistance, SquaredDistanceSpring

D = 2
ROLLOUT_STEP = 0.025
AXES = 100
"""Frames of a rollout, 0.1 units of time apart."""

SECONDS = 20.0
"""CPU seconds of training of every graph network."""

INVARIANT: dict[str, Any] = {"axes": "laboratory", "edge_inputs": ("distance",)}
RANDOM_FEATURES: dict[str, dict[str, Any]] = {
    "RF-HGN, SWIM, the paper's inputs": {},
    "RF-HGN, ELM, the paper's inputs": {"sampler": "elm"},
    "RF-HGN, SWIM, momenta and distances": {**INVARIANT, "node_inputs": ("momentum",)},
    "RF-HGN, SWIM, distances, known masses": {**INVARIANT, "node_inputs": (), "kinetic": "known"},
}


@dataclass(frozen=True, slots=True)
class Trial:
    """Fresh systems, and how they truly move."""

    start: Ensemble
    position: FloatArray
    momentum: FloatArray


@dataclass(frozen=True, slots=True)
class Task:
    """What is learned, and where it is tested."""

    name: str
    frames: list[Atoms]
    bonds: Bonds
    tests: dict[str, Trial]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Errors of a model, and what it cost."""

    task: str
    model: str
    cpu: float
    note: str
    rollout: dict[str, FloatArray]
    violation: dict[str, FloatArray]


def main() -> None:
    """Fit, train, roll out, print, draw and publish."""
    options = parse(__doc__)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    outcomes = []
    for task in (spring_task(quick=options.quick), gravity_task(quick=options.quick)):
        for name, settings in RANDOM_FEATURES.items():
            outcomes.append(fitted(task, name, settings))
        outcomes += [trained(task, name, 0.3 if options.quick else SECONDS) for name in MODELS]
    draw(outcomes, options)
    publish("physics_informed_gnns", "5. A benchmark of physics-informed graph networks", report(outcomes), options)


def rings(n_nodes: int, n_systems: int, seed: int) -> Ensemble:
    """Return random rings, as the benchmark draws them."""
    rng = np.random.RandomState(seed)
    atoms = [ring_spring(n_nodes, rng) for _ in range(n_systems)]
    position = np.array([one.positions[:, :D] for one in atoms])
    momentum = np.array([one.get_momenta()[:, :D] for one in atoms])
    return Ensemble(SquaredDistanceSpring(), ring(n_nodes), position, momentum)


def spring_task(*, quick: bool) -> Task:
    """Return rings of five nodes to learn from; fresh ones of 5, 20 and 50 to test."""
    start = rings(5, 5 if quick else 100, seed=42)
    states = trajectory(start, 20 if quick else AXES)
    frames = labelled(start, states, slice(None, None, 10))
    sizes = ((5, 2), (20, 1)) if quick else ((5, 10), (20, 5), (50, 3))
    tests = {f"N = {n}": rings(n, many, seed=1000 + n) for n, many in sizes}
    return Task("ring spring", frames, ring(5), {name: moved(start, quick=quick) for name, start in tests.items()})


def gravity_task(*, quick: bool) -> Task:
    """Return the four bodies up to some time to learn from, and later states to test."""
    atoms = four_bodies()
    start = Ensemble(InverseDistance(), every_pair(4), atoms.positions[None, :, :D], atoms.get_momenta()[None, :, :D])
    states = trajectory(start, 60 if quick else 1000)
    n_train = int(0.8 * len(states[0]))
    later = np.linspace(n_train, len(states[0]) - 1, 3 if quick else 10).astype(int)
    test = Ensemble(start.law, start.bonds, states[0][later, 0], states[1][later, 0])
    frames = labelled(start, states, slice(0, n_train))
    return Task("4-body gravity", frames, start.bonds, {"N = 4": moved(test, quick=quick)})


def moved(start: Ensemble, *, quick: bool) -> Trial:
    """Return systems with their true trajectories."""
    return Trial(start, *trajectory(start, 10 if quick else AXES))


def labelled(ensemble: Ensemble, states: tuple[FloatArray, FloatArray], chosen: slice) -> list[Atoms]:
    """Return some frames of every system as labelled atoms."""
    frames = []
    for position_snc, momentum_snc in zip(states[0][chosen], states[1][chosen], strict=True):
        force_snc = ensemble.motion(position_snc, momentum_snc)[1]
        energy_s = ensemble.energy(position_snc, 0.0 * momentum_snc)
        for system, energy in enumerate(energy_s):
            atoms = unit_atoms(position_snc.shape[1])
            atoms.positions[:, :D] = position_snc[system]
            atoms.set_momenta(in_space(momentum_snc[system]))
            atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=in_space(force_snc[system]))
            frames.append(atoms)
    return frames


def in_space(value_nc: FloatArray) -> FloatArray:
    """Return vectors of the plane with a third coordinate of zero."""
    return np.pad(value_nc, [(0, 0), (0, 3 - D)])


def fitted(task: Task, name: str, settings: dict[str, Any]) -> Outcome:
    """Return how a random-feature network does."""
    potential = fit_phase_space(task.frames, bonds=task.bonds, **settings)
    note = f"{potential.record['n_features']} features"
    return judged(task, name, potential.record["fit_cpu_seconds"], note, lambda test: learned_motion(potential, test))


def learned_motion(potential: PhaseSpacePotential, test: Ensemble) -> Motion:
    """Return velocities and forces by a learned Hamiltonian, all systems at once."""
    n_systems, n_nodes, _ = test.position.shape
    ends = np.concatenate([test.ends + n_nodes * system for system in range(n_systems)])
    kinds = np.zeros(n_systems * n_nodes, dtype=np.int64), np.ones(n_systems * n_nodes)  # one for all

    def motion(position: FloatArray, momentum: FloatArray) -> tuple[FloatArray, FloatArray]:
        flat_nc = position.reshape(-1, D)
        vector_pc = flat_nc[ends[:, 1]] - flat_nc[ends[:, 0]]
        first_i = n_nodes * np.arange(n_systems + 1)
        points = PhasePoints(flat_nc, momentum.reshape(-1, D), first_i, ends[:, 0], ends[:, 1], vector_pc, *kinds)
        said = potential.network.combination(points, potential.coefficient_f)
        velocity = momentum if potential.separable else said.momentum_ncf.reshape(position.shape)
        return velocity, -said.position_ncf.reshape(position.shape)

    return motion


def trained(task: Task, name: str, seconds: float) -> Outcome:
    """Return how a graph network trained by Adam does."""
    torch.manual_seed(0)
    model = MODELS[name](D)
    getters: Sequence[Callable[[Atoms], FloatArray]] = (
        Atoms.get_positions,
        Atoms.get_momenta,
        Atoms.get_velocities,
        Atoms.get_forces,
    )
    data = tuple(torch.tensor(np.array([get(a)[:, :D] for a in task.frames])) for get in getters)
    ends = torch.tensor(Ensemble(InverseDistance(), task.bonds, np.empty(0), np.empty(0)).ends.copy())
    with clocked() as clock:
        n_epochs = train(model, data, ends, seconds)
    return judged(task, name, clock.cpu, f"{n_epochs} epochs", lambda test: torch_motion(model, test))


def torch_motion(model: Network, test: Ensemble) -> Motion:
    """Return velocities and forces by a network of PyTorch."""
    ends = torch.tensor(test.ends.copy())

    def motion(position: FloatArray, momentum: FloatArray) -> tuple[FloatArray, FloatArray]:
        velocity, force = model.motion(torch.tensor(position), torch.tensor(momentum), ends)
        return velocity.detach().numpy(), force.detach().numpy()

    return motion


def judged(task: Task, name: str, cpu: float, note: str, motion_of: Callable[[Ensemble], Motion]) -> Outcome:
    """Return the errors of rollouts from the start of every test system."""
    rollout, violation = {}, {}
    for where, test in task.tests.items():
        rollout[where], violation[where] = rollout_errors(test, motion_of(test.start))
        print(f"{task.name}, {name}, {where}: rollout {mean(rollout[where]):.2e}, energy {mean(violation[where]):.2e}")
    return Outcome(task.name, name, cpu, note, rollout, violation)


def rollout_errors(test: Trial, motion: Motion) -> tuple[FloatArray, FloatArray]:
    """Return errors of positions and energies, of every frame and system; those of a rollout that diverged are 1."""
    start, true_position, true_momentum = test.start, test.position, test.momentum
    states = [(start.position, start.momentum)]
    with np.errstate(all="ignore"):
        for _ in range(len(true_position) - 1):
            state = states[-1]
            for _ in range(round(TIME_STEP * EVERY / ROLLOUT_STEP)):
                state = runge_kutta(motion, state, ROLLOUT_STEP)
            states.append(state)
    position, momentum = (np.array(part) for part in zip(*states, strict=True))
    true_energy, energy = start.energy(true_position, true_momentum), start.energy(position, momentum)
    size = [np.sqrt((x**2).sum(axis=(-1, -2))) for x in (position - true_position, position, true_position)]
    errors = size[0] / (size[1] + size[2]), np.abs(energy - true_energy) / (np.abs(energy) + np.abs(true_energy))
    return np.nan_to_num(errors[0][1:], nan=1.0), np.nan_to_num(errors[1][1:], nan=1.0)


def mean(error: FloatArray) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(np.maximum(error, 1e-16)))))


def report(outcomes: list[Outcome]) -> str:
    """Return the section of the page."""
    parts = []
    for task in dict.fromkeys(outcome.task for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.task == task]
        places = list(mine[0].rollout)
        head = [task, "fit, CPU s", "", *(f"rollout, {p}" for p in places), *(f"energy, {p}" for p in places)]
        rows = [
            [
                one.model,
                one.cpu,
                one.note,
                *(mean(one.rollout[p]) for p in places),
                *(mean(one.violation[p]) for p in places),
            ]
            for one in mine
        ]
        parts.append(table(head, rows))
    return f"""\
Ring: V = Σ (r² − 1)², five nodes, 100 trajectories from the benchmark's own states (seed 42), every tenth of
their 100 frames: 1000 snapshots. Four bodies: V = −Σ 1/r, the first 800 of 1000 frames of one trajectory.
Frames are 0.1 time units apart, true time step {TIME_STEP:g}. Tests: rollouts of {AXES} frames, from fresh
rings of 5, 20 and 50 nodes, and from later states of the four bodies. Errors ‖x − x̂‖/(‖x‖ + ‖x̂‖) and |H −
Ĥ|/(|H| + |Ĥ|), H the true Hamiltonian, geometric mean over frames and rollouts; 1 where a rollout diverged. All
rollouts by Runge–Kutta of order 4, step {ROLLOUT_STEP:g}. HGN, HGNN and FGNN: two hidden layers of 32, one
message pass, Adam at 1e-3, batches of 100, {SECONDS:g} CPU s each (the benchmark: 10 000 epochs). Paper: RF-HGN
2–5 s, seven models 400–53 000 s.

{"".join(part + chr(10) for part in parts)}"""


def draw(outcomes: list[Outcome], options: Options) -> None:
    """Save rollout and energy errors against time."""
    places = [(one.task, place) for one in outcomes[:: len(outcomes) // 2][:2] for place in one.rollout]
    figure = Figure(figsize=(3.2 * len(places), 6.0), layout="constrained")
    for column, (task, place) in zip(figure.subplots(2, len(places), sharex=True, sharey="row").T, places, strict=True):
        for number, one in enumerate(o for o in outcomes if o.task == task):
            style = "-" if one.model.startswith("RF") else "--"
            for axes, errors in zip(column, (one.rollout[place], one.violation[place]), strict=True):
                seconds = 0.1 * np.arange(1, len(errors) + 1)
                average = np.exp(np.log(np.maximum(errors, 1e-16)).mean(axis=1))
                axes.semilogy(seconds, average, style, color=f"C{number}", label=one.model)
        column[0].set_title(f"{task}, {place}")
        column[1].set_xlabel("time")
    figure.axes[0].set_ylabel("rollout error")
    figure.axes[len(places)].set_ylabel("energy error")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
    figure.savefig(options.output / "physics_informed_gnns.png", dpi=120)


if __name__ == "__main__":
    main()
