"""Rows of Newton's law: on runs of velocity Verlet they are the rows of labelled forces, or means of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms
from conftest import MakePotential
from graphed import RowsBy, graphed_structures
from verlet_runs import TIMESTEP, run_of, shaken_crystal

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.motion.equations import Motion, Weighting
from ase_rfhgn.fitting.motion.stencils import law_of_motion
from ase_rfhgn.fitting.rows import frame_rows
from ase_rfhgn.fitting.targets import LABELS
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.regression.correlated_noise import Noise
from ase_rfhgn.structures.frame_graphs import GraphedFrame

N_FRAMES = 9


@pytest.fixture(scope="module")
def rows(make_potential: MakePotential) -> RowsBy:
    """Return what makes rows of a frame."""
    drawn: Potential = make_potential(["Al", "Cu"], np.random.default_rng(0), channels=2, projections=1, degree=2)

    def rows(item: GraphedFrame) -> Mapping[str, FloatArray]:
        return frame_rows(drawn.hamiltonian, drawn.baseline, item.frame, item.graph, (0, 1))

    return RowsBy(rows)


@pytest.fixture(scope="module")
def run() -> list[Atoms]:
    """Return labelled frames of a run that crosses boundaries."""
    return run_of(shaken_crystal(symbols="CuAl3"), N_FRAMES)


def motion(observed: str, **changes: object) -> Motion:
    stride = 1
    plain = Motion(observed, law_of_motion(observed, stride), TIMESTEP, (range(N_FRAMES),))
    return replace(plain, **changes)  # type: ignore[arg-type]


def labelled_rows(frames: list[GraphedFrame], rows: RowsBy) -> list[FloatArray]:
    return [row_mf for _, kind, row_mf in LABELS.equations(frames, rows) if kind == "force"]


def true_forces(item: GraphedFrame) -> FloatArray:
    assert item.frame.force_nc is not None
    return item.frame.force_nc


def far_forces(item: GraphedFrame) -> FloatArray:
    return np.full(item.frame.atoms.positions.shape, 1000.0)


def test_labels_yield_every_kind_of_every_frame(run: list[Atoms], rows: RowsBy) -> None:
    found = [(i, kind) for i, kind, _ in LABELS.equations(graphed_structures(run[:2]), rows)]
    assert found == [(0, "energy"), (0, "force"), (1, "energy"), (1, "force")]


def test_positions_give_the_rows_of_labelled_forces(run: list[Atoms], rows: RowsBy) -> None:
    frames = graphed_structures(run)
    found = list(motion("positions").equations(frames, rows))
    expected = labelled_rows(frames, rows)[1:-1]
    assert [(i, kind) for i, kind, _ in found] == [(i, "motion") for i in range(N_FRAMES - 2)]
    for (_, _, row_mf), expected_mf in zip(found, expected, strict=True):
        np.testing.assert_allclose(row_mf, expected_mf, atol=1e-9)


def test_momenta_give_means_of_two_frames(run: list[Atoms], rows: RowsBy) -> None:
    frames = graphed_structures(run)
    expected = labelled_rows(frames, rows)
    found = [row_mf for _, _, row_mf in motion("momenta").equations(frames, rows)]
    for i, row_mf in enumerate(found):
        np.testing.assert_allclose(row_mf, 0.5 * (expected[i] + expected[i + 1]), atol=1e-9)
    assert len(found) == N_FRAMES - 1


def test_runs_are_not_mixed(run: list[Atoms], rows: RowsBy) -> None:
    frames = graphed_structures(run)
    expected = labelled_rows(frames, rows)
    found = list(motion("positions", runs=(range(1, 4), range(5, 9))).equations(frames, rows))
    assert [i for i, _, _ in found] == [1, 5, 6]
    for (_, _, row_mf), middle in zip(found, (2, 6, 7), strict=True):
        np.testing.assert_allclose(row_mf, expected[middle], atol=1e-9)


def test_fixed_atoms_tell_nothing(rows: RowsBy) -> None:
    atoms = shaken_crystal(symbols="CuAl3")
    atoms.set_constraint(FixAtoms([1, 2]))
    atoms.set_momenta(atoms.get_momenta())
    frames = graphed_structures(run_of(atoms, N_FRAMES))
    expected = labelled_rows(frames, rows)[1:-1]
    for (_, _, row_mf), expected_mf in zip(motion("positions").equations(frames, rows), expected, strict=True):
        np.testing.assert_allclose(row_mf, expected_mf[[0, 1, 2, 9, 10, 11]], atol=1e-9)


def test_measured_masses_replace_those_of_the_frames(run: list[Atoms], rows: RowsBy) -> None:
    frames = graphed_structures(run)
    plain, heavier = (
        [
            row_mf[:, -1]
            for _, _, row_mf in one.equations(
                frames, RowsBy(lambda item: {"force": 0.0 * rows.function(item)["force"]})
            )
        ]
        for one in (motion("positions"), motion("positions", mass_ratio_z={13: 2.0}))
    )
    np.testing.assert_allclose(np.array(heavier), np.array(plain) * ([1.0] * 3 + [2.0] * 9), rtol=1e-12)


def test_what_true_forces_leave_unexplained_is_nothing(run: list[Atoms]) -> None:
    frames = graphed_structures(run)
    force_by_name = {item.frame.name: true_forces(item) for item in frames}
    for observed in ("momenta", "positions"):
        unexplained_z = motion(observed).unexplained(frames, lambda item: force_by_name[item.frame.name])
        assert unexplained_z.keys() == {13, 29}
        for one in unexplained_z.values():
            assert one.size < 1e-9
            assert one.force > 0.05


def test_weights_are_the_inverse_noise_of_every_element(run: list[Atoms], rows: RowsBy) -> None:
    frames = graphed_structures(run)
    noise_z = {13: Noise(0.0, 0.4, 0.0), 29: Noise(0.0, 0.1, 0.0)}
    weighting = Weighting(noise_z, 0.1, true_forces)
    runs = (range(4), range(4, 6), range(6, 9))  # the second is too short for an equation
    weighted = motion("positions", runs=runs, weighting=weighting).equations(frames, rows)
    plain = motion("positions", runs=runs).equations(frames, rows)
    weight_m = np.array([1.0] * 3 + [0.25] * 9)
    for (i, _, row_mf), (plain_i, _, plain_mf) in zip(weighted, plain, strict=True):
        assert i == plain_i
        np.testing.assert_allclose(row_mf, weight_m[:, None] * plain_mf, atol=1e-9)


def test_outliers_of_an_earlier_fit_count_less(run: list[Atoms], rows: RowsBy) -> None:
    frames = graphed_structures(run)
    noise_z = {13: Noise(0.0, 0.1, 0.0), 29: Noise(0.0, 0.1, 0.0)}
    weighting = Weighting(noise_z, 0.1, far_forces)
    weighted = motion("positions", weighting=weighting).equations(frames, rows)
    for (_, _, row_mf), (_, _, plain_mf) in zip(weighted, motion("positions").equations(frames, rows), strict=True):
        assert np.abs(row_mf).max() < 0.02 * np.abs(plain_mf).max()
