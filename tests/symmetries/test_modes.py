"""Normal modes from runs: against known frequencies, with errors, symmetry, friction; bad runs; files; commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.cli.main import main
from ase_rfhgn.errors import SettingsError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.structures.graph import build_graph
from ase_rfhgn.structures.training_set import read_structures
from ase_rfhgn.symmetries import NormalModes, normal_modes
from ase_rfhgn.symmetries.crystal_symmetry import crystal_symmetry

STEP = 5.0 * units.fs
KT = 0.01


def springs(atoms: Atoms, cutoff: float, stiffness: float = 2.0) -> FloatArray:
    """Return the Hessian of springs between neighbours at rest."""
    graph = build_graph(atoms, cutoff)
    hessian = np.zeros((len(atoms), 3, len(atoms), 3))
    for centre, neighbour, vector in zip(graph.centre_p, graph.neighbour_p, graph.vector_pc, strict=True):
        block = 0.5 * stiffness * np.outer(vector, vector) / (vector @ vector)
        hessian[centre, :, centre] += block
        hessian[neighbour, :, neighbour] += block
        hessian[centre, :, neighbour] -= block
        hessian[neighbour, :, centre] -= block
    return hessian.reshape(3 * len(atoms), -1)


def harmonic_run(
    sites: Atoms, hessian: FloatArray, n_frames: int, *, forces: bool, every: int = 1, seed: int = 0
) -> list[Atoms]:
    """Return exact harmonic motion at equipartition, or independent thermal frames if ``every`` is 0."""
    rng = np.random.default_rng(seed)
    root = np.sqrt(np.repeat(sites.get_masses(), 3))
    square, modes = np.linalg.eigh(hessian / np.outer(root, root))
    frequency, modes = np.sqrt(square[square > 1e-6]), modes[:, square > 1e-6]
    amplitude, phase = np.sqrt(2.0 * KT) / frequency, rng.uniform(0.0, 2.0 * np.pi, len(frequency))
    frames = []
    for step in range(n_frames):
        angle = frequency * step * every * STEP + phase
        if not every:
            angle = rng.uniform(0.0, 2.0 * np.pi, len(frequency))
            amplitude = np.sqrt(2.0 * KT * rng.exponential(size=len(frequency))) / frequency
        place, speed = (modes @ (amplitude * part) for part in (np.cos(angle), -frequency * np.sin(angle)))
        atoms = sites.copy()
        atoms.positions += (place / root).reshape(-1, 3)
        atoms.set_momenta((speed * root).reshape(-1, 3))
        if forces:
            force = -(hessian @ (place / root)).reshape(-1, 3)
            atoms.calc = SinglePointCalculator(atoms, forces=force)
        frames.append(atoms)
    return frames


def known(sites: Atoms, hessian: FloatArray, n_rigid: int = 3) -> FloatArray:
    root = np.sqrt(np.repeat(sites.get_masses(), 3))
    square = np.linalg.eigvalsh(hessian / np.outer(root, root))[n_rigid:]
    return np.asarray(np.sqrt(square) * 1e3 * units.fs / (2.0 * np.pi))


@pytest.fixture(scope="module")
def crystal() -> tuple[Atoms, FloatArray]:
    sites = bulk("Cu", cubic=True) * (2, 1, 1)
    return sites, springs(sites, 3.0)


@pytest.mark.parametrize(
    ("estimator", "n_frames", "tolerance"), [("forces", 12, 1e-4), ("steps", 60, 1e-4), ("moments", 400, 0.12)]
)
def test_harmonic_crystals(crystal: tuple[Atoms, FloatArray], estimator: str, n_frames: int, tolerance: float) -> None:
    frames = harmonic_run(
        *crystal, n_frames, forces=estimator == "forces", every={"steps": 1, "moments": 0, "forces": 7}[estimator]
    )
    modes = normal_modes(
        frames, reference=crystal[0], estimator=estimator, timestep=STEP if estimator == "steps" else None
    )
    np.testing.assert_allclose(modes.frequencies_thz, known(*crystal), atol=tolerance * known(*crystal).max())
    assert modes.record["estimator"] == estimator
    assert np.isfinite(modes.frequencies_thz_error).all()
    np.testing.assert_allclose(modes.wavenumbers, modes.frequencies_thz * 33.35641, rtol=1e-6)


def anharmonic_run(sites: Atoms, hessian: FloatArray, n_frames: int) -> list[Atoms]:
    """Return motion with cubic springs and a quartic resistance to shear, by small steps."""
    graph, every = build_graph(sites, 3.0), 20
    unit_pc = graph.vector_pc / graph.distance_p[:, None]

    def force_of(place_nc: FloatArray) -> FloatArray:
        change_pc = place_nc[graph.neighbour_p] - place_nc[graph.centre_p]
        stretch_p1 = np.einsum("pc,pc->p", change_pc, unit_pc)[:, None]
        across_pc = change_pc - stretch_p1 * unit_pc
        force_nc = -(hessian @ place_nc.ravel()).reshape(-1, 3)
        pull_pc = -6.0 * stretch_p1**2 * unit_pc + 5.0 * (across_pc**2).sum(axis=1)[:, None] * across_pc
        np.add.at(force_nc, graph.centre_p, pull_pc)
        return force_nc

    first = harmonic_run(sites, hessian, 1, forces=False, seed=3)[0]
    place_nc, speed_nc = first.positions - sites.positions, first.get_velocities()
    frames, mass_n1 = [], sites.get_masses()[:, None]
    for _ in range(n_frames):
        atoms = sites.copy()
        atoms.positions += place_nc
        atoms.set_momenta(speed_nc * mass_n1)
        atoms.calc = SinglePointCalculator(atoms, forces=force_of(place_nc))
        frames.append(atoms)
        for _ in range(every):
            speed_nc = speed_nc + 0.5 * STEP / every * force_of(place_nc) / mass_n1
            place_nc = place_nc + STEP / every * speed_nc
            speed_nc = speed_nc + 0.5 * STEP / every * force_of(place_nc) / mass_n1
    return frames


@pytest.fixture(scope="module")
def anharmonic(crystal: tuple[Atoms, FloatArray]) -> list[Atoms]:
    return anharmonic_run(*crystal, 60)


@pytest.mark.parametrize(("estimator", "tolerance"), [("forces", 1e-5), ("steps", 2e-3)])
def test_harmonic_frequencies_of_anharmonic_crystals(
    crystal: tuple[Atoms, FloatArray], anharmonic: list[Atoms], estimator: str, tolerance: float
) -> None:
    errors = []
    for harmonic in (False, True):
        modes = normal_modes(anharmonic, reference=crystal[0], estimator=estimator, timestep=STEP, harmonic=harmonic)
        errors.append(np.abs(modes.frequencies_thz / known(*crystal) - 1.0).max())
        assert modes.record["harmonic"] is harmonic
    assert errors[1] < tolerance
    assert errors[0] > 10.0 * errors[1]


def test_anharmonic_terms_need_enough_frames_and_bonds(
    crystal: tuple[Atoms, FloatArray], anharmonic: list[Atoms]
) -> None:
    with pytest.raises(TrainingDataError, match=r"12 frames of 21 modes are too few .* give at least 42"):
        normal_modes(anharmonic[:12], reference=crystal[0], harmonic=True, symmetry=False)
    with pytest.raises(SettingsError, match="does not tell anharmonic terms apart"):
        normal_modes(anharmonic, reference=crystal[0], harmonic=True, estimator="moments")


def test_the_time_step_is_found(crystal: tuple[Atoms, FloatArray]) -> None:
    modes = normal_modes(harmonic_run(*crystal, 60, forces=False), reference=crystal[0])
    assert modes.record["timestep_fs"] == pytest.approx(5.0, rel=1e-4)
    assert modes.record["friction_per_ps"] < 0.05
    assert modes.spectrum is not None
    peak = modes.spectrum.frequency_k[modes.spectrum.density_k.argmax()]
    assert 0.5 * known(*crystal)[0] < peak < 1.2 * known(*crystal)[-1]


def test_frames_far_apart_tell_no_time_step(crystal: tuple[Atoms, FloatArray]) -> None:
    modes = normal_modes(harmonic_run(*crystal, 30, forces=True, every=0), reference=crystal[0])
    assert modes.record["timestep_fs"] is None
    assert modes.spectrum is None
    with pytest.raises(TrainingDataError, match="too far apart"):
        normal_modes(harmonic_run(*crystal, 30, forces=False, every=0), reference=crystal[0], estimator="steps")


def test_modes_without_a_reference_or_symmetry(crystal: tuple[Atoms, FloatArray]) -> None:
    frames = harmonic_run(*crystal, 120, forces=True, every=0)
    modes = normal_modes(frames, symmetry=False)
    assert modes.record["symmetry_operations"] == 1
    np.testing.assert_allclose(modes.frequencies_thz, known(*crystal), atol=0.02 * known(*crystal).max())


def test_symmetry_makes_equal_modes_equal(crystal: tuple[Atoms, FloatArray]) -> None:
    sites = bulk("Cu", cubic=True)
    assert crystal_symmetry(sites, 0.01).n_operations == 192
    modes = normal_modes(harmonic_run(sites, springs(sites, 3.0), 8, forces=True, every=5), reference=sites)
    assert np.ptp(modes.frequencies_thz[:3]) < 1e-9 * modes.frequencies_thz[0]
    strained = crystal[0].copy()
    strained.set_cell(strained.cell.array * [1.0, 1.01, 1.0], scale_atoms=True)
    assert crystal_symmetry(strained, 0.01).n_operations < crystal_symmetry(crystal[0], 0.01).n_operations + 1


def test_a_molecule_that_turns_has_its_vibrations() -> None:
    sites = molecule("H2O")
    hessian = springs(sites, 2.0, stiffness=20.0)
    frames = harmonic_run(sites, hessian, 40, forces=True, every=1)
    angle = 0.02
    for step, atoms in enumerate(frames):
        forces = atoms.get_forces()
        turn = _rotation(angle * step)
        atoms.positions, forces = atoms.positions @ turn.T, forces @ turn.T
        atoms.set_momenta(atoms.get_momenta() @ turn.T)
        atoms.calc = SinglePointCalculator(atoms, forces=forces)
    modes = normal_modes(frames, reference=sites)
    assert len(modes) == 3
    np.testing.assert_allclose(modes.frequencies_thz, known(sites, hessian, 6), rtol=0.03)


def _rotation(angle: float) -> FloatArray:
    return np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])


def test_a_drifting_crystal_keeps_its_modes(crystal: tuple[Atoms, FloatArray]) -> None:
    frames = harmonic_run(*crystal, 12, forces=True, every=7)
    for step, atoms in enumerate(frames):
        forces = atoms.get_forces()
        atoms.positions += 0.1 * step
        atoms.wrap()
        atoms.calc = SinglePointCalculator(atoms, forces=forces)
    modes = normal_modes(frames, reference=crystal[0])
    np.testing.assert_allclose(modes.frequencies_thz, known(*crystal), rtol=1e-3)


def test_atoms_that_exchange_places_are_found(crystal: tuple[Atoms, FloatArray]) -> None:
    frames = harmonic_run(*crystal, 30, forces=True)
    for atoms in frames[20:]:
        atoms.positions[[0, 1]] = atoms.positions[[1, 0]]
        atoms.calc = None
    with pytest.raises(TrainingDataError, match=r"run 0, frame 20: atom 0 has left its site.*site of atom 1"):
        normal_modes(frames, reference=crystal[0])


def test_a_thermostat_is_warned_of(crystal: tuple[Atoms, FloatArray]) -> None:
    frames = harmonic_run(*crystal, 30, forces=False)
    for step, atoms in enumerate(frames):
        atoms.calc = SinglePointCalculator(atoms, energy=0.1 * step)
    with pytest.warns(TrainingDataWarning, match="thermostat"):
        normal_modes(frames, reference=crystal[0])


@pytest.mark.parametrize(
    ("frames", "settings", "message"),
    [
        (slice(0, 4), {}, "4 frames are too few"),
        (slice(0, 30), {"estimator": "forces"}, "not all frames have forces"),
        (slice(0, 30, 29), {}, "show no motion"),
    ],
)
def test_bad_runs_are_refused(
    crystal: tuple[Atoms, FloatArray], frames: slice, settings: dict[str, str], message: str
) -> None:
    with pytest.raises(TrainingDataError, match=message):
        normal_modes(harmonic_run(*crystal, 30, forces=False)[frames], **settings)  # type: ignore[arg-type]


def test_without_momenta_something_must_be_given(crystal: tuple[Atoms, FloatArray]) -> None:
    frames = harmonic_run(*crystal, 60, forces=False)
    for atoms in frames:
        atoms.set_momenta(np.zeros((len(atoms), 3)))
    with pytest.raises(TrainingDataError, match="timestep"):
        normal_modes(frames, reference=crystal[0])
    modes = normal_modes(frames, reference=crystal[0], timestep=STEP)
    np.testing.assert_allclose(modes.frequencies_thz, known(*crystal), rtol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"estimator": "best"}, "estimator is 'best'"), ({"temperature": -1.0}, "temperature is -1.0")],
)
def test_bad_settings_are_named(settings: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        normal_modes([], **settings)  # type: ignore[arg-type]


def test_another_reference_is_refused(crystal: tuple[Atoms, FloatArray]) -> None:
    with pytest.raises(TrainingDataError, match="other atoms"):
        normal_modes(harmonic_run(*crystal, 10, forces=False), reference=bulk("Ag", cubic=True))


def test_files_and_animations(crystal: tuple[Atoms, FloatArray], tmp_path: Path) -> None:
    modes = normal_modes(harmonic_run(*crystal, 12, forces=True), reference=crystal[0])
    modes.save(tmp_path / "a.npz")
    again = NormalModes.load(tmp_path / "a.npz")
    replace(again).save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (again.frequencies_thz == modes.frequencies_thz).all()
    (path,) = modes.write_modes(tmp_path / "mode", [4])
    images = read_structures([path])
    assert len(images) == 30
    largest = np.linalg.norm(images[7].positions - crystal[0].positions, axis=1).max()
    assert largest == pytest.approx(0.3, rel=0.02)
    with pytest.raises(SettingsError, match="there is no mode 99"):
        modes.animation(99)


def test_commands(crystal: tuple[Atoms, FloatArray], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "md.traj", harmonic_run(*crystal, 20, forces=True))
    write(tmp_path / "site.extxyz", crystal[0])
    files = ["--plot", "m.png", "--spectrum", "s.txt", "--animate", "mode", "-o", "m.npz"]
    options = [str(tmp_path / word) if "." in word or word == "mode" else word for word in files]
    assert not main(
        ["modes", str(tmp_path / "md.traj"), "--reference", str(tmp_path / "site.extxyz"), "--json", *options]
    )
    report = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose(report["frequencies_thz"], known(*crystal), rtol=1e-4)
    assert len(report["frequencies_thz_error"]) == len(report["frequencies_thz"])
    assert {"m.png", "s.txt", "m.npz", "mode.0.traj"} <= {path.name for path in tmp_path.iterdir()}
    assert not main(["modes", str(tmp_path / "md.traj")])
    assert "cm⁻¹" in capsys.readouterr().out
    assert main(["modes", str(tmp_path / "md.traj"), "-o", str(tmp_path / "md.traj")]) == 2
    assert "is an input" in capsys.readouterr().err
