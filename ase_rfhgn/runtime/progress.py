"""Progress bars and logs on stderr for long work."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar, cast

from tqdm import tqdm

SECONDS_BEFORE_PROGRESS = 2.0
"""Work that is done sooner shows nothing (s)."""

Item = TypeVar("Item")


def progress_bar(items: Iterable[Item], label: str, *, total: int | None = None, shown: bool = True) -> Iterable[Item]:
    """Return the same items; going through them shows a progress bar that vanishes at the end.

    Nothing is shown when stderr is not a terminal, nor in the first two seconds.

    Parameters
    ----------
    items : iterable
        Items of the work.
    label : str
        Name of the work.
    total : int, optional
        Number of items, if ``len(items)`` does not exist.
    shown : bool, default True
        Whether progress is wanted at all.
    """
    if not shown:
        return items
    hidden_without_terminal = None
    bar = tqdm(items, label, total=total, leave=False, delay=SECONDS_BEFORE_PROGRESS, disable=hidden_without_terminal)
    return cast("Iterable[Item]", bar)


def log(message: str, *, shown: bool = True) -> None:
    """Write a line to stderr.

    Parameters
    ----------
    message : str
        Text of the line.
    shown : bool, default True
        Whether progress is wanted at all.
    """
    if shown:
        tqdm.write(message, file=sys.stderr)
