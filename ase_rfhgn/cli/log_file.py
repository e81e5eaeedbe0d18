"""Log files of commands: one line per stage, with the time of its end."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ase_rfhgn.errors import OutputError
from ase_rfhgn.runtime.progress import LOGGER

_LINE = "%(asctime)s %(message)s"


def add_log(command: argparse.ArgumentParser) -> None:
    """Let a command write a log file."""
    command.add_argument("--log", metavar="fit.log", help="add one line per stage of the work to this file")


@contextmanager
def logging_to(path: str | None) -> Iterator[None]:
    """Write the stages of work to a file, inside of a ``with`` block; without a path, nothing is written.

    Parameters
    ----------
    path : str or None
        The file; lines are added to an older one.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if path is None:
        yield
        return
    try:
        handler = _LogFile(path, encoding="utf-8")
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror or error})"
        raise OutputError(message) from error
    handler.setFormatter(logging.Formatter(_LINE, datefmt="%Y-%m-%d %H:%M:%S"))
    logger = logging.getLogger(LOGGER)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        with suppress(OSError):  # told by the handler
            handler.close()


class _LogFile(logging.FileHandler):
    """A log file; the work goes on where it cannot be written, and a warning says so once."""

    _is_broken = False

    def handleError(self, record: logging.LogRecord) -> None:  # of logging
        """Warn that a line could not be written."""
        error = sys.exc_info()[1]
        if not self._is_broken:
            self._is_broken = True
            warnings.warn(f"{self.baseFilename} cannot be written any more ({error})", UserWarning, stacklevel=2)
        super().setLevel(logging.CRITICAL + 1)
        del record
