"""A potential against labels: errors are what they are by hand, absent labels count for nothing."""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.units import GPa
from conftest import MakePotential
from labelled import shaken

from ase_rfhgn.errors import StructureError
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.reports.comparison import compare, errors_of, evaluate_errors, parities_of


@pytest.fixture(scope="module")
def potential(make_potential: MakePotential) -> Potential:
    """Return a potential for copper with random weights."""
    return make_potential(["Cu"], np.random.default_rng(0))


def frame(potential: Potential, seed: int, *kinds: str, shift: float = 0.0) -> Atoms:
    """Return copper labelled by a potential, every label of some kinds too low by a shift."""
    atoms = shaken(seed)
    evaluation = potential.evaluate(atoms)
    labels: dict[str, Any] = {"energy": evaluation.energy, "forces": evaluation.force_nc, "stress": evaluation.stress_v}
    atoms.calc = SinglePointCalculator(atoms, **{kind: labels[kind] - shift for kind in kinds})
    return atoms


def test_labels_of_the_potential_itself_have_no_error(potential: Potential) -> None:
    errors = evaluate_errors(potential, [frame(potential, seed, "energy", "forces", "stress") for seed in range(3)])
    found = [
        getattr(errors, f"{kind}_{measure}") for kind in ("energy", "force", "stress") for measure in ("rmse", "mae")
    ]
    np.testing.assert_allclose(found, 0.0, atol=1e-10)
    assert (errors.n_frames, errors.n_atoms) == (3, 12)


def test_errors_are_per_atom_and_per_component(potential: Potential) -> None:
    frames = [
        frame(potential, seed, "energy", "forces", "stress", shift=shift) for seed, shift in [(0, 0.1), (1, -0.3)]
    ]
    errors = evaluate_errors(potential, frames)
    root_mean_square, mean_absolute = np.sqrt(0.05), 0.2
    assert errors.energy_rmse == pytest.approx(1000.0 * root_mean_square / 4)
    assert errors.energy_mae == pytest.approx(1000.0 * mean_absolute / 4)
    assert errors.force_rmse == pytest.approx(root_mean_square)
    assert errors.force_mae == pytest.approx(mean_absolute)
    assert errors.stress_rmse == pytest.approx(root_mean_square / GPa)
    assert errors.stress_mae == pytest.approx(mean_absolute / GPa)


def test_labels_that_a_frame_lacks_are_not_counted(potential: Potential) -> None:
    frames = [frame(potential, 0, "energy", shift=0.4), frame(potential, 1, "forces", shift=0.5)]
    errors = evaluate_errors(potential, frames)
    assert errors.energy_mae == pytest.approx(100.0)
    assert errors.force_mae == pytest.approx(0.5)
    assert errors.stress_mae is None
    assert (errors.n_frames, errors.n_atoms) == (2, 8)


def test_parities_hold_every_labelled_value_in_the_units_of_reports(potential: Potential) -> None:
    frames = [frame(potential, 0, "energy", "forces", shift=0.4), frame(potential, 1, "energy", "stress", shift=0.4)]
    energy, force, stress = parities_of(compare(potential, frames))
    assert [one.quantity for one in (energy, force, stress)] == ["energy", "force", "stress"]
    assert [one.unit for one in (energy, force, stress)] == ["eV/atom", "eV/Å", "GPa"]
    assert [len(one.label_m) for one in (energy, force, stress)] == [2, 12, 6]
    for parity, shift in [(energy, 0.1), (force, 0.4), (stress, 0.4 / GPa)]:
        np.testing.assert_allclose(parity.prediction_m - parity.label_m, shift)


def test_quantities_without_labels_have_no_parity(potential: Potential) -> None:
    (force,) = parities_of(compare(potential, [frame(potential, 0, "forces")]))
    assert force.quantity == "force"


def test_a_file_and_its_frames_give_the_same(potential: Potential, tmp_path: Path) -> None:
    frames = [frame(potential, seed, "energy", "forces", shift=0.1) for seed in range(2)]
    write(tmp_path / "test.traj", frames)
    assert evaluate_errors(potential, tmp_path / "test.traj") == evaluate_errors(potential, frames)


def test_frames_are_compared_one_by_one(potential: Potential, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluations = count()
    evaluate = Potential.evaluate

    def counted(self: Potential, atoms: Atoms, *, uncertainty: bool) -> object:
        next(evaluations)
        return evaluate(self, atoms, uncertainty=uncertainty)

    frames = [frame(potential, seed, "energy") for seed in range(3)]
    monkeypatch.setattr(Potential, "evaluate", counted)
    errors_of(islice(compare(potential, frames), 2))
    assert next(evaluations) == 2


def test_an_error_names_the_frame(potential: Potential) -> None:
    nickel = bulk("Ni")
    nickel.calc = SinglePointCalculator(nickel, energy=0.0)
    with pytest.raises(StructureError, match=r"frame 1.*Ni"):
        evaluate_errors(potential, [frame(potential, 0, "energy"), nickel])
