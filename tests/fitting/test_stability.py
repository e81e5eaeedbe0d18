"""A fit is tested by short dynamics: sound potentials pass, a potential with a hole is found out."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.fitting.stability import STRANGE, strays, warn_of_burst
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
        warn_of_burst(whole)
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
        warn_of_burst(record)
    assert record["stability"]["burst"] is not None


@pytest.mark.parametrize(
    ("burst", "grade", "expected"),
    [(None, 0.9 * STRANGE, False), (None, 1.1 * STRANGE, True), ("two atoms met", 0.9 * STRANGE, True)],
)
def test_runs_that_burst_or_leave_the_data_stray(
    copper: Potential, burst: str | None, grade: float, *, expected: bool
) -> None:
    model = replace(copper, record={"stability": {"burst": burst, "grade": grade}})
    assert strays(model) == expected
    assert not strays(replace(copper, record={}))


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
