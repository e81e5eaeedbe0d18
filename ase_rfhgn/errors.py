"""Errors and the warning about bad input: every error is a ``ValueError``."""

__all__ = [
    "IntegrationError",
    "ModelFileError",
    "OutputError",
    "RFHGNError",
    "SettingsError",
    "StructureError",
    "TrainingDataError",
    "TrainingDataWarning",
    "UpdateError",
]


class RFHGNError(ValueError):
    """Base of every error that this package raises on purpose."""


class TrainingDataError(RFHGNError):
    """A training frame, or the file that holds it, cannot be used."""


class SettingsError(RFHGNError):
    """A setting is out of its range, or contradicts another setting or the frames."""


class ModelFileError(RFHGNError):
    """A file is not an intact model that this version can read, or a model cannot be stored."""


class OutputError(RFHGNError):
    """A file cannot be written: full disk, no such folder, no permission."""


class StructureError(RFHGNError):
    """A structure cannot be evaluated: bad positions, or an unknown element."""


class IntegrationError(RFHGNError):
    """The equations of a time step cannot be solved."""


class UpdateError(RFHGNError):
    """A model cannot be updated exactly: it was fitted without its linear system, or digits would be lost."""


class TrainingDataWarning(UserWarning):
    """Training frames can be used, but their labels look wrong."""
