"""A fit is tested by short dynamics: sound potentials pass, a potential with a hole is found out."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import kB

from ase_rfhgn import fit
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.fitting import stability
from ase_rfhgn.fitting.stability import RUNAWAY, StabilityTest, is_sound, starts, warn_of_dynamics
from ase_rfhgn.fitting.stability import tested_for_stability as checked
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.frame import Frame


def frame(atoms: Atoms) -> Frame:
    return Frame(atoms, None, None, None, "crystal")


def copper_crystal(seed: int = 0) -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=seed)
    return atoms


def test_a_sound_potential_passes(copper: Potential) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = checked(copper, [frame(copper_crystal())], np.random.default_rng(0)).record
        warn_of_dynamics(whole)
    record = whole["stability"]
    assert record["burst"] is None
    assert record["femtoseconds"] > 50.0
    assert 0.0 < record["highest_temperature"] < 1200.0
    assert 2.0 < record["shortest_distance"] < 2.6
    assert record["grade"] > 0.0


def test_a_hole_is_found(copper: Potential) -> None:
    broken = replace(copper, coefficient_sf=-copper.coefficient_sf)
    record = checked(broken, [frame(copper_crystal())], np.random.default_rng(0)).record
    with pytest.warns(
        TrainingDataWarning, match="crystal: molecular dynamics with the fitted potential at 600 K burst"
    ):
        warn_of_dynamics(record)
    assert record["stability"]["burst"] is not None


def test_what_a_frame_is_above_others_may_heat_it(copper: Potential) -> None:
    crystal = bulk("Cu", cubic=True)
    level = float(copper.evaluate(crystal).energy_n.mean())
    limits = [
        StabilityTest(copper, 1.0, 600.0, {"Cu": level - above}, np.random.default_rng(0))
        .run(frame(crystal), 1)
        .hottest
        for above in (-1.0, 0.0, 1.0)
    ]
    assert limits[0] == limits[1] == pytest.approx(RUNAWAY * 600.0 + 1000.0)
    assert limits[2] - limits[1] == pytest.approx(1.0 / (1.5 * kB))


def test_bonds_that_training_breaks_are_no_holes() -> None:
    def stretched(length: float) -> Atoms:
        atoms = Atoms("N2", positions=[[0.0, 0.0, 0.0], [length, 0.0, 0.0]])
        depth = 5.0 * np.exp(-2.0 * (length - 1.1)) - 10.0 * np.exp(-(length - 1.1))
        slope = 10.0 * (np.exp(-(length - 1.1)) - np.exp(-2.0 * (length - 1.1)))
        atoms.calc = SinglePointCalculator(atoms, energy=depth, forces=[[slope, 0.0, 0.0], [-slope, 0.0, 0.0]])
        return atoms

    frames = [stretched(length) for length in np.linspace(0.9, 3.5, 30)]
    potential = fit(frames, cutoff=4.0, channels=8, projections=2)
    assert is_sound(potential)


@pytest.mark.parametrize(("fault", "fall", "expected"), [(None, 0.0, True), (None, -0.1, False), ("hot", 0.0, False)])
def test_runs_that_burst_and_energies_that_fall_are_not_sound(
    copper: Potential, fault: str | None, fall: float, *, expected: bool
) -> None:
    assert is_sound(replace(copper, record={"stability": {"burst": fault, "fall": fall}})) == expected
    assert is_sound(replace(copper, record={}))


def test_displacements_cost_energy_in_a_sound_potential(copper: Potential) -> None:
    atoms = copper_crystal()
    atoms.positions[0] += 0.2  # the force of the frame does work on displacements of one sense
    for potential, sound in ((copper, True), (replace(copper, coefficient_sf=-copper.coefficient_sf), False)):
        level = float(potential.evaluate(atoms).energy_n.mean())
        test = StabilityTest(potential, 1.0, 600.0, {"Cu": level}, np.random.default_rng(0))
        assert (test.fall(frame(atoms)) == 0.0) == sound


def test_runs_start_from_small_frames_of_as_many_compositions_as_there_is_time_for(copper: Potential) -> None:
    crystal, gold = copper_crystal(), copper_crystal()
    gold.numbers[0] = 79
    frames = [frame(crystal * (2, 1, 1)), *(3 * [frame(crystal)]), frame(gold)]
    assert [len(one.atoms) for one in starts(frames)] == [4, 4, 8, 4, 4]
    assert starts(frames)[1].atoms.symbols.get_chemical_formula() == "AuCu3"
    assert len(starts([frame(crystal * (3, 3, 3))])) == 1  # one run at least
    assert starts([frame(crystal[:1])]) == []
    assert checked(copper, frames[:4], np.random.default_rng(0)).record["stability"]["n_runs"] == 4


def test_a_longer_run_follows_where_short_ones_went_far_from_the_data(
    copper: Potential, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [frame(copper_crystal(seed)) for seed in (0, 1)]
    near = checked(copper, frames, np.random.default_rng(0)).record["stability"]
    monkeypatch.setattr(stability, "FAR_AWAY", 0.0)
    monkeypatch.setattr(stability, "LONGER", 150)
    far = checked(copper, frames, np.random.default_rng(0)).record["stability"]
    assert (near["n_runs"], far["n_runs"]) == (2, 3)
    assert far["femtoseconds"] == near["femtoseconds"] == 100.0  # of the shortest
    monkeypatch.setattr(stability, "LONGER_ATOM_STEPS", 4)
    assert checked(copper, frames, np.random.default_rng(0)).record["stability"]["n_runs"] == 3


def test_a_burst_of_a_longer_run_is_told_with_its_own_time(copper: Potential, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = StabilityTest.run

    def bursting(test: StabilityTest, start: Frame, n_steps: int) -> Any:  # noqa: ANN401  # of the module alone
        run = whole(test, start, n_steps)
        run.burst = "it was hot" if n_steps > stability.STEPS else None
        return run

    monkeypatch.setattr(StabilityTest, "run", bursting)
    monkeypatch.setattr(stability, "FAR_AWAY", 0.0)
    monkeypatch.setattr(stability, "LONGER", 120)
    record = checked(copper, [frame(copper_crystal())], np.random.default_rng(0)).record["stability"]
    assert (record["femtoseconds"], record["burst"]) == (120.0, "it was hot")


def test_frames_far_from_equilibrium_may_get_hot(copper: Potential) -> None:
    test = StabilityTest(copper, 1.0, 600.0, {"Cu": np.inf}, np.random.default_rng(0))
    calm, tense = copper_crystal(), copper_crystal()
    tense.rattle(0.2, seed=1)
    limits = [test.run(frame(atoms), 1).hottest for atoms in (bulk("Cu", cubic=True), calm, tense)]
    assert limits[0] == pytest.approx(RUNAWAY * 600.0 + 1000.0)
    assert limits[0] < limits[1] < limits[2]


def test_the_test_is_deterministic_and_leaves_the_model_alone(copper: Potential) -> None:
    start = copper_crystal()
    before = start.positions.copy()
    first, second = (checked(copper, [frame(start)], np.random.default_rng(0)) for _ in range(2))
    assert first.record["stability"] == second.record["stability"]
    np.testing.assert_array_equal(first.coefficient_sf, copper.coefficient_sf)
    np.testing.assert_array_equal(start.positions, before)


def test_velocities_of_frames_set_the_temperature(copper: Potential) -> None:
    atoms = copper_crystal()
    atoms.set_momenta(np.sqrt(atoms.get_masses())[:, None] * np.random.default_rng(0).normal(0.0, 0.3, (4, 3)))
    record = checked(copper, [frame(atoms)], np.random.default_rng(0)).record["stability"]
    assert record["temperature"] == pytest.approx(max(2.0 * atoms.get_temperature(), 600.0))


def test_single_atoms_cannot_move(copper: Potential) -> None:
    assert checked(copper, [frame(bulk("Cu"))], np.random.default_rng(0)).record == copper.record
