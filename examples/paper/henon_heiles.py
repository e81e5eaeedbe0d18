"""Hénon and Heiles: two integrals or one, sections with the learned second integral, and a canonical map.

    python examples/paper/henon_heiles.py [--quick] [--output figures]

Every orbit of a section has the colour of the second integral that was found in other trajectories.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from integrable_systems import IntegrableSystem
from integrable_systems import henon_heiles as system_between
from matplotlib.axes import Axes
from results_page import parse, publish, table
from symmetry_experiments import (
    SECTION_8,
    IntegralCase,
    MapCase,
    draw_portrait,
    integral_outcome,
    integral_table,
    map_outcome,
    map_table,
    panels,
)

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries import Integrals, find_integrals

ENERGIES = ((0.06, 0.0833), (0.14, 0.165))
"""Energies below and above where most orbits become chaotic."""

LOW, HIGH = (0.01, 0.05), (0.14, 0.165)
"""Energies of the counts: order, and near the escape."""

SECTIONS = """
Sections x = 0, p_x > 0 of 24 orbits; integrals from 300 other trajectories of 60 frames. "second λ": the second
function, conserved or not, on trajectories left out.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """Crossings (y, p_y) of orbits, with the value of the second function on each orbit."""

    name: str
    integrals: Integrals
    crossings: list[FloatArray]
    values: list[float]


def main() -> None:
    """Count, fit, follow orbits, print, draw and publish."""
    options = parse(__doc__)
    quick = options.quick
    size = (30, 12) if quick else (300, 60)
    mapping = map_outcome(MapCase("E 0.01–0.05", system_between(*LOW), *size, spacing=0.6), quick=quick)
    counted = [integral_outcome(case, quick=quick) for case in integral_cases(quick=quick)]
    sections = [section_of(*energies, quick=quick) for energies in ENERGIES]
    panels(
        options,
        "henon_heiles",
        [
            *(partial(draw_section, section) for section in sections),
            partial(draw_portrait, mapping, opening=True),
            partial(draw_portrait, mapping, opening=False),
        ],
    )
    rows = [
        [one.name, one.integrals.count, float(one.integrals.spectrum_i[0]), float(one.integrals.spectrum_i[1])]
        for one in sections
    ]
    body = [SECTION_8, integral_table(counted), SECTIONS.strip()]
    body += [table(["energies", "integrals", "first λ", "second λ"], rows), map_table([mapping])]
    publish("henon_heiles", "11. Hénon and Heiles", "\n\n".join(body), options)


def integral_cases(*, quick: bool) -> list[IntegralCase]:
    """Return low energies, and energies near the escape."""
    if quick:
        return [IntegralCase("E 0.01–0.05", system_between(*LOW), "2", 40, 20, {"n_units": 40})]
    few = {"n_units": 400}
    return [
        IntegralCase("E 0.01–0.05", system_between(*LOW), "2", 450, 60, few),
        IntegralCase("E 0.14–0.165", system_between(*HIGH), "1", 450, 60, few),
    ]


def section_of(lowest: float, highest: float, *, quick: bool) -> Section:
    """Return the section of orbits between two energies."""
    system = system_between(lowest, highest)
    rng = np.random.default_rng(0)
    runs = system.runs(system.trajectories(rng, 40 if quick else 300, 20 if quick else 60))
    integrals = find_integrals(runs, n_units=40 if quick else 400)
    state_gtd = system.trajectories(rng, 6 if quick else 24, 200 if quick else 3000, 0.1)
    crossings = [crossings_of(state_td) for state_td in state_gtd]
    return Section(f"{lowest:g}–{highest:g}", integrals, crossings, second_values(system, integrals, state_gtd))


def second_values(system: IntegrableSystem, integrals: Integrals, state_gtd: FloatArray) -> list[float]:
    """Return the second integral at the start of orbits, zero where there is none."""
    if integrals.count < 2:
        return [0.0] * len(state_gtd)
    atoms = [system.atoms(*np.split(state_td[0], 2)) for state_td in state_gtd]
    return [float(value) for value in integrals(atoms)[:, 1]]


def crossings_of(state_td: FloatArray) -> FloatArray:
    """Return (y, p_y) where an orbit crosses x = 0 with a positive p_x, by linear interpolation."""
    x_t = state_td[:, 0]
    before = np.flatnonzero((x_t[:-1] < 0.0) & (x_t[1:] >= 0.0))
    part = (-x_t[before] / (x_t[before + 1] - x_t[before]))[:, None]
    crossing_md = (1.0 - part) * state_td[before] + part * state_td[before + 1]
    return crossing_md[:, [1, 3]]


def draw_section(section: Section, axes: Axes) -> None:
    """Draw a section in the colours of the second integral."""
    values = np.repeat(section.values, [len(crossing) for crossing in section.crossings])
    points = np.concatenate(section.crossings)
    axes.scatter(points[:, 0], points[:, 1], s=1.0, c=values, cmap="viridis")
    axes.set(xlabel="y", ylabel="p_y", aspect="equal")
    axes.set_title(f"E = {section.name}\nintegrals found: {section.integrals.count}", fontsize="small")


if __name__ == "__main__":
    main()
