"""Order and chaos: sections of Hénon and Heiles with a learned integral, and the recurrence of a nonlinear chain.

    python examples/paper/sections_and_recurrence.py [--quick] [--output figures]

Every orbit of a section has the value of the second integral that was found in other trajectories. The chain
has eight nodes between fixed ends and starts in its first mode; the energies of its modes show the recurrence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from integrable_systems import IntegrableSystem, fput, henon_heiles
from matplotlib.figure import Figure
from results_page import Options, parse, publish, table

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries import Integrals, find_integrals

ENERGIES = ((0.06, 0.0833), (0.14, 0.165))
"""Energies below and above where most orbits of Hénon and Heiles become chaotic."""

N_NODES, ALPHA, SHOWN_MODES = 8, 0.25, 4

EXPLANATION = """
Hénon–Heiles: integrals from 300 trajectories of 60 frames, sections x = 0, p_x > 0 of 24 others. "second λ": the second
function, conserved or not, on trajectories left out. Fermi–Pasta–Ulam–Tsingou: eight nodes between fixed ends, α = ¼,
amplitude 4 of the first mode. The recurrence is the largest share of the first mode's energy after it fell below
one half.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """Crossings (y, p_y) of orbits, with the value of the second function on each orbit."""

    name: str
    integrals: Integrals
    crossings: list[FloatArray]
    values: list[float]


def main() -> None:
    """Find integrals, follow orbits and the chain, print, draw and publish."""
    options = parse(__doc__)
    sections = [section_of(*energies, quick=options.quick) for energies in ENERGIES]
    time_t, share_tu = recurrence(quick=options.quick)
    draw(sections, time_t, share_tu, options)
    rows = [
        [one.name, one.integrals.count, float(one.integrals.spectrum_i[0]), float(one.integrals.spectrum_i[1])]
        for one in sections
    ]
    fallen = int(np.argmax(share_tu[:, 0] < 0.5))
    back = fallen + int(share_tu[fallen:, 0].argmax())
    body = [
        EXPLANATION.strip(),
        table(["Hénon–Heiles, energies", "integrals", "first λ", "second λ"], rows),
        table(
            ["mode 1, lowest share", "largest share of mode 2", "recurrence: share of mode 1", "periods of mode 1"],
            [[float(share_tu[:, 0].min()), float(share_tu[:, 1].max()), float(share_tu[back, 0]), float(time_t[back])]],
        ),
    ]
    publish("sections_and_recurrence", "11. Sections and recurrence", "\n\n".join(body), options)


def section_of(lowest: float, highest: float, *, quick: bool) -> Section:
    """Return the section of orbits between two energies."""
    system = henon_heiles(lowest, highest)
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


def recurrence(*, quick: bool) -> tuple[FloatArray, FloatArray]:
    """Return times in periods of the first mode, and the shares of the modes in the harmonic energy."""
    system = fput(N_NODES, ends="fixed", alpha=ALPHA)
    number_u = np.arange(1, N_NODES + 1)
    mode_uu = np.sqrt(2.0 / (N_NODES + 1)) * np.sin(np.pi * np.outer(number_u, number_u) / (N_NODES + 1))
    frequency_u = 2.0 * np.sin(0.5 * np.pi * number_u / (N_NODES + 1))
    start = 4.0 * mode_uu[:1], np.zeros((1, N_NODES))
    state_td = system.followed(start, 60 if quick else 6000, 0.5)[0]
    place_tu, momentum_tu = (part @ mode_uu for part in np.split(state_td, 2, axis=1))
    energy_tu = 0.5 * (momentum_tu**2 + (frequency_u * place_tu) ** 2)
    time_t = 0.5 * np.arange(len(state_td)) * frequency_u[0] / (2.0 * np.pi)
    return time_t, energy_tu / energy_tu.sum(axis=1, keepdims=True)


def draw(sections: list[Section], time_t: FloatArray, share_tu: FloatArray, options: Options) -> None:
    """Draw the sections and the energies of the modes."""
    figure = Figure(figsize=(12.0, 3.8), layout="constrained")
    axes = figure.subplots(1, 3)
    for place, section in zip(axes, sections, strict=False):
        values = np.repeat(section.values, [len(crossing) for crossing in section.crossings])
        points = np.concatenate(section.crossings)
        place.scatter(points[:, 0], points[:, 1], s=1.0, c=values, cmap="viridis")
        place.set(xlabel="y", ylabel="p_y", aspect="equal")
        place.set_title(f"E = {section.name}: {section.integrals.count} found", fontsize="medium")
    for mode in range(SHOWN_MODES):
        axes[2].plot(time_t, share_tu[:, mode], linewidth=0.8, label=f"mode {mode + 1}")
    axes[2].set(xlabel="periods of mode 1", ylabel="share of the energy")
    axes[2].legend(fontsize="small")
    figure.savefig(options.output / "sections_and_recurrence.png", dpi=110)


if __name__ == "__main__":
    main()
