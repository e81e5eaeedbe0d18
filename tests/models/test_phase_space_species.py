"""Phase-space models of several species and their ensembles: through a file bit by bit, and others refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from mixed_systems import MixedSystem, gravity
from snapshots import SMALL

from ase_rfhgn.errors import ModelFileError, SettingsError, StructureError
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.models.archive import read_model, write_model
from ase_rfhgn.models.load import load_model
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.models.phase_space_uncertainty import PhaseSpaceEnsemble


@pytest.fixture(scope="module")
def system() -> MixedSystem:
    return gravity(3)


@pytest.fixture(scope="module")
def frames(system: MixedSystem) -> list[Atoms]:
    return system.frames(np.random.default_rng(5), 40)


@pytest.fixture(scope="module", params=["learned", "known"])
def model(request: pytest.FixtureRequest, system: MixedSystem, frames: list[Atoms]) -> PhaseSpacePotential:
    fitted = fit_phase_space(frames, kinetic=request.param, axes="mean position", **system.edges, **SMALL)
    coefficient_ef = 0.1 * np.random.default_rng(6).normal(size=(5, len(fitted.coefficient_f)))
    scale_ol = np.array([[1.0, 2.0], [3.0, 5.0], [7.0, 15.0]])
    return replace(fitted, ensemble=PhaseSpaceEnsemble(coefficient_ef, scale_ol))


def test_what_is_saved_is_loaded_bit_by_bit(
    model: PhaseSpacePotential, system: MixedSystem, frames: list[Atoms], tmp_path: Path
) -> None:
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    assert isinstance(loaded, PhaseSpacePotential)
    here, there = (one.evaluate(frames[0], system.bonds, uncertainty=True) for one in (model, loaded))
    assert here.uncertainty is not None
    assert there.uncertainty is not None
    for said, again in ((here, there), (here.uncertainty, there.uncertainty)):
        assert said.energy == again.energy
        np.testing.assert_array_equal(said.velocity_nc, again.velocity_nc)
        np.testing.assert_array_equal(said.force_nc, again.force_nc)
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "model.npz").read_bytes()


def test_other_masses_and_elements_are_refused(
    model: PhaseSpacePotential, system: MixedSystem, frames: list[Atoms]
) -> None:
    atoms = frames[0].copy()
    atoms.set_masses([1.0, 2.0, 4.0, 1.0])
    message = r"the model does not know H of mass 4 \(atom 2\): it was fitted for masses of 1, 2, 3; set one of these"
    with pytest.raises(StructureError, match=message):
        model.evaluate(atoms, system.bonds)
    atoms = Atoms("H3He", positions=frames[0].positions, masses=[1.0, 2.0, 3.0, 1.0])
    with pytest.raises(StructureError, match="does not know He: it was fitted for H"):
        model.evaluate(atoms, system.bonds)


def test_a_model_of_one_species_refuses_other_masses(frames: list[Atoms]) -> None:
    alone = gravity(1)
    model = fit_phase_space(alone.frames(np.random.default_rng(5), 20), kinetic="known", **alone.edges, **SMALL)
    with pytest.raises(StructureError, match="of mass 2"):
        model.evaluate(frames[0], alone.bonds)


def test_the_energy_knows_equal_bodies_from_others(
    model: PhaseSpacePotential, system: MixedSystem, frames: list[Atoms]
) -> None:
    atoms = frames[2].copy()
    energy = model.evaluate(atoms, system.bonds).energy
    for first, second, changes in ((0, 3, False), (0, 1, True)):
        order_n = np.arange(4)
        order_n[[first, second]] = second, first
        swapped = Atoms("H4", positions=atoms.positions[order_n], masses=atoms.get_masses())
        swapped.set_momenta(atoms.get_momenta()[order_n])
        assert (abs(model.evaluate(swapped, system.bonds).energy - energy) > 1e-3) == changes


def test_uncertainties_are_scaled_spreads_of_the_members(
    model: PhaseSpacePotential, system: MixedSystem, frames: list[Atoms]
) -> None:
    said = model.evaluate(frames[1], system.bonds, uncertainty=True).uncertainty
    assert said is not None
    assert model.ensemble is not None
    members = [
        replace(model, coefficient_f=coefficient_f, constant=0.0, separable=False).evaluate(frames[1], system.bonds)
        for coefficient_f in model.ensemble.coefficient_ef
    ]
    assert said.energy == pytest.approx(np.linalg.norm([member.energy for member in members]), rel=1e-10)
    force_nc = 3.0 * np.linalg.norm([member.force_nc for member in members], axis=0)
    velocity_nc = 7.0 * np.linalg.norm([member.velocity_nc for member in members], axis=0)
    np.testing.assert_allclose(said.force_nc, force_nc, atol=1e-11)
    np.testing.assert_allclose(said.velocity_nc, 0.0 if model.separable else velocity_nc, atol=1e-11)
    assert model.ensemble.widening == pytest.approx({"energy": 2.0, "force": 5.0 / 3.0, "velocity": 15.0 / 7.0})


def test_without_an_ensemble_uncertainties_are_refused(
    model: PhaseSpacePotential, system: MixedSystem, frames: list[Atoms]
) -> None:
    assert model.evaluate(frames[0], system.bonds).uncertainty is None
    with pytest.raises(SettingsError, match="cannot predict its uncertainty"):
        replace(model, ensemble=None).evaluate(frames[0], system.bonds, uncertainty=True)


@pytest.mark.parametrize("name", ["mass_s", "species_s", "ensemble.coefficient_ef", "ensemble.interval_scale_ol"])
def test_arrays_that_do_not_fit_are_refused(model: PhaseSpacePotential, tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.npz"
    model.save(path)
    header, arrays = read_model(path)
    for spoilt in (arrays[name][..., :-1], arrays[name][None]):
        write_model(path, header, arrays | {name: spoilt})
        with pytest.raises(ModelFileError):
            load_model(path)


@pytest.mark.parametrize("spoil", [np.negative, np.zeros_like])
def test_masses_that_are_none_are_refused(model: PhaseSpacePotential, tmp_path: Path, spoil: np.ufunc) -> None:
    path = tmp_path / "model.npz"
    model.save(path)
    header, arrays = read_model(path)
    write_model(path, header, arrays | {"mass_s": spoil(arrays["mass_s"])})
    with pytest.raises(ModelFileError, match="all are positive"):
        load_model(path)
