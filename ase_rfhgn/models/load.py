"""Model files of every kind, read back: the only module that looks at the kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from ase_rfhgn.errors import ModelFileError
from ase_rfhgn.models import phase_space as phase_space_potential
from ase_rfhgn.models import potential
from ase_rfhgn.models.archive import Arrays, Header, read_model_as
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.models.potential import Potential

AnyModel: TypeAlias = Potential | PhaseSpacePotential

WITHOUT_FORCES = {"integrals of motion": "Integrals", "canonical map": "CanonicalMap", "normal modes": "NormalModes"}
"""Kinds of model files that have no energies or forces, with their classes in `ase_rfhgn.symmetries`."""


def load_model(path: str | Path) -> AnyModel:
    """Return the model of a file: a potential or a phase-space model.

    Parameters
    ----------
    path : str or Path
        File that `Potential.save` or `PhaseSpacePotential.save` wrote.

    Raises
    ------
    ModelFileError
        If the file is missing, not an intact model, or one of `ase_rfhgn.symmetries`, which has no energies or forces.
    """
    makers: dict[str, Callable[[Header, Arrays], AnyModel]] = {
        **potential.MAKERS,
        phase_space_potential.KIND: phase_space_potential.assemble,
        **{kind: partial(_refused, path, kind) for kind in WITHOUT_FORCES},
    }
    return read_model_as(path, makers)


def _refused(path: str | Path, kind: str, header: Header, arrays: Arrays) -> AnyModel:  # noqa: ARG001  # as makers
    """Refuse a model without energies and forces."""
    message = (
        f"{path} holds {'a ' if kind == 'canonical map' else ''}{kind}, without energies or forces: give "
        f"the file of a potential here; ase_rfhgn.symmetries.{WITHOUT_FORCES[kind]}.load reads this one, and ase-rfhgn "
        "info prints it"
    )
    raise ModelFileError(message)
