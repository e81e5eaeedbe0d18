"""Enforced repulsion: the energy rises if atoms are too close, or sites are beyond the density limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.spherical.density_limit import DensityLimit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.graph import Bonds, bonded_graph, find_pairs

STRENGTHS = tuple(10.0**power for power in range(7))
"""Strengths of the core that are tried; the weakest that suffices is taken."""

MODEST_STRENGTHS = (1.0, 3.0, 10.0)
"""Strengths of the density limit that are tried: stronger ones would be felt just beyond the onset."""

SCALES = np.linspace(1.0, 0.5, 11)
"""Compression of lengths at which structures are tried."""

GRACE = 0.15
"""Excess of density over the onset of the limit after which the energy has to rise."""

APPROACH = np.linspace(0.9, 0.3, 25)
"""Distances of dimers, in units of the smallest of training, at which they are tried."""


def enforce_repulsion(potential: Potential, structures: Sequence[Atoms]) -> Potential:
    """Return the potential with a repulsion that is strong enough.

    Dimers of all elements are brought together from the smallest distance of training. Structures of the
    training set are compressed beyond the largest density of training. Neither repulsion acts on the training
    data, so the fit does not change; nor does the density limit act just beyond, and it stays modest.

    Parameters
    ----------
    potential : Potential
        A fitted potential.
    structures : sequence of ase.Atoms
        Structures to compress.
    """
    return _with_strong_core(_with_strong_density_limit(potential, structures))


def _with_strong_core(potential: Potential) -> Potential:
    core = potential.baseline.core
    # Another calculator may repel by itself: a core on top of it would only be an error.
    strengths = STRENGTHS if potential.baseline.others is None else (0.0, *STRENGTHS)
    strength_b = core.strength_b.copy()
    for b in range(len(strength_b)):
        number_n = core.species_s[list(divmod(b, len(core.species_s)))]
        distances = core.radius_b[b] * APPROACH
        energy_i = np.array([_dimer_energy(potential, number_n, distance) for distance in distances])
        push_i, _ = core.pair_energy(distances, np.full(len(distances), b))
        strength_b[b] = _weakest(energy_i - push_i, push_i, strengths)
    return replace(potential, baseline=replace(potential.baseline, core=replace(core, strength_b=strength_b)))


def _dimer_energy(potential: Potential, number_n: IntArray, distance: float) -> float:
    """Return the energy of two atoms (eV)."""
    dimer = Atoms(numbers=number_n, positions=[(0.0, 0.0, 0.0), (distance, 0.0, 0.0)])
    graph = bonded_graph(dimer, Bonds.between([(0, 1)] if distance < potential.cutoff else []))
    return float(potential.respond(dimer, graph).energy_n.sum())


def _with_strong_density_limit(potential: Potential, structures: Sequence[Atoms]) -> Potential:
    limit = potential.hamiltonian.density_limit
    if limit is None:
        return potential
    strength = max((_density_limit_strength(potential, limit, atoms) for atoms in structures), default=limit.strength)
    strong = replace(potential.hamiltonian, density_limit=replace(limit, strength=strength))
    return replace(potential, hamiltonian=strong)


def _density_limit_strength(potential: Potential, limit: DensityLimit, atoms: Atoms) -> float:
    """Return the strength of the density limit that makes the energy of a structure rise under compression."""
    pairs = find_pairs(atoms, potential.cutoff / SCALES.min())
    energies, pushes = [], []
    for scale in SCALES:
        squeezed = atoms.copy()
        squeezed.set_cell(scale * atoms.cell.array)
        squeezed.positions = scale * atoms.positions
        graph = replace(pairs, shift_pc=scale * pairs.shift_pc).graph(squeezed, potential.cutoff)
        density_n = limit.density(graph)
        species_n = np.searchsorted(potential.species_s, graph.number_n)
        if np.mean(density_n / limit.largest_density_s[species_n]) < 1.0 + limit.onset + GRACE:
            continue
        push = float(limit.sites(density_n, species_n).energy_n.sum())
        energies.append(float(potential.respond(squeezed, graph).energy_n.sum()) - push)
        pushes.append(push / limit.strength)
    return _weakest(np.array(energies), np.array(pushes), MODEST_STRENGTHS)


def _weakest(energy_i: FloatArray, push_i: FloatArray, strengths: Sequence[float]) -> float:
    """Return the weakest strength of a push that makes energies rise all the way, or the strongest."""
    for strength in strengths:
        if np.all(np.diff(energy_i + strength * push_i) > 0.0):
            return strength
    return strengths[-1]
