"""Labels that similar frames contradict are named frame by frame, whatever else is wrong; sound ones are not."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from doctoring import suspicions_of
from planted_faults import FAULTS, each, relabelled, scaled, sound_frames, with_labels

from ase_rfhgn.structures.doctor.contradicted import Contradicted
from ase_rfhgn.structures.doctor.examination import examined
from ase_rfhgn.structures.training_set import TrainingSet

PLANTED = {fault.name: fault.plant for fault in FAULTS}


def contradicted(structures: list[Atoms]) -> Contradicted:
    """Return the labels that a fit does not use."""
    return examined(TrainingSet.open(structures)).contradicted()


def strained(symbol: str, n_frames: int) -> list[Atoms]:
    """Return small crystals under strain, whose atoms do not move."""
    rng = np.random.default_rng(3)
    frames = []
    for _ in range(n_frames):
        atoms = bulk(symbol, cubic=True)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.02 * rng.normal(size=(3, 3))), scale_atoms=True)
        frames.append(with_labels(atoms))
    return frames


@pytest.mark.parametrize(("first", "second"), [("Cu", "Al"), ("Al", "Cu")])
@pytest.mark.parametrize("factor", [160.2, 0.001])
def test_stresses_of_one_kind_of_structure_in_another_unit(first: str, second: str, factor: float) -> None:
    wrong = scaled("stress", factor)(strained(first, 12))
    found = contradicted([*wrong, *strained(second, 8)])
    assert found.stresses == tuple(range(12))
    assert not found.energies
    assert {one.kind for one in suspicions_of([*wrong, *strained(second, 8)])} == {"stress units"}


@pytest.mark.parametrize(("symbol", "n_frames"), [("Al", 10), ("Cu13", 10), ("Cu13", 30)])
def test_a_constant_offset_leaves_the_forces_alone(symbol: str, n_frames: int) -> None:
    found = contradicted(PLANTED["second half 1 eV/atom off"](sound_frames(symbol, n_frames)))
    assert found == Contradicted(energies=tuple(range(n_frames // 2, n_frames)))


def test_offsets_that_vary_make_forces_doubtful() -> None:
    rng = np.random.default_rng(0)
    odd = (3, 7)

    def scatter(i: int, _n: int, atoms: Atoms, results: dict[str, np.ndarray]) -> None:
        if i in odd:
            results["energy"] = results["energy"] + rng.uniform(0.5, 4.0) * len(atoms)

    found = contradicted(each(scatter)(sound_frames("Al", 24)))
    assert found.energies == found.forces == odd


def test_jumps_are_found_although_stresses_are_wrong() -> None:
    """Unit faults of other structures hid them before."""
    frames = PLANTED["second half 1 eV/atom off"](sound_frames("Cu13", 20))
    found = contradicted([*frames, *scaled("stress", 0.001)(strained("Al", 12)), *strained("Cu", 8)])
    assert found.energies == tuple(range(10, 20))
    assert found.stresses == tuple(range(20, 32))


@pytest.mark.parametrize("symbol", ["Cu", "Al", "Ar", "H2O", "CH4", "Cu13"])
def test_sound_labels_are_not_contradicted(symbol: str) -> None:
    assert contradicted(sound_frames(symbol, 40)) == Contradicted()


def test_turned_molecules_may_share_forces() -> None:
    (one,) = sound_frames("H2O", 1)
    moved = relabelled(one, dict(one.calc.results))
    moved.positions += 3.0
    assert not [found for found in suspicions_of([one, relabelled(moved, one.calc.results)]) if "others" in found.kind]
