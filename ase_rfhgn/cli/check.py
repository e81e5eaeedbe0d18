"""The command ``ase-rfhgn check``: names what looks wrong about labelled frames, before they are fitted."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ase_rfhgn.cli.frames import SOURCES, add_label_keys, opened
from ase_rfhgn.cli.shared import add_command, add_json, printed
from ase_rfhgn.cli.text import Report, describe_check
from ase_rfhgn.cli.wording import in_options
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.doctor.examination import examined
from ase_rfhgn.structures.doctor.repetitions import copies_between
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.training_set import TrainingSet

SUSPICIOUS = 1
"""Exit code if something looks wrong."""


def add_check(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "name what looks wrong about labelled frames"
    command = add_command(commands, "check", run_check, help_text, "check train.traj more.extxyz --test test.traj")
    command.add_argument(
        "frames", metavar="train.traj", nargs="+", help=f"labelled frames of one training set: {SOURCES}"
    )
    command.add_argument(
        "--test", metavar="test.traj", nargs="+", action="extend", help="test frames: none should be in training"
    )
    add_label_keys(command)
    add_json(command)


def run_check(options: argparse.Namespace) -> str:
    """Examine frames; return what to print, and leave the exit code in the options."""
    found = _Counted(opened(options.frames, options, closest=0.0))
    test = None if options.test is None else opened(options.test, options, closest=0.0)
    doctor = examined(progress_bar(found, "checking", total=len(found), shown=True))
    copies = () if test is None else copies_between(found, test)
    suspicions = [*doctor.suspicions(), *copies]
    report: Report = {
        "frames": len(doctor),
        "labels": found.counts,
        "suspicions": [one.as_dict() | {"line": in_options(one.line, options.parser)} for one in suspicions],
    }
    options.exit_code = SUSPICIOUS if suspicions else 0
    return printed(report, options, describe_check)


class _Counted:
    """Frames whose labels are counted as they are read."""

    def __init__(self, frames: TrainingSet) -> None:
        frames.require_keys()
        self._frames = frames
        self.counts = {"energy": 0, "forces": 0, "stress": 0}

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        self.counts = dict.fromkeys(self.counts, 0)
        for frame in self._frames:
            for kind in frame.label_names:
                self.counts[kind] += 1
            yield frame
