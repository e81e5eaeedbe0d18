"""Labels under names that ASE does not know: they are not used, and a warning says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
from ase import Atoms

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.frame import Frame

_LOOKS_LIKE = {
    "energy": re.compile(r"energy|toten", re.IGNORECASE),
    "forces": re.compile(r"force", re.IGNORECASE),
    "stress": re.compile(r"stress|virial", re.IGNORECASE),
}
_SOMETHING_ELSE = re.compile(r"weight|sigma|std|unc|err|kinetic|max|rms|tol|thresh|cutoff|unit", re.IGNORECASE)

ADVICE = "attach them as results of ASE's SinglePointCalculator (stress = -virial / volume)"
"""Advice that makes such labels usable."""


def labels_elsewhere(frame: Frame) -> list[str]:
    """Return where labels seem to be that the frame lacks: "arrays['force']", "info['REF_energy']".

    Parameters
    ----------
    frame : Frame
        A frame, with those labels that were found as results of a calculator.
    """
    present = {"energy": frame.energy, "forces": frame.force_nc, "stress": frame.stress_v}
    lacking = [kind for kind, label in present.items() if label is None]
    return [
        where
        for where, name, value in _named_values(frame.atoms)
        for kind in lacking
        if _LOOKS_LIKE[kind].search(name) and not _SOMETHING_ELSE.search(name) and _fits(kind, value, len(frame.atoms))
    ]


def refuse_labels_elsewhere(frames: Iterable[Frame], name: str) -> None:
    """Refuse frames without labels where some seem to have labels under other names.

    Parameters
    ----------
    frames : iterable of Frame
        The frames, none of which has labels.
    name : str
        Name of the frames in messages.

    Raises
    ------
    TrainingDataError
        If there are any; the message names them.
    """
    for frame in frames:
        found = labels_elsewhere(frame)
        if found:
            message = (
                f"{name}: no frame has labels where ASE keeps them, but {frame.name} has {' and '.join(found)}: "
                f"{ADVICE}, or choose targets='momenta' or targets='positions'"
            )
            raise TrainingDataError(message)


def _named_values(atoms: Atoms) -> Iterator[tuple[str, str, object]]:
    """Yield the place, name and value of everything that a structure carries besides its calculator."""
    yield from ((f"arrays[{name!r}]", name, value) for name, value in atoms.arrays.items())
    yield from ((f"info[{name!r}]", name, value) for name, value in atoms.info.items() if isinstance(name, str))


def _fits(kind: str, value: object, n_atoms: int) -> bool:
    """Return whether a value has the type and the shape of a label."""
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return False
    shapes: dict[str, list[tuple[int, ...]]] = {
        "energy": [(), (1,)],
        "forces": [(n_atoms, 3)],
        "stress": [(6,), (9,), (3, 3)],
    }
    return array.dtype.kind in "fi" and array.shape in shapes[kind]
