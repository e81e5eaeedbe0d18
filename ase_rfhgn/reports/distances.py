"""Distances in frames: radial distribution functions up to a cutoff, and the shortest distances of pairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.graph import build_graph

BINS = 120


@dataclass(frozen=True, slots=True)
class RadialDistribution:
    """Distances of a pair of elements, averaged over frames.

    Attributes
    ----------
    first, second : str
        Chemical symbols.
    distance_i : ndarray of shape (n_bins,)
        Centres of the bins (Å).
    density_i : ndarray of shape (n_bins,)
        g(r), relative to atoms spread evenly, if all frames have a volume. Otherwise the number of second
        atoms per first atom and Å.
    is_relative : bool
        Whether it is g(r).
    shortest : float or None
        Shortest distance of the pair (Å); None if there is none within the cutoff.
    """

    first: str
    second: str
    distance_i: FloatArray
    density_i: FloatArray
    is_relative: bool
    shortest: float | None


def radial_distributions(frames: Iterable[Atoms], cutoff: float) -> list[RadialDistribution]:
    """Return the radial distributions of all pairs of elements.

    Parameters
    ----------
    frames : iterable of ase.Atoms
        Structures.
    cutoff : float
        Largest distance (Å).
    """
    structures = list(frames)
    numbers = sorted({int(number) for atoms in structures for number in atoms.numbers})
    is_relative = all(has_volume(atoms) for atoms in structures)
    sums = {pair: _Sums() for pair in combinations_with_replacement(numbers, 2)}
    edges = np.linspace(0.0, cutoff, BINS + 1)
    for atoms in structures:
        graph = build_graph(atoms, cutoff)
        first_p, second_p = graph.number_n[graph.centre_p], graph.number_n[graph.neighbour_p]
        for pair, one in sums.items():
            chosen = (first_p == pair[0]) & (second_p == pair[1])
            one.add(graph.distance_p[chosen], edges, atoms, pair, is_relative=is_relative)
    return [one.distribution(pair, edges, is_relative=is_relative) for pair, one in sums.items()]


class _Sums:
    """Running sums of a pair of elements over frames."""

    def __init__(self) -> None:
        self.count_i = np.zeros(BINS)
        self.weight = 0.0
        self.shortest: float | None = None

    def add(
        self, distance_p: FloatArray, edges: FloatArray, atoms: Atoms, pair: tuple[int, int], *, is_relative: bool
    ) -> None:
        """Add the directed pairs of a frame: a pair of one element appears twice, once from either atom."""
        n_first, n_second = (int(np.count_nonzero(atoms.numbers == number)) for number in pair)
        self.count_i += np.histogram(distance_p, edges)[0]
        self.weight += n_first * n_second / atoms.get_volume() if is_relative else n_first
        if len(distance_p):
            shortest = float(distance_p.min())
            self.shortest = shortest if self.shortest is None else min(shortest, self.shortest)

    def distribution(self, pair: tuple[int, int], edges: FloatArray, *, is_relative: bool) -> RadialDistribution:
        """Return the average."""
        shell_i = 4.0 / 3.0 * np.pi * np.diff(edges**3) if is_relative else np.diff(edges)
        return RadialDistribution(
            first=chemical_symbols[pair[0]],
            second=chemical_symbols[pair[1]],
            distance_i=0.5 * (edges[1:] + edges[:-1]),
            density_i=self.count_i / (shell_i * max(self.weight, np.finfo(float).tiny)),
            is_relative=is_relative,
            shortest=self.shortest,
        )
