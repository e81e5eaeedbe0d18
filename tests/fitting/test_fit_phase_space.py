"""Fits in phase space: the truth is recovered where it can be, and bad input is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from snapshots import SMALL, labelled_by, spring_lattice

from ase_rfhgn.errors import SettingsError, StructureError, TrainingDataError
from ase_rfhgn.fitting.phase_space import rows as phase_space_equations
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.structures.graph import Bonds

SHAPES = ((5,), (3, 2), (2, 2, 2))


def relative_errors(model: PhaseSpacePotential, frames: list[Atoms], bonds: Bonds | None) -> tuple[float, float]:
    """Return the relative root mean square errors of velocities and forces."""
    said = [model.evaluate(atoms, bonds) for atoms in frames]
    velocity_nc = np.concatenate([atoms.get_velocities() for atoms in frames])
    force_nc = np.concatenate([atoms.calc.results["forces"] for atoms in frames])
    velocity_error = np.linalg.norm(np.concatenate([one.velocity_nc for one in said]) - velocity_nc)
    force_error = np.linalg.norm(np.concatenate([one.force_nc for one in said]) - force_nc)
    return float(velocity_error / np.linalg.norm(velocity_nc)), float(force_error / np.linalg.norm(force_nc))


@pytest.mark.parametrize("sampler", ["swim", "elm"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_hamiltonian_in_the_model_class_is_recovered(
    rng: np.random.Generator, shape: tuple[int, ...], sampler: str
) -> None:
    frames, bonds = spring_lattice(rng, shape, 30)
    settings: Mapping[str, Any] = {"bonds": bonds, "sampler": sampler, "ridge": 1e-20, **SMALL}
    truth = fit_phase_space(frames, **{**settings, "ridge": 1e-3})
    model = fit_phase_space(labelled_by(truth, frames, bonds), **settings)
    for atoms in spring_lattice(rng, shape, 3)[0]:
        said, known = model.evaluate(atoms, bonds), truth.evaluate(atoms, bonds)
        assert said.energy == pytest.approx(known.energy, abs=1e-5)
        np.testing.assert_allclose(said.velocity_nc, known.velocity_nc, atol=1e-5)
        np.testing.assert_allclose(said.force_nc, known.force_nc, atol=1e-5)


@pytest.mark.parametrize(("kinetic", "sampler"), [("learned", "elm"), ("known", "swim"), ("known", "elm")])
@pytest.mark.parametrize("shape", SHAPES)
def test_springs_are_learned_in_every_dimension(
    rng: np.random.Generator, shape: tuple[int, ...], kinetic: str, sampler: str
) -> None:
    frames, bonds = spring_lattice(rng, shape, 100)
    model = fit_phase_space(frames, bonds=bonds, kinetic=kinetic, sampler=sampler, message_units=64)
    velocity_error, force_error = relative_errors(model, spring_lattice(rng, shape, 10)[0], bonds)
    assert model.n_dimensions == len(shape)
    assert velocity_error < (0.3 if kinetic == "learned" else 1e-14)
    assert force_error < 0.5


def test_periodic_bonds_are_followed_through_the_cell(rng: np.random.Generator) -> None:
    frames, bonds = spring_lattice(rng, (3, 3), 40, periodic=True)
    model = fit_phase_space(
        frames, bonds=bonds, kinetic="known", edge_inputs=("distance",), node_inputs=(), edge_units=64, message_units=32
    )
    bigger, more_bonds = spring_lattice(rng, (4, 5), 5, periodic=True)
    assert relative_errors(model, bigger, more_bonds)[1] < 1e-3


def test_edges_may_come_from_a_cutoff(rng: np.random.Generator) -> None:
    frames, _ = spring_lattice(rng, (2, 2), 40)
    model = fit_phase_space(frames, cutoff=3.0, smooth_cutoff=True, kinetic="known", edge_units=32)
    assert relative_errors(model, spring_lattice(rng, (2, 2), 5)[0], None)[1] < 0.2
    assert model.cutoff == 3.0


def test_the_network_without_a_graph_knows_one_size_of_system(rng: np.random.Generator) -> None:
    frames, _ = spring_lattice(rng, (3,), 200)
    model = fit_phase_space(frames, network="vector", axes="laboratory", sampler="elm", node_units=200)
    assert max(relative_errors(model, spring_lattice(rng, (3,), 10)[0], None)) < 0.1
    with pytest.raises(StructureError, match="knows one size of system: 3 atoms, not 4"):
        model.evaluate(spring_lattice(rng, (4,), 1)[0][0])


def test_one_known_energy_fixes_the_constant(rng: np.random.Generator) -> None:
    frames, bonds = spring_lattice(rng, (2, 2), 20)
    total = frames[0].get_potential_energy() + frames[0].get_kinetic_energy()
    for kinetic in ("learned", "known"):
        model = fit_phase_space(frames, bonds=bonds, kinetic=kinetic, **SMALL)
        assert model.evaluate(frames[0], bonds).energy == pytest.approx(total)
        model = fit_phase_space(frames, bonds=bonds, kinetic=kinetic, known_energy=(3, -7.0), **SMALL)
        assert model.evaluate(frames[3], bonds).energy == pytest.approx(-7.0)


def test_the_same_seed_draws_the_same_model(rng: np.random.Generator) -> None:
    frames, bonds = spring_lattice(rng, (2, 2), 20)
    first, second, other = (fit_phase_space(frames, bonds=bonds, seed=seed, **SMALL) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.coefficient_f, second.coefficient_f)
    assert not np.allclose(first.coefficient_f, other.coefficient_f)


def test_batches_change_nothing(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, bonds = spring_lattice(rng, (2, 2), 20)
    settings: Mapping[str, Any] = {"bonds": bonds, "ridge": 1e-6, **SMALL}
    whole = fit_phase_space(frames, **settings)
    monkeypatch.setattr(phase_space_equations, "NUMBERS_PER_BATCH", 1)
    np.testing.assert_allclose(fit_phase_space(frames, **settings).coefficient_f, whole.coefficient_f, atol=1e-8)


def test_frames_may_have_bonds_of_their_own(rng: np.random.Generator) -> None:
    small, small_bonds = spring_lattice(rng, (2, 2), 10)
    large, large_bonds = spring_lattice(rng, (3, 2), 10)
    model = fit_phase_space(small + large, bonds=[small_bonds] * 10 + [large_bonds] * 10, kinetic="known", **SMALL)
    assert relative_errors(model, large, large_bonds)[1] < 0.3
    with pytest.raises(SettingsError, match="bonds has 1 entries for 20 frames"):
        fit_phase_space(small + large, bonds=[small_bonds])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "tree"}, "network is 'tree': choose one of graph, vector"),
        ({"kinetic": "none"}, "kinetic is 'none'"),
        ({"axes": "nearest"}, "axes is 'nearest'"),
        ({"sampler": "adam"}, "sampler is 'adam'"),
        ({"node_units": 0}, "node_units is 0: it must be a whole number"),
        ({"node_units": 2.0}, r"node_units is 2\.0"),
        ({"dimensions": 4}, "dimensions is 4"),
        ({"cutoff": -1.0}, r"cutoff is -1\.0: it must be a number between"),
        ({"ridge": 0.0}, r"ridge is 0\.0"),
        ({"known_energy": 1.0}, r"known_energy is 1\.0: it must be the number of a frame and its energy"),
        ({"known_energy": (3, 1.0)}, r"known_energy is \(3, 1\.0\), but there are 3 frames"),
        ({"targets": "velocities"}, "targets is 'velocities': choose one of"),
        ({"node_inputs": ("charge",)}, "node_inputs is"),
        ({"edge_inputs": ("distance", "distance")}, "each at most once"),
        ({"smooth_cutoff": True}, "smooth_cutoff is True, but there is no cutoff"),
        ({"kinetic": "known", "node_inputs": ("momentum",)}, 'leave "momentum" out'),
        ({"network": "vector", "cutoff": 3.0}, "leave out cutoff"),
        ({"node_inputs": (), "edge_inputs": ()}, "would see nothing"),
    ],
)
def test_settings_are_checked(rng: np.random.Generator, settings: Mapping[str, Any], message: str) -> None:
    frames, _ = spring_lattice(rng, (3,), 3)
    with pytest.raises(SettingsError, match=message):
        fit_phase_space(frames, **settings)


def without_forces(atoms: Atoms) -> None:
    atoms.calc.results.pop("forces")


def off_the_line(atoms: Atoms) -> None:
    atoms.positions[1, 2] = 1.0
    atoms.calc.atoms = atoms.copy()


def force_off_the_line(atoms: Atoms) -> None:
    atoms.calc.results["forces"][1, 2] = 1.0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_forces, "frame 2: there are no forces"),
        (off_the_line, r"frame 2: position of atom 1 is .* the model has 1 dimension"),
        (force_off_the_line, "frame 2: forces must be finite, and zero beyond the 1 dimension"),
    ],
)
def test_frames_are_checked(rng: np.random.Generator, spoil: Any, message: str) -> None:  # noqa: ANN401
    frames, bonds = spring_lattice(rng, (3,), 4)
    spoil(frames[2])
    with pytest.raises(TrainingDataError, match=message):
        fit_phase_space(frames, bonds=bonds, dimensions=1, **SMALL)


def test_an_undefined_frame_is_told(rng: np.random.Generator) -> None:
    frames, bonds = spring_lattice(rng, (3,), 2)
    for atoms in frames:
        atoms.positions[:, 0] = [0.0, 1.0, 2.0]
        atoms.calc.atoms = atoms.copy()
    with pytest.raises(TrainingDataError, match="sits on it: the axes are undefined there"):
        fit_phase_space(frames, bonds=bonds, **SMALL)


def test_a_graph_network_refuses_several_elements(rng: np.random.Generator) -> None:
    frames, bonds = spring_lattice(rng, (3,), 3)
    for atoms in frames:
        atoms.numbers[0] = 2
        atoms.calc.atoms = atoms.copy()
    with pytest.raises(TrainingDataError, match="several elements"):
        fit_phase_space(frames, bonds=bonds, **SMALL)


def test_bonds_or_a_cutoff_are_needed(rng: np.random.Generator) -> None:
    frames, bonds = spring_lattice(rng, (3,), 3)
    with pytest.raises(TrainingDataError, match="the edges of the model are bonds: pass bonds"):
        fit_phase_space(frames, **SMALL)
    with pytest.raises(TrainingDataError, match="leave out bonds"):
        fit_phase_space(frames, bonds=bonds, cutoff=2.0, **SMALL)
