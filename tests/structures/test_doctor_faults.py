"""Every fault that the frames alone show is named, for two elements; sound frames are not suspected."""

from __future__ import annotations

import pytest
from doctoring import kinds_of, suspicions_of
from planted_faults import FAULTS, Fault, sound_frames

N_FRAMES = 16

SHOWN = {
    "stress in GPa": ("Cu", "Al"),
    "stress in kbar": ("Cu", "Ar"),
    "stress in GPa, every fourth": ("Cu", "Al"),
    "stress 0, every second": ("Cu", "CH4"),
    "forces of the wrong sign": ("Al", "H2O"),
    "forces in kcal/mol/Å": ("Al", "CH4"),
    "forces in Hartree/Bohr": ("Al", "H2O"),
    "energies in Hartree": ("Al", "CH4"),
    "energies in kcal/mol": ("Al", "H2O"),
    "energies in kJ/mol": ("Al", "CH4"),
    "energies per atom": ("Al", "H2O"),
    "energies in Hartree, every fourth": ("Cu", "Al"),
    "energies per atom, every fourth": ("Cu", "Ar"),
    "second half 1 eV/atom off": ("Al", "H2O"),
    "energies of 0": ("Cu", "H2O"),
    "forces of 0 on two atoms": ("Cu", "CH4"),
    "all forces 0, every fourth": ("Ar", "H2O"),
    "copies": ("Cu", "CH4"),
    "one frame again and again": ("Al", "H2O"),
    "two energies for each structure": ("Cu", "CH4"),
    "forces of 700 eV/Å": ("Cu", "H2O"),
    "energies 250 eV/atom off": ("Al", "CH4"),
    "atoms 0.5 Å apart": ("Cu", "H2O"),
    "one energy for all": ("Cu", "H2O"),
    "forces of the frame before, every second": ("Al", "CH4"),
    "forces of the frame before": ("H2O", "Cu13"),
    "forces of atoms in another order": ("H2O", "CH4"),
    "positions and cells in Bohr": ("Al", "H2O"),
    "crystals without pbc": ("Cu", "Ar"),
    "virials in place of stresses": ("Cu", "Al"),
    "forces under another name": ("Cu", "CH4"),
    "net forces": ("Cu", "H2O"),
}
"""Systems in which the frames alone show a fault; tests/fitting/test_second_opinion.py has the others."""

CASES = [(fault, system) for fault in FAULTS for system in SHOWN.get(fault.name, ())]


def test_every_fault_is_planted() -> None:
    assert SHOWN.keys() <= {fault.name for fault in FAULTS}


@pytest.mark.parametrize("system", ["Cu", "Al", "Ar", "H2O", "CH4", "Cu13"])
@pytest.mark.parametrize("n_frames", [5, N_FRAMES, 60])
def test_sound_frames_are_not_suspected(system: str, n_frames: int) -> None:
    assert not suspicions_of(sound_frames(system, n_frames))


@pytest.mark.parametrize(("fault", "system"), CASES, ids=[f"{fault.name}, {system}" for fault, system in CASES])
def test_a_fault_is_named(fault: Fault, system: str) -> None:
    sound = sound_frames(system, N_FRAMES)
    assert not kinds_of(sound)
    assert set(fault.kinds) & set(kinds_of(fault.plant(sound)))
