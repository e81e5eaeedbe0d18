"""Relaxed crystals, their equations of state and elastic constants: laws, the truth, and honest error bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.units import GPa

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.errors import ConvergenceError, SettingsError, StructureError
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties import elastic_constants, equation_of_state, relax
from ase_rfhgn.properties.committee import Committee
from ase_rfhgn.properties.elasticity import Strained
from ase_rfhgn.properties.relaxation import TIGHT, relaxed_or_refused

BARS = 5.0
"""Error bars that hold practically all errors: they are half-widths of 68 % intervals, and there are 8 members."""


def shaken() -> Atoms:
    """Return a shaken crystal of copper."""
    atoms: Atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    return atoms


# %% Relaxation


def test_forces_vanish_and_the_input_stays(copper: Potential) -> None:
    atoms = shaken()
    before = atoms.positions.copy()
    found = relax(copper, atoms, cell=True, fmax=1e-3)
    assert found.converged
    assert found.max_force < 1.05e-3  # the optimiser sees forces in the axes of the first cell
    assert found.max_forces[-1] == pytest.approx(found.max_force)
    assert found.energy_ev == pytest.approx(copper.evaluate(found.atoms).energy, abs=1e-9)
    assert found.energy_ev_error == pytest.approx(copper.predicted_uncertainty(found.atoms).energy)
    assert found.atoms.get_potential_energy() == found.energy_ev
    np.testing.assert_array_equal(atoms.positions, before)
    assert atoms.calc is None


def test_the_stress_balances_the_pressure(copper: Potential) -> None:
    found = relax(copper, shaken(), cell=True, pressure=3.0, fmax=1e-3)
    assert found.atoms.get_stress()[:3].mean() / GPa == pytest.approx(-3.0, abs=0.01)


def test_fixed_atoms_stay() -> None:
    atoms = shaken()
    atoms.set_constraint(FixAtoms([2]))
    found = relax(EMT(), atoms)
    np.testing.assert_array_equal(found.atoms.positions[2], atoms.positions[2])
    assert found.energy_ev_error is None


def test_too_few_steps_are_told(copper: Potential) -> None:
    found = relax(copper, shaken(), steps=1, fmax=1e-6)
    assert not found.converged
    assert found.n_steps == 1
    with pytest.raises(ConvergenceError, match=r"the crystal did not relax: the largest force is .* after 1 steps"):
        relaxed_or_refused(Committee.of(copper), shaken(), "the crystal", steps=1, fmax=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "newton"}, "optimizer is 'newton': it must be one of bfgs, lbfgs, fire"),
        ({"fmax": 0.0}, "the force must be positive"),
        ({"fmax": np.nan}, "the force must be positive"),
        ({"steps": -1}, "steps not negative"),
    ],
)
def test_bad_settings_are_refused(copper: Potential, settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        relax(copper, shaken(), **settings)  # type: ignore[arg-type]


def test_a_free_cell_needs_a_volume(copper: Potential) -> None:
    with pytest.raises(StructureError, match="a free cell needs three independent vectors"):
        relax(copper, Atoms("Cu2", [[0, 0, 0], [0, 0, 2.5]]), cell=True)
    with pytest.raises(StructureError, match="the structure has no atoms"):
        relax(copper, Atoms())


# %% Equation of state and elastic constants


def test_copper_is_as_stiff_as_by_emt(copper: Potential) -> None:
    found, truth = elastic_constants(copper, bulk("Cu")), elastic_constants(EMT(), bulk("Cu"))
    error_vv = found.stiffness_gpa_error
    assert error_vv is not None
    assert truth.stiffness_gpa_error is None
    assert truth.bulk_modulus_gpa_error is None
    wrong_vv = np.abs(found.stiffness_gpa - truth.stiffness_gpa)
    assert (wrong_vv < BARS * error_vv + 0.05).all()
    assert error_vv[0, 0] < 0.3 * found.stiffness_gpa[0, 0]
    assert abs(found.bulk_modulus_gpa - truth.bulk_modulus_gpa) < BARS * (found.bulk_modulus_gpa_error or 0.0)
    assert found.stable


def test_the_stiffness_of_a_cubic_crystal_is_cubic(copper: Potential) -> None:
    found = elastic_constants(copper, bulk("Cu", cubic=True))
    c_vv = found.stiffness_gpa
    np.testing.assert_allclose(c_vv, c_vv.T)
    cubic = np.diag([c_vv[0, 0] - c_vv[0, 1]] * 3 + [c_vv[3, 3]] * 3)
    cubic[:3, :3] += c_vv[0, 1]
    np.testing.assert_allclose(c_vv, cubic, atol=0.01)
    assert found.bulk_modulus_gpa == pytest.approx((c_vv[0, 0] + 2.0 * c_vv[0, 1]) / 3.0, rel=1e-4)
    assert found.bulk_modulus_voigt_gpa == pytest.approx(found.bulk_modulus_gpa, rel=1e-6)


@pytest.mark.parametrize("crystal", [bulk("Cu"), bulk("Cu", "hcp", a=2.55, c=4.1)], ids=["fcc", "hcp"])
def test_two_roads_lead_to_the_bulk_modulus(crystal: Atoms) -> None:
    stiffness, energies = elastic_constants(EMT(), crystal), equation_of_state(EMT(), crystal, strain=0.01)
    assert energies.bulk_modulus_gpa == pytest.approx(stiffness.bulk_modulus_gpa, rel=2e-3)
    assert energies.volume_a3 == pytest.approx(stiffness.volume_a3, rel=1e-4)


def test_energy_over_volume_is_as_by_emt(copper: Potential) -> None:
    found, truth = equation_of_state(copper, bulk("Cu")), equation_of_state(EMT(), bulk("Cu"))
    for name in ("volume_a3", "bulk_modulus_gpa", "energy_ev"):
        error = getattr(found, f"{name}_error")
        assert error > 0.0
        assert abs(getattr(found, name) - getattr(truth, name)) < BARS * error, name
        assert getattr(truth, f"{name}_error") is None
    assert found.volume_a3 == pytest.approx(relax(copper, bulk("Cu"), cell=True, fmax=1e-3).volume_a3, rel=1e-3)
    assert found.energies_ev.min() == pytest.approx(found.energy_ev, abs=1e-4)


def test_members_need_not_relax(copper: Potential) -> None:
    """To first order, the members of an ensemble have the stiffness that they would have if their atoms relaxed."""
    committee = Committee.of(copper)
    crystal = bulk("Cu", "hcp", a=2.55, c=4.1)  # strain moves its atoms within the cell
    start = relaxed_or_refused(committee, crystal, "the crystal", cell=True, fmax=TIGHT)
    strained = Strained.of(committee, start, 0.005)
    member = copper.members("stress")[0]
    slight = replace(
        member, coefficient_sf=copper.coefficient_sf + 0.05 * (member.coefficient_sf - copper.coefficient_sf)
    )
    calculator = RFHGNCalculator(slight)
    here = strained.moduli(committee.calculator)
    on_the_same = strained.moduli(calculator) - here
    alone = Strained.of(Committee.of(slight), relaxed_or_refused(Committee.of(slight), start, "it", fmax=TIGHT), 0.005)
    on_its_own = alone.moduli(calculator) - here
    assert np.abs(strained.shift_vnc).max() > 0.1
    np.testing.assert_allclose(on_the_same, on_its_own, atol=0.1 * np.abs(on_its_own).max())


def test_a_minimum_that_is_not_there_is_told() -> None:
    with pytest.raises(ConvergenceError, match="the energy has no minimum between"):
        equation_of_state(EMT(), bulk("Cu", a=4.4), strain=0.02, relaxed=False)


def test_error_bars_of_a_member_without_a_result_are_infinite(copper: Potential) -> None:
    def measure(calculator: object) -> FloatArray:
        if calculator is not committee.calculator:
            message = "no minimum"
            raise ConvergenceError(message)
        return np.ones(2)

    committee = Committee.of(copper)
    value, error = committee.estimate(measure, "energy")
    assert value.tolist() == [1.0, 1.0]
    assert error is not None
    assert error.tolist() == [np.inf, np.inf]


def test_molecules_have_no_stiffness(copper: Potential) -> None:
    pair = Atoms("Cu2", [[0, 0, 0], [0, 0, 2.5]])
    for function in (elastic_constants, equation_of_state):
        with pytest.raises(StructureError, match="a crystal is needed, periodic in three directions"):
            function(copper, pair)


@pytest.mark.parametrize("settings", [{"strain": 0.6}, {"points": 3}, {"law": "hooke"}])
def test_bad_settings_of_an_equation_of_state_are_refused(copper: Potential, settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="must be"):
        equation_of_state(copper, bulk("Cu"), **settings)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="strain is 0"):
        elastic_constants(copper, bulk("Cu"), strain=0.0)
