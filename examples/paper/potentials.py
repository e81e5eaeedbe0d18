"""Three potentials between neighbours, learned by the same network: SWIM, ELM, and all weights by Adam.

    python examples/paper/potentials.py [--quick] [--output figures]

A plane lattice of 3×3 nodes is coupled by springs, by anharmonic springs or by Morse bonds. Adam needs
PyTorch: pip install .[bench].
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from lattice_motion import Lattice, MotionErrors, errors_of, training_frames
from matplotlib.figure import Figure
from results_page import Options, clocked, parse, publish, table

from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.systems.pair_laws import AnharmonicSpring, Morse, Spring

AXES = "mean position"
N_FRAMES = 10
"""Frames of a trajectory."""


@dataclass(frozen=True, slots=True)
class Case:
    """A potential, and what the paper reports for it.

    Attributes
    ----------
    name, formula : str
        Its name and its parameters.
    system : Lattice
        Lattice with this potential.
    reach : float
        Largest displacement and momentum, per coordinate, at the start of a trajectory.
    paper : dict
        Errors in the paper, by method.
    """

    name: str
    formula: str
    system: Lattice
    reach: float
    paper: dict[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How well a method learned a potential.

    Attributes
    ----------
    case : Case
        Which potential.
    method : str
        Adam, ELM or SWIM.
    errors : MotionErrors
        Errors on test trajectories.
    cpu_seconds : float
        What learning cost; pilots for the learning rate not counted.
    """

    case: Case
    method: str
    errors: MotionErrors
    cpu_seconds: float


CASES = (
    Case(
        "spring",
        "½βr², β = 1, r the difference of displacements",
        Lattice((3, 3), Spring(stiffness=1.0)),
        1.0,
        {"Adam": 3.88e-3, "ELM": 2.33e-3, "SWIM": 3.41e-5},
    ),
    Case(
        "anharmonic",
        "½kr² + ¼βr⁴, k = 1, β = ½, r the difference of displacements",
        Lattice((3, 3), AnharmonicSpring(stiffness=1.0, quartic=0.5)),
        1.0,
        {"Adam": 4.56e-2, "ELM": 4.32e-2, "SWIM": 5.23e-4},
    ),
    Case(
        "Morse",
        "D(1 − exp(−a(r − r₀)))², D = 1, a = 1, r₀ = 1, r the distance of nodes, sites one apart",
        Lattice((3, 3), Morse(depth=1.0, steepness=1.0, rest_length=1.0), spacing=1.0),
        0.25,
        {"Adam": 8.89e-2, "ELM": 7.40e-4, "SWIM": 1.22e-3},
    ),
)


def main() -> None:
    """Fit, train, print, draw and publish."""
    options = parse(__doc__)
    outcomes = [outcome for case in CASES for outcome in outcomes_of(case, quick=options.quick)]
    draw(outcomes, options)
    publish("potentials", "3. Springs, anharmonic springs and Morse bonds", report(outcomes), options)


def outcomes_of(case: Case, *, quick: bool) -> list[Outcome]:
    """Return how well each method learns a potential from the same frames."""
    train, test = (
        training_frames(case.system, np.random.default_rng(seed), n_trajectories=n, n_frames=N_FRAMES, reach=case.reach)
        for seed, n in ((1, 2 if quick else 40), (2, 1 if quick else 10))
    )
    widths = (24, 8, 16) if quick else (384, 128, 256)
    outcomes = []
    for sampler in ("swim", "elm"):
        with clocked() as clock:
            potential = fit_phase_space(
                train,
                bonds=case.system.bonds,
                dimensions=2,
                axes=AXES,
                sampler=sampler,
                node_units=widths[0],
                edge_units=widths[1],
                message_units=widths[2],
            )
        outcomes.append(Outcome(case, sampler.upper(), errors_of(potential, test, case.system.bonds), clock.cpu))
    if find_spec("torch") is None:
        print("torch is not installed: no network trained by Adam")
        return outcomes
    from torch_adam import trained  # noqa: PLC0415  # torch is optional

    errors, seconds = trained(case.system, train, test, widths, AXES, seconds=0.2 if quick else 30.0)
    return [*outcomes, Outcome(case, "Adam", errors, seconds)]


def report(outcomes: list[Outcome]) -> str:
    """Return the section of the page of results."""
    head = ["potential", "method", "velocity", "force", "test MSE", "paper", "CPU s"]
    rows = [
        (
            one.case.name,
            one.method,
            one.errors.velocity,
            one.errors.force,
            one.errors.mse,
            one.case.paper[one.method],
            one.cpu_seconds,
        )
        for one in outcomes
    ]
    formulas = "\n".join(f"* {case.name}: {case.formula}; start up to {case.reach:g}" for case in CASES)
    return f"""\
Open plane lattice of 3×3 nodes, masses 1, energies in eV and lengths in Å:

{formulas}

40 trajectories of {N_FRAMES} frames, 0.25 units of time apart, to learn from and 10 to test, from displacements and
momenta that are uniform per coordinate. The network sees positions and momenta about the mean position, and
displacements and distances of neighbours; encoders have 384 and 128 units, the message constructor 256. Velocity and
force: errors relative to the root mean square; test MSE: mean square over all components of q̇ and ṗ, in ASE's units,
which the paper's figure need not share. Ridge by cross-validation; Adam trains all weights for 30 CPU s, in double
precision, at the best of three learning rates by a pilot on the training data.

{table(head, rows)}
{finding(outcomes)}
"""


def finding(outcomes: list[Outcome]) -> str:
    """Return which targets were met."""
    swim = [one for one in outcomes if one.method == "SWIM"]
    missed = [one.case.name for one in swim if one.errors.mse > one.case.paper["SWIM"]]
    verdict = f"missed for {', '.join(missed)}" if missed else "met for every potential"
    better = [one.case.name for one in outcomes if one.method == "ELM" and one.errors.mse < mse_of(swim, one.case)]
    return (
        f"Target, SWIM at or below the paper's error: {verdict}. "
        f"ELM is the better of the two for: {', '.join(better) or 'none'}. Its weights have size one whatever "
        "the data, which suits inputs of that size or smaller and smooth functions; SWIM's follow the data."
    )


def mse_of(outcomes: list[Outcome], case: Case) -> float:
    """Return the error on a potential."""
    return next(one.errors.mse for one in outcomes if one.case is case)


def draw(outcomes: list[Outcome], options: Options) -> None:
    """Save a figure: errors by potential and method, ours as bars and the paper's as lines."""
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.subplots()
    methods = [method for method in ("Adam", "ELM", "SWIM") if any(one.method == method for one in outcomes)]
    for one in outcomes:
        place = CASES.index(one.case) + 0.25 * (methods.index(one.method) - 1)
        label = one.method if one.case is CASES[0] else None
        axes.bar(place, one.errors.mse, 0.22, color=f"C{methods.index(one.method)}", label=label)
        axes.hlines(one.case.paper[one.method], place - 0.11, place + 0.11, color="black")
    axes.set_yscale("log")
    axes.set_xticks(range(len(CASES)), [case.name for case in CASES])
    axes.set(ylabel="test MSE of q̇ and ṗ", title="bars: here; lines: the paper")
    axes.legend()
    figure.savefig(options.output / "potentials.png", dpi=150)


if __name__ == "__main__":
    main()
