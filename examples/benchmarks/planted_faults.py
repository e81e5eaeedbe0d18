"""Faults that users' files have, to be planted in sound frames; and sound frames of crystals and molecules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import Bohr, GPa, Hartree, kcal, kJ, mol

Labels: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[int, int, Atoms, Labels], None]
"""Changes the labels of a frame; it gets the number of the frame and of all frames, too."""

SHIFT = {"Cu": -3.5, "Al": -3.4, "Ar": -0.1, "H": -2.2, "O": -3.0, "C": -7.0, "Pt": -5.8}
"""Energies that are added per atom, so that totals are as in real data (eV)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, and the kinds of suspicions that name it.

    Attributes
    ----------
    name : str
        The fault in words.
    kinds : tuple of str
        Kinds of suspicions that name it.
    plant : callable
        Returns the faulty frames of sound ones.
    needs : str
        Label without which it cannot be planted.
    """

    name: str
    kinds: tuple[str, ...]
    plant: Callable[[Sequence[Atoms]], list[Atoms]]
    needs: str = "energy"


def calculator_of(atoms: Atoms) -> Calculator:
    """Return a cheap calculator for a structure."""
    if set(atoms.symbols) == {"Ar"}:
        return LennardJones(sigma=3.4, epsilon=0.0104, rc=8.0, smooth=True)
    return EMT()


def with_labels(atoms: Atoms) -> Atoms:
    """Return a structure with labels, whose energies lie where those of quantum mechanics do."""
    atoms.calc = calculator_of(atoms)
    results: Labels = {
        "energy": atoms.get_potential_energy() + sum(SHIFT[symbol] for symbol in atoms.symbols),
        "forces": atoms.get_forces(),
    }
    if atoms.pbc.all():
        results["stress"] = atoms.get_stress()
    return relabelled(atoms, results)


def relabelled(atoms: Atoms, results: Labels) -> Atoms:
    """Return a copy of a structure with labels."""
    copy: Atoms = atoms.copy()
    copy.calc = SinglePointCalculator(copy, **results)
    return copy


def sound_frames(name: str, n_frames: int, seed: int = 0) -> list[Atoms]:
    """Return sound frames of a crystal (Cu, Al, Ar) or a molecule (H2O, CH4, Cu13), by cheap calculators.

    Parameters
    ----------
    name : str
        Name of the system.
    n_frames : int
        Number of frames.
    seed : int
        Seed of the displacements.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(n_frames):
        if name in {"Cu", "Al", "Ar"}:
            atoms = bulk(name, cubic=True) * (2, 1, 1)
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.02 * rng.normal(size=(3, 3))), scale_atoms=True)
            size = 0.1
        else:
            atoms = _cluster() if name == "Cu13" else molecule(name)
            atoms.rotate(rng.uniform(0.0, 360.0), rng.normal(size=3))
            size = 0.1 if name == "Cu13" else 0.05
        atoms.positions += rng.normal(0.0, size, atoms.positions.shape)
        frames.append(with_labels(atoms))
    return frames


def _cluster() -> Atoms:
    """Return thirteen atoms of copper, cut from the crystal."""
    crystal = bulk("Cu", cubic=True) * (3, 3, 3)
    centre_c = crystal.positions[
        np.argmin(np.linalg.norm(crystal.positions - crystal.cell.array.sum(axis=0) / 2, axis=1))
    ]
    near = np.linalg.norm(crystal.positions - centre_c, axis=1) < 2.7
    return Atoms("Cu" * int(near.sum()), crystal.positions[near])


def each(change: Change) -> Callable[[Sequence[Atoms]], list[Atoms]]:
    """Return what changes the labels of every frame."""

    def plant(frames: Sequence[Atoms]) -> list[Atoms]:
        changed = []
        for i, atoms in enumerate(frames):
            copy, results = atoms.copy(), {key: np.array(value) for key, value in atoms.calc.results.items()}
            change(i, len(frames), copy, results)
            changed.append(relabelled(copy, {k: float(v) if k == "energy" else v for k, v in results.items()}))
        return changed

    return plant


def scaled(kind: str, factor: float, every: int = 1) -> Callable[[Sequence[Atoms]], list[Atoms]]:
    """Return what multiplies a kind of label of every frame, or of every fourth, say."""

    def change(i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
        if i % every == every - 1 and kind in results:
            results[kind] = factor * results[kind]

    return each(change)


def _per_atom(_i: int, _n: int, atoms: Atoms, results: Labels) -> None:
    results["energy"] = results["energy"] / len(atoms)


def _second_half(i: int, n: int, atoms: Atoms, results: Labels) -> None:
    if i >= n // 2:
        results["energy"] = results["energy"] - 1.0 * len(atoms)


def _every_third(i: int, _n: int, atoms: Atoms, results: Labels) -> None:
    if i % 3 == 1:
        results["energy"] = results["energy"] + 0.5 * len(atoms)


def _zero_energies(i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    if i % 5 == 3:
        results["energy"] = np.array(0.0)


def _zero_rows(i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    if i % 2:
        results["forces"][:2] = 0.0


def _zero_forces(i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    if i % 4 == 2:
        results["forces"] = 0.0 * results["forces"]


def _zero_stress(i: int, _n: int, atoms: Atoms, results: Labels) -> None:
    if not atoms.pbc.all():
        atoms.set_cell([20.0, 20.0, 20.0])
    if i % 2:
        results["stress"] = np.zeros(6)


def _garbage_forces(i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    if i % 10 == 7:
        results["forces"] = 700.0 * results["forces"] / np.abs(results["forces"]).max()


def _garbage_energy(i: int, _n: int, atoms: Atoms, results: Labels) -> None:
    if i % 10 == 7:
        results["energy"] = results["energy"] + 250.0 * len(atoms)


def _on_top(i: int, _n: int, atoms: Atoms, _results: Labels) -> None:
    if i % 10 == 7:
        atoms.positions[1] = atoms.positions[0] + np.array([0.5, 0.0, 0.0])


def _net(i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    if i % 3 == 1:
        results["forces"] = results["forces"] + np.array([0.3, 0.0, 0.0])


def _elsewhere(_i: int, _n: int, atoms: Atoms, results: Labels) -> None:
    atoms.arrays["REF_forces"] = results.pop("forces")


def _outlier(i: int, n: int, _atoms: Atoms, results: Labels) -> None:
    if i == n // 2:
        results["forces"] = np.roll(results["forces"], 1, axis=0) * 3.0


def _copies(frames: Sequence[Atoms]) -> list[Atoms]:
    return [atoms for atoms in frames for _ in range(4)]


def _one_frame(frames: Sequence[Atoms]) -> list[Atoms]:
    return [frames[0]] * len(frames)


def _constant(_i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    results["energy"] = np.array(-123.456)


def _isolated(_i: int, _n: int, atoms: Atoms, results: Labels) -> None:
    atoms.pbc = False
    results.pop("stress", None)


def _in_bohr(_i: int, _n: int, atoms: Atoms, _results: Labels) -> None:
    atoms.set_cell(atoms.cell.array / Bohr)
    atoms.positions /= Bohr


def _virials(_i: int, _n: int, atoms: Atoms, results: Labels) -> None:
    results["stress"] = -atoms.get_volume() * results["stress"]


def _voigt(_i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    """Order the stress as VASP does, xx, yy, zz, xy, yz, zx."""
    results["stress"] = results["stress"][[0, 1, 2, 5, 3, 4]]


def _mirrored(_i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    """Order the stress as xx, yy, zz, xy, xz, yz."""
    results["stress"] = results["stress"][[0, 1, 2, 5, 4, 3]]


def _reversed_atoms(_i: int, _n: int, _atoms: Atoms, results: Labels) -> None:
    results["forces"] = results["forces"][::-1]


def _shifted(label: str, by: int = 1) -> Callable[[Sequence[Atoms]], list[Atoms]]:
    """Return what gives every frame a label of the frame before it."""

    def plant(frames: Sequence[Atoms]) -> list[Atoms]:
        others = [frames[i - by].calc.results[label] for i in range(len(frames))]
        return each(lambda i, _n, _atoms, results: results.update({label: np.array(others[i])}))(frames)

    return plant


def _old_forces(frames: Sequence[Atoms]) -> list[Atoms]:
    """Return frames of which every second one has the forces of the frame before it."""
    shifted = _shifted("forces")(frames)
    return [wrong if i % 2 else right for i, (wrong, right) in enumerate(zip(shifted, frames, strict=True))]


def _hidden(frames: Sequence[Atoms]) -> list[Atoms]:
    """Return every structure with two energies."""
    other = each(lambda _i, _n, atoms, results: results.update(energy=results["energy"] + 0.3 * len(atoms)))(frames)
    return [atoms for pair in zip(frames, other, strict=True) for atoms in pair]


CONTRADICTED = ("contradiction", "no better than the mean", "net forces", "force units", "energy units")
UNITS, REFERENCES = ("force units", "energy units"), ("references",)
FAULTS = (
    Fault("stress in GPa", ("stress units",), scaled("stress", 1.0 / GPa), "stress"),
    Fault("stress in kbar", ("stress units",), scaled("stress", 10.0 / GPa), "stress"),
    Fault("stress in GPa, every fourth", ("stress units",), scaled("stress", 1.0 / GPa, 4), "stress"),
    Fault("stress of the wrong sign", ("stress units",), scaled("stress", -1.0), "stress"),
    Fault("stress 0, every second", ("stress zeros",), each(_zero_stress)),
    Fault("forces of the wrong sign", UNITS, scaled("forces", -1.0)),
    Fault("forces in kcal/mol/Å", UNITS, scaled("forces", mol / kcal)),
    Fault("forces in Hartree/Bohr", UNITS, scaled("forces", Bohr / Hartree)),
    Fault("forces in kcal/mol/Å, every fourth", UNITS, scaled("forces", mol / kcal, 4)),
    Fault("forces in Hartree/Bohr, every fourth", (*UNITS, "outliers"), scaled("forces", Bohr / Hartree, 4)),
    Fault("forces of the wrong sign, every fourth", (*UNITS, "outliers"), scaled("forces", -1.0, 4)),
    Fault("energies in Hartree", UNITS, scaled("energy", 1.0 / Hartree)),
    Fault("energies in kcal/mol", UNITS, scaled("energy", mol / kcal)),
    Fault("energies in kJ/mol", UNITS, scaled("energy", mol / kJ)),
    Fault("energies per atom", UNITS, each(_per_atom)),
    Fault("energies in Hartree, every fourth", (*UNITS, *REFERENCES), scaled("energy", 1.0 / Hartree, 4)),
    Fault("energies per atom, every fourth", (*UNITS, *REFERENCES), lambda f: _some(each(_per_atom)(f), f, 4)),
    Fault("second half 1 eV/atom off", REFERENCES, each(_second_half)),
    Fault("every third 0.5 eV/atom off", REFERENCES, each(_every_third)),
    Fault("energies of 0", ("energy zeros",), each(_zero_energies)),
    Fault("forces of 0 on two atoms", ("force zeros",), each(_zero_rows)),
    Fault("all forces 0, every fourth", ("force zeros",), each(_zero_forces)),
    Fault("copies", ("copies",), _copies),
    Fault("one frame again and again", ("copies",), _one_frame),
    Fault("two energies for each structure", ("hidden variable",), _hidden),
    Fault("one frame with other forces", ("outliers", "force units"), each(_outlier)),
    Fault("forces of 700 eV/Å", ("garbage", "force units"), each(_garbage_forces)),
    Fault("energies 250 eV/atom off", ("garbage",), each(_garbage_energy)),
    Fault("atoms 0.5 Å apart", ("close atoms",), each(_on_top)),
    Fault("one energy for all", ("labels of others",), each(_constant)),
    Fault("forces of the frame before, every second", ("labels of others",), _old_forces),
    Fault("energies of the frame before", CONTRADICTED, _shifted("energy")),
    Fault("forces of the frame before", CONTRADICTED, _shifted("forces")),
    Fault("forces of atoms in another order", CONTRADICTED, each(_reversed_atoms)),
    Fault("positions and cells in Bohr", ("distances", *UNITS, "stress units"), each(_in_bohr)),
    Fault("crystals without pbc", ("periodicity",), each(_isolated), "stress"),
    Fault("virials in place of stresses", ("stress units",), each(_virials), "stress"),
    Fault("stress in the order of VASP", ("stress order",), each(_voigt), "stress"),
    Fault("stress as xx yy zz xy xz yz", ("stress order",), each(_mirrored), "stress"),
    Fault("forces under another name", ("labels elsewhere",), each(_elsewhere)),
    Fault("net forces", ("net forces",), each(_net)),
)


def _some(faulty: Sequence[Atoms], sound: Sequence[Atoms], every: int) -> list[Atoms]:
    """Return the faulty frame in place of every fourth sound one, say."""
    pairs = enumerate(zip(faulty, sound, strict=True))
    return [wrong if i % every == every - 1 else right for i, (wrong, right) in pairs]
