"""Orbits around a centre, in the plane and in space: their integrals, and canonical maps by a chart.

    python examples/paper/kepler_orbits.py [--quick] [--output figures]

Orbits have all orientations and either sense. Kepler's frequencies are degenerate, those of other fields are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from integrable_systems import IntegrableSystem, State, kepler, kepler_integrals
from matplotlib.axes import Axes
from results_page import parse, publish, table
from symmetry_experiments import (
    SECTION_8,
    IntegralCase,
    IntegralOutcome,
    MapCase,
    MapOutcome,
    draw_portrait,
    draw_spectra,
    integral_outcome,
    integral_table,
    map_outcome,
    mapped,
    panels,
)

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries import CanonicalMap, Integrals
from ase_rfhgn.symmetries.ensemble import constancy
from ase_rfhgn.symmetries.symplectic import symplectic_form

SPACING = 0.3

EXPLANATION = """
The chart has the radial motion and the angular momentum as pairs, in space also the inclination; ℓ and η are those of
the radial action, because angular momenta are conserved by the chart to rounding. Eccentricities are uniform from
0.05, semi-major axes from 0.8 to 1.25; 50 frames 0.3 apart are two to three periods. "frequencies": largest relative
errors on test orbits of the radial frequency, and of its ratio to the angular one, which is one. "phase": position
along the orbit after 1000 exact periods by one evaluation, median and largest of all test orbits. "symplectic":
largest element of JᵀΩJ − Ω.
"""

FIELDS = """
Other central fields, 150 orbits in the plane with 0.85 to 1.15 times the speed of circular ones and up to 0.2 times
as much outwards. "ratio": of the radial to the angular frequency of the circular orbit at distance one, as it is
known, and the relative error of what is found.
"""


@dataclass(frozen=True, slots=True)
class Field:
    """A central field V(r) with its force, and the known ratio of frequencies of circular orbits at distance one."""

    name: str
    potential: Callable[[FloatArray], FloatArray]
    force: Callable[[FloatArray], FloatArray]
    ratio: float


FIELD_LIST = (
    Field("1/r", lambda r: -1.0 / r, lambda r: -1.0 / r**2, 1.0),
    Field(
        "screened, exp(−r/6)/r",
        lambda r: -np.exp(-r / 6.0) / r,
        lambda r: -np.exp(-r / 6.0) * (1.0 / r**2 + 1.0 / (6.0 * r)),
        float(np.sqrt(41.0 / 42.0)),
    ),
    Field("ln r", np.log, lambda r: -1.0 / r, float(np.sqrt(2.0))),
    Field("r²/2", lambda r: 0.5 * r**2, lambda r: -r, 2.0),
    Field(
        "Plummer's sphere",
        lambda r: -1.0 / np.sqrt(1.0 + r**2),
        lambda r: -r / (1.0 + r**2) ** 1.5,
        float(np.sqrt(2.5)),
    ),
)


def main() -> None:
    """Fit, count, follow, print, draw and publish."""
    options = parse(__doc__)
    quick = options.quick
    mappings = [map_outcome(case, quick=quick) for case in map_cases(quick=quick)]
    others = [map_outcome(case, quick=quick) for case in field_cases(quick=quick)]
    counted = [integral_outcome(case, quick=quick) for case in integral_cases(quick=quick)]
    panels(
        options,
        "kepler_orbits",
        [
            partial(draw_orbits, mappings[0]),
            partial(draw_portrait, mappings[0], opening=True),
            partial(draw_portrait, mappings[0], opening=False),
            partial(draw_spectra, counted),
        ],
    )
    head = ["orbits", "runs", "linear ℓ", "ℓ", "η", "CPU s", "frequencies", "ratio"]
    head += ["phase, median (rad)", "phase, largest (rad)", "symplectic"]
    body = [
        SECTION_8,
        EXPLANATION.strip(),
        table(head, [kepler_row(mapping) for mapping in mappings]),
        FIELDS.strip(),
    ]
    rows = [field_row(outcome, field) for outcome, field in zip(others, FIELD_LIST, strict=False)]
    body.append(table(["field", "linear ℓ", "ℓ", "η", "CPU s", "ratio", "its error"], rows))
    body += [integral_table(counted), explained(counted)]
    publish("kepler_orbits", "12. Orbits around a centre", "\n\n".join(body), options)


def map_cases(*, quick: bool) -> list[MapCase]:
    """Return ensembles of Kepler's orbits."""
    if quick:
        return [MapCase("plane, e < 0.3", kepler(2, 0.3), 24, 20, spacing=SPACING)]
    return [
        MapCase(f"{where}, e < {most}", kepler(dimensions, most), 300, 50, spacing=SPACING)
        for where, dimensions, most in (
            ("plane", 2, 0.3),
            ("plane", 2, 0.5),
            ("plane", 2, 0.7),
            ("space", 3, 0.3),
            ("space", 3, 0.5),
            ("space", 3, 0.7),
        )
    ]


def kepler_row(outcome: MapOutcome) -> list[object]:
    """Return the cells about a map of Kepler's orbits."""
    canonical, n = outcome.canonical, outcome.canonical.coordinates.n
    starts = outcome.test.start_g[:-1]
    states_md = canonical.coordinates.states(outcome.test.position_mnc[starts], momenta_of(outcome, starts))
    true_m = motions(outcome.test.position_mnc[starts, 0], momenta_of(outcome, starts)[:, 0])
    frequency_mu = abs(
        canonical.hamiltonian.frequencies(canonical.hamiltonian.actions(canonical.layers.forward(states_md)))
    )
    jacobian_mdd, form_dd = canonical.layers.jacobian(states_md), symplectic_form(n)
    phase_m = phases(canonical, states_md, true_m)
    return [
        *first_cells(outcome),
        float(abs(frequency_mu[:, 0] / true_m - 1.0).max()),
        float(abs(frequency_mu[:, 0] / frequency_mu[:, 1] - 1.0).max()),
        float(np.median(phase_m)),
        float(phase_m.max()),
        float(abs(np.swapaxes(jacobian_mdd, 1, 2) @ form_dd @ jacobian_mdd - form_dd).max()),
    ]


def first_cells(outcome: MapOutcome) -> list[object]:
    """Return name, runs, losses of the radial action and CPU seconds."""
    judged = outcome.canonical.constancy(outcome.test)
    linear = constancy(mapped(outcome.canonical, outcome.test, opening=True))
    cells: list[object] = [outcome.case.name, outcome.case.n_runs, float(linear.loss_u[0])]
    return [*cells, float(judged.loss_u[0]), float(judged.relative_u[0]), outcome.cpu_seconds]


def momenta_of(outcome: MapOutcome, frames: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
    """Return the momenta of some test frames."""
    return np.asarray(outcome.test.momentum_mnc)[frames]


def motions(place_mc: FloatArray, momentum_mc: FloatArray) -> FloatArray:
    """Return the true frequencies of Kepler's orbits."""
    energy_m = 0.5 * (momentum_mc**2).sum(axis=1) - 1.0 / np.linalg.norm(place_mc, axis=1)
    return np.asarray((-2.0 * energy_m) ** 1.5)


def phases(canonical: CanonicalMap, state_md: FloatArray, true_m: FloatArray) -> FloatArray:
    """Return by how much orbits are ahead or behind after 1000 true periods: displacement over distance."""
    time_m1 = 2000.0 * np.pi / true_m[:, None]
    moved_md = canonical.layers.inverse(canonical.hamiltonian.flow(canonical.layers.forward(state_md), time_m1))
    n = canonical.coordinates.n
    gap_m = np.linalg.norm((moved_md - state_md)[:, :n], axis=1)
    return np.asarray(gap_m * true_m / np.linalg.norm(state_md[:, n:], axis=1))


def field_cases(*, quick: bool) -> list[MapCase]:
    """Return orbits in other central fields."""
    size = (24, 20) if quick else (150, 50)
    return [MapCase(field.name, orbits_in(field), *size, spacing=SPACING) for field in FIELD_LIST[: 1 if quick else 5]]


def orbits_in(field: Field) -> IntegrableSystem:
    """Return orbits of either sense near distance one, in a plane."""

    def force(q: FloatArray) -> FloatArray:
        radius = np.linalg.norm(q, axis=-1, keepdims=True)
        return np.asarray(field.force(radius) * q / radius)

    def start(rng: np.random.Generator, n_runs: int) -> State:
        radius, angle = rng.uniform(0.8, 1.25, n_runs), rng.uniform(0.0, 2.0 * np.pi, n_runs)
        circular = np.sqrt(-field.force(radius) * radius)
        around = circular * rng.uniform(0.85, 1.15, n_runs) * rng.choice([-1.0, 1.0], n_runs)
        outwards = circular * rng.uniform(-0.2, 0.2, n_runs)
        first, second = (
            np.stack([np.cos(angle), np.sin(angle)], axis=1),
            np.stack([-np.sin(angle), np.cos(angle)], axis=1),
        )
        return radius[:, None] * first, outwards[:, None] * first + around[:, None] * second

    return IntegrableSystem(
        field.name, 2, 2, lambda q: np.asarray(field.potential(np.linalg.norm(q, axis=-1))), force, start, SPACING
    )


def field_row(outcome: MapOutcome, field: Field) -> list[object]:
    """Return the cells about a map of another field."""
    name, _, *cells = first_cells(outcome)
    angular = float(np.sqrt(-field.force(np.ones(1))[0]))
    frequency_mu = outcome.canonical.hamiltonian.frequencies(np.array([[0.0, angular]]))
    ratio = float(frequency_mu[0, 0] / frequency_mu[0, 1])
    return [name, *cells, field.ratio, abs(ratio / field.ratio - 1.0)]


def integral_cases(*, quick: bool) -> list[IntegralCase]:
    """Return Kepler in the plane and in space."""
    if quick:
        return [IntegralCase("plane", kepler(2), "3", 40, 12, {"n_units": 60})]
    return [
        IntegralCase("plane", kepler(2), "3", 750, 40),
        IntegralCase("space", kepler(3), "5", 1200, 30, {"n_units": 800}),
    ]


def explained(outcomes: list[IntegralOutcome]) -> str:
    """Return R² of true integrals regressed on all conserved functions, the worst of all seeds."""
    rows = []
    for outcome in outcomes:
        shares = [shares_of(found, outcome.case.system, seed) for seed, found in enumerate(outcome.found)]
        rows += [[outcome.case.name, key, f"{min(share[key] for share in shares):.5f}"] for key in shares[0]]
    head = "True integrals regressed on all conserved functions, on new trajectories, the worst of the seeds:\n\n"
    return head + table(["orbits", "true integral", "R²"], rows)


def shares_of(integrals: Integrals, system: IntegrableSystem, seed: int) -> dict[str, float]:
    """Return R² on new trajectories."""
    state_md = system.trajectories(np.random.default_rng(100 + seed), 400, 3).reshape(-1, 2 * system.n)
    states_md = integrals.coordinates.states(*(system.placed(part) for part in np.split(state_md, 2, axis=1)))
    value_mf = integrals.observables.values(states_md) @ integrals.conserved_fi
    column_mf = np.column_stack([value_mf, np.ones(len(value_mf))])
    shares = {}
    for name, known_m in kepler_integrals(state_md).items():
        rest_m = known_m - column_mf @ np.linalg.lstsq(column_mf, known_m, rcond=None)[0]
        shares[name] = float(1.0 - rest_m.var() / known_m.var())
    return shares


def draw_orbits(outcome: MapOutcome, axes: Axes) -> None:
    """Draw some test orbits."""
    for run in range(min(12, outcome.test.n_runs)):
        place_mc = outcome.test.position_mnc[outcome.test.frames_of(run), 0]
        axes.plot(place_mc[:, 0], place_mc[:, 1], ".-", markersize=2, linewidth=0.3)
    axes.set(aspect="equal", xlabel="x", ylabel="y")
    axes.set_title(f"{outcome.case.name}\ntest orbits", fontsize="small")


if __name__ == "__main__":
    main()
