"""Noise of a run: found by its residuals, told in a warning, and weighed down."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from ase import Atoms
from verlet_runs import TIMESTEP, run_of, shaken_crystal

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.fitting.motion.equations import Motion
from ase_rfhgn.fitting.motion.noise import weighted_for_noise
from ase_rfhgn.fitting.motion.stencils import law_of_motion
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame, WithinCutoff
from ase_rfhgn.structures.training_set import TrainingSet

N_FRAMES = 80


@pytest.fixture(scope="module")
def run() -> list[Atoms]:
    """Return a run of copper and aluminium."""
    return run_of(shaken_crystal(symbols="CuAl3"), N_FRAMES)


def weighted(frames: list[Atoms], observed: str, truth: list[Atoms]) -> Motion | None:
    """Return what becomes of equations of motion when the forces are known exactly."""
    motion = Motion(observed, law_of_motion(observed, 1), TIMESTEP, (range(len(frames)),))
    force_by_name = {f"structures, frame {i}": atoms.get_forces() for i, atoms in enumerate(truth)}

    def forces(item: GraphedFrame) -> FloatArray:
        force_nc: FloatArray = force_by_name[item.frame.name]
        return force_nc

    items = FrameGraphs.of(TrainingSet.open(frames).without_labels(), WithinCutoff(4.0, 0.0))
    return weighted_for_noise(motion, items, forces)


def with_kicks(frames: list[Atoms], size: float) -> list[Atoms]:
    """Return frames whose momenta have random increments, equal for all elements, as a thermostat gives them."""
    rng = np.random.default_rng(0)
    kick_inc = np.cumsum(rng.normal(0.0, size, (len(frames), 4, 3)), axis=0)
    kicked = [atoms.copy() for atoms in frames]
    for atoms, kick_nc in zip(kicked, kick_inc, strict=True):
        atoms.set_momenta(atoms.get_momenta() + kick_nc)
    return kicked


@pytest.mark.parametrize("observed", ["momenta", "positions"])
def test_a_run_without_noise_is_left_as_it_is(run: list[Atoms], observed: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert weighted(run, observed, run) is None


def test_kicks_are_told_with_their_size(run: list[Atoms]) -> None:
    with pytest.warns(TrainingDataWarning, match=r"random kicks \(.* on Al beside forces of .* on Cu") as told:
        found = weighted(with_kicks(run, 0.3 * TIMESTEP), "momenta", run)
    assert "NVE" in str(told[0].message)
    assert found is not None
    assert found.weighting is not None
    assert [noise.kick for noise in found.weighting.noise_z.values()] == pytest.approx([0.3, 0.3], rel=0.2)


@pytest.mark.parametrize("masses", [None, [100.0, 10.0, 10.0, 10.0]])
def test_measurement_noise_is_told_in_units_of_the_measurement(masses: list[float] | None) -> None:
    rng = np.random.default_rng(1)
    atoms = shaken_crystal(symbols="CuAl3")
    atoms.set_masses(masses)
    run = run_of(atoms, N_FRAMES)
    noisy = [atoms.copy() for atoms in run]
    for atoms in noisy:
        atoms.positions += rng.normal(0.0, 0.003, (4, 3))
    with pytest.warns(TrainingDataWarning, match=r"noise of 0\.00[23]\d* on Al, 0\.00[23]\d* on Cu \(Å\)"):
        found = weighted(noisy, "positions", run)
    assert found is not None


def test_few_collisions_are_found_though_most_equations_are_exact(run: list[Atoms]) -> None:
    collided = [atoms.copy() for atoms in run]
    for i, atoms in enumerate(collided):
        momentum_nc = atoms.get_momenta()
        momentum_nc[0] += 10.0 * (i > 40)
        atoms.set_momenta(momentum_nc)
    found = weighted(collided, "momenta", run)
    assert found is not None
    assert found.weighting is not None
    assert found.weighting.scale < 0.01
