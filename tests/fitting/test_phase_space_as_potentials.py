"""Phase-space models have what potentials have: uncertainties, updates, left-out errors, threads, weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from snapshots import SMALL, spring_lattice

from ase_rfhgn import PhaseSpacePotential, evaluate_errors, fit_phase_space, left_out_errors, outliers
from ase_rfhgn.errors import UpdateError
from ase_rfhgn.fitting.update import downdate, reweighted, update
from ase_rfhgn.structures.graph import Bonds

SETTINGS: dict[str, Any] = {**SMALL, "axes": "mean position", "updatable": True}


@pytest.fixture(scope="module")
def springs() -> tuple[list[Atoms], Bonds]:
    """Return labelled states of a small lattice of springs."""
    return spring_lattice(np.random.default_rng(8), (2, 2), 120)


@pytest.fixture(scope="module")
def fitted(springs: tuple[list[Atoms], Bonds]) -> PhaseSpacePotential:
    """Return a model that remembers its linear system."""
    frames, bonds = springs
    return fit_phase_space(frames[:80], bonds=bonds, **SETTINGS)


def assert_same(one: PhaseSpacePotential, two: PhaseSpacePotential, frames: list[Atoms], bonds: Bonds) -> None:
    for atoms in frames:
        first, second = one.evaluate(atoms, bonds), two.evaluate(atoms, bonds)
        np.testing.assert_allclose(first.force_nc, second.force_nc, rtol=0, atol=1e-6)
        np.testing.assert_allclose(first.velocity_nc, second.velocity_nc, rtol=0, atol=1e-6)
        assert first.energy == pytest.approx(second.energy, abs=1e-5)


def test_an_updated_model_is_that_of_all_frames(springs: tuple[list[Atoms], Bonds]) -> None:
    frames, bonds = springs
    part = fit_phase_space(frames[:60], bonds=bonds, ridge=1e-8, **SETTINGS)
    grown = update(part, frames[60:80], bonds)
    back = downdate(grown, frames[60:80], bonds)
    assert (grown.record["n_frames"], back.record["n_frames"]) == (80, 60)
    assert np.abs(grown.coefficient_f - part.coefficient_f).max() > 1e-6
    assert_same(back, part, frames[80:90], bonds)
    swapped = downdate(update(part, frames[60:80], bonds), frames[:20], bonds)
    with pytest.raises(UpdateError, match="not one of the frames of the fit"):
        downdate(swapped, frames[:1], bonds)


def test_a_known_energy_is_kept_by_updates(springs: tuple[list[Atoms], Bonds], fitted: PhaseSpacePotential) -> None:
    frames, bonds = springs
    total = frames[0].get_potential_energy() + frames[0].get_kinetic_energy()
    for model in (fitted, update(fitted, frames[80:100], bonds)):
        assert model.evaluate(frames[0], bonds).energy == pytest.approx(total, abs=1e-9)


def test_what_a_model_remembers_survives_a_file(
    springs: tuple[list[Atoms], Bonds], fitted: PhaseSpacePotential, tmp_path: Path
) -> None:
    frames, bonds = springs
    fitted.save(tmp_path / "springs.npz")
    loaded = PhaseSpacePotential.load(tmp_path / "springs.npz")
    one, two = (update(model, frames[80:85], bonds) for model in (fitted, loaded))
    np.testing.assert_array_equal(one.coefficient_f, two.coefficient_f)


def test_a_model_that_remembers_nothing_is_not_updated(springs: tuple[list[Atoms], Bonds]) -> None:
    frames, bonds = springs
    model = fit_phase_space(frames[:20], bonds=bonds, ridge=1e-8, **SMALL)
    with pytest.raises(UpdateError, match="fit it with updatable=True"):
        update(model, frames[20:22], bonds)


def test_frames_left_out_have_the_errors_of_a_fit_without_them(springs: tuple[list[Atoms], Bonds]) -> None:
    frames, bonds = springs
    whole = fit_phase_space(frames[:40], bonds=bonds, ridge=1e-6, **SETTINGS)
    errors = left_out_errors(whole, frames[:40], bonds=bonds)
    for i in (0, 17):
        rest = downdate(whole, frames[i : i + 1], bonds)
        left = rest.evaluate(frames[i], bonds).force_nc - frames[i].get_forces()
        components = left[:, :2]
        assert errors[i].force_rmse == pytest.approx(float(np.sqrt(np.mean(components**2))), rel=1e-4)
        assert errors[i].velocity_rmse is not None
        assert errors[i].energy is None


def test_a_frame_with_wrong_forces_stands_out(springs: tuple[list[Atoms], Bonds]) -> None:
    frames = [atoms.copy() for atoms in springs[0][:40]]
    for copy, atoms in zip(frames, springs[0], strict=False):
        copy.calc = type(atoms.calc)(copy, **atoms.calc.results)
    frames[13].calc.results["forces"] = frames[13].calc.results["forces"] * 5.0
    model = fit_phase_space(frames, bonds=springs[1], ridge=1e-6, **SETTINGS)
    assert outliers(left_out_errors(model, frames, bonds=springs[1]))[0].index == 13


@pytest.mark.parametrize("kinetic", ["learned", "known"])
def test_intervals_hold_the_share_of_errors_that_they_say(springs: tuple[list[Atoms], Bonds], kinetic: str) -> None:
    frames, bonds = springs
    model = fit_phase_space(frames[:80], bonds=bonds, kinetic=kinetic, axes="mean position", **SMALL)
    assert model.ensemble is not None
    within: dict[str, list[bool]] = {"force": [], "velocity": []}
    for atoms in frames[80:]:
        said = model.evaluate(atoms, bonds, uncertainty=True)
        assert said.uncertainty is not None
        error_nc = np.abs(said.force_nc - atoms.get_forces())[:, :2]
        within["force"] += (error_nc < said.uncertainty.force_nc[:, :2]).ravel().tolist()
        error_nc = np.abs(said.velocity_nc - atoms.get_velocities())[:, :2]
        within["velocity"] += (error_nc < said.uncertainty.velocity_nc[:, :2]).ravel().tolist()
        assert said.uncertainty.energy > 0.0
    assert 0.5 < np.mean(within["force"]) < 0.85
    if kinetic == "learned":
        assert 0.5 < np.mean(within["velocity"]) < 0.85


def test_threads_change_nothing(springs: tuple[list[Atoms], Bonds]) -> None:
    frames, bonds = springs
    one, two = (fit_phase_space(frames[:40], bonds=bonds, threads=threads, **SMALL) for threads in (1, 2))
    np.testing.assert_array_equal(one.coefficient_f, two.coefficient_f)


def test_another_ridge_needs_no_frames(springs: tuple[list[Atoms], Bonds]) -> None:
    frames, bonds = springs
    strong, weak = (fit_phase_space(frames[:40], bonds=bonds, ridge=ridge, **SETTINGS) for ridge in (1e-2, 1e-6))
    assert_same(reweighted(strong, ridge=1e-6), weak, frames[80:90], bonds)


def test_errors_are_those_of_the_labels(springs: tuple[list[Atoms], Bonds], fitted: PhaseSpacePotential) -> None:
    frames, bonds = springs
    errors = evaluate_errors(fitted, frames[80:], bonds=bonds)
    left = [fitted.evaluate(atoms, bonds).force_nc - atoms.get_forces() for atoms in frames[80:]]
    assert errors.force_rmse == pytest.approx(float(np.sqrt(np.mean(np.square(left)))))
    assert errors.stress_rmse is None
    assert errors.energy_rmse is not None
