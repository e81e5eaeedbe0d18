"""Zeros that stand for no value, and atoms that were held: the user is told, and the advice helps."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.md.verlet import VelocityVerlet
from doctoring import lines_about as check
from labelled import labelled, shaken
from verlet_runs import TIMESTEP, shaken_crystal

from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.structures.frame import Frame, frame_of
from ase_rfhgn.structures.held_atoms import has_zeroed_forces


def fixed_frames(*, apply_constraint: bool) -> list[Frame]:
    """Return frames with two fixed atoms, and the forces that ASE gives."""
    frames = []
    for seed in range(4):
        atoms = shaken(seed)
        atoms.set_constraint(FixAtoms([0, 1]))
        atoms.calc = EMT()
        atoms = labelled(atoms, forces=atoms.get_forces(apply_constraint=apply_constraint))
        frames.append(frame_of(atoms, f"frame {seed}"))
    return frames


def test_forces_that_a_constraint_zeroed_are_told() -> None:
    assert all(has_zeroed_forces(frame) for frame in fixed_frames(apply_constraint=True))
    (told,) = check(fixed_frames(apply_constraint=True))
    assert "forces of exactly 0 on fixed atoms; attach the forces of get_forces(apply_constraint=False)" in told
    assert not check(fixed_frames(apply_constraint=False))


def test_energies_that_stand_for_no_value_are_told() -> None:
    frames = [labelled(shaken(seed)) for seed in range(10)]
    for atoms in frames:
        atoms.calc.results["energy"] -= 3.7 * len(atoms)
    assert not check([frame_of(atoms, "sound") for atoms in frames])
    frames[3].calc.results["energy"] = 0.0
    (told,) = check([frame_of(atoms, f"frame {i}") for i, atoms in enumerate(frames)])
    assert told.startswith("frame 3 (1 of 10 frames): energies of exactly 0")


def test_atoms_that_do_not_interact_may_have_no_energy() -> None:
    far = [Atoms("Cu2", [(0.0, 0.0, 0.0), (10.0 + i, 0.0, 0.0)]) for i in range(2)]
    dimers = [Atoms("Cu2", [(0.0, 0.0, 0.0), (2.2 + 0.1 * i, 0.0, 0.0)]) for i in range(4)]
    labels: dict[str, Any] = {"energy": 0.0, "forces": [[0.0] * 3] * 2}
    frames = [labelled(atoms, **labels) for atoms in far] + [labelled(atoms) for atoms in dimers]
    assert not [told for told in check([frame_of(atoms, "x") for atoms in frames]) if "exactly 0" in told]


def held_run() -> list[Atoms]:
    """Return positions of a run in which two atoms were held, without the constraint."""
    atoms = shaken_crystal()
    atoms.calc = EMT()
    atoms.set_constraint(FixAtoms([0, 2]))
    run: list[Atoms] = []
    dynamics = VelocityVerlet(atoms, TIMESTEP)
    dynamics.attach(lambda: run.append(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)))
    dynamics.run(12)
    return run


@pytest.mark.filterwarnings("ignore:.*random kicks")
def test_atoms_that_were_held_are_told_and_can_be_marked() -> None:
    frames = held_run()
    settings: dict[str, Any] = {"cutoff": 3.5, "channels": 4, "projections": 1, "timestep": TIMESTEP}
    with pytest.warns(TrainingDataWarning, match="atoms 0, 2 are at exactly the same place .*FixAtoms"):
        fit(frames, **settings)
    for atoms in frames:
        atoms.set_constraint(FixAtoms([0, 2]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*exactly the same place")
        fit(frames, **settings)


def test_a_structure_without_constraints_is_not_suspected() -> None:
    assert not has_zeroed_forces(frame_of(labelled(bulk("Cu", cubic=True)), "x"))
