"""Files are written whole or not at all, whoever writes them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from matplotlib.figure import Figure

from ase_rfhgn.calculators import call_log
from ase_rfhgn.calculators.call_log import FRAMES, CallLog
from ase_rfhgn.cli import main as cli
from ase_rfhgn.cli import select
from ase_rfhgn.errors import OutputError
from ase_rfhgn.reports.comparison import Parity
from ase_rfhgn.reports.plots import save_figure
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.structures.frame import frame_of

OLD = b"what was there before"


def write_half(path: Path, *_: object, **__: object) -> None:
    """Write a part of a file; then the disk is full."""
    path.write_bytes(b"half of the fi")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def labelled() -> Atoms:
    """Return a crystal with an energy."""
    atoms = bulk("Cu")
    atoms.calc = SinglePointCalculator(atoms, energy=0.0)
    return atoms


def assert_untouched(path: Path) -> None:
    """Assert that an old file is there, and nothing else."""
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_new_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR"
    path.write_bytes(OLD)
    atomic_write(path, lambda whole: whole.write_text(whole.name))
    assert path.read_text() == "POSCAR"  # some formats are told by the whole name
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with pytest.raises(OutputError, match=r"file cannot be written \(No space left"):
        atomic_write(path, write_half)
    assert_untouched(path)


def test_an_interrupt_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def interrupted(whole: Path) -> None:
        whole.write_bytes(b"half of the fi")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, interrupted)
    assert_untouched(path)


def test_a_figure_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "parity.png"
    path.write_bytes(OLD)
    monkeypatch.setattr(Figure, "savefig", lambda _, whole, **__: write_half(whole))
    with pytest.raises(OutputError):
        save_figure([Parity("force", "eV/Å", np.zeros(2), np.ones(2))], path)
    assert_untouched(path)


def test_a_selection_that_fails_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out" / "picked.traj"
    path.parent.mkdir()
    path.write_bytes(OLD)
    write(tmp_path / "pool.traj", [bulk("Cu", a=a) for a in (3.6, 3.7)])
    monkeypatch.setattr(select, "write", write_half)
    assert (
        cli.main(["select", str(tmp_path / "pool.traj"), "-n", "1", "-o", str(path), "--force"]) == cli.EXIT_BAD_INPUT
    )
    assert "No space left" in capsys.readouterr().err
    assert_untouched(path)


def test_a_frame_that_cannot_be_written_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = CallLog(tmp_path)
    kept.add_frames([frame_of(labelled(), "first")])
    other = labelled()
    other.calc.results["energy"] += 1.0
    with monkeypatch.context() as patch:
        patch.setattr(call_log, "write", write_half)
        with pytest.raises(OutputError):
            kept.add_frames([frame_of(other, "second")])
    assert len(kept.frames) == len(CallLog(tmp_path).frames) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / FRAMES]
