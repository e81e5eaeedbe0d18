"""Cells: what is periodic, and what spans a volume."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from conftest import MakePotential
from labelled import labelled, shaken

from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.errors import StructureError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.cell import has_volume, is_truly_periodic
from ase_rfhgn.structures.frame import frame_of

pytestmark = pytest.mark.quick

FLAT_CELLS = {
    "parallel vectors": np.full((3, 3), 5.0),
    "vectors of one plane": np.array([[6.0, 0.0, 0.0], [0.0, 6.0, 0.0], [6.0, 6.0, 0.0]]),
    "the same, turned": np.array([[6.0, 1.0, 0.3], [-0.7, 6.0, 0.2], [5.3, 7.0, 0.5]]),
    "two vectors": np.diag([6.0, 6.0, 0.0]),
}


@pytest.fixture(scope="module")
def potential(make_potential: MakePotential) -> Potential:
    return make_potential(["Cu"], np.random.default_rng(5))


@pytest.mark.parametrize("cell", FLAT_CELLS.values(), ids=list(FLAT_CELLS))
def test_a_flat_cell_means_nothing_where_nothing_is_periodic(cell: list[float], potential: Potential) -> None:
    dimer = Atoms("Cu2", positions=[(0.0, 0.0, 0.0), (2.5, 0.0, 0.0)])
    expected = potential.evaluate(dimer)
    dimer.cell = cell
    dimer.calc = RFHGNCalculator(potential)
    assert not has_volume(dimer)
    assert dimer.get_potential_energy() == expected.energy
    np.testing.assert_array_equal(dimer.get_forces(), expected.force_nc)
    assert "stress" not in dimer.calc.results


def test_a_stress_without_a_volume_is_no_label() -> None:
    flat = [labelled(Atoms("Cu2", positions=[(0.0, 0.0, 0.0), (2.3 + 0.1 * i, 0.0, 0.0)])) for i in range(3)]
    for atoms in flat:
        atoms.cell = FLAT_CELLS["parallel vectors"]
        atoms.calc.atoms.cell = atoms.cell
        atoms.calc.results["stress"] = np.zeros(6)
    assert all(frame_of(atoms, "flat").stress_v is None for atoms in flat)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", TrainingDataWarning)  # so few frames are hard to predict
        fit([*flat, *(labelled(shaken(seed)) for seed in range(3))], cutoff=3.5, channels=6, projections=2, degree=2)


def test_periodic_vectors_must_be_independent(potential: Potential) -> None:
    flat = Atoms("Cu", cell=FLAT_CELLS["vectors of one plane"], pbc=True)
    assert not is_truly_periodic(flat)
    with pytest.raises(StructureError, match="independent"):
        potential.evaluate(flat)
    flat.pbc[2] = False
    assert is_truly_periodic(flat)
    assert np.isfinite(potential.evaluate(flat).energy)


@pytest.mark.parametrize("turns", [10**3, 10**6, 10**8])
def test_whole_cell_vectors_do_not_move_an_atom(turns: int, potential: Potential) -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    expected = potential.evaluate(atoms).force_nc
    atoms.positions[1] += turns * np.array([1, -1, 0]) @ atoms.cell.array
    np.testing.assert_allclose(potential.evaluate(atoms).force_nc, expected, rtol=0.0, atol=1e-14 * turns + 1e-12)


@pytest.mark.parametrize("pbc", [True, False])
def test_atoms_too_far_to_tell_distances_are_refused(potential: Potential, *, pbc: bool) -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.pbc = pbc
    atoms.positions[2, 0] += (2**31 + 5) * 3.61
    with pytest.raises(StructureError, match=r"atom 2 has the position .*1e\+09 Å.*wrap\(\)"):
        potential.evaluate(atoms)
    with pytest.raises(TrainingDataError, match=r"far: atom 2 has the position"):
        frame_of(atoms, "far")
