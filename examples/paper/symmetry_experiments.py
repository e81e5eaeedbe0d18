"""Shared by the scripts about symmetries: maps with their rivals, counts of integrals, tables and panels of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from birkhoff import Polynomial, normal_form_of, polynomial_of
from integrable_systems import IntegrableSystem
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results_page import Options, clocked, table

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries import CanonicalMap, Integrals, Runs, find_integrals, fit_canonical_map
from ase_rfhgn.symmetries.composition import Composition
from ase_rfhgn.symmetries.ensemble import Ensemble, constancy
from ase_rfhgn.symmetries.symplectic import travelling_waves

Forms = Callable[[], tuple[FloatArray | None, FloatArray | None]]
"""Cubic and quartic forms of a known potential."""

TIMES_OURS = 20.0
"""CPU time of Adam's training, relative to that of the fit."""

MAPS = """
Canonical maps: trajectories by a composition of order six; fit on the given number of runs, of which a quarter
chooses ridges and layers, judged on half as many others. ℓ: variance of Q² + P² along trajectories over its mean
square (Bondesan and Lamacraft, arXiv:1906.04645). η: over its whole variance. "linear": after the linear layer alone.
One thread; the clock is the CPU time of the process.
"""

RIVALS = """
"normal form": Birkhoff's, to fourth order, from the KNOWN Hamiltonian. Adam: the document's own layers (irrotational
couplings, N·A·K with Householder reflections and phases, zero centres; four blocks), started from the same linear
layer, on the same trajectories and loss, batches of 64 trajectories, learning rate falling along a cosine. It has 20
times our CPU seconds; learning rate (1e-3, 3e-3, 1e-2) and width (16, 64) are the best of six pilots of a tenth of
that, which are not counted.
"""

SECTION_8 = "How maps are judged and integrals counted: section 8."

INTEGRALS = """
Integrals of motion: frames form; monomials to degree 4 (lower where there would be more than 130) and SWIM units
together. 45 % of runs fit, 20 % choose the ridge and the order, 35 % judge. Fixed rule: λ on the last below 0.01 plus
10 × the share of noise, and singular values of gradients above 0.04 of the largest. λ and singular values are those
of the first of three seeds, of trajectories and features.
"""


@dataclass(frozen=True, slots=True)
class MapCase:
    """A system whose canonical map is fitted.

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
    forms : callable or None
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
    forms: Forms | None = None
    rival: bool = False
    spacing: float | None = None


@dataclass(frozen=True, slots=True)
class MapOutcome:
    """What a case led to; ``test`` are its test trajectories, ``rivals`` the cells about them."""

    case: MapCase
    canonical: CanonicalMap
    cpu_seconds: float
    test: Runs
    rivals: list[object]


def map_outcome(case: MapCase, *, quick: bool) -> MapOutcome:
    """Return the fit of one case, and what else was done with its trajectories."""
    rng = np.random.default_rng(0)
    train_gtd = case.system.trajectories(rng, case.n_runs, case.n_frames, case.spacing)
    test = case.system.runs(case.system.trajectories(rng, case.n_runs // 2, case.n_frames, case.spacing))
    train, spacing = case.system.runs(train_gtd), case.spacing or case.system.spacing
    with clocked() as clock:
        canonical = fit_canonical_map(train, timestep=spacing, n_layers=2 if quick else 5)
    rivals: list[object] = []
    if case.forms is not None:
        linear = mapped(canonical, test, opening=True)
        rivals.append(birkhoff_loss(case, canonical, linear))
        if case.rival:
            seconds = 0.3 if quick else TIMES_OURS * clock.cpu
            rivals += adam_of(case, mapped(canonical, train, opening=True), linear, seconds)
    outcome = MapOutcome(case, canonical, clock.cpu, test, rivals)
    print(case.name, clock.cpu, canonical.constancy(test), rivals, flush=True)
    return outcome


def mapped(canonical: CanonicalMap, runs: Runs, *, opening: bool = False) -> Ensemble:
    """Return trajectories in the new variables, or in those before all shears."""
    states_md = canonical.coordinates.states(runs.position_mnc, np.asarray(runs.momentum_mnc))
    layers: Composition = canonical.layers.opening if opening else canonical.layers
    return Ensemble(layers.forward(states_md), runs.start_g, rotations=canonical.hamiltonian.rotations)


def birkhoff_loss(case: MapCase, canonical: CanonicalMap, linear: Ensemble) -> float | None:
    """Return the lowest loss of Birkhoff's normal forms of third and fourth order."""
    if case.forms is None:
        return None
    matrix_dd = np.asarray(canonical.layers.layers[1].arrays()["matrix"])
    n = canonical.coordinates.n
    wave_dd = travelling_waves(canonical.frequencies)
    normal_dd = np.linalg.solve(wave_dd, matrix_dd)  # block diagonal; masses are one
    directions = canonical.coordinates.basis_du.reshape(-1, 3, n)[:, : case.system.per_atom].reshape(-1, n)
    to_place = directions @ np.linalg.inv(normal_dd[:n, :n])
    forms: list[Polynomial] = [{} if form is None else polynomial_of(form, to_place) for form in case.forms()]
    state_md = linear.state_md @ np.linalg.inv(wave_dd).T
    orders = normal_form_of(canonical.frequencies, forms[0], forms[1], state_md)
    return min(constancy(Ensemble(state @ wave_dd.T, linear.start_g)).loss for state in orders.values())


def adam_of(case: MapCase, train: Ensemble, test: Ensemble, seconds: float) -> list[object]:
    """Return loss, CPU seconds and settings of a network that Adam trains; dashes without PyTorch."""
    if find_spec("torch") is None:
        return [None, None, None]
    from torch_canonical import trained  # noqa: PLC0415  # torch is optional

    shape = (-1, case.n_frames, 2 * train.n)
    result, spent, chosen = trained(train.state_md.reshape(shape), test.state_md.reshape(shape), seconds=seconds)
    return [result.loss, spent, chosen]


def map_table(outcomes: Sequence[MapOutcome]) -> str:
    """Return the table of maps; rivals have columns where there are any."""
    head = ["system", "runs", "linear ℓ", "ℓ", "η", "CPU s", "target ℓ"]
    most = max(len(outcome.rivals) for outcome in outcomes)
    head += ["normal form ℓ", "Adam ℓ", "Adam CPU s", "chosen"][:most]
    rows = []
    for outcome in outcomes:
        judged, linear = (
            outcome.canonical.constancy(outcome.test),
            mapped(outcome.canonical, outcome.test, opening=True),
        )
        row: list[object] = [outcome.case.name, outcome.case.n_runs, constancy(linear).loss, judged.loss]
        row += [judged.relative, outcome.cpu_seconds, outcome.case.target, *outcome.rivals]
        rows.append(row + [None] * (len(head) - len(row)))
    return table(head, rows)


@dataclass(frozen=True, slots=True)
class IntegralCase:
    """A system whose integrals are counted: sizes of its data, settings, and how many there should be."""

    name: str
    system: IntegrableSystem
    expected: str
    n_runs: int
    n_frames: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    spacing: float | None = None
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class IntegralOutcome:
    """What several seeds found."""

    case: IntegralCase
    found: list[Integrals]
    cpu_seconds: float


def integral_outcome(case: IntegralCase, *, quick: bool) -> IntegralOutcome:
    """Return what three seeds find; one if quick."""
    found, seconds = [], []
    for seed in range(1 if quick else 3):
        rng = np.random.default_rng(seed)
        runs = case.system.runs(case.system.trajectories(rng, case.n_runs, case.n_frames, case.spacing))
        if case.noise:
            axes = np.array([k < case.system.per_atom for k in range(3)])
            places, momenta = (
                array + axes * case.noise * array[..., 0].std() * rng.normal(size=array.shape)
                for array in (runs.position_mnc, np.asarray(runs.momentum_mnc))
            )
            runs = replace(runs, position_mnc=places, momentum_mnc=momenta, energy_m=None)
        with clocked() as clock:
            found.append(find_integrals(runs, seed=seed, **case.settings))
        seconds.append(clock.cpu)
        print(case.name, seed, found[-1].count, found[-1].spread_i, flush=True)
    return IntegralOutcome(case, found, float(np.median(seconds)))


def integral_table(outcomes: Iterable[IntegralOutcome]) -> str:
    """Return the table of integrals."""
    rows = []
    for outcome in outcomes:
        first = outcome.found[0]
        beyond = first.spectrum_i[first.spectrum_i >= first.record["threshold"]]
        counts = ", ".join(str(found.count) for found in outcome.found)
        lowest = ", ".join(f"{spread:.1g}" for spread in first.spread_i[:5])
        following = float(beyond[0]) if len(beyond) else None
        smallest = float(first.singular_k[first.count - 1]) if first.count else None
        row = [outcome.case.name, outcome.case.expected, counts, lowest, following, smallest, outcome.cpu_seconds]
        rows.append(row)
    head = ["system", "expected", "found", "λ of these", "next λ above the threshold", "singular value", "CPU s"]
    return table(head, rows)


def panels(options: Options, name: str, draw: Sequence[Callable[[Axes], None]]) -> None:
    """Draw panels beside each other into the figure of a script."""
    figure = Figure(figsize=(3.6 * len(draw), 3.6), layout="constrained")
    for axes, one in zip(np.atleast_1d(figure.subplots(1, len(draw))), draw, strict=True):
        one(axes)
    figure.savefig(options.output / f"{name}.png", dpi=110)


def draw_portrait(outcome: MapOutcome, axes: Axes, *, opening: bool, pair: int = 0) -> None:
    """Draw one pair of variables along some test trajectories, before or after the shears."""
    ensemble = mapped(outcome.canonical, outcome.test, opening=opening)
    for run in range(min(12, ensemble.n_runs)):
        state_td = ensemble.state_md[ensemble.start_g[run] : ensemble.start_g[run + 1]]
        axes.plot(state_td[:, pair], state_td[:, ensemble.n + pair], ".", markersize=2)
    axes.set(aspect="equal", xlabel=f"Q{pair + 1}", ylabel=f"P{pair + 1}")
    axes.set_title(f"{outcome.case.name}\n{'linear layer' if opening else 'canonical map'}", fontsize="small")


def draw_spectra(outcomes: Iterable[IntegralOutcome], axes: Axes) -> None:
    """Draw λ of the lowest functions of every system."""
    for outcome in outcomes:
        spectrum_i: FloatArray = outcome.found[0].spectrum_i[:20]
        numbers = np.arange(1, len(spectrum_i) + 1)
        axes.semilogy(numbers, np.maximum(spectrum_i, 1e-25), ".-", label=outcome.case.name)
    axes.axhline(0.01, color="black", linewidth=0.6)
    axes.set(xlabel="function", ylabel="λ on trajectories left out")
    axes.legend(fontsize="x-small")
