"""Making sure that the energy rises where training has nothing to say: atoms too close, sites too dense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.graph import build_graph

STRENGTHS = tuple(10.0**power for power in range(7))
"""Strengths that are tried; the weakest that suffices is taken."""

SCALES = np.linspace(1.0, 0.5, 11)
"""Compression of lengths at which structures are tried."""

GRACE = 0.15
"""Excess of density after which the energy has to rise."""

APPROACH = np.linspace(0.9, 0.3, 25)
"""Distances of dimers, in units of the smallest of training, at which they are tried."""


def enforce_repulsion(potential: Potential, structures: Sequence[Atoms]) -> Potential:
    """Return the potential with a repulsion that is strong enough.

    Dimers of all elements are brought together from the smallest distance of training, and
    structures of the training set are compressed beyond its largest density. Neither repulsion
    acts on anything that training saw, so the fit stays what it was.

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
    strength_b = core.strength_b.copy()
    for b in range(len(strength_b)):
        symbols = core.species_s[list(divmod(b, len(core.species_s)))]
        distances = core.radius_b[b] * APPROACH
        dimers = [Atoms(numbers=symbols, positions=[(0.0, 0.0, 0.0), (d, 0.0, 0.0)]) for d in distances]
        energy_i = np.array([potential.evaluate(dimer).energy for dimer in dimers])
        push_i, _ = core.pair_energy(distances, np.full(len(distances), b))
        strength_b[b] = _weakest(energy_i - push_i, push_i)
    return replace(potential, baseline=replace(potential.baseline, core=replace(core, strength_b=strength_b)))


def _with_strong_density_limit(potential: Potential, structures: Sequence[Atoms]) -> Potential:
    density_limit = potential.hamiltonian.density_limit
    if density_limit is None:
        return potential
    strength = max((_density_limit_strength(potential, atoms) for atoms in structures), default=density_limit.strength)
    strong = replace(potential.hamiltonian, density_limit=replace(density_limit, strength=strength))
    return replace(potential, hamiltonian=strong)


def _density_limit_strength(potential: Potential, atoms: Atoms) -> float:
    """Return the strength of density_limit that makes the energy of a structure rise under compression."""
    density_limit = potential.hamiltonian.density_limit
    assert density_limit is not None  # noqa: S101  # told by the caller
    energies, pushes = [], []
    for scale in SCALES:
        squeezed = atoms.copy()
        squeezed.set_cell(scale * atoms.cell.array)
        squeezed.positions = scale * atoms.positions
        graph = build_graph(squeezed, potential.cutoff)
        density_n = density_limit.density(graph)
        species_n = np.searchsorted(potential.species_s, graph.number_n)
        if np.mean(density_n / density_limit.largest_density_s[species_n]) < 1.0 + GRACE:
            continue
        push = float(density_limit.sites(density_n, species_n).energy_n.sum())
        energies.append(float(potential.respond(graph).energy_n.sum()) - push)
        pushes.append(push / density_limit.strength)
    return _weakest(np.array(energies), np.array(pushes))


def _weakest(energy_i: FloatArray, push_i: FloatArray) -> float:
    """Return the weakest strength of a push that makes energies rise all the way."""
    for strength in STRENGTHS:
        if np.all(np.diff(energy_i + strength * push_i) > 0.0):
            return strength
    return STRENGTHS[-1]
