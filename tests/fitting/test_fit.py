"""Fits: the same for the same seed, sane for few frames, true to given energies of isolated atoms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.units import GPa
from known_truth import Answers, random_alloy
from labelled import labelled

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.reports.comparison import evaluate_errors

pytestmark = pytest.mark.quick

SMALL: dict[str, Any] = {"cutoff": 4.5, "channels": 5, "projections": 1}


@pytest.fixture(scope="module")
def coppers() -> list[Atoms]:
    """Return labelled crystals of copper."""
    return [labelled(random_alloy(["Cu"], seed, a=3.6)) for seed in range(24)]


@pytest.fixture(scope="module")
def alloys() -> list[Atoms]:
    """Return labelled crystals of copper, of gold and of both."""
    return [labelled(random_alloy(["Cu", "Au"], seed)) for seed in range(40)]


def assert_same_answers(one: Potential, two: Potential, structures: list[Atoms], tolerance: float) -> None:
    first, second = Answers.of(one, structures), Answers.of(two, structures)
    for name in ("energy_i", "force_m", "stress_m"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=0, atol=tolerance)


# %% Seeds and order


@pytest.mark.parametrize("elements", ["coppers", "alloys"])
def test_a_seed_gives_one_model_bit_by_bit(elements: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    frames = request.getfixturevalue(elements)
    first, again, other = (fit(frames, seed=seed, **SMALL) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.coefficient_sf, again.coefficient_sf)
    assert not np.array_equal(first.coefficient_sf, other.coefficient_sf)
    for potential in (first, again):
        potential.record["fit_cpu_seconds"] = potential.record["fit_wall_seconds"] = 0.0
    first.save(tmp_path / "first.npz")
    again.save(tmp_path / "again.npz")
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


def test_a_fit_leaves_global_random_numbers_and_its_input_alone(coppers: list[Atoms]) -> None:
    positions, results = coppers[0].positions.copy(), dict(coppers[0].calc.results)
    before = np.random.get_state(legacy=False)  # noqa: NPY002
    fit(coppers, **SMALL)
    assert repr(before) == repr(np.random.get_state(legacy=False))  # noqa: NPY002
    np.testing.assert_array_equal(coppers[0].positions, positions)
    assert coppers[0].calc.results == results


@pytest.mark.parametrize("elements", ["coppers", "alloys"])
def test_order_of_frames_does_not_matter(elements: str, request: pytest.FixtureRequest) -> None:
    frames = request.getfixturevalue(elements)
    ordered, shuffled = (fit(some, ridge=1e-8, **SMALL) for some in (frames, [*frames[7:], *reversed(frames[:7])]))
    assert_same_answers(ordered, shuffled, frames[:8], 1e-9)


def test_translated_frames_and_wrapped_atoms_give_the_same_model(coppers: list[Atoms]) -> None:
    moved = []
    for i, atoms in enumerate(coppers):
        copy = atoms.copy()
        copy.positions += [0.1 * i, -5.0, 2.0]
        copy.wrap()
        moved.append(labelled(copy))
    assert_same_answers(fit(coppers, ridge=1e-8, **SMALL), fit(moved, ridge=1e-8, **SMALL), coppers[:5], 1e-8)


# %% One-body energies


def test_isolated_atoms_have_the_energies_that_were_given(alloys: list[Atoms]) -> None:
    given = {"Cu": -1.25, "Au": 0.375}
    potential = fit(alloys, one_body=given, **SMALL)
    for symbol, energy in given.items():
        assert potential.evaluate(Atoms(symbol)).energy == pytest.approx(energy, abs=1e-9)
    apart = Atoms("CuAu", [(0.0, 0.0, 0.0), (0.0, 0.0, 100.0)])
    assert potential.evaluate(apart).energy == pytest.approx(sum(given.values()), abs=1e-9)
    assert evaluate_errors(potential, alloys).energy_rmse == pytest.approx(0.0, abs=100.0)


def test_one_body_energies_of_missing_elements_are_asked_for(alloys: list[Atoms]) -> None:
    with pytest.raises(SettingsError, match="one_body lacks Au"):
        fit(alloys, one_body={"Cu": 0.0}, **SMALL)
    fit(alloys, one_body={"Cu": 0.0, "Au": 0.0, "Pt": 1.0}, **SMALL)


@pytest.mark.parametrize("shift", [0.0, -4321.0])
def test_compositions_that_do_not_vary_are_no_obstacle(shift: float) -> None:
    frames = []
    for seed in range(15):
        atoms = molecule("H2O")
        atoms.rattle(0.05, seed=seed)
        plain = labelled(atoms)
        frames.append(labelled(atoms, energy=plain.get_potential_energy() + shift))
    potential = fit(frames, **SMALL)
    errors = evaluate_errors(potential, frames)
    assert errors.energy_rmse is not None
    assert errors.energy_rmse < 10.0
    assert np.abs(potential.baseline.one_body_s).max() < 100.0 + abs(shift)


def test_a_shift_of_all_energies_moves_the_one_body_energy_only(coppers: list[Atoms]) -> None:
    shifted = [labelled(atoms, energy=atoms.get_potential_energy() - 1000.0 * len(atoms)) for atoms in coppers]
    plain, moved = fit(coppers, ridge=1e-8, **SMALL), fit(shifted, ridge=1e-8, **SMALL)
    np.testing.assert_allclose(moved.coefficient_sf, plain.coefficient_sf, rtol=1e-5)
    np.testing.assert_allclose(moved.baseline.one_body_s, plain.baseline.one_body_s - 1000.0, rtol=0, atol=1e-6)


# %% Few frames


@pytest.mark.parametrize("n_frames", [1, 2, 3, 5, 12])
def test_few_frames_give_sane_potentials(coppers: list[Atoms], n_frames: int) -> None:
    potential = fit(coppers[:n_frames], **SMALL)
    errors = evaluate_errors(potential, coppers[n_frames:])
    spread = np.concatenate([atoms.get_forces().ravel() for atoms in coppers]).std()
    assert errors.force_rmse is not None
    assert errors.force_rmse < 1.5 * spread
    assert np.isfinite(potential.coefficient_sf).all()


@pytest.mark.parametrize("n_frames", [3, 5, 12, 24])
def test_errors_of_frames_left_out_exceed_those_of_training(coppers: list[Atoms], n_frames: int) -> None:
    record = fit(coppers[:n_frames], **SMALL).record
    for kind in ("force", "energy", "stress"):
        assert record["cross_validation_rmse"][kind] > record["train_rmse"][kind]


def test_cross_validated_errors_foretell_those_on_unseen_frames(coppers: list[Atoms]) -> None:
    unseen = [labelled(random_alloy(["Cu"], 500 + seed, a=3.6)) for seed in range(20)]
    potential = fit(coppers, **SMALL)
    found, foretold = evaluate_errors(potential, unseen).force_rmse, potential.record["cross_validation_rmse"]["force"]
    assert found is not None
    assert 0.4 * found < foretold < 2.5 * found


def test_isolated_atoms_among_the_frames_do_not_spoil_the_fit(alloys: list[Atoms]) -> None:
    mixed = [atoms for atoms in alloys if len(set(atoms.numbers)) == 2]
    train, unseen = mixed[:-8], mixed[-8:]
    isolated = [labelled(Atoms("Cu")), labelled(Atoms("Au"))]
    enough = SMALL | {"channels": 8, "projections": 2}  # to describe atoms in a crystal and alone
    without, within = (evaluate_errors(fit(frames, **enough), unseen) for frames in (train, train + isolated))
    assert without.force_rmse is not None
    assert within.force_rmse is not None
    assert within.force_rmse < 1.3 * without.force_rmse


# %% The record


def test_train_errors_of_the_record_are_those_of_the_potential(alloys: list[Atoms]) -> None:
    for atoms in (alloys[0], alloys[3]):
        atoms.calc.results.pop("stress", None)
    potential = fit(alloys, stress_weight=20.0, **SMALL)  # a given weight is the same for all frames
    record, squares = potential.record["train_rmse"], {"energy": 0.0, "force": 0.0, "stress": 0.0}
    counts = dict.fromkeys(squares, 0)
    for atoms in alloys:
        answer, results = potential.evaluate(atoms), atoms.calc.results
        misses = {
            "energy": 1e3 * (answer.energy - results["energy"]) / len(atoms),
            "force": answer.force_nc - results["forces"],
        }
        if "stress" in results:
            assert answer.stress_v is not None
            misses["stress"] = (answer.stress_v - results["stress"]) / GPa
        for kind, miss in misses.items():
            squares[kind] += float(np.sum(np.square(miss)))
            counts[kind] += np.size(miss)
    for kind, square in squares.items():
        assert record[kind] == pytest.approx(np.sqrt(square / counts[kind]), rel=1e-6), kind


def test_record_tells_what_was_done(coppers: list[Atoms], tmp_path: Path) -> None:
    potential = fit(coppers, ridge=1e-6, seed=3, **SMALL)
    record = potential.record
    assert record["settings"]["seed"] == 3
    assert (record["ridge"], record["ridge_choice"]) == (1e-6, "given")
    assert (record["n_frames"], record["n_atoms"], record["elements"]) == (24, 96, ["Cu"])
    assert record["n_features"] == 1 + 5 * (1 + 5 + 2)
    potential.save(tmp_path / "copper.npz")
    assert Potential.load(tmp_path / "copper.npz").record == record


def test_one_atom_cells_and_perfect_crystals_can_be_fitted() -> None:
    frames = [labelled(bulk("Cu", a=a)) for a in np.linspace(3.4, 3.9, 12)]
    potential = fit(frames, **SMALL)
    errors = evaluate_errors(potential, [labelled(bulk("Cu", a=a)) for a in np.linspace(3.45, 3.85, 7)])
    assert errors.energy_rmse is not None
    assert errors.energy_rmse < 5.0
    assert errors.force_rmse == pytest.approx(0.0, abs=1e-9)
