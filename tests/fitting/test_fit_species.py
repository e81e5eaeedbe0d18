"""Fits to systems of several species: as accurate as to one, velocities p/m when learned, others told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from mixed_systems import MixedSystem, gravity, lennard_jones, spring_chain
from snapshots import SMALL, spring_lattice

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.fitting.phase_space import preparation
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space

SYSTEMS = [(spring_chain, 2), (lennard_jones, 2), (gravity, 2), (gravity, 4)]


def errors(system: MixedSystem, kinetic: str) -> tuple[float, float]:
    """Return relative errors of velocities and forces on fresh states of a fit with default settings."""
    frames, fresh = (system.frames(np.random.default_rng(seed), n) for seed, n in ((3, 200), (4, 50)))
    model = fit_phase_space(frames, kinetic=kinetic, axes="mean position", **system.edges)
    said = [model.evaluate(atoms, system.bonds) for atoms in fresh]
    velocity_nc = np.concatenate([atoms.get_velocities() for atoms in fresh])
    force_nc = np.concatenate([atoms.calc.results["forces"] for atoms in fresh])
    velocity_error = np.linalg.norm(np.concatenate([one.velocity_nc for one in said]) - velocity_nc)
    force_error = np.linalg.norm(np.concatenate([one.force_nc for one in said]) - force_nc)
    return float(velocity_error / np.linalg.norm(velocity_nc)), float(force_error / np.linalg.norm(force_nc))


@pytest.mark.parametrize(("system", "n_species"), SYSTEMS)
def test_hamiltonians_of_several_species_are_learned_as_well_as_of_one(
    system: Callable[[int], MixedSystem], n_species: int
) -> None:
    (velocity_error, force_error), (one_velocity_error, one_force_error) = (
        errors(system(count), "learned") for count in (n_species, 1)
    )
    assert force_error < 3.0 * one_force_error
    assert velocity_error < min(3.0 * one_velocity_error, 0.05)
    assert force_error < 0.05


@pytest.mark.parametrize(("system", "n_species"), SYSTEMS[:3])
def test_potentials_of_several_species_are_learned_as_well_as_of_one(
    system: Callable[[int], MixedSystem], n_species: int
) -> None:
    (velocity_error, force_error), (_, one_force_error) = (errors(system(count), "known") for count in (n_species, 1))
    assert velocity_error < 1e-14
    assert force_error < max(3.0 * one_force_error, 1e-7)


def test_isotopes_and_elements_are_both_told_apart(rng: np.random.Generator) -> None:
    frames, bonds = spring_lattice(rng, (4,), 20)
    for atoms in frames:
        atoms.numbers[0], atoms.numbers[2:] = 2, 1
        atoms.set_masses([1.0, 1.0, 1.0, 2.0])
        atoms.calc.atoms = atoms.copy()
    model = fit_phase_space(frames, bonds=bonds, **SMALL)
    np.testing.assert_array_equal(model.species.number_s, [1, 1, 2])
    np.testing.assert_array_equal(model.species.mass_s, [1.0, 2.0, 1.0])


def other_mass(atoms: Atoms) -> None:
    atoms.set_masses([1.0, 1.0, 7.0])


def other_element(atoms: Atoms) -> None:
    atoms.numbers[1] = 3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(other_mass, r"frame 29: .*of mass 7 \(atom 2\)"), (other_element, r"frame 29: .*does not know Li")],
)
def test_a_frame_of_another_species_than_the_sample_is_told(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Atoms], None], message: str
) -> None:
    monkeypatch.setattr(preparation, "SAMPLE", 2)
    frames, bonds = spring_lattice(rng, (3,), 30)
    spoil(frames[29])
    frames[29].calc.atoms = frames[29].copy()
    with pytest.raises(TrainingDataError, match=message):
        fit_phase_space(frames, bonds=bonds, **SMALL)
