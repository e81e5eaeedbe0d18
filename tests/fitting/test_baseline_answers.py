"""Fits with other calculators as baselines: differences are learned, and every part of a fit knows it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from labelled import labelled

from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.errors import ModelFileError, SettingsError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.left_out import left_out_errors
from ase_rfhgn.fitting.update import downdate, update
from ase_rfhgn.models.named_calculators import TRUST
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.testing.derivatives import check_forces_are_gradients, check_stress_is_strain_derivative

LENNARD_JONES = "ase.calculators.lj:LennardJones(sigma=2.3, epsilon=0.1, rc=5.0, smooth=True)"
SHORT_D4 = (
    "dftd4.ase:DFTD4(method='pbe', realspace_cutoff="
    "{'disp2': 8.0, 'disp3': 8.0, 'cn': 8.0, 'width2': 1.0, 'width3': 1.0})"
)
"""D4 with short cutoffs: with its own, a cell of four atoms takes a second."""
SMALL: dict[str, Any] = {"cutoff": 4.0, "channels": 4, "projections": 1, "ridge": 1e-6, "stress_weight": 3.0}


def crystals(n_frames: int) -> list[Atoms]:
    """Return rattled crystals with labels of effective medium theory."""
    rng, frames = np.random.default_rng(3), []
    for _ in range(n_frames):
        atoms: Atoms = bulk("Cu", a=3.6 + 0.1 * rng.normal(), cubic=True)
        atoms.positions += rng.normal(0.0, 0.1, (4, 3))
        frames.append(labelled(atoms))
    return frames


FRAMES = crystals(8)


class Strange(EMT):
    """Effective medium theory with a fault that its name tells."""

    def __init__(self, fault: str = "none") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fault = fault

    def todict(self, skip_default: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002  # as in ASE
        """Return the argument."""
        return {"fault": self.fault}

    def calculate(self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes) -> None:  # noqa: ANN401
        """Compute, with the fault."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        if self.fault == "forces":
            self.results["forces"] = 1.3 * self.results["forces"]
        if self.fault == "stress":
            self.results["stress"] = -self.results["stress"]
        if self.fault == "nan":
            self.results["energy"] = np.nan
        if self.fault == "fails" and atoms.get_volume() > 46.7:
            message = "no convergence"
            raise RuntimeError(message)


class WithoutStress(MorsePotential):
    """A Morse potential that has no stress."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012


@pytest.fixture(scope="module")
def beside_lennard_jones() -> Potential:
    """Return a small updatable potential beside a Lennard-Jones potential."""
    return fit(FRAMES, baseline=LENNARD_JONES, updatable=True, **SMALL)


def test_a_baseline_that_is_the_truth_leaves_nothing_to_learn() -> None:
    potential = fit(FRAMES[:6], baseline=EMT(), **SMALL)
    for frame in FRAMES[6:]:
        np.testing.assert_allclose(potential.evaluate(frame).force_nc, frame.get_forces(), atol=1e-10)
        assert potential.evaluate(frame).energy == pytest.approx(frame.get_potential_energy(), abs=1e-9)


def test_it_is_the_fit_to_the_differences(beside_lennard_jones: Potential) -> None:
    other = LennardJones(sigma=2.3, epsilon=0.1, rc=5.0, smooth=True)
    differences = []
    for frame in FRAMES:
        rest = frame.copy()
        rest.calc = other
        values = {
            "energy": frame.get_potential_energy() - rest.get_potential_energy(),
            "forces": frame.get_forces() - rest.get_forces(),
            "stress": frame.get_stress() - rest.get_stress(),
        }
        differences.append(labelled(frame, **values))
    alone = fit(differences, **SMALL)
    rest = FRAMES[0].copy()
    rest.calc = other
    expected = alone.evaluate(rest).force_nc + rest.get_forces()
    np.testing.assert_allclose(beside_lennard_jones.evaluate(rest).force_nc, expected, atol=1e-7)


def test_laws_hold_with_it(beside_lennard_jones: Potential) -> None:
    atoms = FRAMES[0].copy()
    atoms.calc = RFHGNCalculator(beside_lennard_jones)
    check_forces_are_gradients(atoms)
    check_stress_is_strain_derivative(atoms)


def test_a_file_keeps_it(beside_lennard_jones: Potential, tmp_path: Path) -> None:
    beside_lennard_jones.save(tmp_path / "a.npz")
    loaded = Potential.load(tmp_path / "a.npz")
    loaded.save(tmp_path / "b.npz")
    answers = [potential.evaluate(FRAMES[0]).force_nc for potential in (loaded, beside_lennard_jones)]
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    np.testing.assert_array_equal(answers[0], answers[1])
    assert loaded.record["baseline"] == beside_lennard_jones.record["baseline"]


def test_updates_know_it(beside_lennard_jones: Potential) -> None:
    part = downdate(beside_lennard_jones, FRAMES[:2])
    again = update(part, FRAMES[:2])
    for atoms in FRAMES[:3]:
        expected = beside_lennard_jones.evaluate(atoms).force_nc
        np.testing.assert_allclose(again.evaluate(atoms).force_nc, expected, atol=1e-5)
    assert len(left_out_errors(again, FRAMES)) == len(FRAMES)


def test_energies_of_atoms_add_up(beside_lennard_jones: Potential) -> None:
    answer = beside_lennard_jones.evaluate(FRAMES[1])
    pair = FRAMES[1].copy()
    pair.calc = LennardJones(sigma=2.3, epsilon=0.1, rc=5.0, smooth=True)
    learned = answer.energy_n - pair.get_potential_energies()
    assert learned.sum() == pytest.approx(answer.energy - pair.get_potential_energy())


def test_without_a_stress_stresses_are_not_used_and_that_is_told() -> None:
    with pytest.warns(TrainingDataWarning, match="stresses are not used"):
        potential = fit(FRAMES, baseline=f"{__name__}:WithoutStress(epsilon=0.1, r0=2.6, rho0=4.0)", **SMALL)
    atoms = FRAMES[0].copy()
    atoms.calc = RFHGNCalculator(potential)
    assert np.isfinite(atoms.get_forces()).all()
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("forces", SettingsError, "forces that are not the derivative"),
        ("stress", SettingsError, "stress that are not the derivative"),
        ("nan", TrainingDataError, r"frame 0: .*not finite"),
        ("fails", TrainingDataError, r"frame \d: .*no convergence"),
    ],
)
def test_a_faulty_baseline_is_refused(fault: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        fit(FRAMES, baseline=Strange(fault), **SMALL)


@pytest.mark.parametrize(("given", "reason"), [(3, "give an ASE calculator"), ("dftd3", "lacks its method")])
def test_what_is_no_baseline_is_refused(given: object, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        fit(FRAMES, baseline=given, **SMALL)


def test_a_file_does_not_run_code_that_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "strange.npz"
    fit(FRAMES, baseline=Strange(), **SMALL).save(path)
    with pytest.raises(ModelFileError, match=f"{TRUST}={__name__}"):
        Potential.load(path)
    monkeypatch.setenv(TRUST, __name__)
    assert Potential.load(path).baseline.others is not None
    monkeypatch.delitem(sys.modules, __name__)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ModelFileError, match="cannot be imported"):
        Potential.load(path)


def test_a_baseline_that_answers_differently_is_refused(
    beside_lennard_jones: Potential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pair.npz"
    beside_lennard_jones.save(path)
    usual = LennardJones.calculate

    def changed(self: Any, *arguments: object, **settings: object) -> None:  # noqa: ANN401
        usual(self, *arguments, **settings)  # type: ignore[no-untyped-call]
        self.results["forces"] = self.results["forces"] * 1.01

    monkeypatch.setattr(LennardJones, "calculate", changed)
    with pytest.raises(ModelFileError, match="answers otherwise than in the fit"):
        Potential.load(path)


def test_there_is_no_hessian_beside_other_calculators(beside_lennard_jones: Potential) -> None:
    with pytest.raises(SettingsError, match="finite displacements"):
        beside_lennard_jones.hessian(FRAMES[0])
    with pytest.raises(SettingsError, match="no derivatives by edges"):
        beside_lennard_jones.heat_flux(FRAMES[0])


@pytest.mark.parametrize(("name", "package"), [("dftd3:pbe-bj", "dftd3"), (SHORT_D4, "dftd4")])
def test_dispersion_is_added(name: str, package: str) -> None:
    pytest.importorskip(f"{package}.ase", reason=f"{package} is not installed: pip install .[baselines]")
    potential = fit(FRAMES, baseline=name, **SMALL)
    atoms = FRAMES[0].copy()
    atoms.calc = RFHGNCalculator(potential)
    check_forces_are_gradients(atoms)
    check_stress_is_strain_derivative(atoms)
