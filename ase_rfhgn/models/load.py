"""Model files of every kind, read back: the only module that looks at the kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ase_rfhgn.models import phase_space as phase_space_potential
from ase_rfhgn.models import potential
from ase_rfhgn.models.archive import Arrays, Header, read_model_as
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.models.potential import Potential

AnyModel: TypeAlias = Potential | PhaseSpacePotential


def load_model(path: str | Path) -> AnyModel:
    """Return the model of a file: a potential or a phase-space model.

    Parameters
    ----------
    path : str or Path
        File that `Potential.save` or `PhaseSpacePotential.save` wrote.

    Raises
    ------
    ModelFileError
        If the file is missing or not an intact model.
    """
    makers: dict[str, Callable[[Header, Arrays], AnyModel]] = {
        **potential.MAKERS,
        phase_space_potential.KIND: phase_space_potential.assemble,
    }
    return read_model_as(path, makers)
