"""Sections of a report about what a model does where there are no labels: pairs of atoms, distances in a run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.reports.behaviour_plots import plot_pair_curves, plot_radial_distributions
from ase_rfhgn.reports.distances import RadialDistribution
from ase_rfhgn.reports.page.document import Block, Note, Section, Table
from ase_rfhgn.reports.page.images import plot
from ase_rfhgn.reports.page.words import number
from ase_rfhgn.reports.short_range import pair_curves

CURVES_PER_PLOT = 10


def short_range(model: AnyModel) -> Section:
    """Return the section about two atoms alone, for every pair of elements."""
    if not isinstance(model, Potential):
        return Section("short-range", "Short distances")
    curves = pair_curves(model)
    rows = []
    for curve in curves:
        lowest = int(curve.energy_i.argmin())
        answer = "repels" if curve.repels else "DOES NOT REPEL everywhere"
        minimum = (number(float(curve.energy_i[lowest])), number(float(curve.distance_i[lowest])))
        rows.append((f"{curve.first}–{curve.second}", number(curve.core_radius), answer, *minimum))
    head = ("pair", "radius (Å)", "below the radius", "lowest energy (eV)", "at (Å)")
    blocks: list[Block] = [Table(head, rows, "Two atoms alone")]
    bad = [f"{curve.first}–{curve.second}" for curve in curves if not curve.repels]
    if bad:
        blocks.append(
            Note(
                f"These pairs do not repel all the way: {', '.join(bad)}. Atoms may fuse in hot runs.", is_warning=True
            )
        )
    caption = (
        "Energy of two atoms alone. Dotted lines mark where the short-range repulsion begins, just below the distances "
        "of the training data. Unless the training data have free dimers, only the steep rise on the left matters."
    )
    parts = (curves[first : first + CURVES_PER_PLOT] for first in range(0, len(curves), CURVES_PER_PLOT))
    blocks += [plot(partial(plot_pair_curves, part), caption) for part in parts]
    return Section("short-range", "Short distances of every pair", blocks)


def distances(named: Sequence[tuple[str, Sequence[RadialDistribution]]], note: str) -> Section:
    """Return the section about radial distributions.

    Parameters
    ----------
    named : sequence of pairs of str and sequences of RadialDistribution
        Names of sets of frames, and the distributions of their pairs.
    note : str
        Where the frames come from.
    """
    pairs = sorted({(one.first, one.second) for _, distributions in named for one in distributions if one.shortest})
    blocks: list[Block] = [Note(note)] if pairs and note else []
    caption = "Distances {}–{}, averaged over frames. A run at the temperature of the frames should look like them."
    blocks += [plot(partial(plot_radial_distributions, named, pair), caption.format(*pair)) for pair in pairs]
    return Section("distances", "Radial distribution", blocks)
