"""Drawn Hamiltonians: fields of unit spread, channels within their range, the same for the same seed."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from labelled import shaken

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.initialise import (
    LEAST_CUTOFF,
    LEAST_SPREAD,
    LEAST_STEP,
    Architecture,
    initialise_fields,
)
from ase_rfhgn.features.spherical.rows import feature_rows
from ase_rfhgn.structures.graph import build_graph

CUTOFF = 4.5
ARCHITECTURE = Architecture(cutoff=CUTOFF, channels=12, projections=3, correlation=4, degree=3, sampler="swim")


def alloy(seed: int) -> Atoms:
    """Return a shaken crystal of copper and gold."""
    atoms: Atoms = bulk("Cu", a=3.8, cubic=True) * (2, 1, 1)
    rng = np.random.default_rng(seed)
    atoms.numbers = rng.choice([29, 79], size=len(atoms))
    atoms.rattle(0.1, rng=rng)
    return atoms


def draw(structures: list[Atoms], architecture: Architecture = ARCHITECTURE, seed: int = 0) -> SphericalFields:
    species_s = np.unique(np.concatenate([atoms.numbers for atoms in structures]))
    return initialise_fields(
        architecture,
        species_s,
        np.full(len(species_s) ** 2, 2.0),
        np.full(len(species_s), 10.0),
        [build_graph(atoms, architecture.cutoff) for atoms in structures],
        np.random.default_rng(seed),
    )


def weights_of(drawn: SphericalFields) -> list[FloatArray]:
    encoder = [getattr(drawn.encoder, field.name) for field in fields(drawn.encoder)]
    return [*encoder, drawn.projection_sqlk, drawn.mean_sk]


def basis_of(drawn: SphericalFields, structures: list[Atoms]) -> tuple[IntArray, FloatArray]:
    """Return the species and the atomic basis of every site."""
    blocks = [block for atoms in structures for block in drawn.blocks(build_graph(atoms, drawn.cutoff))]
    return np.concatenate([block.species_n for block in blocks]), np.concatenate([b.basis_nyk for b in blocks])


def fields_on_sphere(drawn: SphericalFields, structures: list[Atoms]) -> tuple[IntArray, FloatArray]:
    """Return the species and the fields of every site over the points of the quadrature: (n, q, x, k)."""
    species_n, basis_nyk = basis_of(drawn, structures)
    level_y = np.repeat(np.arange(drawn.degree + 1), 2 * np.arange(drawn.degree + 1) + 1)
    weighted_nqyk = drawn.projection_sqlk[species_n][:, :, level_y] * drawn.centred(basis_nyk, species_n)[:, None]
    return species_n, np.einsum("xy,nqyk->nqxk", drawn.grid.harmonics_xy, weighted_nqyk)


# %% Scale


@pytest.mark.parametrize("sampler", ["swim", "elm"])
@pytest.mark.parametrize("structure", [shaken, alloy])
def test_fields_have_unit_spread_over_the_sample(sampler: str, structure: object) -> None:
    assert callable(structure)
    structures = [structure(seed) for seed in range(12)]
    drawn = draw(structures, replace(ARCHITECTURE, sampler=sampler, projections=60))
    species_n, field_nqxk = fields_on_sphere(drawn, structures)
    for s in range(len(drawn.species_s)):
        site_nqxk = field_nqxk[species_n == s]
        mean_k = np.abs(site_nqxk.mean(axis=0)).max(axis=(0, 1))
        variance_qk = np.einsum("x,nqxk->qk", drawn.grid.weight_x, site_nqxk**2) / len(site_nqxk)
        # degrees l have unit spread, weighted by normal numbers, over 4π; ones without variation are held back
        total_k = 4.0 * np.pi / drawn.grid.weight_x.sum() * variance_qk.mean(axis=0)
        assert np.all(total_k < 1.7 * (drawn.degree + 1))
        assert np.all(total_k > 0.4)
        assert np.all(mean_k < 10.0)


@pytest.mark.parametrize("sampler", ["swim", "elm"])
def test_every_degree_has_unit_spread_over_the_sample(sampler: str) -> None:
    structures = [alloy(seed) for seed in range(12)]
    drawn = draw(structures, replace(ARCHITECTURE, sampler=sampler, projections=400))
    species_n, basis_nyk = basis_of(drawn, structures)
    for s in range(len(drawn.species_s)):
        site_nyk = basis_nyk[species_n == s]
        square_yk = np.mean(site_nyk**2, axis=0)
        square_yk[0] -= np.mean(site_nyk[:, 0], axis=0) ** 2
        square_lk = np.add.reduceat(square_yk, np.arange(drawn.degree + 1) ** 2)
        found_lk = np.mean(drawn.projection_sqlk[s] ** 2, axis=0) * square_lk
        wide_lk = square_lk > (2.0 * LEAST_SPREAD) ** 2 * square_lk.max(axis=0)
        np.testing.assert_allclose(found_lk[wide_lk], 1.0, rtol=0, atol=0.35)
        assert np.all(found_lk < 1.35)


@pytest.mark.parametrize(
    "atoms",
    [bulk("Cu"), bulk("Cu") * (2, 2, 2), bulk("Si"), bulk("NaCl", "rocksalt", a=5.6), Atoms("Cu"), molecule("N2")],
    ids=["crystal", "supercell", "diamond", "rocksalt", "isolated", "dimer"],
)
@pytest.mark.parametrize("sampler", ["swim", "elm"])
def test_symmetric_and_empty_neighbourhoods_give_finite_features(atoms: Atoms, sampler: str) -> None:
    drawn = draw([atoms, atoms], replace(ARCHITECTURE, sampler=sampler))
    assert all(np.isfinite(weight).all() for weight in weights_of(drawn))
    other = atoms.copy()
    other.rattle(0.1, seed=0)
    n_species = len(drawn.species_s)
    for structure in (atoms, other):
        rows = feature_rows(
            drawn,
            build_graph(structure, CUTOFF),
            drawn.n_features * np.arange(n_species),
            n_species * drawn.n_features,
            stress=True,
        )
        for array in (rows.energy_f, rows.force_mf, rows.virial_vf):
            assert np.isfinite(array).all()


# %% Channels


@pytest.mark.parametrize("sampler", ["swim", "elm"])
def test_channels_reach_between_the_nearest_neighbour_and_the_cutoff(sampler: str) -> None:
    cutoff_k = draw([shaken(0)], replace(ARCHITECTURE, sampler=sampler, channels=300)).encoder.cutoff_k
    assert cutoff_k.min() >= 2.0 + LEAST_CUTOFF * (CUTOFF - 2.0)
    assert cutoff_k.max() <= CUTOFF
    assert np.ptp(cutoff_k) > 0.9 * (1.0 - LEAST_CUTOFF) * (CUTOFF - 2.0)


def test_swim_channels_turn_where_there_are_data() -> None:
    encoder = draw([shaken(0)], replace(ARCHITECTURE, channels=300)).encoder
    turn_k = -encoder.shift_bk[0] / encoder.weight_k  # where tanh is zero: halfway between two data points
    assert np.all(turn_k > 2.0)
    assert np.all(turn_k < encoder.cutoff_k)
    assert np.abs(encoder.weight_k).max() <= np.log(3.0) / LEAST_STEP * (1.0 + 1e-12)
    assert np.any(encoder.weight_k > 0.0)
    assert np.any(encoder.weight_k < 0.0)


def test_swim_channels_tell_species_apart_to_different_degrees() -> None:
    shift_bk = draw([alloy(seed) for seed in range(4)], replace(ARCHITECTURE, channels=300)).encoder.shift_bk
    difference_k = np.ptp(shift_bk, axis=0)
    low, high = np.quantile(difference_k[difference_k > 0.0], [0.1, 0.9])
    assert high > 30.0 * low
    assert np.mean(difference_k > 0.0) > 0.5
    # additive in centre and neighbour: the encoder is one dense layer
    np.testing.assert_allclose(shift_bk[0] + shift_bk[3], shift_bk[1] + shift_bk[2], atol=1e-10)


@pytest.mark.parametrize("cutoff", [1.0, 2.0, 2.1])
def test_cutoffs_around_the_nearest_neighbour_give_finite_weights(cutoff: float) -> None:
    drawn = draw([shaken(0)], replace(ARCHITECTURE, cutoff=cutoff))
    assert all(np.isfinite(weight).all() for weight in weights_of(drawn))


# %% Seeds


@pytest.mark.parametrize("sampler", ["swim", "elm"])
def test_a_seed_draws_one_hamiltonian_and_another_seed_another(sampler: str) -> None:
    architecture, structures = replace(ARCHITECTURE, sampler=sampler), [alloy(seed) for seed in range(3)]
    first, again, other = (draw(structures, architecture, seed) for seed in (1, 1, 2))
    for one, two in zip(weights_of(first), weights_of(again), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.any(first.encoder.weight_k == other.encoder.weight_k)
    assert not np.any(first.projection_sqlk == other.projection_sqlk)


def test_samplers_differ_and_shapes_are_those_of_the_architecture() -> None:
    swim, elm = (draw([alloy(0)], replace(ARCHITECTURE, sampler=sampler)) for sampler in ("swim", "elm"))
    assert not np.any(swim.encoder.weight_k == elm.encoder.weight_k)
    for drawn in (swim, elm):
        assert (drawn.n_channels, drawn.degree, drawn.correlation, drawn.cutoff) == (12, 3, 4, CUTOFF)
        assert drawn.projection_sqlk.shape == (2, 3, 4, 12)
        assert drawn.encoder.shift_bk.shape == (4, 12)
        assert drawn.n_features == 12 * (1 + 4 + 3 * 2)
