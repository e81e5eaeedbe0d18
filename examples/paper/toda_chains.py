"""Toda's chains: as many integrals as nodes but one, from sums over bonds, and a canonical map.

python examples/paper/toda_chains.py [--quick] [--output figures]
"""

from __future__ import annotations

from functools import partial

from integrable_systems import toda
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

from ase_rfhgn.systems import ring

FEATURES = """
For these chains functions are sums over bonds up to the weight of the number of nodes, whose steepness the forces
tell. The total momentum is not counted.
"""


def main() -> None:
    """Fit, count, print, draw and publish."""
    options = parse(__doc__)
    quick = options.quick
    system = toda(3, amplitude=0.2 if quick else 0.5, spacing=0.4)
    mapping = map_outcome(MapCase("3 nodes", system, *((20, 12) if quick else (300, 60))), quick=quick)
    cases = [bonded(3, 24, 10)] if quick else [bonded(3, 450, 40), bonded(4, 600, 40), bonded(5, 600, 40)]
    counted = [integral_outcome(case, quick=quick) for case in cases]
    panels(
        options,
        "toda_chains",
        [
            partial(draw_portrait, mapping, opening=True),
            partial(draw_portrait, mapping, opening=False),
            partial(draw_spectra, counted),
        ],
    )
    body = [SECTION_8, map_table([mapping]), FEATURES.strip(), integral_table(counted)]
    publish("toda_chains", "14. Toda's chains", "\n\n".join(body), options)


def bonded(n: int, n_runs: int, n_frames: int) -> IntegralCase:
    """Return the chain of n nodes with sums over bonds."""
    settings = {"features": "bonds", "bonds": ring(n), "degree": n}
    return IntegralCase(f"{n} nodes", toda(n), str(n - 1), n_runs, n_frames, settings)


if __name__ == "__main__":
    main()
