"""Canonical maps that are fitted to trajectories: constant actions, motion in closed form, files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from integrable_systems import IntegrableSystem, fput, harmonic, kepler, pendulum, quartic_pair
from scipy.spatial.transform import Rotation
from scipy.special import ellipk

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import ModelFileError, SettingsError, StructureError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.symmetries import CanonicalMap, Runs, fit_canonical_map
from ase_rfhgn.symmetries.symplectic import symplectic_form


def runs_of(system: IntegrableSystem, n_runs: int, n_frames: int, seed: int = 0) -> Runs:
    return system.runs(system.trajectories(np.random.default_rng(seed), n_runs, n_frames))


@pytest.fixture(scope="module")
def swinging() -> CanonicalMap:
    return fit_canonical_map(runs_of(pendulum(1.0), 80, 30), timestep=0.4, n_layers=4)


@pytest.fixture(scope="module")
def chain() -> CanonicalMap:
    return fit_canonical_map(runs_of(fput(3, amplitude=0.2), 30, 20), n_layers=2, most_terms=60)


def test_harmonic_motion_needs_no_shears() -> None:
    canonical = fit_canonical_map(runs_of(harmonic(), 12, 20), timestep=0.4)
    constancy = canonical.constancy(runs_of(harmonic(), 8, 20, seed=1))
    assert max(constancy.loss, constancy.relative) < 1e-20
    np.testing.assert_allclose(canonical.frequencies, [0.7, 1.9], rtol=1e-9)


def test_actions_of_pendulums_are_constant(swinging: CanonicalMap) -> None:
    constancy = swinging.constancy(runs_of(pendulum(1.0), 40, 40, seed=1))
    assert constancy.loss < 1e-9
    assert constancy.relative < 1e-8
    assert swinging.frequencies == pytest.approx([1.0], abs=1e-6)


@pytest.mark.parametrize("energy", [0.2, 0.9])
def test_a_thousand_periods_by_one_evaluation(swinging: CanonicalMap, energy: float) -> None:
    start = pendulum().atoms(np.array([np.arccos(1.0 - energy)]), np.zeros(1))
    period = 4.0 * ellipk(energy / 2.0)
    moved = swinging.evolve(start, 1000.0 * period)
    gap = swinging.angles(moved) - swinging.angles(start)
    assert abs((gap + np.pi) % (2.0 * np.pi) - np.pi) < 1e-3
    assert swinging.actions(moved) == pytest.approx(swinging.actions(start), rel=1e-12)
    back = swinging.evolve(moved, -1000.0 * period)
    np.testing.assert_allclose(back.positions, start.positions, atol=1e-9)


def test_without_forces_frames_tell_the_same() -> None:
    runs = replace(runs_of(pendulum(1.0), 60, 20), force_mnc=None, energy_m=None)
    canonical = fit_canonical_map(runs, n_layers=3)
    assert canonical.record["timestep"] == pytest.approx(0.4, rel=1e-4)
    assert canonical.frequencies == pytest.approx([1.0], rel=1e-3)
    assert canonical.constancy(runs_of(pendulum(1.0), 20, 20, seed=1)).loss < 1e-8


def test_a_chain_becomes_waves(chain: CanonicalMap) -> None:
    np.testing.assert_allclose(chain.frequencies, np.sqrt([3.0, 3.0]), rtol=1e-4)
    assert chain.record["loss"] < 0.01 * chain.record["loss_linear"]


def test_variables_are_canonical_and_lead_back(chain: CanonicalMap) -> None:
    runs = runs_of(fput(3, amplitude=0.2), 1, 3, seed=4)
    atoms = runs.atoms
    atoms.positions += [1.0, 0.0, 0.0]  # the centre of mass is not among the variables
    variables = chain(atoms)
    np.testing.assert_allclose(chain.brackets(atoms), symplectic_form(2), atol=1e-12)
    again = chain.inverse(variables, atoms)
    np.testing.assert_allclose(again.positions, atoms.positions, atol=1e-12)
    np.testing.assert_allclose(again.get_momenta(), atoms.get_momenta(), atol=1e-12)
    other = chain.inverse(0.5 * variables, atoms)
    np.testing.assert_allclose(chain(other), 0.5 * variables, atol=1e-12)


def test_the_centre_of_mass_moves_on(chain: CanonicalMap) -> None:
    atoms = runs_of(fput(3, amplitude=0.2), 1, 3, seed=4).atoms
    atoms.set_momenta(atoms.get_momenta() + np.array([0.3, 0.0, 0.0]))
    moved = chain.evolve(atoms, 5.0)
    np.testing.assert_allclose(moved.get_center_of_mass() - atoms.get_center_of_mass(), [1.5, 0.0, 0.0], atol=1e-12)


@pytest.fixture(scope="module", params=[2, 3])
def orbiting(request: pytest.FixtureRequest) -> CanonicalMap:
    """Orbits of either sense and all orientations, in a plane or in space."""
    return fit_canonical_map(orbits(request.param, 40, 0), timestep=0.3, n_layers=3)


def orbits(dimensions: int, n_runs: int, seed: int) -> Runs:
    system = kepler(dimensions, 0.3)
    return system.runs(system.trajectories(np.random.default_rng(seed), n_runs, 25, 0.3))


def test_orbits_have_a_radial_action_and_angular_momentum(orbiting: CanonicalMap) -> None:
    n = orbiting.coordinates.n
    runs = orbits(n, 20, 1)
    constancy = orbiting.constancy(runs)
    assert constancy.loss_u[0] < 1e-5
    assert constancy.relative_u[0] < 1e-4
    assert (constancy.loss_u[1:] < 1e-20).all()
    np.testing.assert_allclose(orbiting.frequencies[:2] / orbiting.frequencies[0], 1.0, rtol=1e-6)
    frames = [frame_of(runs, number) for number in range(0, 500, 50)]
    angular_mc = np.array([frame.get_angular_momentum() for frame in frames])  # about the centre of mass: zero
    assert not angular_mc.any()
    angular_mc = np.array([np.cross(frame.positions[0], frame.get_momenta()[0]) for frame in frames])
    known_m = angular_mc[:, 2] if n == 2 else np.linalg.norm(angular_mc, axis=1)
    action_mu = orbiting.actions(frames)
    np.testing.assert_allclose(action_mu[:, 1], known_m, rtol=1e-12)
    energy_m = [0.5 * (frame.get_momenta() ** 2).sum() - 1.0 / np.linalg.norm(frame.positions) for frame in frames]
    np.testing.assert_allclose(action_mu[:, 0], np.sqrt(-0.5 / np.array(energy_m)) - abs(known_m), atol=2e-4)
    motion_m = (-2.0 * np.array(energy_m)) ** 1.5
    expected_mu = np.zeros((len(frames), n))
    expected_mu[:, 0], expected_mu[:, 1] = motion_m, motion_m * np.sign(action_mu[:, 1])  # degenerate, as it must be
    np.testing.assert_allclose(orbiting.frequencies_at(frames), expected_mu, rtol=2e-3)


def test_orbits_go_on_by_one_evaluation(orbiting: CanonicalMap) -> None:
    runs = orbits(orbiting.coordinates.n, 3, 2)
    for run in range(3):
        start, end = frame_of(runs, 25 * run), frame_of(runs, 25 * run + 24)
        moved = orbiting.evolve(start, 24 * 0.3)
        np.testing.assert_allclose(moved.positions, end.positions, atol=2e-2)
        again = orbiting.inverse(orbiting(start), start)
        np.testing.assert_allclose(again.positions, start.positions, atol=1e-12)
        np.testing.assert_allclose(again.get_momenta(), start.get_momenta(), atol=1e-12)


def test_maps_of_orbits_come_back_from_files(orbiting: CanonicalMap, tmp_path: Path) -> None:
    orbiting.save(tmp_path / "map.npz")
    loaded = CanonicalMap.load(tmp_path / "map.npz")
    atoms = frame_of(orbits(orbiting.coordinates.n, 1, 3), 0)
    assert (loaded(atoms) == orbiting(atoms)).all()
    assert (loaded.evolve(atoms, 7.0).positions == orbiting.evolve(atoms, 7.0).positions).all()


def straight_lines(n_runs: int, n_frames: int) -> Runs:
    system = harmonic((1.0, 1.0))
    places = np.random.default_rng(0).normal(size=(n_runs, 2))
    return system.runs(system.followed((places, np.zeros_like(places)), n_frames, 0.4))


def frame_of(runs: Runs, number: int) -> Atoms:
    atoms: Atoms = runs.atoms.copy()
    atoms.positions = runs.position_mnc[number]
    atoms.set_momenta(np.asarray(runs.momentum_mnc)[number])
    return atoms


def test_a_molecule_that_turns_and_vibrates() -> None:
    def force(q: FloatArray) -> FloatArray:  # Morse's potential: repulsive and attractive
        radius = np.linalg.norm(q, axis=-1, keepdims=True)
        rest = np.exp(1.0 - radius)
        return np.asarray(-10.0 * rest * (1.0 - rest) * q / radius)

    def start(rng: np.random.Generator, n_runs: int) -> tuple[FloatArray, FloatArray]:
        angular, outwards = (
            rng.uniform(0.3, 0.8, n_runs) * rng.choice([-1.0, 1.0], n_runs),
            0.3 * rng.normal(size=n_runs),
        )
        return np.tile([1.0, 0.0], (n_runs, 1)), np.stack([outwards, angular], axis=1)

    system = IntegrableSystem("molecule", 2, 2, lambda q: q[..., 0], force, start, 0.15)
    runs = replace(runs_of(system, 30, 40), energy_m=None)
    canonical = fit_canonical_map(runs, timestep=0.15, n_layers=2)
    assert canonical.record["chart"] == "central-field"
    assert canonical.constancy(runs_of(system, 10, 40, seed=1)).loss_u[0] < 1e-5
    assert canonical.frequencies[0] > 4.0 * canonical.frequencies[1]


def test_actions_that_vary_are_told() -> None:
    with pytest.warns(TrainingDataWarning, match=r"actions still vary .* \(see chart\)"):
        canonical = fit_canonical_map(orbits(2, 16, 0), chart="equilibrium", n_layers=0)
    assert canonical.record["chart"] is None


def test_two_bodies_go_round_each_other_in_a_tilted_plane() -> None:
    one = orbits(2, 16, 0)
    turn_cc = Rotation.from_euler("xyz", [0.4, 0.7, 0.2]).as_matrix()
    share_n11 = np.array([-0.25, 0.75])[:, None]
    apart_mnc, speed_mnc = one.position_mnc @ turn_cc.T, np.asarray(one.momentum_mnc) @ turn_cc.T
    pair = Atoms("HHe", positions=share_n11 * apart_mnc[0], masses=[3.0, 1.0])
    factor = 0.75  # reduced mass
    runs = replace(
        one,
        atoms=pair,
        position_mnc=share_n11 * apart_mnc,
        momentum_mnc=np.array([-1.0, 1.0])[:, None] * factor * speed_mnc,
        force_mnc=None,
        energy_m=None,
    )
    canonical = fit_canonical_map(runs, timestep=0.3, n_layers=1)
    assert canonical.record["chart"] == "central-field"
    start = frame_of(runs, 0)
    angular = np.linalg.norm(np.cross(start.positions, start.get_momenta()).sum(axis=0))
    assert abs(canonical.actions(start)[1]) == pytest.approx(angular, rel=1e-10)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (lambda: runs_of(pendulum(), 8, 20), "motion has 1 degrees of freedom"),
        (lambda: runs_of(quartic_pair(), 8, 20), "forces do not point to one centre"),
        (lambda: straight_lines(6, 20), "or change their sense"),
    ],
)
def test_motion_that_is_not_around_a_centre_is_refused(runs: Callable[[], Runs], message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        fit_canonical_map(runs(), chart="central-field")


def test_equal_fits_give_equal_files(chain: CanonicalMap, tmp_path: Path) -> None:
    again = fit_canonical_map(runs_of(fput(3, amplitude=0.2), 30, 20), n_layers=2, most_terms=60)
    times = {key: 0.0 for key in again.record if key.endswith("seconds")}
    for number, one in enumerate((chain, again)):
        replace(one, record=one.record | times).save(tmp_path / f"{number}.npz")
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "1.npz").read_bytes()
    loaded = CanonicalMap.load(tmp_path / "0.npz")
    atoms = runs_of(fput(3, amplitude=0.2), 1, 3, seed=4).atoms
    assert (loaded(atoms) == chain(atoms)).all()
    assert (loaded.evolve(atoms, 7.0).positions == chain.evolve(atoms, 7.0).positions).all()


def test_a_damaged_file_is_refused(chain: CanonicalMap, tmp_path: Path) -> None:
    path = tmp_path / "map.npz"
    chain.save(path)
    content = bytearray(path.read_bytes())
    content[900] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelFileError, match="damaged"):
        CanonicalMap.load(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chart": "polar"}, "chart is 'polar': it must be one of equilibrium, central-field"),
        ({"n_layers": -1}, "n_layers is -1"),
        ({"timestep": 0.0}, "timestep is 0.0"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        fit_canonical_map(runs_of(harmonic(), 4, 6), **settings)  # type: ignore[arg-type]


def test_other_atoms_and_numbers_are_refused(chain: CanonicalMap) -> None:
    atoms = runs_of(fput(3, amplitude=0.2), 1, 3).atoms
    with pytest.raises(SettingsError, match="needed are 4 finite numbers"):
        chain.inverse(np.zeros(3), atoms)
    with pytest.raises(SettingsError, match="time is nan"):
        chain.evolve(atoms, np.nan)
    broken = atoms.copy()
    broken.positions[1] = np.nan
    with pytest.raises(StructureError, match="position of atom 1 is not finite"):
        chain(broken)
    with pytest.raises(StructureError, match="another system"):
        chain(atoms[:2])


def test_runs_can_be_lists_of_atoms() -> None:
    system = harmonic((1.0,))
    state_gtd: FloatArray = system.trajectories(np.random.default_rng(0), 4, 8)
    runs = [[system.atoms(state_d[:1], state_d[1:]) for state_d in state_td] for state_td in state_gtd]
    canonical = fit_canonical_map(runs, n_layers=0)
    assert canonical.frequencies == pytest.approx([1.0], rel=1e-4)
    assert canonical.actions(runs[0]).shape == (8, 1)
