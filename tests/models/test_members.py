"""Members of an ensemble as potentials: their deviations are the predicted uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from conftest import MakePotential

from ase_rfhgn import RFHGNCalculator
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.testing import check_forces_are_gradients, check_stress_is_strain_derivative

Part = Callable[[Any], Any]
PARTS: dict[str, Part] = {
    "energy": lambda found: found.energy,
    "force": lambda found: found.force_nc,
    "stress": lambda found: found.stress_v,
}


def shaken(scale: float = 1.0) -> Atoms:
    """Return a shaken crystal, compressed where the scale is below 1."""
    atoms: Atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    atoms.rattle(0.1, seed=3)
    atoms.set_cell(scale * atoms.cell, scale_atoms=True)
    return atoms


@pytest.mark.parametrize("scale", [1.0, 0.75])  # beyond the density limit, too
@pytest.mark.parametrize("quantity", PARTS)
def test_members_deviate_by_the_predicted_uncertainty(copper: Potential, quantity: str, scale: float) -> None:
    part = PARTS[quantity]
    found = copper.evaluate(shaken(scale), uncertainty=True)
    deviations = [np.subtract(part(member.evaluate(shaken(scale))), part(found)) for member in copper.members(quantity)]
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(deviations), axis=0)), part(found.uncertainty), rtol=1e-9)


def test_members_are_potentials(copper: Potential) -> None:
    member = copper.members("energy")[0]
    assert member.ensemble is None
    assert len(copper.members()) == len(copper.ensemble.one_body_es)  # type: ignore[union-attr]
    atoms = shaken()
    atoms.calc = RFHGNCalculator(member)
    check_forces_are_gradients(atoms)
    check_stress_is_strain_derivative(atoms)


def test_the_potential_stays_as_it_is(copper: Potential) -> None:
    before = copper.evaluate(shaken()).energy
    copper.members("stress")
    assert copper.evaluate(shaken()).energy == before


def test_unknown_quantities_are_refused(copper: Potential) -> None:
    with pytest.raises(SettingsError, match="quantity is 'charge': it must be one of energy, force, stress"):
        copper.members("charge")


def test_without_an_ensemble_there_are_none(make_potential: MakePotential, rng: np.random.Generator) -> None:
    with pytest.raises(SettingsError, match="cannot predict its uncertainty"):
        make_potential(["Cu"], rng).members()
