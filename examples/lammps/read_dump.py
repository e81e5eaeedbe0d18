"""A dump of LAMMPS read back with ASE: ``python examples/lammps/read_dump.py copper.dump``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ase import Atoms
from ase.io import read


def frames_of(path: str) -> list[Atoms]:
    """Return the frames of a dump; forces are their results, the columns c_energy and d_grade are arrays."""
    frames = read(path, index=":", format="lammps-dump-text")
    assert isinstance(frames, list)  # noqa: S101 - of the index
    return frames


def describe(frames: Sequence[Atoms]) -> str:
    """Return a line per frame: energy, largest force, largest extrapolation grade."""
    lines = ["frame   energy (eV)   force (eV/Å)   grade"]
    for number, atoms in enumerate(frames):
        energy, grade = atoms.get_array("c_energy").sum(), atoms.get_array("d_grade").max()
        lines.append(f"{number:5d} {energy:13.6f} {abs(atoms.get_forces()).max():14.4f} {grade:7.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(describe(frames_of(sys.argv[1])))
