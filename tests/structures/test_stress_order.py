"""The order of shear stresses: exchanged components are found, sound ones and pure noise are not suspected."""

from __future__ import annotations

import warnings
from itertools import permutations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn import fit
from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.structures.doctor.stress_order import exchanged_shears

PLANES = [(1, 2), (0, 2), (0, 1)]


def sheared(symbol: str) -> list[Atoms]:
    """Return a crystal, sheared in every plane by several amounts, with labels of EMT."""
    frames: list[Atoms] = []
    for plane in PLANES:
        for amount in (-0.04, -0.02, 0.0, 0.02, 0.04):
            atoms = bulk(symbol, cubic=True)
            shear_cc = np.eye(3)
            shear_cc[plane] = amount
            atoms.set_cell(atoms.cell.array @ shear_cc, scale_atoms=True)
            atoms.rattle(0.02, seed=len(frames))
            atoms.calc = EMT()
            results = {
                "energy": atoms.get_potential_energy(),
                "forces": atoms.get_forces(),
                "stress": atoms.get_stress(),
            }
            atoms.calc = SinglePointCalculator(atoms, **results)
            frames.append(atoms)
    return frames


def order_of(frames: list[Atoms], stress_iv: FloatArray) -> tuple[int, int, int] | None:
    cells = np.array([atoms.cell.array for atoms in frames])
    return exchanged_shears([atoms.get_chemical_formula() for atoms in frames], cells, stress_iv)


@pytest.mark.parametrize("symbol", ["Cu", "Al"])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_components_is_found(symbol: str, order: tuple[int, int, int]) -> None:
    frames = sheared(symbol)
    stress_iv = np.array([atoms.get_stress() for atoms in frames])
    exchanged_iv = stress_iv.copy()
    for s, place in enumerate(order):
        exchanged_iv[:, 3 + place] = stress_iv[:, 3 + s]
    assert order_of(frames, exchanged_iv) == (None if order == (0, 1, 2) else order)


def test_noise_is_no_order(rng: np.random.Generator) -> None:
    frames = sheared("Cu")
    assert order_of(frames, rng.normal(size=(len(frames), 6))) is None
    assert order_of(frames, np.full((len(frames), 6), np.nan)) is None


def test_molecules_without_cells_have_no_order() -> None:
    assert exchanged_shears(["a"] * 5, np.zeros((5, 3, 3)), np.zeros((5, 6))) is None


def test_a_fit_leaves_exchanged_components_out_and_says_so() -> None:
    frames = sheared("Cu")
    for atoms in frames:
        stress_v = atoms.get_stress()
        atoms.calc.results["stress"] = stress_v[[0, 1, 2, 4, 3, 5]]
    with pytest.warns(TrainingDataWarning, match="shear stresses are in the wrong places: xz where .* sheared in yz"):
        potential = fit(frames, channels=6, projections=1, cutoff=4.5, threads=1)
    shear_cc = np.eye(3)
    shear_cc[1, 2] = 0.02
    atoms = bulk("Cu", cubic=True)
    atoms.set_cell(atoms.cell.array @ shear_cc, scale_atoms=True)
    stress_v = potential.evaluate(atoms).stress_v
    assert stress_v is not None
    atoms.calc = EMT()
    np.testing.assert_allclose(stress_v[3:], atoms.get_stress()[3:], atol=2e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingDataWarning)
        fit(sheared("Cu"), channels=6, projections=1, cutoff=4.5, threads=1)
