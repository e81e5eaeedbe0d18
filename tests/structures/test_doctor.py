"""What the data doctor says names frames, units and remedies, and it says no more than it knows."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.verlet import VelocityVerlet
from ase.units import fs
from doctoring import kinds_of, suspicions_of
from labelled import labelled, shaken
from planted_faults import FAULTS, relabelled, scaled, sound_frames

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.fitting.survey import surveyed
from ase_rfhgn.structures.doctor.examination import Doctor
from ase_rfhgn.structures.doctor.pairs import Pairing
from ase_rfhgn.structures.doctor.repetitions import copies_between
from ase_rfhgn.structures.doctor.suspicion import KINDS, Suspicion, ranked
from ase_rfhgn.structures.frame import frame_of
from ase_rfhgn.structures.training_set import TrainingSet


def run(symbol: str = "Cu") -> list[Atoms]:
    """Return frames of a short run."""
    atoms = bulk(symbol, cubic=True) * (2, 1, 1)
    atoms.rattle(0.1, seed=1)
    atoms.calc = EMT()
    frames: list[Atoms] = []
    dynamics = VelocityVerlet(atoms, 4 * fs)
    dynamics.attach(lambda: frames.append(labelled(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True))))
    dynamics.run(14)
    return frames


@pytest.mark.parametrize("kind", ["displaced", "strained", "both", "molecule"])
def test_work_of_forces_and_stresses_is_the_rise_of_the_energy(kind: str, rng: np.random.Generator) -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=3)
    if kind == "molecule":
        atoms.set_pbc(False)
    other = atoms.copy()
    if kind in {"strained", "both"}:
        other.set_cell(other.cell.array @ (np.eye(3) + 0.003 * rng.normal(size=(3, 3))), scale_atoms=True)
    if kind != "strained":
        other.positions += 0.005 * rng.normal(size=other.positions.shape)
    if kind == "molecule":
        other.rotate(70.0, (1, 2, 3))
    pairing = Pairing()
    assert pairing.add(0, 1, frame_of(labelled(atoms), "a")) is None
    pair = pairing.add(1, 1, frame_of(labelled(other), "b"))
    assert pair is not None
    assert pair.rise == pytest.approx(pair.force_work + pair.stress_work, rel=0.02)


@pytest.mark.parametrize(
    ("factor", "words"), [(-1.0, "wrong sign"), (1.0 / 51.422, "Hartree/Bohr"), (23.06, "kcal/mol/Å")]
)
@pytest.mark.parametrize("symbol", ["Cu", "Al"])
def test_frames_of_a_run_prove_what_is_wrong_with_forces(factor: float, words: str, symbol: str) -> None:
    found = suspicions_of(scaled("forces", factor)(run(symbol)))
    assert not kinds_of(run(symbol))
    assert words in found[0].message
    assert found[0].proven == ("energy", "force")


def test_a_jump_of_the_energy_is_named_by_its_frame() -> None:
    frames = run()
    frames[7].calc.results["energy"] += 2.0
    (found,) = suspicions_of(frames)
    assert (found.kind, found.frames) == ("references", ("structures, frame 7",))


def test_a_perfect_crystal_and_its_vacancy_free_sites_may_have_no_forces() -> None:
    perfect = [labelled(bulk("Cu", a=a, cubic=True), forces=np.zeros((4, 3))) for a in (3.5, 3.55, 3.6, 3.65, 3.7)]
    one_moved = bulk("Cu", cubic=True) * 2
    one_moved.positions[0] += 0.05
    moved = labelled(one_moved)
    moved.calc.results["forces"][np.abs(moved.calc.results["forces"]).max(axis=1) < 1e-3] = 0.0
    assert "force zeros" not in kinds_of([*perfect, moved])


def test_free_atoms_are_not_suspected() -> None:
    boxes = [Atoms("Cu", cell=[12.0] * 3, pbc=True), Atoms("Cu")]
    free = [labelled(atoms, energy=-0.2, forces=np.zeros((1, 3)), stress=None) for atoms in boxes]
    assert not kinds_of([*free, *(labelled(shaken(seed)) for seed in range(5))])


def test_copies_up_to_the_digits_of_a_file_are_copies(rng: np.random.Generator) -> None:
    frames = [labelled(shaken(seed)) for seed in range(6)]
    rounded = []
    for atoms in frames[:2]:
        copy = atoms.copy()
        copy.positions += 1e-6 * rng.uniform(-1.0, 1.0, copy.positions.shape)
        rounded.append(relabelled(copy, atoms.calc.results))
    (found,) = suspicions_of([*frames, *rounded])
    assert found.kind == "copies"
    assert found.frames == ("structures, frame 6", "structures, frame 7")
    survey, _ = surveyed(TrainingSet.open([*frames, *rounded]), 4.0)
    assert survey.original_i == (0, 1, 2, 3, 4, 5, 0, 1)


def test_displaced_and_strained_frames_are_no_copies() -> None:
    assert "copies" not in kinds_of([labelled(bulk("Cu", a=3.6 + 1e-3 * i)) for i in range(6)])


def test_frames_of_both_sets_are_named() -> None:
    training, test = sound_frames("Cu", 6), sound_frames("Cu", 3, seed=1)
    (found,) = copies_between(TrainingSet.open(training), TrainingSet.open([*test, training[4]]))
    assert found.frames == ("structures, frame 3",)
    assert not copies_between(TrainingSet.open(training), TrainingSet.open(test))


def test_atoms_that_never_move_are_told() -> None:
    frames = []
    for seed in range(6):
        slab = fcc111("Cu", (2, 2, 3), vacuum=6.0)
        slab.positions[4:] += 0.05 * np.random.default_rng(seed).normal(size=(8, 3))
        frames.append(labelled(slab))
    (found,) = suspicions_of(frames)
    assert (found.kind, "atoms 0, 1, 2, 3 are" in found.message) == ("still atoms", True)


def test_few_frames_are_told() -> None:
    assert kinds_of(sound_frames("Cu", 3)) == ["few frames"]
    assert not kinds_of(sound_frames("Cu", 4))


def test_frames_without_labels_are_not_judged() -> None:
    assert not kinds_of([shaken(0)] * 3)


@pytest.mark.parametrize(("cutoff", "atoms"), [(2.0, bulk("Cu")), (5.5, Atoms("Ar2", [(0, 0, 0), (9.0, 0, 0)]))])
def test_atoms_that_see_no_other_are_refused_with_a_cutoff_that_works(cutoff: float, atoms: Atoms) -> None:
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
    with pytest.raises(
        TrainingDataError, match=r"no atom sees another within the cutoff .* a cutoff of [\d.]+ Å"
    ) as told:
        surveyed(TrainingSet.open([atoms] * 4), cutoff)
    advised = float(str(told.value).rpartition("a cutoff of ")[2].split()[0])
    assert not surveyed(TrainingSet.open([atoms] * 4), advised)[0].isolated_i.any()


def test_doctors_merge_whatever_the_order() -> None:
    frames = scaled("energy", 1.0)(sound_frames("Cu", 8))
    frames[5].calc.results["energy"] = 0.0
    _, items = surveyed(TrainingSet.open(frames), 4.0)
    parts = [Doctor(), Doctor()]
    for item in items:
        parts[item.index % 2].add(item.frame, item.graph, item.index)
    parts[1].merge(parts[0])
    assert [one.name for one in parts[1].facts] == [item.frame.name for item in items]
    (found,) = [one for one in parts[1].suspicions() if one.kind == "energy zeros"]
    assert found.frames == ("structures, frame 5",)


def test_the_gravest_comes_first_and_what_is_about_all_stands_for_the_rest() -> None:
    some = Suspicion("force units", "some", ("a",), 2)
    whole = Suspicion("force units", "all")
    assert ranked([Suspicion("copies", "c", ("a",), 2), some]) == (some, Suspicion("copies", "c", ("a",), 2))
    assert ranked([some, whole]) == (whole,)
    assert {kind for fault in FAULTS for kind in fault.kinds} <= set(KINDS)


def test_a_line_names_a_few_frames_and_counts_all() -> None:
    line = Suspicion("copies", "what to do", tuple(f"frame {i}" for i in range(7)), 9).line
    assert line == "frame 0; frame 1; frame 2; frame 3; frame 4 and 2 more (7 of 9 frames): what to do"
