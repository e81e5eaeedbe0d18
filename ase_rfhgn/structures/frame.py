"""Frames: a frame is one structure with its labels, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import compare_atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.cell import cell_too_large, is_truly_periodic, places_too_far
from ase_rfhgn.structures.label_keys import GROUP, LabelKeys, NamedValue
from ase_rfhgn.structures.labels import Labels, labels_of

_NO_INFLUENCE = {"initial_charges", "initial_magmoms"}
"""Properties that may change after the labels were computed."""

_ELEMENTS = range(1, len(chemical_symbols))
"""Atomic numbers; ASE's 0 is a ghost."""

USUAL = LabelKeys()
"""Names of labels unless others are given."""


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
    label_names : dict of str to str
        Names of the labels that are used, by kind: "energy", "forces", "stress".
    other_labels : tuple of NamedValue
        What looks like a label, has other numbers, and is not used.
    group : str or None
        Group of the frame, such as its ``info["config_type"]``.
    """

    atoms: Atoms
    energy: float | None
    force_nc: FloatArray | None
    stress_v: FloatArray | None
    name: str
    velocity_nc: FloatArray | None = None
    label_names: dict[str, str] = field(default_factory=dict)
    other_labels: tuple[NamedValue, ...] = ()
    group: str | None = None

    @property
    def has_labels(self) -> bool:
        """Whether there is an energy, or forces, or a stress."""
        return not (self.energy is None and self.force_nc is None and self.stress_v is None)

    def with_labels_of(self, kind: str) -> Frame:
        """Return the frame with the labels of one kind ("energy", "forces" or "stress") alone."""
        others = [NamedValue(other, "results", name, None) for other, name in self.label_names.items() if other != kind]
        return replace(
            self,
            energy=self.energy if kind == "energy" else None,
            force_nc=self.force_nc if kind == "forces" else None,
            stress_v=self.stress_v if kind == "stress" else None,
            label_names={kind: self.label_names[kind]} if kind in self.label_names else {},
            other_labels=(*others, *self.other_labels),
        )

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


def frame_of(atoms: Atoms, name: str, *, labelled: bool = True, keys: LabelKeys = USUAL) -> Frame:
    """Return the frame of a structure; its labels are its calculator's results unless named, nothing is computed.

    Parameters
    ----------
    atoms : ase.Atoms
        The structure; it is copied.
    name : str
        Name of the frame in messages.
    labelled : bool, default True
        Whether labels are wanted; otherwise their numbers are not even looked at.
    keys : LabelKeys, optional
        Names of labels that are no results of the calculator.

    Raises
    ------
    TrainingDataError
        If the structure or a label is unphysical, or the labels belong to another structure.
    """
    _refuse(name, _flaws_of_structure(atoms))
    labels = labels_of(atoms, keys, used=labelled)
    _refuse(name, _flaws_of_labels(atoms, labels))
    energy = labels.value.get("energy")
    return Frame(
        atoms=atoms.copy(),
        energy=None if energy is None else float(energy),
        force_nc=_as_floats(labels.value.get("forces")),
        stress_v=_as_floats(labels.value.get("stress")),
        name=name,
        label_names=labels.name,
        other_labels=labels.other,
        group=_group(atoms, keys),
    )


def _group(atoms: Atoms, keys: LabelKeys) -> str | None:
    group = atoms.info.get(keys.group or GROUP)
    return None if group is None else str(group)


def _refuse(name: str, flaws: Iterator[str]) -> None:
    """Raise the first flaw, if there is one."""
    for flaw in flaws:
        message = f"{name}: {flaw}"
        raise TrainingDataError(message)


def _flaws_of_structure(atoms: Atoms) -> Iterator[str]:
    """Yield the flaws of a structure; each check relies on the checks before it."""
    if not isinstance(atoms, Atoms):
        yield f"this is no structure but of type {type(atoms).__name__}: give files, or a list of ase.Atoms"
    if not len(atoms):
        yield "there are no atoms: remove the frame"
    for n in np.flatnonzero(~np.isin(atoms.numbers, _ELEMENTS))[:1]:
        yield f"atom {n} has the atomic number {atoms.numbers[n]}: only real elements can be learned, remove it"
    for n in np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))[:1]:
        yield f"atom {n} has the position {atoms.positions[n]}: remove or repair the frame"
    if not np.isfinite(atoms.cell).all():
        yield f"the cell {atoms.cell.tolist()} is not finite: remove or repair the frame"
    yield from filter(None, (cell_too_large(atoms), places_too_far(atoms)))
    if not is_truly_periodic(atoms):
        yield (
            f"periodic along {atoms.pbc.tolist()}, but these vectors of the cell {atoms.cell.tolist()} do not span as "
            "many dimensions: set pbc or the cell"
        )
    for n in np.flatnonzero(~np.isfinite(atoms.get_momenta()).all(axis=1))[:1]:
        yield f"atom {n} has the momentum {atoms.get_momenta()[n]}: remove or repair the frame"


def _flaws_of_labels(atoms: Atoms, labels: Labels) -> Iterator[str]:
    """Yield the flaws of the labels of a structure."""
    shapes = {"energy": (), "forces": (len(atoms), 3), "stress": (6,)}
    for kind, value in labels.value.items():
        label = kind if labels.place[kind] == "results" else f"{kind} ({labels.name[kind]})"
        if value.dtype.kind not in "fiu" or value.shape != shapes[kind]:
            symmetric = ", or a symmetric matrix" if kind == "stress" else ""
            yield (
                f"{label} of type {value.dtype} and shape {value.shape}; needed are numbers of shape "
                f"{shapes[kind]}{symmetric}"
            )
        for index in np.argwhere(~np.isfinite(value))[:1]:
            where = f" of atom {index[0]}" if kind == "forces" else ""
            yield f"{label}{where}: {value[tuple(index)]} is not finite; remove the label or the frame"
    owner = getattr(atoms.calc, "atoms", None)
    if owner is not None and "results" in labels.place.values():
        changes = compare_atoms(owner, atoms, excluded_properties=_NO_INFLUENCE)
        if changes:
            yield (
                f"the labels belong to other {' and '.join(changes)}: the structure was changed after they were "
                "computed; attach them anew with ASE's SinglePointCalculator"
            )


def _as_floats(value: NDArray[Any] | None) -> FloatArray | None:
    return None if value is None else np.array(value, dtype=np.float64)
