"""The pendulum: its energy, also from noisy frames, its phase portrait made of circles, and 1000 periods at once.

python examples/paper/pendulum_motion.py [--quick] [--output figures]
"""

from __future__ import annotations

from functools import partial

import numpy as np
from integrable_systems import pendulum
from results_page import parse, publish, table
from scipy.special import ellipk
from symmetry_experiments import (
    RIVALS,
    SECTION_8,
    IntegralCase,
    MapCase,
    MapOutcome,
    draw_portrait,
    draw_spectra,
    integral_outcome,
    integral_table,
    map_outcome,
    map_table,
    panels,
)

from ase_rfhgn.arrays import FloatArray

ENERGIES = (0.1, 0.5, 1.0, 1.4)
"""Energies of pendulums that are followed for 1000 periods."""


def main() -> None:
    """Fit, count, follow, print, draw and publish."""
    options = parse(__doc__)
    quick = options.quick
    size = (40, 20) if quick else (320, 40)
    case = MapCase("pendulum, E < 1.5", pendulum(), *size, 1e-7, forms, rival=True)
    mapping = map_outcome(case, quick=quick)
    counted = [integral_outcome(one, quick=quick) for one in integral_cases(quick=quick)]
    panels(
        options,
        "pendulum_motion",
        [
            partial(draw_portrait, mapping, opening=True),
            partial(draw_portrait, mapping, opening=False),
            partial(draw_spectra, counted),
        ],
    )
    body = [SECTION_8 + " The separatrix is at the energy 2.", RIVALS.strip(), map_table([mapping])]
    body += [thousand_periods(mapping), integral_table(counted)]
    publish("pendulum_motion", "9. The pendulum", "\n\n".join(body), options)


def integral_cases(*, quick: bool) -> list[IntegralCase]:
    """Return pendulums with and without noise."""
    if quick:
        return [IntegralCase("pendulum", pendulum(), "1", 24, 15, {"n_units": 40})]
    few = {"n_units": 400}
    return [
        IntegralCase("pendulum", pendulum(), "1", 450, 40, few, 0.2),
        IntegralCase("noise 1 %", pendulum(), "1", 450, 40, few, 0.2, 0.01),
        IntegralCase("noise 10 %", pendulum(), "1", 450, 40, few, 0.2, 0.1),
    ]


def forms() -> tuple[FloatArray | None, FloatArray | None]:
    """Return the quartic form of 1 − cos q."""
    return None, np.full((1, 1, 1, 1), -1.0 / 24.0)


def thousand_periods(outcome: MapOutcome) -> str:
    """Return the phase errors after 1000 periods, each by one evaluation of the map."""
    rows = []
    for energy in ENERGIES:
        start = outcome.case.system.atoms(np.array([np.arccos(1.0 - energy)]), np.zeros(1))
        moved = outcome.canonical.evolve(start, 4000.0 * float(ellipk(energy / 2.0)))
        gap = outcome.canonical.angles(moved)[0] - outcome.canonical.angles(start)[0]
        rows.append([energy, float(abs((gap + np.pi) % (2.0 * np.pi) - np.pi))])
    return "After 1000 exact periods, by one evaluation:\n\n" + table(["energy", "phase error (rad)"], rows)


if __name__ == "__main__":
    main()
