"""Symplectic drivers: ordinary calculators, a Hamiltonian that is not separable, constraints, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms, FixBondLengths, FixCartesian
from ase.io import iread
from ase.md.md import MolecularDynamics
from ase.md.verlet import VelocityVerlet
from whirl import Whirl

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.dynamics.drivers import HamiltonianDynamics, ImplicitMidpoint, StormerVerlet
from ase_rfhgn.errors import IntegrationError, SettingsError, StructureError
from ase_rfhgn.models.gradients import gradients_of, is_separable

every_driver = pytest.mark.parametrize("driver", [StormerVerlet, ImplicitMidpoint])


def copper() -> Atoms:
    """Return a warm crystal with an ordinary calculator."""
    atoms: Atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    rng = np.random.default_rng(3)
    atoms.positions += rng.normal(0.0, 0.05, (8, 3))
    atoms.set_momenta(rng.normal(0.0, 2.0, (8, 3)))
    atoms.calc = EMT()
    return atoms


def whirl() -> Atoms:
    """Return two atoms of different mass whose Hamiltonian is not separable."""
    atoms = Atoms("H2", positions=[(0.7, -0.4, 0.2), (-0.3, 0.5, 0.1)], momenta=[(0.3, 0.5, 0.0), (-0.2, 0.4, 0.6)])
    atoms.set_masses([1.0, 2.0])
    atoms.calc = Whirl()  # type: ignore[no-untyped-call]
    return atoms


def phase(atoms: Atoms) -> FloatArray:
    """Return positions and momenta."""
    return np.array([atoms.get_positions(), atoms.get_momenta()])


def rate(atoms: Atoms) -> FloatArray:
    """Return velocities and forces."""
    gradients = gradients_of(atoms)
    return np.array([gradients.velocity_nc, gradients.force_nc])


def frames_of(path: Path) -> list[Atoms]:
    """Return the frames of a trajectory, the file closed."""
    return list(iread(path))


@pytest.mark.parametrize("make", [copper, whirl])
def test_motion_follows_from_the_energy(make: type[Atoms]) -> None:
    atoms = make()
    for index in np.ndindex(2, len(atoms), 3):
        energies = []
        for shift in (-1e-4, 1e-4):
            shifted = make()
            state = phase(shifted)
            state[index] += shift
            shifted.positions, _ = state
            shifted.set_momenta(state[1])
            energies.append(gradients_of(shifted).energy)
        opposite = (1 - index[0], *index[1:])
        slope = (energies[1] - energies[0]) / 2e-4
        assert rate(atoms)[opposite] == pytest.approx(slope if index[0] else -slope, abs=1e-6)


def test_ordinary_calculators_are_separable() -> None:
    assert is_separable(copper())
    assert not is_separable(whirl())


def test_verlet_is_velocity_verlet_of_ase() -> None:
    ours, theirs = copper(), copper()
    StormerVerlet(ours, 3.0 * units.fs).run(20)
    VelocityVerlet(theirs, 3.0 * units.fs).run(20)
    np.testing.assert_allclose(phase(ours), phase(theirs), rtol=0, atol=1e-12)


def test_verlet_costs_one_evaluation_per_step(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[EMT] = []

    def calculate(calculator: EMT, *arguments: object) -> None:
        calls.append(calculator)
        evaluate(calculator, *arguments)  # type: ignore[no-untyped-call]

    evaluate = EMT.calculate
    monkeypatch.setattr(EMT, "calculate", calculate)
    StormerVerlet(copper(), units.fs).run(10)
    assert len(calls) == 11


@every_driver
@pytest.mark.parametrize("make", [copper, whirl])
def test_order_is_two(driver: type[HamiltonianDynamics], make: type[Atoms]) -> None:
    ends = {}
    for n_steps in (4, 8, 64):
        atoms = make()
        driver(atoms, 1.0 / n_steps, tolerance=1e-13).run(n_steps)
        ends[n_steps] = phase(atoms)
    errors = [np.abs(ends[n_steps] - ends[64]).max() for n_steps in (4, 8)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.08)


@every_driver
def test_reversed_momenta_lead_back(driver: type[HamiltonianDynamics]) -> None:
    atoms = whirl()
    start = phase(atoms)
    driver(atoms, 0.1, tolerance=1e-14).run(20)
    assert np.abs(phase(atoms) - start).max() > 0.1
    driver(atoms, -0.1, tolerance=1e-14).run(20)
    np.testing.assert_allclose(phase(atoms), start, rtol=0, atol=1e-12)


@every_driver
def test_energy_of_the_hamiltonian_is_kept_not_that_of_p_over_m(driver: type[HamiltonianDynamics]) -> None:
    energies = {}
    for step in (0.05, 0.1):
        atoms = whirl()
        values = [gradients_of(atoms).energy for _ in driver(atoms, step).irun(int(12 / step))]
        energies[step] = np.ptp(values)
    assert energies[0.1] / energies[0.05] == pytest.approx(4.0, rel=0.15)
    assert energies[0.05] < 1e-2


@every_driver
@pytest.mark.parametrize("constraint", [FixAtoms([1]), FixCartesian([0, 1], mask=(False, True, False))])
def test_fixed_coordinates_stay_and_the_rest_conserves(
    driver: type[HamiltonianDynamics], constraint: FixAtoms | FixCartesian
) -> None:
    atoms = whirl()
    atoms.set_constraint(constraint)
    atoms.set_momenta(atoms.get_momenta())  # zero where fixed
    before, energy = phase(atoms), gradients_of(atoms).energy
    driver(atoms, 0.02).run(200)
    moved = phase(atoms) != before
    fixed = np.ones((2, 3))
    constraint.adjust_forces(atoms, fixed)
    np.testing.assert_array_equal(moved, [fixed.astype(bool)] * 2)
    assert gradients_of(atoms).energy == pytest.approx(energy, abs=1e-3)


def test_fixed_atoms_move_as_in_ase() -> None:
    ours, theirs = copper(), copper()
    for atoms in (ours, theirs):
        atoms.set_constraint(FixAtoms([0, 3]))
    StormerVerlet(ours, 3.0 * units.fs).run(10)
    VelocityVerlet(theirs, 3.0 * units.fs).run(10)
    np.testing.assert_allclose(phase(ours), phase(theirs), rtol=0, atol=1e-12)


def test_other_constraints_are_refused() -> None:
    atoms = copper()
    atoms.set_constraint(FixBondLengths([(0, 1)]))
    with pytest.raises(StructureError, match="FixBondLengths is not a constraint of fixed coordinates"):
        StormerVerlet(atoms, units.fs).run(1)


@every_driver
def test_step_that_is_too_long_says_so_and_leaves_the_atoms(driver: type[HamiltonianDynamics]) -> None:
    atoms = whirl()
    dynamics = driver(atoms, 0.1)
    dynamics.run(3)
    before = phase(atoms)
    dynamics.dt = 50.0
    with pytest.raises(IntegrationError, match=f"{driver.__name__}, step 4 of 50 ASE time units: no convergence"):
        dynamics.run(1)
    np.testing.assert_array_equal(phase(atoms), before)


@every_driver
@pytest.mark.parametrize("timestep", [0.0, np.nan, np.inf])
def test_senseless_time_step_is_refused(driver: type[HamiltonianDynamics], timestep: float) -> None:
    with pytest.raises(SettingsError, match="timestep is"):
        driver(whirl(), timestep)


@every_driver
def test_observers_log_and_trajectory_see_every_interval(driver: type[HamiltonianDynamics], tmp_path: Path) -> None:
    atoms = whirl()
    log, path = tmp_path / "md.log", tmp_path / "md.traj"
    seen: list[float] = []
    with driver(atoms, 0.1, trajectory=str(path), logfile=str(log), loginterval=5) as dynamics:
        assert isinstance(dynamics, MolecularDynamics)
        dynamics.attach(lambda: seen.append(dynamics.get_time()), interval=4)
        assert list(dynamics.irun(10)) == [False] * 10 + [True]
        assert dynamics.run(10)
    np.testing.assert_allclose(seen, [0.0, 0.4, 0.8, 1.2, 1.6, 2.0])
    frames = frames_of(path)
    assert len(frames) == 5
    np.testing.assert_array_equal(phase(frames[-1]), phase(atoms))
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert float(lines[-1].split()[1]) == pytest.approx(gradients_of(atoms).energy, abs=1e-3)


def test_trajectory_of_an_ordinary_calculator_holds_energies_and_forces(tmp_path: Path) -> None:
    path = tmp_path / "md.traj"
    atoms = copper()
    with ImplicitMidpoint(atoms, units.fs, trajectory=str(path)) as dynamics:
        dynamics.run(2)
    last = frames_of(path)[-1]
    assert last.get_potential_energy() == atoms.get_potential_energy()
    np.testing.assert_array_equal(last.get_forces(), atoms.get_forces())


@every_driver
def test_restart_from_a_trajectory_continues_exactly(driver: type[HamiltonianDynamics], tmp_path: Path) -> None:
    path = tmp_path / "md.traj"
    through, halted = whirl(), whirl()
    driver(through, 0.1).run(10)
    with driver(halted, 0.1, trajectory=str(path)) as first:
        first.run(6)
    again = frames_of(path)[-1]
    again.calc = Whirl()  # type: ignore[no-untyped-call]
    with driver(again, 0.1, trajectory=str(path), append_trajectory=True) as second:
        second.nsteps = 6
        second.run(4)
    np.testing.assert_array_equal(phase(again), phase(through))
    assert len(frames_of(path)) == 11


def test_atoms_without_momenta_start_at_rest() -> None:
    atoms = copper()
    still = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True, calculator=EMT())
    StormerVerlet(still, units.fs).run(1)
    assert still.get_kinetic_energy() > 0.0


def test_calculator_is_required() -> None:
    with pytest.raises(RuntimeError, match="no calculator"):
        StormerVerlet(Atoms("H"), units.fs).run(1)
