"""Below the distances of the training data energy must rise: atoms never fall through each other."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.models.potential import Potential


def energies_per_atom(structures: list[Atoms], potential: Potential) -> FloatArray:
    """Return the energies per atom (eV) of structures."""
    for atoms in structures:
        atoms.calc = RFHGNCalculator(potential)
    return np.array([atoms.get_potential_energy() / len(atoms) for atoms in structures])


def test_dimers_repel(copper: Potential) -> None:
    shortest = copper.baseline.core.radius_b[0]
    dimers = [Atoms("Cu2", [(0.0, 0.0, 0.0), (d, 0.0, 0.0)]) for d in np.linspace(shortest, 0.2, 60)]
    energies = energies_per_atom(dimers, copper)
    assert (np.diff(energies[10:]) > 0.0).all()
    assert energies[-1] > 1000.0
    assert energies.argmin() < 10


@pytest.mark.parametrize(("lattice", "scale"), [("fcc", np.sqrt(2.0)), ("bcc", 2.0 / np.sqrt(3.0)), ("sc", 1.0)])
def test_crystals_resist_compression(lattice: str, scale: float, copper: Potential) -> None:
    shortest = copper.baseline.core.radius_b[0]
    crystals = [bulk("Cu", lattice, a=scale * d) for d in np.linspace(shortest, 0.4 * shortest, 30)]
    energies = energies_per_atom(crystals, copper)
    assert (np.diff(energies) > 0.0).all()


def test_random_gas_is_pushed_apart(copper: Potential) -> None:
    rng = np.random.default_rng(3)
    atoms = Atoms("Cu4", rng.uniform(0.0, 1.5, (4, 3)))
    atoms.calc = RFHGNCalculator(copper)
    arm_nc = atoms.positions - atoms.positions.mean(axis=0)
    assert np.einsum("nc,nc->", arm_nc, atoms.get_forces()) > 0.0
