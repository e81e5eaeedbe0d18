"""Sources of structures as a user names them: files, globs, and slices of either."""

from __future__ import annotations

import re
from collections.abc import Iterable
from glob import glob
from pathlib import Path

from ase.utils import string2index

from ase_rfhgn.errors import TrainingDataError

_INDEX = re.compile(r"(-?\d+)|(-?\d+)?:(-?\d+)?(:(-?\d+)?)?")
"""What ASE lets follow "@" in the name of a file: "-1", "::5"."""

_WILD = re.compile(r"[*?\[]")


def split_index(source: str) -> tuple[str, slice]:
    """Return the path and the index of "path@index", where "@" is not a part of the file's name.

    Parameters
    ----------
    source : str
        Name of a file, maybe with ASE's index syntax.
    """
    path, _, text = source.rpartition("@")
    if not _INDEX.fullmatch(text) or Path(source).exists():
        return source, slice(None)
    index = string2index(text)
    return path, index if isinstance(index, slice) else slice(int(index), int(index) + 1 or None)


def expanded(sources: Iterable[str | Path]) -> list[str]:
    """Return the files that sources name, in the order of the sources; those of a glob are sorted by name.

    Parameters
    ----------
    sources : iterable of str or Path
        Names of files, or globs such as "run*/OUTCAR", maybe with ASE's index syntax: "run*.traj@::5". A file
        whose name has the characters of a glob is itself. An index applies to each of the files.

    Raises
    ------
    TrainingDataError
        If no file matches a glob.
    """
    return [name for source in sources for name in _expanded(str(source))]


def _expanded(source: str) -> list[str]:
    path, _ = split_index(source)
    if not _WILD.search(path) or Path(path).exists():
        return [source]
    matching = sorted(name for name in glob(path, recursive=True) if Path(name).is_file())  # noqa: PTH207  # absolute too
    if not matching:
        message = f"{path}: no file matches; give the names of files, or another pattern"
        raise TrainingDataError(message)
    return [f"{name}{source.removeprefix(path)}" for name in matching]
