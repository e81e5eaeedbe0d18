"""Progress of long work: bars on a terminal, with the stage and the time left, and one log record per stage."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Generic, TypeVar

from tqdm import tqdm

SECONDS_BEFORE_PROGRESS = 2.0
"""Work that is done sooner shows nothing (s)."""

SECONDS_BETWEEN = 0.5
"""Time between two looks at a stage whose steps are not counted (s)."""

USUAL_SIZE = {"ncols": 80, "nrows": 24}
"""Size of a terminal that does not tell it, as under some job managers."""

LOGGER = "ase_rfhgn"
"""Name of the logger of the standard library that has a record of level INFO at the end of every stage."""

_STAGE = "{desc}: {elapsed}"

Item = TypeVar("Item")


def progress_bar(items: Iterable[Item], label: str, *, total: int | None = None, shown: bool = True) -> Iterable[Item]:
    """Return the same items; whenever they are gone through, a progress bar is shown that vanishes at the end.

    Nothing is shown when stderr is not a terminal, nor in the first two seconds. The logger `LOGGER` is told
    when all items are done.

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
    return _Watched(items, label, len(items) if total is None and isinstance(items, Sized) else total, shown)


@dataclass(frozen=True, slots=True)
class _Watched(Generic[Item]):
    """Items with a progress bar."""

    items: Iterable[Item]
    label: str
    total: int | None
    shown: bool

    def __iter__(self) -> Iterator[Item]:
        start, done = time.perf_counter(), 0
        with _bar(self.label, shown=self.shown, total=self.total) as bar, _refreshed(bar):
            for item in self.items:
                yield item
                bar.update()
                done += 1
        _log(f"{self.label}: {done} of {done if self.total is None else self.total}", start)


@contextmanager
def stage(label: str, *, shown: bool = True) -> Iterator[None]:
    """Show the name of a stage and its time on a terminal while a ``with`` block lasts, and log its end.

    Parameters
    ----------
    label : str
        Name of the stage.
    shown : bool, default True
        Whether progress is wanted at all.
    """
    start = time.perf_counter()
    with _bar(label, shown=shown, bar_format=_STAGE) as bar, _refreshed(bar):
        yield
    _log(label, start)


def log(message: str, *, shown: bool = True) -> None:
    """Write a line to stderr, and to the logger.

    Parameters
    ----------
    message : str
        Text of the line.
    shown : bool, default True
        Whether the line is wanted on stderr.
    """
    logging.getLogger(LOGGER).info(message)
    if shown:
        tqdm.write(message, file=sys.stderr)


def _bar(label: str, *, shown: bool, **settings: Any) -> tqdm[Any]:  # noqa: ANN401  # of tqdm
    hidden = None if shown else True  # None: hidden unless stderr is a terminal
    size = {} if _knows_size() else USUAL_SIZE
    return tqdm(desc=label, leave=False, delay=SECONDS_BEFORE_PROGRESS, disable=hidden, **size, **settings)


def _knows_size() -> bool:
    """Return whether the terminal tells its size: tqdm would draw nothing on one that says 0."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError):  # no terminal
        return False


@contextmanager
def _refreshed(bar: tqdm[Any]) -> Iterator[None]:
    """Keep a bar up to date although its steps, or its only one, are long."""
    if bar.disable:
        yield
        return
    done = Event()

    def refresh() -> None:
        while not done.wait(SECONDS_BETWEEN):
            if time.time() >= bar.start_t + SECONDS_BEFORE_PROGRESS:
                bar.refresh()

    thread = Thread(target=refresh, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _log(message: str, start: float) -> None:
    logging.getLogger(LOGGER).info("%s, %.1f s", message, time.perf_counter() - start)
