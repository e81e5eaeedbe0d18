"""Progress: what a terminal shows, also one that tells no size, and what the log says."""

from __future__ import annotations

import fcntl
import logging
import os
import pty
import struct
import sys
import termios

import pytest

from ase_rfhgn.runtime import progress
from ase_rfhgn.runtime.progress import LOGGER, log, progress_bar, stage

PROGRAM = """
import time
from ase_rfhgn.runtime import progress
progress.SECONDS_BEFORE_PROGRESS = progress.SECONDS_BETWEEN = 0.05
for item in progress.progress_bar(range(6), "features"):
    time.sleep(0.05)
with progress.stage("choice of the ridge"):
    time.sleep(0.3)
"""


def shown_by(program: str, size: tuple[int, int]) -> str:
    """Return what a program writes to a terminal of some size."""
    process, terminal = pty.fork()
    if not process:
        os.execv(sys.executable, [sys.executable, "-c", program])  # noqa: S606
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    written = b""
    try:
        while part := os.read(terminal, 4096):
            written += part
    except OSError:  # the program has ended
        pass
    os.waitpid(process, 0)
    os.close(terminal)
    return written.decode()


@pytest.mark.parametrize("size", [(24, 100), (0, 0)])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_terminal_shows_the_stage_and_the_time_left(size: tuple[int, int]) -> None:
    shown = shown_by(PROGRAM, size)
    assert "features:" in shown
    assert "/6 [00:00<" in shown
    assert "choice of the ridge: 00:00" in shown


def test_the_log_has_a_record_per_stage(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        assert list(progress_bar((i for i in range(3)), "features", shown=False)) == [0, 1, 2]
        assert sum(progress_bar(range(4), "evaluate", shown=False)) == 6
        with stage("ridge", shown=False):
            pass
        log("fitted", shown=False)
    texts = [record.getMessage().rpartition(",")[0] or record.getMessage() for record in caplog.records]
    assert texts == ["features: 3 of 3", "evaluate: 4 of 4", "ridge", "fitted"]


def test_items_can_be_gone_through_again() -> None:
    items = progress_bar([1, 2, 3], "features", shown=False)
    assert list(items) == list(items) == [1, 2, 3]


def test_nothing_is_shown_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with stage("ridge"):
        assert list(progress_bar(range(3), "features")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")
    assert progress.USUAL_SIZE["ncols"] > 0
