"""Orbits of the Kepler experiment are the ones that were asked for, whatever their angle and sense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from textbook_systems import System, kepler_invariants, one_body, systems, two_bodies

from ase_rfhgn.dynamics.drivers import StormerVerlet


@pytest.mark.parametrize(("make", "mass"), [(one_body, 1.0), (two_bodies, 0.5)])
@pytest.mark.parametrize("sense", [1.0, -1.0])
def test_orbits_have_their_eccentricity_axis_and_sense(make: Callable[..., Atoms], mass: float, sense: float) -> None:
    eccentricity, axis, angle = 0.4, 1.2, 2.0
    values = kepler_invariants(make(eccentricity, axis, angle, sense))
    momentum = sense * np.sqrt(mass * axis * (1.0 - eccentricity**2))
    np.testing.assert_allclose(values["energy"], [-0.5 / axis])
    np.testing.assert_allclose(values["angular momentum"], [0.0, 0.0, momentum], atol=1e-14)
    expected = mass * eccentricity * np.array([np.cos(angle), np.sin(angle), 0.0])
    np.testing.assert_allclose(values["Laplace-Runge-Lenz"], expected, atol=1e-14)


@pytest.mark.parametrize("system", [s for s in systems() if s.name != "Fermi-Pasta-Ulam-Tsingou"], ids=lambda s: s.name)
def test_motions_return_after_their_period(system: System) -> None:
    atoms = system.start.copy()
    atoms.calc = system.start.calc
    StormerVerlet(atoms, system.period / 400).run(400)
    np.testing.assert_allclose(atoms.positions, system.start.positions, atol=5e-3)
