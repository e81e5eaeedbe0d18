"""What tutorials use in place of a DFT code: frames of copper by EMT, and files as VASP writes them."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT


def frames(
    number: int, *, seed: int = 0, rattle: float = 0.15, strain: float = 0.04, start: Atoms | None = None
) -> list[Atoms]:
    """Return strained, rattled copies of a crystal that carry labels by EMT.

    Parameters
    ----------
    number : int
        How many frames.
    seed : int
        Seed of the random numbers.
    rattle : float
        Largest standard deviation of the displacements (Å).
    strain : float
        Standard deviation of the strain along every axis.
    start : ase.Atoms, optional
        The crystal; by default eight atoms of copper.
    """
    rng = np.random.default_rng(seed)
    crystal = bulk("Cu", cubic=True) * (2, 1, 1) if start is None else start
    return [_labelled(crystal, EMT(), rng, rattle, strain) for _ in range(number)]


def _labelled(crystal: Atoms, calculator: Calculator, rng: np.random.Generator, rattle: float, strain: float) -> Atoms:
    atoms: Atoms = crystal.copy()
    if atoms.pbc.any():
        scale_c = 1.0 + rng.normal(0.0, strain, 3) * atoms.pbc
        atoms.set_cell(atoms.cell.array * scale_c, scale_atoms=True)
    atoms.positions += rng.normal(0.0, rng.uniform(0.0, rattle), atoms.positions.shape)
    atoms.calc = calculator
    atoms.get_forces()
    if atoms.pbc.all():
        atoms.get_stress()
    return atoms


def write_vasprun(path: str | Path, run: list[Atoms]) -> None:
    """Write labelled frames as a run of VASP would: the parts of ``vasprun.xml`` that ASE reads.

    Parameters
    ----------
    path : str or Path
        File to write.
    run : list of ase.Atoms
        Frames of one crystal that carry results.
    """
    root = Element("modeling")
    table = SubElement(SubElement(root, "atominfo"), "array", name="atoms")
    rows = SubElement(table, "set")
    for symbol in run[0].get_chemical_symbols():
        row = SubElement(rows, "rc")
        SubElement(row, "c").text = symbol
        SubElement(row, "c").text = "1"
    points = SubElement(root, "kpoints")
    _array(points, "kpointlist", np.zeros((1, 3)))
    _array(points, "weights", np.ones((1, 1)))
    _structure(root, run[0], name="initialpos")
    for atoms in run:
        step = SubElement(root, "calculation")
        for parent in (SubElement(step, "scstep"), step):
            energy = SubElement(parent, "energy")
            for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy"):
                SubElement(energy, "i", name=name).text = f"{atoms.get_potential_energy():.10f}"
        _structure(step, atoms)
        _array(step, "forces", atoms.get_forces())
        _array(step, "stress", -atoms.get_stress(voigt=False) / (0.1 * units.GPa))  # VASP: kB, other sign
    _structure(root, run[-1], name="finalpos")
    ElementTree(root).write(path)


def _structure(parent: Element, atoms: Atoms, **attributes: str) -> None:
    element = SubElement(parent, "structure", attributes)
    _array(SubElement(element, "crystal"), "basis", atoms.cell.array)
    _array(element, "positions", atoms.get_scaled_positions())


def _array(parent: Element, name: str, rows: np.ndarray) -> None:
    array = SubElement(parent, "varray", name=name)
    for row in rows:
        SubElement(array, "v").text = " ".join(f"{value:.10f}" for value in row)
