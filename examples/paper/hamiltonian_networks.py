"""Hamiltonian networks of textbook systems: what stays constant along a learned motion of 100 periods.

    python examples/paper/hamiltonian_networks.py [--quick] [--output figures]

Harmonic motion, pendulum, Kepler's problem and the chain of Fermi, Pasta, Ulam and Tsingou are learned
from snapshots, by random features in one linear solve and by a network that Adam trains, and then
integrated by Störmer–Verlet. Energy, angular momentum and the Laplace–Runge–Lenz vector are the true ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from results_page import Options, clocked, parse, publish, table
from textbook_systems import System, systems

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.dynamics.drivers import StormerVerlet
from ase_rfhgn.errors import IntegrationError
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a motion keeps what should be constant.

    Attributes
    ----------
    system, model : str
        Which motion.
    cpu_seconds : float
        What learning cost.
    periods : float
        Periods that were followed; fewer than asked for where a step could not be solved.
    drift_t : dict
        Deviations of the true invariants at every step, in units of their size at the start.
    """

    system: str
    model: str
    cpu_seconds: float
    periods: float
    drift_t: dict[str, FloatArray]


EXPLANATION = """
Learned from snapshots with exact velocities and forces: 1000 random states of one coordinate for harmonic motion
(q, p up to 2) and the pendulum (angle up to 3, p up to 2); 100 orbits of 20 frames with eccentricities up to 0.5
and semi-major axes 0.8 to 1.2 for Kepler, the orbit followed having 0.3 and 1; 100 trajectories of 20 frames from
displacements and momenta up to 0.6 for the chain of Fermi, Pasta, Ulam and Tsingou (8 nodes between fixed ends, α =
¼, β = 0), followed from its first normal mode of amplitude 1. All constants and masses are 1.

RF-HNN: one hidden layer of SWIM units on all coordinates, 200 for one coordinate, 1024 for Kepler. RF-HGN, where
there are bonds: nodes see momenta and edges distances, 128 units each. HNN: two layers of 128 tanh units on
standardised coordinates, Adam with batches of 256 and a rate falling from 1e-3 to 0, 15 CPU seconds. Kinetic
energies are learned by all. Störmer–Verlet, implicit for learned Hamiltonians, with 20 to 60 steps per period.
Deviations of the true quantities are the largest along the motion, in units of their size at the start. The row
"truth" is what the time step alone does to them; the other rows are deviations from that motion, what learning adds.
"""


FINDINGS = """
Random features add less than the time step does for harmonic motion, the pendulum, the chain, and Kepler's problem with
two bodies and a bond: there the force is a function of one distance. Without a graph, the whole field has to be
learned in four coordinates; then the body of RF-HNN meets errors near the centre, and leaves after nine periods, and
that of the HNN stays on a bound orbit that turns.
"""


def main() -> None:
    """Learn, follow, print, draw and publish."""
    options = parse(__doc__)
    outcomes = [outcome for system in systems() for outcome in outcomes_of(system, quick=options.quick)]
    draw(outcomes, options)
    publish("hamiltonian_networks", "7. Hamiltonian networks of textbook systems", report(outcomes), options)


def outcomes_of(system: System, *, quick: bool) -> Iterator[Outcome]:
    """Yield how the true and the learned motions keep their invariants."""
    n_steps = 3 if quick else 100 * system.steps
    frames = system.frames(np.random.default_rng(1), 2 if quick else 100)
    truth = invariants_along(system, system.start.calc, n_steps)
    at_start = {name: np.broadcast_to(value[0], value.shape) for name, value in truth.items()}
    yield outcome_of(system, "truth", 0.0, truth, at_start)
    with clocked() as clock:
        potential = fit_phase_space(
            frames,
            bonds=system.bonds,
            dimensions=system.dimensions,
            **system.settings,
            **widths(system, quick=quick),
        )
    learned = invariants_along(system, RFHGNCalculator(potential, bonds=system.bonds), n_steps)
    yield outcome_of(system, system.model, clock.cpu, learned, truth)
    if find_spec("torch") is None:
        print("torch is not installed: no gradient-trained network")
        return
    from torch_hnn import train  # noqa: PLC0415  # torch is optional

    with clocked() as clock:
        network = train(frames, system.dimensions, seconds=0.1 if quick else 15.0)
    yield outcome_of(system, "HNN, Adam", clock.cpu, invariants_along(system, network, n_steps), truth)


def widths(system: System, *, quick: bool) -> dict[str, Any]:
    """Return the units of the layers of a random-feature model."""
    if system.bonds is None:
        return {"node_units": 50 if quick else 200 if system.dimensions == 1 else 1024}
    return dict.fromkeys(("node_units", "edge_units", "message_units"), 16 if quick else 128)


def invariants_along(system: System, calculator: object, n_steps: int) -> dict[str, FloatArray]:
    """Return the true invariants at every step of a motion, which ends where a step cannot be solved."""
    moving, truth = system.start.copy(), system.start.copy()
    moving.calc, truth.calc = calculator, system.start.calc
    records: list[dict[str, FloatArray]] = []
    try:
        for _ in StormerVerlet(moving, system.period / system.steps, tolerance=1e-7).irun(n_steps):
            truth.positions = moving.positions
            truth.set_momenta(moving.get_momenta(), apply_constraint=False)
            records.append(system.invariants(truth))
    except IntegrationError as error:
        print(f"{system.name}: {error}")
    return {name: np.array([record[name] for record in records]) for name in records[0]}


def outcome_of(
    system: System, model: str, cpu_seconds: float, values: dict[str, FloatArray], reference: dict[str, FloatArray]
) -> Outcome:
    """Return the deviations of invariants from a reference, relative to their size at the start."""
    drift_t = {
        name: np.linalg.norm(value - reference[name][: len(value)], axis=1) / np.linalg.norm(reference[name][0])
        for name, value in values.items()
    }
    return Outcome(system.name, model, cpu_seconds, (len(values["energy"]) - 1) / system.steps, drift_t)


def report(outcomes: list[Outcome]) -> str:
    """Return the section of the page of results."""
    head = ["system", "model", "learning, CPU s", "periods", "energy", "angular momentum", "Laplace–Runge–Lenz"]
    rows = [
        (
            one.system,
            one.model,
            one.cpu_seconds or None,
            f"{one.periods:.3g}",
            *(worst(one, name) for name in ("energy", "angular momentum", "Laplace-Runge-Lenz")),
        )
        for one in outcomes
    ]
    return f"{EXPLANATION.strip()}\n\n{table(head, rows)}{FINDINGS}"


def worst(outcome: Outcome, name: str) -> float | None:
    """Return the largest deviation of an invariant."""
    return float(outcome.drift_t[name].max()) if name in outcome.drift_t else None


def draw(outcomes: list[Outcome], options: Options) -> None:
    """Save a figure: a panel per system with the error of the energy, and one with the Laplace–Runge–Lenz vector."""
    panels = [(name, "energy") for name in dict.fromkeys(one.system for one in outcomes)]
    panels += [("Kepler", "Laplace-Runge-Lenz")]
    figure = Figure(figsize=(12.0, 6.4), layout="constrained")
    for number, (system, invariant) in enumerate(panels, start=1):
        axes = figure.add_subplot(2, 3, number)
        for one in outcomes:
            if one.system == system:
                drift_t = one.drift_t[invariant]
                axes.semilogy(
                    np.linspace(0.0, one.periods, len(drift_t))[1:], drift_t[1:], label=one.model, linewidth=0.7
                )
        axes.set(title=system, xlabel="periods", ylabel=f"relative error, {invariant}")
        if number == 1:
            axes.legend(fontsize="small")
    figure.savefig(options.output / "hamiltonian_networks.png", dpi=150)


if __name__ == "__main__":
    main()
