"""Files that commands write: none of the user's is overwritten by accident."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.archive import is_model_file
from ase_rfhgn.structures.sources import expanded, split_index


def add_output(command: argparse.ArgumentParser, metavar: str, *, required: bool = True) -> None:
    """Let a command write a file: ``-o``, and ``--force``, which `require_writable` obeys.

    Parameters
    ----------
    command : ArgumentParser
        Parser of the command.
    metavar : str
        Name of a file as an example.
    required : bool, default True
        Whether the command must write one.
    """
    command.add_argument("-o", "--output", required=required, metavar=metavar, help="file to write")
    add_force(command)


def add_force(command: argparse.ArgumentParser) -> None:
    """Let a command replace existing files that are no models."""
    command.add_argument("--force", action="store_true", help="replace an existing file that is not a model")


def require_writable(path: str | Path | None, inputs: Iterable[str | Path | None], *, force: bool = False) -> None:
    """Refuse a file that must not or cannot be written; called before any work is done.

    Parameters
    ----------
    path : str, Path or None
        File to write; None is accepted, and nothing is checked.
    inputs : iterable of str, Path or None
        All files that the command reads, as the user named them: globs and slices are understood, None is left out.
    force : bool, default False
        Whether an existing file that is not a model may be replaced. An input never is.

    Raises
    ------
    SettingsError
        If the file is one of the inputs, a folder, in no folder, or exists and is not a model.
    TrainingDataError
        If an input is a glob that no file matches.
    """
    if path is None:
        return
    path = Path(path)
    _require_folder(path)
    if not path.exists():
        return
    for source in expanded(source for source in inputs if source is not None):
        name, _ = split_index(source)
        if Path(name).exists() and path.samefile(name):
            message = f"{path} is an input, and would be overwritten: give another name to the output"
            raise SettingsError(message)
    if not (force or is_model_file(path)):
        message = f"{path} exists and is not a model: give another name, or add --force to replace it"
        raise SettingsError(message)


def _require_folder(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        message = f"{path}: there is no folder {folder}; make it first"
        raise SettingsError(message)
    if path.is_dir():
        message = f"{path} is a folder: give the name of a file"
        raise SettingsError(message)
    try:
        with tempfile.NamedTemporaryFile(prefix=".", dir=path.resolve().parent):
            pass
    except OSError as error:
        message = f"{path}: nothing can be written to the folder {folder} ({error.strerror}); choose another"
        raise SettingsError(message) from error
