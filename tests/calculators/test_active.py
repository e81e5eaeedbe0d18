"""Active runs: few calls of the reference, none forgotten, in every driver, also after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read
from ase.md.langevin import Langevin
from ase.md.verlet import VelocityVerlet
from ase.mep import NEB
from ase.optimize import BFGS

from ase_rfhgn.calculators.active import ActiveCalculator
from ase_rfhgn.calculators.call_log import CallLog
from ase_rfhgn.errors import SettingsError

SMALL: dict[str, Any] = {"cutoff": 4.5, "channels": 6, "projections": 1, "start": 4}


class CountingEMT(EMT):
    """EMT that counts its calculations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.n_calls = 0

    def calculate(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Count, then calculate."""
        self.n_calls += 1
        super().calculate(*args, **kwargs)  # type: ignore[no-untyped-call]


def crystal(seed: int = 0) -> Atoms:
    """Return a shaken crystal of copper."""
    atoms: Atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    atoms.rattle(0.08, seed=seed)
    return atoms


def run(atoms: Atoms, driver: str) -> None:
    """Run a short simulation."""
    if driver == "verlet":
        VelocityVerlet(atoms, 2 * units.fs).run(10)
    elif driver == "langevin":
        rng = np.random.default_rng(0)
        Langevin(atoms, 2 * units.fs, temperature_K=300, friction=0.01 / units.fs, fixcm=False, rng=rng).run(10)
    else:
        BFGS(atoms, logfile=None).run(fmax=0.05, steps=20)


@pytest.mark.parametrize("driver", ["verlet", "langevin", "bfgs"])
def test_drivers_run_on_few_calls(driver: str, tmp_path: Path) -> None:
    atoms, reference = crystal(), CountingEMT()
    atoms.calc = ActiveCalculator(reference, tmp_path, **SMALL)
    run(atoms, driver)
    truth = atoms.copy()
    truth.calc = EMT()
    assert np.sqrt(np.mean((atoms.get_forces() - truth.get_forces()) ** 2)) < 0.1
    assert len(atoms.calc.calls) == len(read(tmp_path / "frames.traj", ":")) == len(CallLog(tmp_path).calls())
    assert len(atoms.calc.calls) < atoms.calc.n_steps + 4
    assert reference.n_calls <= 2 * len(atoms.calc.calls)


def test_images_of_a_band_share_what_they_learn(tmp_path: Path) -> None:
    first, last = crystal(0), crystal(1)
    calculator = ActiveCalculator(EMT(), tmp_path, **SMALL)
    images = [first, *(first.copy() for _ in range(2)), last]
    for image in images:
        image.calc = calculator
    band = NEB(images, allow_shared_calculator=True, method="improvedtangent")
    band.interpolate()
    BFGS(band, logfile=None).run(fmax=0.5, steps=3)  # type: ignore[arg-type]  # ASE lets it pose as Atoms
    assert len(calculator.calls) >= 4


def test_what_the_reference_said_is_learned_and_logged(tmp_path: Path) -> None:
    calculator = ActiveCalculator(EMT(), tmp_path, grade=1e-6, **SMALL)
    for seed in range(3):
        atoms = crystal(seed)
        atoms.calc = calculator
        atoms.get_potential_energy()
    assert [call.reason for call in calculator.calls] == ["start"] * 4 + ["grade"] * 2
    last = calculator.calls[-1]
    assert last.n_frames == 6
    assert last.energy_jump is not None
    assert last.force_rmse is not None
    assert calculator.potential is not None
    assert calculator.potential.record["n_frames"] == 6
    logged = json.loads((tmp_path / "calls.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert logged["energy_jump"] == last.energy_jump


def test_elements_that_nobody_announced_are_learned(tmp_path: Path) -> None:
    calculator = ActiveCalculator(EMT(), tmp_path, **SMALL)
    for symbol in ("Cu", "Au"):
        atoms = crystal()
        atoms.symbols[0] = symbol
        atoms.calc = calculator
        assert np.isfinite(atoms.get_potential_energy())
    assert calculator.calls[-1].reason == "new element"


def test_a_restart_goes_on_with_all_frames(tmp_path: Path) -> None:
    first = ActiveCalculator(EMT(), tmp_path, grade=1e-6, **SMALL)
    for seed in range(3):
        first.get_property("energy", crystal(seed))
    reference = CountingEMT()
    second = ActiveCalculator(reference, tmp_path, grade=100.0, uncertainty=10.0, **SMALL)
    second.get_property("energy", crystal(5))
    assert reference.n_calls == 0
    assert second.potential is not None
    assert second.potential.record["n_frames"] == len(first.calls) == 6


def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[2]); from test_active import *;"
        "calculator = ActiveCalculator(EMT(), sys.argv[1], grade=1e-6, **SMALL)\n"
        "for seed in range(10_000): calculator.get_property('energy', crystal(seed))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parent)])  # noqa: S603
    log, deadline = tmp_path / "calls.jsonl", time.monotonic() + 100.0
    while time.monotonic() < deadline and (not log.exists() or log.read_bytes().count(b"\n") < 8):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    calls = CallLog(tmp_path).calls()
    frames = read(tmp_path / "frames.traj", ":")
    assert len(calls) >= 8
    assert len(calls) <= len(frames) <= len(calls) + 1
    calculator = ActiveCalculator(EMT(), tmp_path, **SMALL)
    assert calculator.potential is not None
    assert calculator.potential.record["n_frames"] == len(frames)


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    call_log = CallLog(tmp_path)
    call_log.add_call({"step": 1})
    with (tmp_path / "calls.jsonl").open("ab") as file:
        file.write(b'{"step": 2, "rea')
    call_log.add_call({"step": 3})
    assert [call["step"] for call in CallLog(tmp_path).calls()] == [1, 3]


@pytest.mark.parametrize("wrong", [{"uncertainty": 0.0}, {"grade": np.nan}, {"start": 0}, {"displacement": -1.0}])
def test_bad_settings_are_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        ActiveCalculator(EMT(), tmp_path, **wrong)
    with pytest.raises(SettingsError, match="reference"):
        ActiveCalculator(None, tmp_path)  # type: ignore[arg-type]
