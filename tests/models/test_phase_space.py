"""Fitted phase-space Hamiltonians: bit by bit through a file, and as ASE calculators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.io import Trajectory
from ase.md.verlet import VelocityVerlet
from snapshots import SMALL, spring_lattice

from ase_rfhgn import PhaseSpacePotential, Potential, RFHGNCalculator
from ase_rfhgn.dynamics.drivers import StormerVerlet
from ase_rfhgn.errors import ModelFileError, StructureError
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.models.archive import read_model, write_model
from ase_rfhgn.models.gradients import gradients_of
from ase_rfhgn.models.load import load_model
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.testing.derivatives import check_forces_are_gradients


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    return spring_lattice(np.random.default_rng(5), (2, 2), 40)[0]


@pytest.fixture(scope="module")
def bonds() -> Bonds:
    return spring_lattice(np.random.default_rng(5), (2, 2), 0)[1]


@pytest.fixture(scope="module", params=["learned", "known"])
def model(request: pytest.FixtureRequest, frames: list[Atoms], bonds: Bonds) -> PhaseSpacePotential:
    sampler = "elm" if request.param == "learned" else "swim"
    return fit_phase_space(frames, bonds=bonds, kinetic=request.param, sampler=sampler, **SMALL)


def test_what_is_saved_is_loaded_bit_by_bit(
    model: PhaseSpacePotential, frames: list[Atoms], bonds: Bonds, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.npz")
    for loaded in (PhaseSpacePotential.load(tmp_path / "model.npz"), load_model(tmp_path / "model.npz")):
        assert isinstance(loaded, PhaseSpacePotential)
        here, there = model.evaluate(frames[0], bonds), loaded.evaluate(frames[0], bonds)
        assert here.energy == there.energy
        np.testing.assert_array_equal(here.velocity_nc, there.velocity_nc)
        np.testing.assert_array_equal(here.force_nc, there.force_nc)
        assert loaded.record == model.record
        assert loaded.fingerprint == model.fingerprint


def test_networks_without_edges_or_without_a_graph_are_saved_too(frames: list[Atoms], tmp_path: Path) -> None:
    for settings in (
        {"cutoff": 3.0, "smooth_cutoff": True, "edge_inputs": ("distance",), "node_inputs": (), "kinetic": "known"},
        {"network": "vector", "node_units": 20},
    ):
        model = fit_phase_space(frames, ridge=1e-8, **settings)  # type: ignore[arg-type]
        model.save(tmp_path / "model.npz")
        assert load_model(tmp_path / "model.npz").evaluate(frames[1]).energy == model.evaluate(frames[1]).energy


def test_a_file_of_another_kind_is_named(model: PhaseSpacePotential, tmp_path: Path) -> None:
    model.save(tmp_path / "model.npz")
    with pytest.raises(ModelFileError, match="of the kind 'phase space'; readable here: spherical fields"):
        Potential.load(tmp_path / "model.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"model": ["phase space"]},
        {"network": "tree"},
        {"axes": "none"},
        {"node_inputs": ["charge"]},
        {"node_inputs": 3},
        {"edge_inputs": ["distance"]},
        {"dimensions": 3},
        {"cutoff": -1.0},
        {"cutoff": "short"},
        {"smooth_cutoff": 0.0},
        {"constant": None},
        {"record": 7},
    ],
)
def test_a_header_that_contradicts_itself_is_refused(
    model: PhaseSpacePotential, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "model.npz"
    model.save(path)
    header, arrays = read_model(path)
    write_model(path, header | change, arrays)
    with pytest.raises(ModelFileError):
        load_model(path)


@pytest.mark.parametrize("name", ["node_weight_kd", "message_bias_k", "coefficient_f"])
@pytest.mark.parametrize("spoil", [lambda a: a[:-1], lambda a: a * np.nan, lambda a: a[None], lambda _: None])
def test_arrays_that_do_not_fit_are_refused(
    model: PhaseSpacePotential,
    tmp_path: Path,
    name: str,
    spoil: Any,  # noqa: ANN401
) -> None:
    path = tmp_path / "model.npz"
    model.save(path)
    header, arrays = read_model(path)
    spoilt = spoil(arrays.pop(name))
    write_model(path, header, arrays if spoilt is None else arrays | {name: spoilt})
    with pytest.raises(ModelFileError):
        load_model(path)


def test_the_total_energy_of_atoms_is_the_hamiltonian(
    model: PhaseSpacePotential, frames: list[Atoms], bonds: Bonds
) -> None:
    atoms = frames[3].copy()
    atoms.calc = RFHGNCalculator(model, bonds)
    assert atoms.get_total_energy() == pytest.approx(model.evaluate(atoms, bonds).energy, abs=1e-12)
    atoms.set_momenta(0.5 * atoms.get_momenta())  # and is never stale
    assert atoms.get_total_energy() == pytest.approx(model.evaluate(atoms, bonds).energy, abs=1e-12)


def test_motion_is_that_of_the_gradients(model: PhaseSpacePotential, frames: list[Atoms], bonds: Bonds) -> None:
    atoms = frames[4].copy()
    atoms.calc = RFHGNCalculator(model, bonds)
    direction_nc, step = np.random.default_rng(0).normal(size=(2, len(atoms), 3)), 1e-5
    direction_nc[:, :, 2] = 0.0
    motion = gradients_of(atoms)
    energies = []
    for shift in (step, -step):
        there = atoms.copy()
        there.positions += shift * direction_nc[0]
        there.set_momenta(atoms.get_momenta() + shift * direction_nc[1])
        energies.append(model.evaluate(there, bonds).energy)
    expected = np.sum(-motion.force_nc * direction_nc[0] + motion.velocity_nc * direction_nc[1])
    assert (energies[0] - energies[1]) / (2.0 * step) == pytest.approx(expected, rel=1e-6)


def test_a_separable_model_runs_under_the_drivers_of_ase(frames: list[Atoms], bonds: Bonds, tmp_path: Path) -> None:
    model = fit_phase_space(frames, bonds=bonds, kinetic="known", axes="mean position", **SMALL)
    atoms = frames[5].copy()
    atoms.calc = RFHGNCalculator(model, bonds)
    start = atoms.get_total_energy()
    with VelocityVerlet(atoms, timestep=0.01, trajectory=str(tmp_path / "run.traj")) as dynamics:
        dynamics.run(50)
    assert atoms.get_total_energy() == pytest.approx(start, abs=1e-3)
    with Trajectory(tmp_path / "run.traj") as trajectory:
        np.testing.assert_array_equal(trajectory[-1].get_forces(), atoms.get_forces())


def test_forces_of_a_separable_model_are_gradients(rng: np.random.Generator) -> None:
    frames, bonds = spring_lattice(rng, (2, 2, 2), 20)
    model = fit_phase_space(frames, bonds=bonds, kinetic="known", **SMALL)
    frames[0].calc = RFHGNCalculator(model, bonds)
    check_forces_are_gradients(frames[0])


def test_a_model_that_is_not_separable_names_its_drivers(frames: list[Atoms], bonds: Bonds) -> None:
    model = fit_phase_space(frames, bonds=bonds, sampler="elm", axes="mean position", **SMALL)
    atoms = frames[5].copy()
    atoms.calc = RFHGNCalculator(model, bonds)
    with pytest.raises(PropertyNotImplementedError, match=r"StormerVerlet or ImplicitMidpoint of ase_rfhgn\.dynamics"):
        VelocityVerlet(atoms, timestep=0.01).run(1)
    start = atoms.get_total_energy()
    StormerVerlet(atoms, timestep=0.01).run(20)
    assert atoms.get_total_energy() == pytest.approx(start, abs=1e-3)


def test_calculators_share_an_interface(copper: Potential, bonds: Bonds) -> None:
    atoms = Atoms("Cu2", positions=[(0.0, 0.0, 0.0), (0.0, 0.0, 2.4)], momenta=[(1.0, 0.0, 0.0), (0.0, 0.0, 0.0)])
    atoms.calc = RFHGNCalculator(copper)
    motion = gradients_of(atoms)
    assert motion.energy == pytest.approx(atoms.get_total_energy())
    np.testing.assert_allclose(motion.force_nc, atoms.get_forces())
    with pytest.raises(ValueError, match="bonds are for phase-space models"):
        RFHGNCalculator(copper, bonds)


def test_other_structures_are_refused(model: PhaseSpacePotential, frames: list[Atoms], bonds: Bonds) -> None:
    atoms = frames[0].copy()
    atoms.calc = RFHGNCalculator(model)
    with pytest.raises(StructureError, match="pass bonds"):
        atoms.get_potential_energy()
    atoms.calc = RFHGNCalculator(model, bonds)
    atoms.positions[0, 2] = 1.0
    with pytest.raises(StructureError, match="the other coordinates must be zero"):
        atoms.get_potential_energy()
    with pytest.raises(StructureError, match="does not know He"):
        model.evaluate(Atoms("He4"), bonds)
