"""Both halves of Hamilton's equations between frames: exact for velocity Verlet, else of second order in the step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from graphed import RowsBy, graphed_structures
from verlet_runs import TIMESTEP, run_of, shaken_crystal
from whirl import Whirl

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.dynamics.drivers import HamiltonianDynamics, ImplicitMidpoint, StormerVerlet
from ase_rfhgn.fitting.motion.equations import Motion
from ase_rfhgn.fitting.motion.stencils import law_of_displacement, law_of_motion
from ase_rfhgn.models.gradients import PhaseSpaceGradients
from ase_rfhgn.structures.frame_graphs import GraphedFrame

N_FRAMES = 25
WHIRL = Whirl()  # type: ignore[no-untyped-call]


def whirling(driver: type[HamiltonianDynamics], timestep: float, n_frames: int) -> list[Atoms]:
    """Return frames of a run under a Hamiltonian that is not separable."""
    rng = np.random.default_rng(0)
    atoms = Atoms("H2", positions=rng.normal(0.0, 0.5, (2, 3)), momenta=rng.normal(0.0, 0.5, (2, 3)))
    atoms.calc = WHIRL
    dynamics = driver(atoms, timestep)
    frames = []
    for _ in range(n_frames):
        frames.append(atoms.copy())
        dynamics.run(1)
    return frames


def unexplained(motion: Motion, frames: list[Atoms], truth: Callable[[Atoms], PhaseSpaceGradients]) -> FloatArray:
    """Return what the true velocities and forces leave of the equations, the true ones a column of rows."""

    def rows(item: GraphedFrame) -> dict[str, FloatArray]:
        true = truth(item.frame.atoms)
        columns = {"velocity": true.velocity_nc.ravel(), "force": true.force_nc.ravel()}
        return {kind: np.column_stack([column_m, np.zeros_like(column_m)]) for kind, column_m in columns.items()}

    found = np.array([row_mf for _, _, row_mf in motion.equations(graphed_structures(frames), RowsBy(rows))])
    left_em: FloatArray = found[..., 1] - found[..., 0]
    return left_em


@pytest.mark.parametrize("driver", [StormerVerlet, ImplicitMidpoint])
@pytest.mark.parametrize("half", ["force", "velocity"])
def test_other_hamiltonians_obey_them_to_second_order(driver: type[HamiltonianDynamics], half: str) -> None:
    size = []
    for timestep in (0.1, 0.05, 0.025):
        n_frames = round(1.0 / timestep)
        motion = Motion("momenta", law_of_motion("momenta", 1), timestep, (range(n_frames),))
        motion = motion if half == "force" else motion.displacements
        assert motion.averaged == half
        left_em = unexplained(motion, whirling(driver, timestep, n_frames), WHIRL.hamiltonian_gradients)
        size.append(float(np.sqrt(np.mean(left_em**2))))
    assert size[0] > 1e-5
    np.testing.assert_allclose(np.log2(np.divide(size[:-1], size[1:])), 2.0, atol=0.2)


@pytest.mark.parametrize("stride", [1, 3])
def test_displacements_of_velocity_verlet_are_averages_of_momenta_over_masses(stride: int) -> None:
    frames = run_of(shaken_crystal(symbols="CuAl3"), N_FRAMES, stride=stride)
    motion = Motion("momenta", law_of_motion("momenta", stride), stride * TIMESTEP, (range(N_FRAMES),)).displacements
    assert motion.law.n_equations(N_FRAMES) == law_of_displacement(stride).n_equations(N_FRAMES)

    def known(atoms: Atoms) -> PhaseSpaceGradients:
        return PhaseSpaceGradients(0.0, atoms.get_velocities(), np.zeros_like(atoms.positions))

    left_em = unexplained(motion, frames, known)
    middle = slice(4, -4)  # near the ends few frames interpolate
    size = np.sqrt(np.mean(np.square([atoms.get_velocities() for atoms in frames])))
    np.testing.assert_allclose(left_em[middle] / size, 0.0, atol=1e-9 if stride == 1 else 2e-3)


def test_coordinates_that_do_not_exist_have_no_equations() -> None:
    frames = run_of(shaken_crystal(), 6)
    flat = Motion("positions", law_of_motion("positions", 1), TIMESTEP, (range(6),), n_dimensions=2)

    def no_rows(item: GraphedFrame) -> dict[str, FloatArray]:
        return {"force": np.zeros((2 * item.graph.n_atoms, 1))}

    force_inm = np.array([row_mf[:, 0] for _, _, row_mf in flat.equations(graphed_structures(frames), RowsBy(no_rows))])
    expected = [atoms.get_forces()[:, :2].ravel() for atoms in frames[1:-1]]
    np.testing.assert_allclose(force_inm, expected, atol=1e-9)
    (unexplained_by_none,) = flat.unexplained(
        graphed_structures(frames), lambda item: frames[item.index].get_forces()
    ).values()
    assert unexplained_by_none.size < 1e-9
    assert unexplained_by_none.residuals[0].shape == (4, 8)
    assert unexplained_by_none.mass == pytest.approx(63.546)
