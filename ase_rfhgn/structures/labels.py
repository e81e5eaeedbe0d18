"""Labels of a structure: those that are used, under which names they stand, and those that are not used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.label_keys import LabelKeys, NamedValue, values_like_labels

KINDS = ("energy", "forces", "stress")

SAME = 1e-6
"""Relative difference below which two values are one label under two names."""

ASYMMETRY = 0.05
"""Largest difference of a matrix from its transpose, relative to its largest component, that rounding explains."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of a structure.

    Attributes
    ----------
    value : dict of str to ndarray
        Labels that are used, by kind: "energy", "forces", "stress".
    name : dict of str to str
        The names under which they stand.
    place : dict of str to str
        Where they stand: "info", "arrays" or "results".
    other : tuple of NamedValue
        What looks like a label, has other numbers, and is not used.
    """

    value: dict[str, NDArray[Any]]
    name: dict[str, str]
    place: dict[str, str]
    other: tuple[NamedValue, ...]


def labels_of(atoms: Atoms, keys: LabelKeys, *, used: bool = True) -> Labels:
    """Return the labels of a structure: results of its calculator, or values under the names that are given.

    Parameters
    ----------
    atoms : ase.Atoms
        The structure; nothing is computed.
    keys : LabelKeys
        Names of labels.
    used : bool, default True
        Whether labels are wanted; otherwise they all count as not used.
    """
    chosen = {kind: found for kind in KINDS if used and (found := _chosen(atoms, keys, kind)) is not None}
    value = {kind: _as_label(found, atoms) for kind, found in chosen.items()}
    return Labels(
        value=value,
        name={kind: found.name for kind, found in chosen.items()},
        place={kind: found.place for kind, found in chosen.items()},
        other=tuple(
            replace(found, value=None)
            for found in values_like_labels(atoms)
            if not _is_used(found, chosen) and _is_other(found, atoms, value)
        ),
    )


def _chosen(atoms: Atoms, keys: LabelKeys, kind: str) -> NamedValue | None:
    """Return the label of a kind."""
    if kind == "stress" and not has_volume(atoms):
        return None
    for name in _names(keys, kind):
        for place, values in _places(atoms, kind, given=name in keys.of_labels.values()).items():
            if values.get(name) is not None:
                is_virial = kind == "stress" and name == keys.virials and name != keys.stress
                return NamedValue(kind, place, name, values[name], is_virial)
    return None


def _names(keys: LabelKeys, kind: str) -> list[str]:
    """Return the names under which a label of a kind may stand, the best first."""
    usual = {"energy": ["energy", "free_energy"], "forces": ["forces"], "stress": ["stress"]}
    given = {"energy": [keys.energy], "forces": [keys.forces], "stress": [keys.stress, keys.virials]}
    return [name for name in given[kind] if name is not None] or usual[kind]


def _places(atoms: Atoms, kind: str, *, given: bool) -> dict[str, Any]:
    """Return the mappings in which a name is looked for."""
    results = {"results": getattr(atoms.calc, "results", {})}
    if not given:
        return results
    return ({"arrays": atoms.arrays} if kind == "forces" else {"info": atoms.info}) | results


def _as_label(found: NamedValue, atoms: Atoms) -> NDArray[Any]:
    """Return a value as a label, where it has a sensible shape; otherwise as it is, to be refused."""
    value = _as_array(found.value)
    if found.kind == "energy" and value.shape == (1,):
        return value[0]  # type: ignore[no-any-return]
    if found.kind != "stress" or value.dtype.kind not in "fiu":
        return value
    if value.shape == (9,):
        value = value.reshape(3, 3)
    if value.shape == (3, 3) and not _is_lopsided(value):
        value = full_3x3_to_voigt_6_stress(value)
    return -value / atoms.get_volume() if found.is_virial else value


def _as_array(value: object) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:  # ragged
        return np.asarray(str(value))


def _is_lopsided(value_cc: NDArray[Any]) -> bool:
    """Return whether a matrix is not symmetric, beyond rounding."""
    return bool(np.abs(value_cc - value_cc.T).max() > ASYMMETRY * np.abs(value_cc).max())


def _is_used(found: NamedValue, chosen: dict[str, NamedValue]) -> bool:
    mine = chosen.get(found.kind)
    return mine is not None and (mine.place, mine.name) == (found.place, found.name)


def _is_other(found: NamedValue, atoms: Atoms, value: dict[str, NDArray[Any]]) -> bool:
    """Return whether something is a label, by its shape, of which the numbers are not used."""
    number = _as_array(found.value)
    shapes: dict[str, list[tuple[int, ...]]] = {
        "energy": [(), (1,)],
        "forces": [(len(atoms), 3)],
        "stress": [(6,), (9,), (3, 3)],
    }
    if number.dtype.kind not in "fi" or number.shape not in shapes[found.kind]:
        return False
    mine = value.get(found.kind)
    if mine is None or (found.kind == "stress" and not has_volume(atoms)):
        return True
    other = _as_label(found, atoms)
    if other.shape != mine.shape or mine.dtype.kind not in "fiu":
        return True
    return not np.all(np.abs(other - mine) <= SAME * np.abs(mine).max())
