"""Expected errors: true to symmetry, larger where training saw nothing, nothing when not asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100
from ase.calculators.calculator import PropertyNotImplementedError
from conftest import MakePotential, strained_copper
from labelled import labelled

from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.errors import SettingsError, TrainingDataWarning
from ase_rfhgn.features.spherical.reduced import reduced_features, reduced_fields
from ase_rfhgn.features.spherical.rows import feature_rows, isolated_features
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.extrapolation import ORDINARY, Domain
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.reports.comparison import compare, reliability_of
from ase_rfhgn.structures.graph import build_graph

QUANTITIES = ("energy_uncertainty", "energies_uncertainty", "forces_uncertainty", "stress_uncertainty")


def shaken(size: float, seed: int = 0) -> Atoms:
    """Return a shaken crystal of copper."""
    atoms: Atoms = bulk("Cu", cubic=True) * (2, 2, 1)
    atoms.rattle(size, seed=seed)
    return atoms


def test_answers_are_the_same_with_and_without(copper: Potential) -> None:
    plain, with_errors = copper.evaluate(shaken(0.1)), copper.evaluate(shaken(0.1), uncertainty=True)
    assert plain.uncertainty is None
    assert plain.energy == with_errors.energy
    np.testing.assert_array_equal(plain.force_nc, with_errors.force_nc)


def test_most_errors_on_unseen_frames_lie_within(copper: Potential) -> None:
    rng = np.random.default_rng(77)
    frames = [strained_copper(rng) for _ in range(25)]
    reliability = reliability_of(compare(copper, frames, uncertainty=True))
    assert reliability is not None
    assert copper.ensemble is not None
    assert 0.5 < reliability.within(1.0) < 0.85
    assert reliability.within(copper.ensemble.widening["force"]) > 0.88
    assert np.corrcoef(np.log(reliability.error_m + 1e-6), np.log(reliability.expected_m))[0, 1] > 0.2


@pytest.mark.parametrize(("n_frames", "least"), [(4, 0.4), (8, 0.55)])
def test_fits_with_more_features_than_rows_know_that_they_know_little(n_frames: int, least: float) -> None:
    rng = np.random.default_rng(20)
    potential = fit([strained_copper(rng) for _ in range(n_frames)], cutoff=4.6, channels=24, projections=4)
    reliability = reliability_of(compare(potential, [strained_copper(rng) for _ in range(15)], uncertainty=True))
    assert reliability is not None
    assert least < reliability.within(1.0) < 0.9


@pytest.mark.filterwarnings("ignore:.* molecular dynamics")
def test_a_fit_to_isolated_atoms_warns_and_knows_that_it_knows_nothing() -> None:
    boxes = [Atoms("Cu", cell=[12.0 + k] * 3, pbc=True) for k in range(5)]
    frames = [labelled(atoms, energy=-0.2, forces=np.zeros((1, 3)), stress=None) for atoms in boxes]
    with pytest.warns(TrainingDataWarning, match="nothing is learned about bonds"):
        potential = fit(frames, channels=6, projections=1)
    expected = potential.evaluate(shaken(0.1), uncertainty=True).uncertainty
    assert expected is not None
    assert expected.stress_v is not None
    for value in (expected.energy, expected.energy_n, expected.force_nc, expected.stress_v):
        assert np.all(np.isinf(value))


def test_energies_their_differences_and_stresses_lie_within(copper: Potential) -> None:
    rng = np.random.default_rng(7)
    frames = [strained_copper(rng) for _ in range(40)]
    answers = [copper.evaluate(atoms, uncertainty=True) for atoms in frames]
    expected = [answer.uncertainty for answer in answers if answer.uncertainty is not None]
    energy_i = np.array(
        [answer.energy - atoms.get_potential_energy() for answer, atoms in zip(answers, frames, strict=True)]
    )
    width_i = np.array([one.energy for one in expected])
    pairs = (np.diff(energy_i), np.hypot(width_i[1:], width_i[:-1]))
    stress_iv = np.array([answer.stress_v - atoms.get_stress() for answer, atoms in zip(answers, frames, strict=True)])
    stresses = (stress_iv, np.array([one.stress_v for one in expected]))
    assert copper.ensemble is not None
    for kind, (error, width) in (("energy", (energy_i, width_i)), ("energy", pairs), ("stress", stresses)):
        assert 0.45 < np.mean(np.abs(error) < width) < 0.9
        assert np.mean(np.abs(error) < copper.ensemble.widening[kind] * width) > 0.85


def test_frames_that_resemble_their_neighbours_do_not_make_it_sure_of_itself() -> None:
    rng = np.random.default_rng(20)
    frames = []
    for atoms in [strained_copper(rng) for _ in range(8)]:
        for _ in range(4):
            twin = atoms.copy()
            twin.rattle(1e-3, rng=rng)
            frames.append(labelled(twin))
    potential = fit(frames, cutoff=4.6, channels=24, projections=4)
    reliability = reliability_of(compare(potential, [strained_copper(rng) for _ in range(15)], uncertainty=True))
    assert reliability is not None
    assert 0.5 < reliability.within(1.0) < 0.9


def test_what_symmetry_fixes_is_certain(copper: Potential) -> None:
    crystal = copper.evaluate(bulk("Cu", cubic=True), uncertainty=True).uncertainty
    shaky = copper.evaluate(shaken(0.2), uncertainty=True).uncertainty
    assert crystal is not None
    assert shaky is not None
    assert crystal.force_nc.max() < 1e-9 * shaky.force_nc.max()
    assert crystal.energy > 0.0


def test_predicted_uncertainty_turn_with_the_structure_and_do_not_see_names(copper: Potential) -> None:
    atoms = shaken(0.15)
    order = np.random.default_rng(0).permutation(len(atoms))
    before, after = (copper.evaluate(one, uncertainty=True).uncertainty for one in (atoms, atoms[order]))
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(after.force_nc, before.force_nc[order], rtol=1e-9)
    turned = atoms.copy()
    turned.rotate(90, "z", rotate_cell=True)
    there = copper.evaluate(turned, uncertainty=True).uncertainty
    assert there is not None
    np.testing.assert_allclose(there.force_nc, before.force_nc[:, [1, 0, 2]], rtol=1e-6)
    np.testing.assert_allclose(there.grade_n, before.grade_n, rtol=1e-6)


def test_surfaces_are_unlike_the_bulk(copper: Potential) -> None:
    slab = fcc100("Cu", (2, 2, 5), vacuum=8.0)
    grade_n = copper.grade(slab)
    assert grade_n[slab.positions[:, 2] < slab.positions[:, 2].min() + 0.1].min() > 1.0
    assert np.mean(copper.grade(shaken(0.1)) > 1.0) < 0.1


def test_the_ensemble_travels_in_the_file(copper: Potential, tmp_path: Path) -> None:
    copper.save(tmp_path / "copper.npz")
    first, second = (
        one.evaluate(shaken(0.1), uncertainty=True).uncertainty
        for one in (copper, Potential.load(tmp_path / "copper.npz"))
    )
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.force_nc, second.force_nc)
    np.testing.assert_array_equal(first.grade_n, second.grade_n)


def test_potentials_without_a_ensemble_say_so(make_potential: MakePotential, rng: np.random.Generator) -> None:
    potential = make_potential(["Cu"], rng)
    with pytest.raises(SettingsError, match="cannot predict its uncertainty"):
        potential.evaluate(shaken(0.1), uncertainty=True)


# %% The calculator


@pytest.mark.parametrize("name", QUANTITIES)
def test_uncertainties_are_properties_by_name(copper: Potential, name: str) -> None:
    atoms = shaken(0.1)
    atoms.calc = RFHGNCalculator(copper)
    value = atoms.calc.get_property(name, atoms)
    assert np.all(np.asarray(value) > 0.0)
    assert np.shape(value) == np.shape(atoms.calc.get_property(name.removesuffix("_uncertainty"), atoms))
    assert name not in atoms.calc.results
    atoms.get_properties(["energy", "forces"])


def test_uncertainties_are_never_stale(copper: Potential) -> None:
    atoms = shaken(0.1)
    atoms.calc = RFHGNCalculator(copper)
    assert atoms.calc.get_property("forces_uncertainty", atoms, allow_calculation=False) is None
    before = atoms.calc.get_property("forces_uncertainty", atoms)
    atoms.positions[0, 0] += 0.2
    after = atoms.calc.get_property("forces_uncertainty", atoms)
    fresh = RFHGNCalculator(copper).get_property("forces_uncertainty", atoms)
    np.testing.assert_array_equal(after, fresh)
    assert not np.array_equal(before, after)
    after[:] = 0.0
    np.testing.assert_array_equal(atoms.calc.get_property("forces_uncertainty", atoms), fresh)


def test_stress_needs_a_volume(copper: Potential) -> None:
    cluster = Atoms("Cu2", [(0, 0, 0), (0, 0, 2.5)])
    cluster.calc = RFHGNCalculator(copper)
    assert cluster.calc.get_property("extrapolation_grade", cluster).shape == (2,)
    with pytest.raises(PropertyNotImplementedError):
        cluster.calc.get_property("stress_uncertainty", cluster)


# %% Parts


def test_reduced_fields_have_the_features_that_they_name(
    make_potential: MakePotential, rng: np.random.Generator
) -> None:
    fields = make_potential(["Cu", "Au"], rng, channels=6).hamiltonian
    reduced = reduced_fields(fields, 3)
    atoms = shaken(0.1)
    atoms.symbols[:5] = "Au"
    graph = build_graph(atoms, fields.cutoff)
    coefficient_sf = rng.normal(size=(2, reduced.n_features))
    full_sf = np.zeros((2, fields.n_features))
    full_sf[:, reduced_features(fields, 3)] = coefficient_sf
    one, other = reduced.respond(graph, coefficient_sf), fields.respond(graph, full_sf)
    np.testing.assert_allclose(one.force_nc, other.force_nc, atol=1e-10)
    np.testing.assert_allclose(one.energy_n, other.energy_n, atol=1e-10)
    assert feature_rows(fields, graph, np.array([0, 0]), fields.n_features, stress=False).energy_f.shape == (
        isolated_features(fields).shape[1],
    )


def test_grades_are_distances_from_what_was_seen(rng: np.random.Generator) -> None:
    species_n = np.repeat([0, 1], 2000)
    seen_nd = rng.normal(size=(4000, 3)) @ rng.normal(size=(3, 3)) + 5.0 * species_n[:, None]
    domain = Domain.nothing(2, 3).extended(seen_nd, species_n).limited(seen_nd, species_n)
    assert np.mean(domain.grade(seen_nd, species_n) < 1.0) == pytest.approx(ORDINARY, abs=0.01)
    assert (domain.grade(np.full((2, 3), 100.0), np.array([0, 1])) > 5.0).all()
    there_and_back = domain.extended(seen_nd[:50], species_n[:50]).extended(seen_nd[:50], species_n[:50], sign=-1.0)
    np.testing.assert_allclose(
        there_and_back.grade(seen_nd, species_n), domain.grade(seen_nd, species_n), rtol=1e-6, atol=1e-6
    )


def test_descriptors_do_not_turn(copper: Potential) -> None:
    atoms = shaken(0.1)
    turned = atoms.copy()
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    first, second = (copper.hamiltonian.descriptors(build_graph(one, copper.cutoff)) for one in (atoms, turned))
    np.testing.assert_allclose(first, second, atol=1e-10)
