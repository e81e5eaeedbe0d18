"""Errors and warnings: every error is a ``ValueError``."""

__all__ = [
    "ConvergenceError",
    "ExtrapolationError",
    "ExtrapolationWarning",
    "IntegrationError",
    "MissingLibraryError",
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


class ConvergenceError(RFHGNError):
    """A calculation ran, but did not reach its result: forces that do not vanish, a minimum that is not there."""


class ExtrapolationError(RFHGNError):
    """A structure is so unlike the training data that a run was told to stop."""


class MissingLibraryError(RFHGNError):
    """A library that is installed with an extra of this package is not there; the message names the extra."""


class UpdateError(RFHGNError):
    """A model cannot be updated exactly: it was fitted without its linear system, or digits would be lost."""


class TrainingDataWarning(UserWarning):
    """Training frames can be used, but their labels look wrong."""


class ExtrapolationWarning(UserWarning):
    """A structure is unlike the training data."""
