"""Structures far away from a training set: where a fit must be told to stay sensible.

The atoms of a frame may meet in any way during a run, or under pressure: as other crystals, denser or
wider, as molecules of two and three atoms. Distances and compositions are always those of the training
set. Whether crystals make sense is seen from its volumes: molecules in a box have none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.fitting.prototypes import prototypes
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame
from ase_rfhgn.structures.graph import typical_nearest

WEIGHT, WEIGHT_FEW = 3e-5, 3e-4
"""Squared weights of pseudo-labels relative to labels, on structures of many and of few atoms."""

LOOKED_AT = 30
"""Frames whose distances and volumes are looked at."""

CRYSTALS = 240
"""Prototype crystals that are made."""

MANY_FRAMES, LEAST_SHARE = 100, 0.2
"""Frames below which fewer structures are made, and their least share: fits to few frames should take no time."""

SPACING = (0.85, 1.25)
"""Range of distances between nearest neighbours in crystals, in units of the typical ones."""

STRAIN, RATTLE = 0.02, 0.02
"""Standard deviations of strains, and of displacements in units of the typical nearest distance."""

ROOMY = 4.0
"""Volume per atom, in units of the cubed nearest distance, above which a frame is no crystal: diamond has 1.54."""

SCALES = (0.8, 1.15)
"""Range of lengths of compressed and expanded frames, in units of the training set's."""

ATOMS_SCALED = 300
"""Atoms of compressed and expanded frames that are made, about."""

MOST_ATOMS = 100
"""Larger frames are not compressed or expanded."""

FEW_ATOMS = 40
"""Dimers and chains that are made."""

APPROACH = 0.9
"""Shortest distance in dimers and chains, in units of the shortest of training."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distances and volumes of a training set.

    Attributes
    ----------
    nearest_s : ndarray of shape (n_species,)
        Typical distance of the atoms of every species to their nearest neighbour (Å).
    is_crystalline : bool
        Whether some frame is as dense as a crystal, in all directions.
    """

    nearest_s: FloatArray
    is_crystalline: bool


def far_structures(
    items: FrameGraphs, species_s: IntArray, cutoff: float, floor_b: FloatArray, rng: np.random.Generator
) -> Iterator[tuple[Atoms, float]]:
    """Yield structures far away from a training set, and the squared weights of their pseudo-labels.

    Parameters
    ----------
    items : FrameGraphs
        Frames; their labels are not used.
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    cutoff : float
        Cutoff of the features (Å).
    floor_b : ndarray of shape (n_species²,)
        Smallest distances of training (Å).
    rng : numpy.random.Generator
        Source of randomness.
    """
    looked_at = [items[int(i)] for i in rng.permutation(len(items))[:LOOKED_AT]]
    spacing = spacing_of(looked_at, species_s)
    if np.isnan(spacing.nearest_s).all():
        return
    share = share_of(len(items))
    many = _scaled(looked_at, share * ATOMS_SCALED, spacing.nearest_s, rng)
    if spacing.is_crystalline:
        many = chain(_crystals(looked_at, round(share * CRYSTALS), species_s, spacing.nearest_s, rng), many)
    yield from ((atoms, WEIGHT) for atoms in many)
    few = islice(_few_atoms(looked_at, species_s, cutoff, floor_b, rng), round(share * FEW_ATOMS))
    yield from ((atoms, WEIGHT_FEW) for atoms in few)


def share_of(n_frames: int) -> float:
    """Return which share of all structures is made for a number of frames."""
    return float(np.clip(n_frames / MANY_FRAMES, LEAST_SHARE, 1.0))


def spacing_of(items: list[GraphedFrame], species_s: IntArray) -> Spacing:
    """Return the distances and volumes of some frames; distances are NaN where no atom has a neighbour.

    Parameters
    ----------
    items : list of GraphedFrame
        Frames with their graphs.
    species_s : ndarray of shape (n_species,)
        Atomic numbers, ascending.
    """
    densest = np.inf
    for item in items:
        atoms, (_, nearest_n) = item.frame.atoms, item.graph.nearest()
        if len(nearest_n) and atoms.pbc.all() and has_volume(atoms):
            densest = min(densest, atoms.get_volume() / len(atoms) / float(np.median(nearest_n)) ** 3)
    nearest_s = typical_nearest((item.graph for item in items), species_s)
    if np.isfinite(nearest_s).any():
        nearest_s = np.where(np.isnan(nearest_s), np.nanmean(nearest_s), nearest_s)
    return Spacing(nearest_s, densest < ROOMY)


def _crystals(
    items: list[GraphedFrame], count: int, species_s: IntArray, nearest_s: FloatArray, rng: np.random.Generator
) -> Iterator[Atoms]:
    """Yield strained and rattled prototypes with the compositions of frames."""
    for prototype in islice(cycle(prototypes().values()), count):
        frame = items[int(rng.integers(len(items)))]
        number_n = rng.choice(frame.graph.number_n, size=prototype.n_sites)
        typical = float(nearest_s[np.searchsorted(species_s, number_n)].mean())
        atoms = prototype.crystal(number_n, typical * rng.uniform(*SPACING))
        strain_cc = rng.normal(0.0, STRAIN, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (strain_cc + strain_cc.T)), scale_atoms=True)
        atoms.positions += rng.normal(0.0, RATTLE * typical, size=(len(atoms), 3))
        yield atoms


def _scaled(
    items: list[GraphedFrame], enough: float, nearest_s: FloatArray, rng: np.random.Generator
) -> Iterator[Atoms]:
    """Yield compressed and expanded frames, rattled: small ones as often as it takes."""
    small = [item.frame.atoms for item in items if len(item.frame.atoms) <= MOST_ATOMS]
    n_atoms = 0
    for atoms in cycle(small):
        if n_atoms > enough:
            return
        made = atoms.copy()
        scale = rng.uniform(*SCALES)
        made.set_cell(scale * made.cell.array)
        made.positions = scale * made.positions
        made.positions += rng.normal(0.0, RATTLE * float(nearest_s.mean()), size=(len(made), 3))
        n_atoms += len(made)
        yield made


def _few_atoms(
    items: list[GraphedFrame], species_s: IntArray, cutoff: float, floor_b: FloatArray, rng: np.random.Generator
) -> Iterator[Atoms]:
    """Yield dimers and bent chains of three atoms, of elements that occur together."""
    for n_atoms in cycle((2, 2, 3)):
        number_n = rng.choice(items[int(rng.integers(len(items)))].graph.number_n, size=n_atoms)
        species_n = np.searchsorted(species_s, number_n)
        shortest_p = APPROACH * floor_b[len(species_s) * species_n[:-1] + species_n[1:]]
        step_p = rng.uniform(shortest_p, cutoff)
        angle_p = rng.uniform(0.0, 0.5 * np.pi, size=n_atoms - 1)
        step_pc = np.stack([np.cos(angle_p), np.sin(angle_p), np.zeros(n_atoms - 1)], axis=1) * step_p[:, None]
        yield Atoms(numbers=number_n, positions=np.concatenate([np.zeros((1, 3)), np.cumsum(step_pc, axis=0)]))
