"""What several test modules need: potentials with random weights, and one that was fitted to copper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers
from labelled import labelled

from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.radial import EdgeEncoder
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.baselines.short_range import Baseline, ShortRangeCore
from ase_rfhgn.models.potential import Potential

MakePotential: TypeAlias = Callable[..., Potential]
"""Type of the fixture `make_potential`: arguments of `random_potential`."""


def random_potential(
    symbols: Sequence[str],
    rng: np.random.Generator,
    *,
    cutoff: float = 4.0,
    channels: int = 5,
    projections: int = 2,
    degree: int = 3,
    correlation: int = 4,
) -> Potential:
    """Return a smooth potential with random weights, of some eV per atom: all that a law needs."""
    species_s = np.array(sorted(atomic_numbers[symbol] for symbol in symbols))
    n_species = len(species_s)
    encoder = EdgeEncoder(
        cutoff_k=np.append(rng.uniform(0.6, 1.0, channels - 1), 1.0) * cutoff,
        weight_k=rng.normal(size=channels),
        shift_bk=rng.normal(size=(n_species**2, channels)) - 1.0,
        size_b=rng.uniform(-0.1, 0.1, n_species**2),
        floor_b=np.full(n_species**2, 1.0),
    )
    hamiltonian = SphericalFields(
        species_s=species_s,
        cutoff=cutoff,
        encoder=encoder,
        projection_sqlk=rng.normal(size=(n_species, projections, degree + 1, channels)) / (degree + 1),
        mean_sk=0.3 * rng.normal(size=(n_species, channels)),
        correlation=correlation,
    )
    n_features = hamiltonian.n_features
    coefficient_sf = rng.normal(size=(n_species, n_features)) / np.sqrt(n_features)
    core = ShortRangeCore(species_s, np.full(n_species**2, 1.2), np.full(n_species**2, 1.0))
    return Potential(hamiltonian, coefficient_sf, Baseline(rng.normal(size=n_species), core), {"made": "at random"})


@pytest.fixture(scope="session")
def make_potential() -> MakePotential:
    """Return a function that makes potentials with random weights."""
    return random_potential


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator of random numbers that is the same in every run."""
    return np.random.default_rng(20240607)


def strained_copper(rng: np.random.Generator) -> Atoms:
    """Return a strained, rattled crystal of copper; now and then an atom is missing."""
    atoms: Atoms = bulk("Cu", cubic=True) * (2, 2, 1)
    if rng.random() < 0.3:
        del atoms[0]
    strain_cc = rng.uniform(-0.06, 0.06) * np.eye(3) + rng.normal(0.0, 0.02, (3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain_cc), scale_atoms=True)
    atoms.positions += rng.normal(0.0, rng.uniform(0.02, 0.25), atoms.positions.shape)
    return labelled(atoms)


@pytest.fixture(scope="session")
def copper() -> Potential:
    """Return a small potential that was fitted to copper as effective medium theory sees it."""
    rng = np.random.default_rng(11)
    return fit([strained_copper(rng) for _ in range(40)], cutoff=4.6, channels=10, projections=2, seed=0)
