"""The order of frames in time: runs, breaks, boundaries that atoms cross."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from labelled import frames_of
from verlet_runs import run_of, shaken_crystal, without

from ase_rfhgn.structures.time_order import chronology, displacement, runs_of, unbroken_positions


@pytest.fixture(scope="module")
def run() -> list[Atoms]:
    """Return twelve steps of a crystal, wrapped into its cell."""
    return run_of(shaken_crystal(), 12)


def test_a_run_is_one_run_with_and_without_momenta(run: list[Atoms]) -> None:
    for structures, has_momenta in ((run, True), (without(run, momenta=True), False)):
        order = chronology(frames_of(structures))
        assert order.runs == (range(12),)
        assert order.has_momenta == has_momenta
        assert order.longest == 12


def test_phase_is_the_angle_that_the_fastest_motion_turns_from_frame_to_frame() -> None:
    atoms = Atoms("He2", [[0, 0, 0], [0, 0, 5.0]])
    structures = []
    for i in range(40):
        atoms.positions[1] = [0.01 * np.cos(0.7 * i), 0.01 * np.sin(0.7 * i), 5.0 + 0.3 * i]
        structures.append(atoms.copy())
    assert chronology(frames_of(structures)).phase == pytest.approx(0.7, rel=1e-6)


def test_crossing_a_boundary_is_no_jump(run: list[Atoms]) -> None:
    unwrapped = run_of(shaken_crystal(), 12, wrap=False)
    assert any(np.abs(one.positions - other.positions).max() > 1.0 for one, other in zip(run, unwrapped, strict=True))
    unbroken = list(unbroken_positions(run))
    for position_nc, atoms in zip(unbroken, unwrapped, strict=True):
        np.testing.assert_allclose(position_nc - unbroken[0], atoms.positions - unwrapped[0].positions, atol=1e-12)


def test_displacement_in_a_skewed_cell_and_across_a_free_boundary() -> None:
    cell = [[4.0, 0.0, 0.0], [1.9, 3.5, 0.0], [0.0, 0.0, 6.0]]
    atoms = Atoms("Cu", [[0.1, 0.1, 0.1]], cell=cell, pbc=[True, True, False])
    moved = atoms.copy()
    moved.positions += [0.0, -0.3, -0.4]
    step_nc = displacement(atoms, moved)
    moved.wrap()
    wrapped_step_nc = displacement(atoms, moved)
    for found_nc in (step_nc, wrapped_step_nc):
        assert found_nc is not None
        np.testing.assert_allclose(found_nc, np.array([[0.0, -0.3, -0.4]]), atol=1e-12)


@pytest.mark.parametrize("momenta", [True, False])
def test_runs_end_where_another_begins(run: list[Atoms], momenta: bool) -> None:  # noqa: FBT001
    other = run_of(shaken_crystal(seed=5), 4)
    structures = run[:5] + other + run[7:]
    order = chronology(frames_of(structures if momenta else without(structures, momenta=True)))
    assert order.runs == (range(5), range(5, 9), range(9, 14))


def test_a_single_frame_of_another_run_is_left_alone(run: list[Atoms]) -> None:
    structures = without([*run[:6], shaken_crystal(seed=5), *run[6:]], momenta=True)
    assert chronology(frames_of(structures)).runs == (range(6), range(7, 13))


def test_sharp_turns_of_a_smooth_motion_are_no_break() -> None:
    atoms = Atoms("He2", [[0, 0, 0], [0, 0, 5.0]])
    structures = []
    for angle in np.cumsum(np.full(300, 0.02)):  # an eccentric orbit: hundred times the force at one end
        eccentric = 2.0 * np.arctan(np.sqrt(19.0) * np.tan(angle / 2.0))
        atoms.positions[1] = [np.cos(eccentric), np.sin(eccentric), 5.0]
        structures.append(atoms.copy())
    assert len(chronology(frames_of(structures)).runs) == 1


def test_other_atoms_other_cells_and_shuffled_frames_are_no_run(run: list[Atoms]) -> None:
    longer = [atoms * (1, 1, 2) for atoms in run]
    strained = [atoms.copy() for atoms in run]
    for i, atoms in enumerate(strained):
        atoms.set_cell(atoms.cell * (1.0 + 0.001 * i), scale_atoms=True)
    shuffled = [run[i] for i in (0, 7, 2, 9, 4, 11, 6, 1)]
    assert chronology(frames_of(without(shuffled, momenta=True))).persistence < 0.0
    mixed = [atoms for pair in zip(run, longer, strict=True) for atoms in pair]
    for structures in (strained, mixed, shuffled, run[:1]):
        assert chronology(frames_of(structures)).longest < 3


def test_frames_of_runs_come_with_their_run(run: list[Atoms]) -> None:
    frames = frames_of(run)
    found = [
        (part, [frame.name for frame in members]) for part, members in runs_of(iter(frames), [range(1, 3), range(5, 9)])
    ]
    assert found == [(part, [f"frame {i}" for i in part]) for part in (range(1, 3), range(5, 9))]
