"""Labels in mixed units are noticed, sound data are not suspected."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100
from ase.calculators.emt import EMT
from ase.units import Bohr, GPa, Hartree, kcal, mol
from doctoring import lines_about as check
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_rfhgn.structures.training_set import Frame, TrainingSet

KCAL_PER_MOL = kcal / mol
COHESIVE_ENERGY = -3.5


def scaled(frame: Frame, *, energy: float = 1.0, force: float = 1.0) -> Frame:
    assert frame.energy is not None
    assert frame.force_nc is not None
    return replace(frame, energy=energy * frame.energy, force_nc=force * frame.force_nc)


def made_of(structures: list[Atoms]) -> list[Frame]:
    """Return EMT's labels of structures, its energies shifted to those of free atoms."""
    for atoms in structures:
        atoms.calc = EMT()
        atoms.get_forces()
    frames = TrainingSet.open(structures)
    return [replace(f, energy=(f.energy or 0.0) + COHESIVE_ENERGY * len(f.atoms)) for f in frames]


def shaken(atoms: Atoms, size: float, seed: int) -> Atoms:
    atoms = atoms.copy()
    atoms.rattle(size, seed=seed)
    return atoms


@pytest.fixture(scope="module")
def crystals() -> list[Frame]:
    """Return hot copper crystals."""
    return made_of([shaken(bulk("Cu", cubic=True) * (2, 1, 1), 0.15, seed) for seed in range(20)])


@pytest.fixture(scope="module")
def diverse() -> list[Frame]:
    """Return what real training sets hold: still and hot crystals, strained ones, surfaces, alloys, free atoms."""
    strained = [bulk("Cu", a=a) for a in (3.2, 3.4, 3.6, 3.8, 4.2)]
    hot = [shaken(bulk("Cu", cubic=True), 0.05 * seed, seed) for seed in range(6)]
    gold = [shaken(bulk("Au", cubic=True), 0.1, seed) for seed in range(3)]
    surfaces = [fcc100("Cu", (1, 1, layers), vacuum=8.0) for layers in (1, 2, 4)]
    mixed = shaken(bulk("Cu", a=3.8, cubic=True), 0.1, 1)
    mixed.symbols[:2] = "Au"
    return made_of([*strained, *hot, *gold, *surfaces, mixed, Atoms("Cu"), Atoms("Au"), bulk("Cu")])


def test_sound_data_are_not_suspected(crystals: list[Frame], diverse: list[Frame]) -> None:
    assert not check(crystals)
    assert not check(diverse)


@settings(max_examples=30, deadline=None)
@given(chosen=st.sets(st.integers(0, 19), min_size=1))
def test_no_selection_of_sound_data_is_suspected(diverse: list[Frame], chosen: set[int]) -> None:
    assert not check([diverse[i] for i in sorted(chosen) if i < len(diverse)] or diverse)


@pytest.mark.parametrize("unit", [Hartree / Bohr, 1.0 / KCAL_PER_MOL, 1000.0])
def test_frames_with_forces_in_a_smaller_unit_are_named(crystals: list[Frame], unit: float) -> None:
    frames = [scaled(frame, force=unit if i in {3, 11} else 1.0) for i, frame in enumerate(crystals)]
    (message,) = check(frames)
    assert "structures, frame 3; structures, frame 11 (2 of 20 frames): forces that no energy" in message


def test_forces_of_all_frames_in_a_smaller_unit_are_noticed() -> None:
    close = made_of([shaken(bulk("Cu", cubic=True) * (2, 1, 1), 0.05, seed) for seed in range(20)])
    messages = check([scaled(frame, force=1.0 / KCAL_PER_MOL) for frame in close])
    assert any("they look like forces in kcal/mol/Å" in message for message in messages)


@pytest.mark.parametrize("unit", [Hartree, 1.0 / Hartree, 1.0 / KCAL_PER_MOL], ids=["27", "Ha", "kcal"])
def test_frames_with_energies_in_another_unit_are_named(crystals: list[Frame], unit: float) -> None:
    frames = [scaled(frame, energy=unit if i in {3, 11, 12} else 1.0) for i, frame in enumerate(crystals)]
    (message,) = check(frames)
    assert "structures, frame 3; structures, frame 11; structures, frame 12 (3 of 20 frames): energies far" in message


@pytest.mark.parametrize("without_labels", [lambda f: replace(f, energy=None), lambda f: replace(f, force_nc=None)])
def test_absent_labels_are_neither_suspected_nor_an_obstacle(
    crystals: list[Frame], without_labels: Callable[[Frame], Frame]
) -> None:
    bare = [without_labels(frame) for frame in crystals]
    assert not check(bare)
    assert not check(bare[:10] + crystals[10:])
    wrong = replace(crystals[5], force_nc=1000.0 * np.ones((8, 3)))
    assert "frame 5 " in check([*bare[:5], wrong, *bare[6:]])[0]


def test_forces_without_energies_are_compared_with_each_other(crystals: list[Frame]) -> None:
    frames = [replace(scaled(f, force=100.0 if i == 7 else 1.0), energy=None) for i, f in enumerate(crystals)]
    (message,) = check(frames)
    assert "structures, frame 7 (1 of 20 frames)" in message


@pytest.mark.parametrize("factor", [1.0 / GPa, 10.0 / GPa, 1000.0 / GPa], ids=["GPa", "kbar", "MPa"])
def test_stresses_in_other_units_are_told(factor: float, rng: np.random.Generator) -> None:
    strained = []
    for seed in range(12):
        atoms = shaken(bulk("Cu", cubic=True), 0.05, seed)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.03 * rng.normal(size=(3, 3))), scale_atoms=True)
        atoms.calc = EMT()
        atoms.get_stress()
        strained.append(atoms)
    frames = list(TrainingSet.open(strained))
    assert not check(frames)
    assert all(frame.stress_v is not None for frame in frames)
    (told,) = check([replace(frame, stress_v=factor * np.array(frame.stress_v)) for frame in frames])
    assert "stresses that no energy difference explains; are they in eV/Å³" in told


def test_high_pressure_is_not_suspected(rng: np.random.Generator) -> None:
    frames = made_of([shaken(bulk("Cu", a=2.9, cubic=True), 0.05, seed) for seed in range(8)])
    pressure_i = 300.0 * GPa + rng.normal(0.0, 5.0 * GPa, len(frames))
    uniform_v = np.array([-1.0, -1.0, -1.0, 0.0, 0.0, 0.0])
    squeezed = [replace(f, stress_v=p * uniform_v) for f, p in zip(frames, pressure_i, strict=True)]
    assert not [told for told in check(squeezed) if "stresses" in told]
