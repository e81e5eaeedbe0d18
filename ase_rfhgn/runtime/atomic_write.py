"""Atomic writes: a file is written whole or not at all, and an older file survives a failure."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ase_rfhgn.errors import OutputError


def atomic_write(path: str | Path, write: Callable[[Path], object]) -> None:
    """Write a file elsewhere, and put it in its place once it is safely on the disk.

    Parameters
    ----------
    path : str or Path
        The file. A symbolic link stays one: its target is replaced.
    write : callable
        What writes it to the path that it is given, which has the same name in a temporary folder
        beside the file.

    Raises
    ------
    OutputError
        If the file cannot be written: full disk, no such folder, no permission.
    """
    path = Path(path).resolve()
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent, ignore_cleanup_errors=True) as folder:
            written = Path(folder) / path.name
            write(written)
            with written.open("rb+") as file:
                os.fsync(file.fileno())
            written.replace(path)
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror or error}); nothing there was changed"
        raise OutputError(message) from error
