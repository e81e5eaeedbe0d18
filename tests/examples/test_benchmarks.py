"""The measurements of speed run, at sizes that measure nothing, with or without LAMMPS."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SPEED = Path(__file__).resolve().parents[2] / "examples" / "benchmarks" / "speed.py"
NUMBER = re.compile(r"\d+\.\d+")


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_every_part_prints_measurements() -> None:
    environment = os.environ | {"ASE_RFHGN_DATA": "nowhere"}
    command = [sys.executable, str(SPEED), "--quick"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    assert finished.returncode == 0, finished.stderr
    table = [line.split(" | ") for line in finished.stdout.splitlines() if line.startswith("| ")][1:]
    works = " ".join(work for work, *_ in table)
    for part in ("MD step, 64 Si", "2 threads", "one evaluation, 216 Si", "fit of 12", "rows", "16 frames", "import"):
        assert part in works
    assert not [work for work, measured, _ in table if not NUMBER.search(measured)]
    assert ("LAMMPS is left out" in finished.stdout) == ("ML-POD" not in works)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_costs_of_fits_are_measured() -> None:
    command = [sys.executable, str(SPEED.with_name("cost.py")), "--quick"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert finished.returncode == 0, finished.stderr
    atoms, elements = (line.split(" | ") for line in finished.stdout.splitlines()[-2:])
    assert "32 Cu" in atoms[0]
    assert "2 elements" in elements[0]
    assert all(NUMBER.search(cell) for cell in (*atoms[3:], *elements[3:]))


def test_hessians_are_compared() -> None:
    command = [sys.executable, str(SPEED.with_name("hessian.py")), "--quick"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert finished.returncode == 0, finished.stderr
    difference = finished.stdout.splitlines()[-1].rstrip(" |").split(" | ")[-1]
    assert float(difference) < 1e-3


def test_distilled_potentials_are_compared() -> None:
    script = SPEED.with_name("distillation.py")
    command = [sys.executable, str(script), "copper", "--quick", "--calls", "20", "--time", "0.02"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert finished.returncode == 0, finished.stderr
    cells = finished.stdout.splitlines()[-1].split(" | ")
    assert cells[0] == "| copper"
    assert int(cells[1]) <= 20
    assert "%" in cells[-1]
