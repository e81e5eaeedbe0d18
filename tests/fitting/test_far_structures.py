"""Structures far away from the data keep to the distances and compositions of the data, and only there teach a fit."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

from ase_rfhgn.fitting.far_structures import APPROACH, CRYSTALS, FEW_ATOMS, far_structures, share_of, spacing_of
from ase_rfhgn.fitting.prototypes import prototypes
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.frame_graphs import FrameGraphs, WithinCutoff
from ase_rfhgn.structures.graph import build_graph
from ase_rfhgn.structures.training_set import TrainingSet

CUTOFF = 5.0


def labelled(structures: list[Atoms]) -> FrameGraphs:
    return FrameGraphs.of(TrainingSet.open(structures).without_labels(), WithinCutoff(CUTOFF, 0.1))


def made(structures: list[Atoms], floor: float) -> list[Atoms]:
    species_s = np.unique(np.concatenate([atoms.numbers for atoms in structures]))
    floor_b = np.full(len(species_s) ** 2, floor)
    found = far_structures(labelled(structures), species_s, CUTOFF, floor_b, np.random.default_rng(0))
    return [atoms for atoms, _ in found]


def test_crystals_are_made_of_crystals_only() -> None:
    metal = made([bulk("Cu", cubic=True)], 2.5)
    boxed = molecule("C2H6", vacuum=5.0, pbc=True)
    assert sum(atoms.pbc.all() and len(atoms) < 9 for atoms in metal) >= share_of(1) * CRYSTALS
    assert len(made([boxed], 0.9)) < share_of(1) * CRYSTALS


def test_few_atoms_keep_their_distance() -> None:
    few = made([molecule("C2H6")], 1.0)[-round(share_of(1) * FEW_ATOMS) :]
    for atoms in few:
        assert build_graph(atoms, CUTOFF).distance_p.min(initial=CUTOFF) >= APPROACH
        assert set(atoms.symbols) <= {"C", "H"}


def test_spacings_are_typical_distances() -> None:
    items = labelled([bulk("Cu", cubic=True), bulk("Si", cubic=True)])
    spacing = spacing_of([items[0], items[1]], np.array([14, 29]))
    np.testing.assert_allclose(spacing.nearest_s, [2.351, 2.553], atol=2e-3)
    assert spacing.is_crystalline


def test_the_same_seed_makes_the_same_structures() -> None:
    first, second = (made([bulk("Cu", cubic=True)], 2.5) for _ in range(2))
    assert all(np.array_equal(one.positions, other.positions) for one, other in zip(first, second, strict=True))


def test_other_crystals_are_known_as_such(copper: Potential) -> None:
    for name in ("sc", "hcp", "diamond", "white tin"):
        prototype = prototypes()[name]
        grades = [copper.grade(prototype.crystal(np.full(prototype.n_sites, 29), d)).max() for d in (2.1, 2.5, 2.9)]
        assert min(grades) > 1.5, name
    dense = prototypes()["fcc"].crystal(np.full(4, 29), 2.1)
    assert copper.grade(dense).min() > 2.5


def test_pressure_makes_no_second_minimum(copper: Potential) -> None:
    for prototype in prototypes().values():
        crystals = [prototype.crystal(np.full(prototype.n_sites, 29), d) for d in np.linspace(2.0, 2.7, 29)]
        energy_i = np.array([copper.evaluate(atoms).energy_n.mean() for atoms in crystals])
        rising = np.diff(energy_i[: energy_i.argmin() + 1])
        assert (rising < 0.005).all()
