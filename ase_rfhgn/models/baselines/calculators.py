"""Baselines that are other ASE calculators: dispersion, tight binding, classical potentials."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.errors import ModelFileError, SettingsError, StructureError
from ase_rfhgn.features.response import Response
from ase_rfhgn.models.archive import JSON, shaped
from ase_rfhgn.models.named_calculators import TRUST, NamedCalculator, trusted_modules
from ase_rfhgn.structures.cell import has_volume

SAME_ENERGY = 1e-5
"""Difference of energies per atom up to which two calculators are taken to be the same (eV)."""

SAME_FORCE = 1e-4
"""Difference of forces, likewise (eV/Å)."""


@dataclass(frozen=True, eq=False)
class Witness(ReadOnlyArrays):
    """A structure, and the energy and forces that a baseline had for it in the fit.

    Attributes
    ----------
    number_n : ndarray of shape (n_atoms,)
        Atomic numbers.
    position_nc : ndarray of shape (n_atoms, 3)
        Positions (Å).
    cell_cc : ndarray of shape (3, 3)
        Cell (Å).
    periodic_c : ndarray of shape (3,)
        1 along the vectors of the cell along which the structure is periodic, else 0.
    energy : float
        Energy (eV).
    force_nc : ndarray of shape (n_atoms, 3)
        Forces (eV/Å).
    """

    number_n: NDArray[np.int64]
    position_nc: FloatArray
    cell_cc: FloatArray
    periodic_c: NDArray[np.int64]
    energy: float
    force_nc: FloatArray

    @classmethod
    def of(cls, atoms: Atoms, response: Response) -> Witness:
        """Return the witness of a structure and a response."""
        return cls(
            number_n=atoms.numbers.astype(np.int64),
            position_nc=atoms.positions,
            cell_cc=atoms.cell.array,
            periodic_c=atoms.pbc.astype(np.int64),
            energy=float(response.energy_n.sum()),
            force_nc=response.force_nc,
        )

    @property
    def atoms(self) -> Atoms:
        """The structure."""
        return Atoms(self.number_n, self.position_nc, cell=self.cell_cc, pbc=self.periodic_c.astype(bool))

    def contradicts(self, response: Response) -> str | None:
        """Return how a response differs from the one of the fit, None if it does not."""
        energy = abs(float(response.energy_n.sum()) - self.energy) / len(self.number_n)
        force = float(np.abs(response.force_nc - self.force_nc).max(initial=0.0))
        if energy <= SAME_ENERGY and force <= SAME_FORCE:
            return None
        return f"energies differ by {energy:.2g} eV/atom and forces by {force:.2g} eV/Å"

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the witness as named arrays."""
        names = ("number_n", "position_nc", "cell_cc", "periodic_c", "force_nc")
        return {name: getattr(self, name) for name in names} | {"energy": np.array([self.energy])}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Witness:
        """Return the witness that `as_arrays` wrote, after a check of the arrays."""
        n_atoms = len(arrays["number_n"])
        return cls(
            number_n=shaped(arrays, "number_n", (n_atoms,)),
            position_nc=shaped(arrays, "position_nc", (n_atoms, 3)),
            cell_cc=shaped(arrays, "cell_cc", (3, 3)),
            periodic_c=shaped(arrays, "periodic_c", (3,)),
            energy=float(shaped(arrays, "energy", (1,))[0]),
            force_nc=shaped(arrays, "force_nc", (n_atoms, 3)),
        )


@dataclass(frozen=True, eq=False)
class CalculatorBaseline(ReadOnlyArrays):
    """The sum of other calculators; each is made when it is first needed.

    Attributes
    ----------
    named : tuple of NamedCalculator
        The calculators.
    witnesses : tuple of Witness
        What their sum answered in the fit.
    """

    named: tuple[NamedCalculator, ...]
    witnesses: tuple[Witness, ...] = ()

    def __str__(self) -> str:
        """Return the names of the calculators."""
        return " + ".join(map(str, self.named))

    @property
    def has_stress(self) -> bool:
        """Whether all calculators have a stress."""
        return all("stress" in calculator.implemented_properties for calculator in self._calculators)

    def respond(self, atoms: Atoms) -> Response:
        """Return the energies, forces and virial of a structure; the virial is zero without a stress.

        Energies of the atoms are those of the calculators that have them; other energies are shared evenly.

        Raises
        ------
        StructureError
            If a calculator fails, or an answer is not finite.
        """
        structure = atoms.copy()
        del structure.constraints
        total = Response(np.zeros(len(atoms)), np.zeros((len(atoms), 3)), np.zeros((3, 3)))
        with self._lock:  # calculators of ASE keep their last structure: one thread at a time
            for name, calculator in zip(self.named, self._calculators, strict=True):
                total += _answer(str(name), calculator, structure, stress=self.has_stress)
        return total

    def require_same(self) -> None:
        """Refuse calculators that no longer answer as in the fit.

        Raises
        ------
        ModelFileError
            If a calculator cannot be made, fails, or answers differently.
        """
        for witness in self.witnesses:
            try:
                difference = witness.contradicts(self.respond(witness.atoms))
            except (SettingsError, StructureError) as error:
                message = f"the baseline {self} of this model is needed: {error}"
                raise ModelFileError(message) from error
            if difference is not None:
                message = (
                    f"the baseline {self} answers otherwise than in the fit, {difference}; in the fit its versions "
                    f"were other ones, or it reads other files: install them, or fit anew (now: {self._versions})"
                )
                raise ModelFileError(message)

    @property
    def _versions(self) -> str:
        return ", ".join(f"{name.module.partition('.')[0]} {name.package_version}" for name in self.named)

    def header(self) -> list[JSON]:
        """Return the names and versions of the calculators for the header of a model file."""
        return [
            {"path": one.path, "arguments": dict(one.arguments), "version": one.package_version} for one in self.named
        ]

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the witnesses as named arrays."""
        parts = [
            {f"{number}.{name}": array for name, array in witness.as_arrays().items()}
            for number, witness in enumerate(self.witnesses)
        ]
        return {name: array for part in parts for name, array in part.items()}

    @classmethod
    def of_file(cls, header: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> CalculatorBaseline:
        """Return the baseline of a model file, of which no calculator was made yet."""
        named = tuple(NamedCalculator(str(one["path"]), dict(one["arguments"])) for one in header)
        numbers = sorted({int(name.partition(".")[0]) for name in arrays})
        parts = [
            {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{number}.")}
            for number in numbers
        ]
        return cls(named, tuple(Witness.of_arrays(part) for part in parts))

    def require_trust(self) -> None:
        """Refuse calculators that a model file may not name: making a calculator runs its code.

        Raises
        ------
        ModelFileError
            If there is one; the message tells how to trust it.
        """
        for name in self.named:
            if name.module not in trusted_modules():
                message = (
                    f"the model needs the baseline {name}, whose code would be run: if you trust it, set the "
                    f"environment variable {TRUST}={name.module}"
                )
                raise ModelFileError(message)

    @cached_property
    def _calculators(self) -> tuple[BaseCalculator, ...]:
        return tuple(name.make() for name in self.named)

    @cached_property
    def _lock(self) -> threading.Lock:
        return threading.Lock()


def _answer(name: str, calculator: BaseCalculator, atoms: Atoms, *, stress: bool) -> Response:
    """Return the answer of one calculator, checked to be finite."""
    wanted = ["energy", "forces"] + ["stress"] * (stress and has_volume(atoms))
    try:
        energy, force_nc, *stresses = (np.asarray(calculator.get_property(one, atoms)) for one in wanted)
    except Exception as error:  # calculators raise errors of all kinds
        message = f"the baseline {name} fails on this structure: {type(error).__name__}: {error}"
        raise StructureError(message) from error
    if not all(np.isfinite(one).all() for one in (energy, force_nc, *stresses)):
        message = f"the baseline {name} has an energy, forces or a stress that are not finite for this structure"
        raise StructureError(message)
    virial_cc = np.zeros((3, 3))
    if stresses:
        virial_cc = atoms.get_volume() * _matrix(stresses[0])
    return Response(_shared(calculator, atoms, float(energy)), np.array(force_nc, dtype=np.float64), virial_cc)


def _matrix(stress_v: FloatArray) -> FloatArray:
    """Return a stress in Voigt order as a matrix."""
    xx, yy, zz, yz, xz, xy = stress_v
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _shared(calculator: BaseCalculator, atoms: Atoms, energy: float) -> FloatArray:
    """Return the energies of the atoms; what a calculator does not share out is shared evenly."""
    energy_n = np.zeros(len(atoms))
    if "energies" in calculator.implemented_properties:
        energy_n = np.array(calculator.get_property("energies", atoms), dtype=np.float64)
    shared_n: FloatArray = energy_n + (energy - energy_n.sum()) / len(atoms)
    return shared_n
