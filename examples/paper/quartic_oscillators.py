"""Two quartic oscillators in turned axes: their two integrals and a canonical map that takes them apart.

python examples/paper/quartic_oscillators.py [--quick] [--output figures]
"""

from __future__ import annotations

from functools import partial

import numpy as np
from integrable_systems import quartic_pair
from results_page import parse, publish
from symmetry_experiments import (
    SECTION_8,
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

from ase_rfhgn.arrays import FloatArray


def main() -> None:
    """Fit, count, print, draw and publish."""
    options = parse(__doc__)
    quick = options.quick
    case = MapCase("two quartic modes", quartic_pair(), *((30, 12) if quick else (500, 40)), 1e-5, forms)
    mapping = map_outcome(case, quick=quick)
    settings = {"n_units": 30 if quick else 400}
    sizes = (40, 12) if quick else (450, 40)
    counted = [
        integral_outcome(IntegralCase("two quartic modes", quartic_pair(), "2", *sizes, settings, 0.2), quick=quick)
    ]
    panels(
        options,
        "quartic_oscillators",
        [
            *(
                partial(draw_portrait, mapping, opening=opening, pair=pair)
                for pair in (0, 1)
                for opening in (True, False)
            ),
            partial(draw_spectra, counted),
        ],
    )
    body = [SECTION_8 + " Normal form: section 9.", map_table([mapping]), integral_table(counted)]
    publish("quartic_oscillators", "10. Two quartic oscillators", "\n\n".join(body), options)


def forms() -> tuple[FloatArray | None, FloatArray | None]:
    """Return the quartic form of the pair of oscillators."""
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return None, np.einsum("k,ka,kb,kc,kd->abcd", np.array([0.125, 0.2]), turn, turn, turn, turn)


if __name__ == "__main__":
    main()
