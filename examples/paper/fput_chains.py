"""The chain of Fermi, Pasta, Ulam and Tsingou: quasi-integrals, canonical maps against rivals, and the recurrence.

python examples/paper/fput_chains.py [--quick] [--output figures]
"""

from __future__ import annotations

from functools import partial

import numpy as np
from integrable_systems import fput
from matplotlib.axes import Axes
from results_page import parse, publish, table
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

N_NODES, ALPHA, AMPLITUDE, SHOWN_MODES = 8, 0.25, 4.0, 4

RECURRENCE = """
Recurrence: eight nodes between fixed ends, α = ¼, amplitude 4 of the first mode. It is the largest share of the first
mode's energy after it fell below one half.
"""


def main() -> None:
    """Fit, count, follow, print, draw and publish."""
    options = parse(__doc__)
    quick = options.quick
    mappings = [map_outcome(case, quick=quick) for case in map_cases(quick=quick)]
    counted = [integral_outcome(case, quick=quick) for case in integral_cases(quick=quick)]
    time_t, share_tu = recurrence(quick=quick)
    panels(
        options,
        "fput_chains",
        [
            partial(draw_portrait, mappings[0], opening=True),
            partial(draw_portrait, mappings[0], opening=False),
            partial(draw_spectra, counted),
            partial(draw_recurrence, time_t, share_tu),
        ],
    )
    body = [SECTION_8 + " Normal form and Adam: section 9.", map_table(mappings), integral_table(counted)]
    body += [RECURRENCE.strip(), recurrence_table(time_t, share_tu)]
    publish("fput_chains", "13. The chain of Fermi, Pasta, Ulam and Tsingou", "\n\n".join(body), options)


def map_cases(*, quick: bool) -> list[MapCase]:
    """Return chains of five nodes in a ring, and of four between fixed ends."""
    if quick:
        return [MapCase("3 nodes", fput(3, amplitude=0.2), 20, 12, None, partial(forms, 3))]
    ring = partial(forms, 5)
    return [
        MapCase("5 nodes, amplitude 0.4", fput(5), 240, 40, 2.5e-5, ring, rival=True),
        MapCase("5 nodes, amplitude 0.15", fput(5, amplitude=0.15), 240, 40, 6e-8, ring),
        MapCase("4 nodes, fixed ends", fput(4, ends="fixed"), 240, 40),
    ]


def integral_cases(*, quick: bool) -> list[IntegralCase]:
    """Return the chain at a small amplitude, where quasi-integrals look like integrals."""
    if quick:
        return [IntegralCase("3 nodes", fput(3, amplitude=0.1), "1, others nearly", 30, 12, {"n_units": 30}, 0.25)]
    return [IntegralCase("5 nodes, amplitude 0.1", fput(5, amplitude=0.1), "1, others nearly", 600, 40, {}, 0.25)]


def forms(n: int) -> tuple[FloatArray | None, FloatArray | None]:
    """Return the cubic form of a ring."""
    stretch = np.eye(n) - np.roll(np.eye(n), 1, axis=1)
    return ALPHA / 3.0 * np.einsum("ba,bc,bd->acd", stretch, stretch, stretch), None


def recurrence(*, quick: bool) -> tuple[FloatArray, FloatArray]:
    """Return times in periods of the first mode, and the shares of the modes in the harmonic energy."""
    system = fput(N_NODES, ends="fixed", alpha=ALPHA)
    number_u = np.arange(1, N_NODES + 1)
    mode_uu = np.sqrt(2.0 / (N_NODES + 1)) * np.sin(np.pi * np.outer(number_u, number_u) / (N_NODES + 1))
    frequency_u = 2.0 * np.sin(0.5 * np.pi * number_u / (N_NODES + 1))
    start = AMPLITUDE * mode_uu[:1], np.zeros((1, N_NODES))
    state_td = system.followed(start, 60 if quick else 6000, 0.5)[0]
    place_tu, momentum_tu = (part @ mode_uu for part in np.split(state_td, 2, axis=1))
    energy_tu = 0.5 * (momentum_tu**2 + (frequency_u * place_tu) ** 2)
    time_t = 0.5 * np.arange(len(state_td)) * frequency_u[0] / (2.0 * np.pi)
    return time_t, energy_tu / energy_tu.sum(axis=1, keepdims=True)


def recurrence_table(time_t: FloatArray, share_tu: FloatArray) -> str:
    """Return when the energy comes back to the first mode."""
    fallen = int(np.argmax(share_tu[:, 0] < 0.5))
    back = fallen + int(share_tu[fallen:, 0].argmax())
    head = ["mode 1, lowest share", "largest share of mode 2", "recurrence: share of mode 1", "periods of mode 1"]
    row = [float(share_tu[:, 0].min()), float(share_tu[:, 1].max()), float(share_tu[back, 0]), float(time_t[back])]
    return table(head, [row])


def draw_recurrence(time_t: FloatArray, share_tu: FloatArray, axes: Axes) -> None:
    """Draw the energies of the modes."""
    for mode in range(SHOWN_MODES):
        axes.plot(time_t, share_tu[:, mode], linewidth=0.8, label=f"mode {mode + 1}")
    axes.set(xlabel="periods of mode 1", ylabel="share of the energy")
    axes.legend(fontsize="x-small")


if __name__ == "__main__":
    main()
