"""Libraries that extras of this package install: imported when they are needed, named when they are not there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ase_rfhgn.errors import MissingLibraryError


def library(name: str, extra: str) -> Any:  # noqa: ANN401  # a module
    """Return an installed library.

    Parameters
    ----------
    name : str
        Name of the module.
    extra : str
        Name of the extra that installs it.

    Raises
    ------
    MissingLibraryError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        message = f"{name.partition('.')[0]} is not installed: pip install 'ase-rfhgn[{extra}]'"
        raise MissingLibraryError(message) from error
