"""Harmonic motion: one integral, and a canonical map that is linear.

python examples/paper/harmonic_motion.py [--quick] [--output figures]
"""

from __future__ import annotations

from functools import partial

from integrable_systems import harmonic
from results_page import parse, publish
from symmetry_experiments import (
    INTEGRALS,
    MAPS,
    IntegralCase,
    MapCase,
    draw_portrait,
    draw_spectra,
    integral_outcome,
    integral_table,
    map_outcome,
    map_table,
    panels,
)


def main() -> None:
    """Fit, count, print, draw and publish."""
    options = parse(__doc__)
    quick = options.quick
    size = (12, 15) if quick else (60, 40)
    mapping = map_outcome(MapCase("harmonic, 2 modes", harmonic(), *size, 1e-20), quick=quick)
    sizes, settings = ((24, 12), {"n_units": 30}) if quick else ((450, 40), {"n_units": 400})
    counted = [integral_outcome(IntegralCase("one mode", harmonic((1.0,)), "1", *sizes, settings), quick=quick)]
    panels(
        options,
        "harmonic_motion",
        [
            partial(draw_portrait, mapping, opening=False),
            partial(draw_portrait, mapping, opening=False, pair=1),
            partial(draw_spectra, counted),
        ],
    )
    body = [MAPS.strip(), map_table([mapping]), INTEGRALS.strip(), integral_table(counted)]
    publish("harmonic_motion", "8. Harmonic motion", "\n\n".join(body), options)


if __name__ == "__main__":
    main()
