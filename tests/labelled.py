"""Structures with labels, for tests of what reads them."""

from typing import Any

from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.frame import Frame, frame_of


def labelled(atoms: Atoms, **changes: Any) -> Atoms:  # noqa: ANN401 - results are of any type
    """Return the atoms with EMT's labels, some of them changed, or dropped where the change is None."""
    atoms = atoms.copy()
    atoms.calc = EMT()
    results: dict[str, Any] = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    if has_volume(atoms):
        results["stress"] = atoms.get_stress()
    results |= changes
    atoms.calc = SinglePointCalculator(atoms, **{key: value for key, value in results.items() if value is not None})
    return atoms


def shaken(seed: int) -> Atoms:
    """Return copper atoms a little off their sites."""
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=seed)
    return atoms


def frames_of(structures: list[Atoms]) -> list[Frame]:
    """Return structures as frames that are called "frame 0", "frame 1" and so on."""
    return [frame_of(atoms, f"frame {i}") for i, atoms in enumerate(structures)]
