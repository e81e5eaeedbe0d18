"""Canonical maps of textbook systems: exact layers from linear solves, against Adam and the Birkhoff normal form.

    python examples/paper/canonical_maps.py [--quick] [--output figures]

Maps are fitted to trajectories and judged on others by the loss ℓ of Bondesan and Lamacraft (arXiv:1906.04645),
the variance of Q² + P² along trajectories over its mean square, and by η, over its whole variance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from birkhoff import Polynomial, normal_form_of, polynomial_of
from integrable_systems import IntegrableSystem, fput, harmonic, henon_heiles, kepler, pendulum, quartic_pair, toda
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results_page import Options, clocked, parse, publish, table
from scipy.special import ellipk

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries import CanonicalMap, fit_canonical_map
from ase_rfhgn.symmetries.composition import Composition
from ase_rfhgn.symmetries.ensemble import Ensemble, constancy
from ase_rfhgn.symmetries.symplectic import travelling_waves


@dataclass(frozen=True, slots=True)
class Case:
    """A system with sizes of its data.

    Attributes
    ----------
    name : str
        Name in the table.
    system : IntegrableSystem
        The system.
    n_runs, n_frames : int
        Trajectories for the fit, and frames of each; as many others judge, half as many.
    target : float or None
        Loss to reach.
    chart : str or None
        Coordinates before the linear layer.
    quartic : callable or None
        Cubic and quartic forms of the potential, for the normal form.
    rival : bool
        Whether Adam trains its network on the same data.
    spacing : float or None
        Time between frames, other than the system's.
    """

    name: str
    system: IntegrableSystem
    n_runs: int
    n_frames: int
    target: float | None = None
    chart: str | None = None
    quartic: Callable[[], tuple[FloatArray | None, FloatArray | None]] | None = None
    rival: bool = False
    spacing: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case led to; ``test_gtd`` are its test trajectories."""

    case: Case
    canonical: CanonicalMap
    cpu_seconds: float
    test_gtd: FloatArray
    row: list[object]


EXPLANATION = """
Trajectories by a composition of order six; fit on the given number of runs, of which a quarter chooses ridges and
layers, judged on half as many others. "linear": after the linear layer alone. "normal form": Birkhoff's, to fourth
order, from the KNOWN Hamiltonian. Adam: the document's own layers (irrotational couplings, N·A·K with Householder
reflections and phases, zero centres; four blocks), started from the same linear layer, on the same trajectories and
loss, batches of 64 trajectories, learning rate falling along a cosine. It had 20 times our CPU seconds; learning rate
(1e-3, 3e-3, 1e-2) and width (16, 64) were the best of six pilots of a tenth of that, which are not counted. One thread;
the clock is the CPU time of the process.
"""


def cases(*, quick: bool) -> list[Case]:
    """Return the systems, small ones if quick."""
    if quick:
        return [
            Case("harmonic, 2 modes", harmonic(), 12, 15, 1e-20),
            Case("pendulum, E < 1.5", pendulum(), 40, 20, 1e-7, rival=True, quartic=pendulum_forms),
        ]
    return [
        Case("harmonic, 2 modes", harmonic(), 60, 40, 1e-20),
        Case("pendulum, E < 1.5", pendulum(), 320, 40, 1e-7, rival=True, quartic=pendulum_forms),
        Case("two quartic modes", quartic_pair(), 500, 40, 1e-5, quartic=quartic_forms),
        Case("FPUT, 5 nodes, amplitude 0.4", fput(5), 240, 40, 2.5e-5, rival=True, quartic=fput_forms),
        Case("FPUT, 5 nodes, amplitude 0.15", fput(5, amplitude=0.15), 240, 40, 6e-8, quartic=fput_forms),
        Case("FPUT, 4 nodes, fixed ends", fput(4, ends="fixed"), 240, 40),
        Case("Toda, 3 nodes", toda(3, amplitude=0.5, spacing=0.4), 300, 60),
        Case("Hénon–Heiles, E 0.01–0.05", henon_heiles(0.01, 0.05), 300, 60, spacing=0.6),
        Case("Kepler, plane, e < 0.3", kepler(2, 0.3, prograde=True), 300, 50, chart="levi-civita", spacing=0.3),
    ]


def pendulum_forms() -> tuple[FloatArray | None, FloatArray | None]:
    """Return the quartic form of 1 − cos q."""
    return None, np.full((1, 1, 1, 1), -1.0 / 24.0)


def quartic_forms() -> tuple[FloatArray | None, FloatArray | None]:
    """Return the quartic form of the pair of oscillators."""
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return None, np.einsum("k,ka,kb,kc,kd->abcd", np.array([0.125, 0.2]), turn, turn, turn, turn)


def fput_forms() -> tuple[FloatArray | None, FloatArray | None]:
    """Return the cubic form of the periodic chain of five nodes, α = ¼."""
    stretch = np.eye(5) - np.roll(np.eye(5), 1, axis=1)
    return 0.25 / 3.0 * np.einsum("ba,bc,bd->acd", stretch, stretch, stretch), None


def main() -> None:
    """Fit, judge, compare, print, draw and publish."""
    options = parse(__doc__)
    outcomes = [outcome_of(case, quick=options.quick) for case in cases(quick=options.quick)]
    draw(outcomes, options)
    publish("canonical_maps", "8. Canonical maps of textbook systems", report(outcomes), options)


def outcome_of(case: Case, *, quick: bool) -> Outcome:
    """Return the fit of one case, and what else was done with its trajectories."""
    rng = np.random.default_rng(0)
    train_gtd = case.system.trajectories(rng, case.n_runs, case.n_frames, case.spacing)
    test_gtd = case.system.trajectories(rng, case.n_runs // 2, case.n_frames, case.spacing)
    runs, spacing = case.system.runs(train_gtd), case.spacing or case.system.spacing
    with clocked() as clock:
        canonical = fit_canonical_map(runs, timestep=spacing, chart=case.chart, n_layers=2 if quick else 5)
    judged = canonical.constancy(case.system.runs(test_gtd))
    linear = opened(canonical, case, test_gtd)
    row: list[object] = [case.name, case.n_runs, constancy(linear).loss, judged.loss, judged.relative]
    row += [clock.cpu, case.target, birkhoff_loss(case, canonical, linear)]
    seconds = 0.3 if quick else 20.0 * clock.cpu
    row += rival_of(case, opened(canonical, case, train_gtd), linear, seconds)
    print(case.name, row, flush=True)
    return Outcome(case, canonical, clock.cpu, test_gtd, row)


def opened(canonical: CanonicalMap, case: Case, state_gtd: FloatArray) -> Ensemble:
    """Return trajectories in the variables of the linear layer."""
    n_layers = 2 if case.chart is None else 4
    runs = case.system.runs(state_gtd)
    states_md = canonical.coordinates.states(runs.position_mnc, np.asarray(runs.momentum_mnc))
    return Ensemble(Composition(canonical.layers.layers[:n_layers]).forward(states_md), runs.start_g)


def birkhoff_loss(case: Case, canonical: CanonicalMap, linear: Ensemble) -> float | None:
    """Return the lowest loss of Birkhoff's normal forms of third and fourth order."""
    if case.quartic is None:
        return None
    matrix_dd = np.asarray(canonical.layers.layers[1].arrays()["matrix"])
    n = canonical.coordinates.n
    wave_dd = travelling_waves(canonical.frequencies)
    normal_dd = np.linalg.solve(wave_dd, matrix_dd)  # block diagonal; masses are one
    directions = canonical.coordinates.basis_du.reshape(-1, 3, n)[:, : case.system.per_atom].reshape(-1, n)
    to_place = directions @ np.linalg.inv(normal_dd[:n, :n])
    forms: list[Polynomial] = [{} if form is None else polynomial_of(form, to_place) for form in case.quartic()]
    state_md = linear.state_md @ np.linalg.inv(wave_dd).T
    orders = normal_form_of(canonical.frequencies, forms[0], forms[1], state_md)
    return min(constancy(Ensemble(state @ wave_dd.T, linear.start_g)).loss for state in orders.values())


def rival_of(case: Case, train: Ensemble, test: Ensemble, seconds: float) -> list[object]:
    """Return loss, CPU seconds and settings of a network that Adam trains; dashes without PyTorch."""
    if not case.rival or find_spec("torch") is None:
        return [None, None, None]
    from torch_canonical import trained  # noqa: PLC0415  # torch is optional

    shape = (-1, case.n_frames, 2 * train.n)
    result, spent, chosen = trained(train.state_md.reshape(shape), test.state_md.reshape(shape), seconds=seconds)
    return [result.loss, spent, chosen]


def report(outcomes: Iterable[Outcome]) -> str:
    """Return the table with its explanation."""
    outcomes = list(outcomes)
    head = ["system", "runs", "linear ℓ", "ℓ", "η", "CPU s", "target ℓ", "normal form ℓ", "Adam ℓ", "CPU s", "chosen"]
    parts = [EXPLANATION.strip(), table(head, [outcome.row for outcome in outcomes]), thousand_periods(outcomes)]
    return "\n\n".join(parts)


def thousand_periods(outcomes: Iterable[Outcome]) -> str:
    """Return the phase errors of pendulums after 1000 periods, each by one evaluation of the map."""
    rows = []
    for outcome in outcomes:
        if outcome.case.system.name == "pendulum":
            for energy in (0.1, 0.5, 1.0, 1.4):
                start = outcome.case.system.atoms(np.array([np.arccos(1.0 - energy)]), np.zeros(1))
                moved = outcome.canonical.evolve(start, 4000.0 * float(ellipk(energy / 2.0)))
                gap = outcome.canonical.angles(moved)[0] - outcome.canonical.angles(start)[0]
                rows.append([energy, float(abs((gap + np.pi) % (2.0 * np.pi) - np.pi))])
    return "Pendulum after 1000 exact periods, by one evaluation:\n\n" + table(["energy", "phase error (rad)"], rows)


def draw(outcomes: Iterable[Outcome], options: Options) -> None:
    """Draw phase portraits: old variables above, new ones below."""
    shown = [outcome for outcome in outcomes if outcome.case.system.name != "harmonic"][:5]
    figure = Figure(figsize=(3.0 * len(shown), 6.0), layout="constrained")
    axes = np.atleast_2d(figure.subplots(2, len(shown), squeeze=False))
    for column, outcome in enumerate(shown):
        linear = opened(outcome.canonical, outcome.case, outcome.test_gtd)
        runs = outcome.case.system.runs(outcome.test_gtd)
        states_md = outcome.canonical.coordinates.states(runs.position_mnc, np.asarray(runs.momentum_mnc))
        mapped = Ensemble(outcome.canonical.layers.forward(states_md), runs.start_g)
        for line, (ensemble, title) in enumerate(
            ((linear, f"{outcome.case.name}\nlinear layer"), (mapped, "canonical map"))
        ):
            portrait(axes[line, column], ensemble)
            axes[line, column].set_title(title, fontsize="small")
    figure.savefig(options.output / "canonical_maps.png", dpi=110)


def portrait(axes: Axes, ensemble: Ensemble) -> None:
    """Draw the first pair of variables along some trajectories."""
    n = ensemble.n
    for run in range(min(12, ensemble.n_runs)):
        state_td = ensemble.state_md[ensemble.start_g[run] : ensemble.start_g[run + 1]]
        axes.plot(state_td[:, 0], state_td[:, n], ".", markersize=2)
    axes.set(aspect="equal", xlabel="Q", ylabel="P")


if __name__ == "__main__":
    main()
