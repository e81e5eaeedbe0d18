"""Models that calculators open, and the errors about what calculators are given."""

from __future__ import annotations

from pathlib import Path

from ase.calculators.calculator import InputError

from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.models.load import AnyModel, load_model


class StructureInputError(StructureError, InputError):
    """A structure that the potential cannot evaluate: our error and ASE's at once."""


class SettingsInputError(SettingsError, InputError):
    """A setting that the calculator does not have: our error and ASE's at once."""


def opened_model(model: AnyModel | str | Path, fingerprint: str | None = None) -> AnyModel:
    """Return a model, or that of a file, after a check of its fingerprint.

    Parameters
    ----------
    model : Potential, PhaseSpacePotential, str or Path
        The model, or its file.
    fingerprint : str, optional
        Fingerprint that it must have.

    Raises
    ------
    ModelFileError
        If the file is missing or not an intact model.
    SettingsInputError
        If the model has another fingerprint.
    """
    opened = load_model(model) if isinstance(model, str | Path) else model
    if fingerprint not in {None, opened.fingerprint}:
        message = f"the model has the fingerprint {opened.fingerprint}, not {fingerprint}: it is another model"
        raise SettingsInputError(message)
    return opened
