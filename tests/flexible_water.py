"""Water as springs between the atoms of a molecule and a Lennard-Jones law between molecules: data for fits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.graph import nearest_image

BOND, BOND_STRENGTH = 0.9572, 40.0
ACROSS, ACROSS_STRENGTH = 1.5139, 10.0
DEPTH, SIZE = 0.0067, 3.1536
SPACING = 3.2


class FlexibleWater(Calculator):
    """Molecules of three atoms each: oxygen, hydrogen, hydrogen."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012  # as in ASE

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Iterable[str] = ("energy",),
        system_changes: Iterable[str] = tuple(all_changes),
    ) -> None:
        """Fill `results`."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        assert self.atoms is not None
        energy, force_nc, virial_cc = 0.0, np.zeros((len(self.atoms), 3)), np.zeros((3, 3))
        for first, second, energy_of, slope_of in laws(self.atoms):
            vector_pc = nearest_image(self.atoms.positions[second] - self.atoms.positions[first], self.atoms)
            distance_p = np.linalg.norm(vector_pc, axis=1)
            gradient_pc = (slope_of(distance_p) / distance_p)[:, None] * vector_pc
            energy += float(energy_of(distance_p).sum())
            np.add.at(force_nc, first, gradient_pc)
            np.subtract.at(force_nc, second, gradient_pc)
            virial_cc += vector_pc.T @ gradient_pc
        self.results = {"energy": energy, "free_energy": energy, "forces": force_nc}
        if self.atoms.cell.rank == 3:
            self.results["stress"] = virial_cc.ravel()[[0, 4, 8, 5, 2, 1]] / self.atoms.get_volume()


def laws(atoms: Atoms) -> list[tuple[Any, ...]]:
    """Return pairs of atoms with their energies and slopes."""
    oxygen = np.arange(0, len(atoms), 3)
    first, second = np.triu_indices(len(oxygen), 1)
    springs = [
        (np.concatenate([oxygen, oxygen]), np.concatenate([oxygen + 1, oxygen + 2]), BOND, BOND_STRENGTH),
        (oxygen + 1, oxygen + 2, ACROSS, ACROSS_STRENGTH),
    ]
    found: list[tuple[Any, ...]] = [
        (i, j, lambda r, r0=r0, k=k: 0.5 * k * (r - r0) ** 2, lambda r, r0=r0, k=k: k * (r - r0))
        for i, j, r0, k in springs
    ]
    return [*found, (oxygen[first], oxygen[second], _lennard_jones, _lennard_jones_slope)]


def _lennard_jones(distance_p: FloatArray) -> FloatArray:
    power_p: FloatArray = (SIZE / distance_p) ** 6
    energy_p: FloatArray = 4.0 * DEPTH * (power_p**2 - power_p)
    return energy_p


def _lennard_jones_slope(distance_p: FloatArray) -> FloatArray:
    power_p: FloatArray = (SIZE / distance_p) ** 6
    slope_p: FloatArray = -24.0 * DEPTH * (2.0 * power_p**2 - power_p) / distance_p
    return slope_p


def water_box(edge: tuple[int, int, int], rng: np.random.Generator) -> Atoms:
    """Return molecules on a lattice, turned and shaken, in a periodic box."""
    half = 0.5 * ACROSS
    molecule_nc = np.array(
        [[0.0, 0.0, 0.0], [half, np.sqrt(BOND**2 - half**2), 0.0], [-half, np.sqrt(BOND**2 - half**2), 0]]
    )
    sites = np.stack(np.meshgrid(*map(np.arange, edge), indexing="ij"), axis=-1).reshape(-1, 3) * SPACING
    position_nc = []
    for site in sites:
        turn_cc, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        position_nc.append(site + molecule_nc @ turn_cc)
    atoms = Atoms("OH2" * len(sites), np.concatenate(position_nc), cell=np.multiply(edge, SPACING), pbc=True)
    atoms.positions += rng.normal(0.0, 0.03, atoms.positions.shape)
    return atoms


def labelled_water(atoms: Atoms) -> Atoms:
    """Return the atoms with energy, forces and stress."""
    atoms = atoms.copy()
    atoms.calc = FlexibleWater()  # type: ignore[no-untyped-call]
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), "stress": atoms.get_stress()}
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms
