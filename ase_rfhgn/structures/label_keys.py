"""Names of labels: the names that a user gives, and the names under which labels are recognised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

from ase import Atoms

from ase_rfhgn.errors import SettingsError

GROUP = "config_type"
"""Entry of ``info`` that groups frames, unless another name is given."""

_LOOKS_LIKE = {
    "energy": re.compile(r"energy|toten", re.IGNORECASE),
    "forces": re.compile(r"force", re.IGNORECASE),
    "stress": re.compile(r"stress|virial", re.IGNORECASE),
}
_SOMETHING_ELSE = re.compile(
    r"weight|sigma|std|unc|err|kinetic|per_?atom|max|rms|tol|thresh|cutoff|unit", re.IGNORECASE
)
_VIRIALS = re.compile(r"virial", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelKeys:
    """Names under which frames have their labels, where these are no results of a calculator.

    A name is looked for in ``info`` (energies, stresses, virials) or ``arrays`` (forces), then among the results of
    the calculator. Where a name is given, no other label of its kind is used.

    Attributes
    ----------
    energy : str, optional
        Name of the energies (eV); by default ``energy``, or ``free_energy`` where there is no ``energy``.
    forces : str, optional
        Name of the forces (eV/Å).
    stress : str, optional
        Name of the stresses, positive in tension (eV/Å³): six components xx, yy, zz, yz, xz, xy, or a matrix.
    virials : str, optional
        Name of the virials (eV), positive under pressure: the stress is −virial / volume. Used where there is no
        ``stress`` of a given name.
    group : str, optional
        Entry of ``info`` that groups frames; by default ``config_type``.
    """

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virials: str | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        """Check every name.

        Raises
        ------
        SettingsError
            If one is not a word.
        """
        for field in fields(self):
            name = getattr(self, field.name)
            if name is not None and not (isinstance(name, str) and name):
                message = f"{field.name}_key is {name!r}: it must be a name, such as 'REF_energy'"
                raise SettingsError(message)

    @classmethod
    def of_settings(cls, settings: Mapping[str, object]) -> LabelKeys:
        """Return the names that settings of a fit hold, such as those in the record of a model."""
        return cls(**{field.name: settings.get(f"{field.name}_key") for field in fields(cls)})  # type: ignore[arg-type]

    def overridden(self, other: LabelKeys | None) -> LabelKeys:
        """Return these names, but those that others have."""
        given = {} if other is None else {field.name: getattr(other, field.name) for field in fields(other)}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    @property
    def of_labels(self) -> dict[str, str]:
        """Given names, by the arguments that gave them: "energy_key", …; without the name of groups."""
        named = {f"{field.name}_key": getattr(self, field.name) for field in fields(self) if field.name != "group"}
        return {argument: name for argument, name in named.items() if name is not None}


@dataclass(frozen=True, slots=True)
class NamedValue:
    """Something that a structure carries, and that looks like a label.

    Attributes
    ----------
    kind : {"energy", "forces", "stress"}
        Kind of the label.
    place : {"info", "arrays", "results"}
        Where it stands: in one of these mappings of the structure, or among the results of its calculator.
    name : str
        Its name there.
    value : object
        The value; None where it is not kept.
    is_virial : bool
        Whether it is a virial, to be divided by minus the volume.
    """

    kind: str
    place: str
    name: str
    value: object
    is_virial: bool = False

    @property
    def advice(self) -> str:
        """Argument that makes it a label."""
        return f"{'virials' if self.is_virial else self.kind}_key={self.name!r}"


def values_like_labels(atoms: Atoms) -> Iterator[NamedValue]:
    """Yield everything in the ``info``, the arrays and the results of a structure that is named like a label.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    """
    places = {"arrays": atoms.arrays, "info": atoms.info, "results": getattr(atoms.calc, "results", {})}
    for place, values in places.items():
        for name, value in values.items():
            for kind, pattern in _LOOKS_LIKE.items():
                if isinstance(name, str) and pattern.search(name) and not _SOMETHING_ELSE.search(name):
                    yield NamedValue(kind, place, name, value, kind == "stress" and bool(_VIRIALS.search(name)))
