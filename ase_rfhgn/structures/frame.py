"""Frames: a frame is one structure with its labels, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import compare_atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.cell import has_volume, is_truly_periodic, places_too_far

_NO_INFLUENCE = {"initial_charges", "initial_magmoms"}
"""Properties that may change after the labels were computed."""

_ELEMENTS = range(1, len(chemical_symbols))
"""Atomic numbers; ASE's 0 is a ghost."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A structure and its labels.

    Attributes
    ----------
    atoms : ase.Atoms
        The structure, without a calculator.
    energy : float or None
        Energy of the whole cell (eV).
    force_nc : ndarray of shape (n_atoms, 3) or None
        Forces, also on constrained atoms (eV/Å).
    stress_v : ndarray of shape (6,) or None
        Stress, positive in tension (eV/Å³); None unless the cell has a volume.
    name : str
        Name of the frame in messages: "train.traj, frame 12".
    velocity_nc : ndarray of shape (n_atoms, 3) or None
        Velocities ∂H/∂p, where these are labels, too (Å per ASE time).
    """

    atoms: Atoms
    energy: float | None
    force_nc: FloatArray | None
    stress_v: FloatArray | None
    name: str
    velocity_nc: FloatArray | None = None

    @property
    def has_labels(self) -> bool:
        """Whether there is an energy, or forces, or a stress."""
        return not (self.energy is None and self.force_nc is None and self.stress_v is None)

    def as_atoms(self) -> Atoms:
        """Return the structure with a calculator that holds the labels."""
        labels = {"energy": self.energy, "forces": self.force_nc, "stress": self.stress_v}
        atoms: Atoms = self.atoms.copy()
        atoms.calc = SinglePointCalculator(atoms, **{key: value for key, value in labels.items() if value is not None})
        return atoms

    @property
    def fingerprint(self) -> int:
        """A number that distinguishes this structure with these labels from any other."""
        atoms = self.atoms
        energy = None if self.energy is None else np.array(self.energy)
        arrays = (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, energy, self.force_nc, self.stress_v)
        return fingerprint_of(*arrays)


def fingerprint_of(*arrays: NDArray[Any] | None) -> int:
    """Return a number that distinguishes arrays from any others; it is the same in every process.

    Parameters
    ----------
    *arrays : ndarray or None
        Arrays, of which some may be absent.
    """
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(b"-" if array is None else np.ascontiguousarray(array + 0).tobytes())  # −0 becomes 0
    return int.from_bytes(digest.digest(), "little", signed=True)


def frame_of(atoms: Atoms, name: str, *, labelled: bool = True) -> Frame:
    """Return the frame of a structure; its labels are its calculator's results, nothing is computed.

    Parameters
    ----------
    atoms : ase.Atoms
        The structure; it is copied.
    name : str
        Name of the frame in messages.
    labelled : bool, default True
        Whether labels are wanted; otherwise they are not even looked at.

    Raises
    ------
    TrainingDataError
        If the structure or a label is unphysical, or the labels belong to another structure.
    """
    _refuse(name, _flaws_of_structure(atoms))
    labels = _labels(atoms) if labelled else {}
    _refuse(name, _flaws_of_labels(atoms, labels))
    energy = labels.get("energy")
    return Frame(
        atoms=atoms.copy(),
        energy=None if energy is None else float(energy),
        force_nc=_as_floats(labels.get("forces")),
        stress_v=_as_floats(labels.get("stress")),
        name=name,
    )


def _refuse(name: str, flaws: Iterator[str]) -> None:
    """Raise the first flaw, if there is one."""
    for flaw in flaws:
        message = f"{name}: {flaw}"
        raise TrainingDataError(message)


def _flaws_of_structure(atoms: Atoms) -> Iterator[str]:
    """Yield the flaws of a structure; each check relies on the checks before it."""
    if not isinstance(atoms, Atoms):
        yield f"a {type(atoms).__name__} where ase.Atoms are needed: give a list of Atoms"
    if not len(atoms):
        yield "there are no atoms: remove the frame"
    for n in np.flatnonzero(~np.isin(atoms.numbers, _ELEMENTS))[:1]:
        yield f"atom {n} has the atomic number {atoms.numbers[n]}: only real elements can be learned, remove it"
    for n in np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))[:1]:
        yield f"atom {n} has the position {atoms.positions[n]}: remove or repair the frame"
    too_far = places_too_far(atoms)
    if too_far is not None:
        yield too_far
    if not np.isfinite(atoms.cell).all():
        yield f"the cell {atoms.cell.tolist()} is not finite: remove or repair the frame"
    if not is_truly_periodic(atoms):
        yield (
            f"periodic along {atoms.pbc.tolist()}, but these vectors of the cell {atoms.cell.tolist()} do not span as "
            "many dimensions: set pbc or the cell"
        )
    for n in np.flatnonzero(~np.isfinite(atoms.get_momenta()).all(axis=1))[:1]:
        yield f"atom {n} has the momentum {atoms.get_momenta()[n]}: remove or repair the frame"


def _labels(atoms: Atoms) -> dict[str, NDArray[Any]]:
    """Return energy, forces and stress, those that the calculator has results for."""
    results = getattr(atoms.calc, "results", {})
    energy = results.get("energy")
    found = {
        "energy": results.get("free_energy") if energy is None else energy,
        "forces": results.get("forces"),
        "stress": results.get("stress") if has_volume(atoms) else None,
    }
    labels = {label: np.asarray(value) for label, value in found.items() if value is not None}
    if "stress" in labels and labels["stress"].shape == (3, 3):
        labels["stress"] = full_3x3_to_voigt_6_stress(labels["stress"])
    return labels


def _flaws_of_labels(atoms: Atoms, labels: dict[str, NDArray[Any]]) -> Iterator[str]:
    """Yield the flaws of the labels of a structure."""
    shapes = {"energy": (), "forces": (len(atoms), 3), "stress": (6,)}
    for label, value in labels.items():
        if value.dtype.kind not in "fiu" or value.shape != shapes[label]:
            yield f"{label} of type {value.dtype} and shape {value.shape}; needed are numbers of shape {shapes[label]}"
        for index in np.argwhere(~np.isfinite(value))[:1]:
            where = f" of atom {index[0]}" if label == "forces" else ""
            yield f"{label}{where}: {value[tuple(index)]} is not finite; remove the label or the frame"
    owner = getattr(atoms.calc, "atoms", None)
    changes = compare_atoms(owner, atoms, excluded_properties=_NO_INFLUENCE) if labels and owner is not None else []
    if changes:
        yield (
            f"the labels belong to other {' and '.join(changes)}: the structure was changed after they were computed; "
            "attach them anew with ASE's SinglePointCalculator"
        )


def _as_floats(value: NDArray[Any] | None) -> FloatArray | None:
    return None if value is None else np.array(value, dtype=np.float64)
