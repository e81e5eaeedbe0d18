"""Distillation: from a structure to a tested potential, whatever the reference does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import CalculationFailed
from ase.calculators.emt import EMT
from ase.io import write
from ase.units import GPa, fs

from ase_rfhgn.cli import main as cli
from ase_rfhgn.cli.distil import values
from ase_rfhgn.cli.quantities import temperature
from ase_rfhgn.distillation import Distilled, distil
from ase_rfhgn.distillation.cells import slabs
from ase_rfhgn.distillation.stages import Stage, run_stage
from ase_rfhgn.distillation.starts import nearest_distance, supercell
from ase_rfhgn.distillation.volumes import Curve
from ase_rfhgn.errors import RFHGNError, SettingsError, StructureError, TrainingDataError
from ase_rfhgn.models.load import load_model

TINY: dict[str, Any] = {"channels": 6, "projections": 1, "degree": 1, "cutoff": 3.6}
SHORT: dict[str, Any] = {"temperatures": (300.0,), "calls": 24, "time": 40 * fs, "atoms": 4, **TINY}


class Counting(EMT):
    """EMT that counts its calls, and may fail at some of them."""

    def __init__(self, *, failing: tuple[int, ...] = (), killed: int | None = None, silent: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.n_calls, self.failing, self.killed, self.silent = 0, failing, killed, silent

    def calculate(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Calculate, or not."""
        self.n_calls += 1
        if self.n_calls == self.killed:
            raise KeyboardInterrupt
        if self.n_calls in self.failing and not self.silent:
            message = "the cycle does not\nconverge"
            raise CalculationFailed(message)
        super().calculate(*args, **kwargs)  # type: ignore[no-untyped-call]
        if self.n_calls in self.failing:
            self.results["forces"] = np.full_like(self.results["forces"], np.nan)


class AlwaysFailing(Counting):
    """EMT that answers only the first question."""

    def calculate(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Calculate once."""
        if self.n_calls >= 1:
            self.n_calls += 1
            message = "licence expired"
            raise RuntimeError(message)
        super().calculate(*args, **kwargs)


def copper() -> Atoms:
    """Return a cubic cell of copper."""
    atoms: Atoms = bulk("Cu", cubic=True)
    return atoms


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Distilled, Counting, Path]:
    """Return a distillation, its reference, and its folder."""
    reference, folder = Counting(), tmp_path_factory.mktemp("distil")
    return distil(copper(), reference, folder / "cu", pressures=(-3.0, 20.0), **SHORT), reference, folder / "cu"


def test_calls_are_counted_and_stay_within_the_budget(finished: tuple[Distilled, Counting, Path]) -> None:
    found, reference, _ = finished
    assert found.n_calls == reference.n_calls == sum(found.calls.values()) <= SHORT["calls"]
    assert found.n_calls == len(found.train) + len(found.test)
    assert found.n_failures == 0
    assert {"start", "volumes", "strained", "rattled", "test"} <= found.calls.keys()
    assert found.potential.record["distillation"]["calls"] == found.n_calls


def test_test_frames_are_of_the_reference_and_not_of_the_fit(finished: tuple[Distilled, Counting, Path]) -> None:
    found, _, _ = finished
    assert found.errors is not None
    assert found.errors.n_frames == len(found.test)
    trained = {atoms.positions.tobytes() for atoms in found.train}
    for atoms in found.test:
        assert atoms.positions.tobytes() not in trained
        again = atoms.copy()
        again.calc = EMT()
        np.testing.assert_allclose(again.get_forces(), atoms.get_forces(), atol=1e-10)


def test_volumes_span_the_range_of_pressures(finished: tuple[Distilled, Counting, Path]) -> None:
    found, _, _ = finished
    pressures = [-atoms.get_stress()[:3].mean() / GPa for atoms in found.train]
    assert min(pressures) < -3.0
    assert max(pressures) > 17.0
    assert list(found.stages) == ["300 K, -3 GPa", "300 K, 20 GPa"]
    for name, stage in found.stages.items():
        wanted = float(name.split()[2])
        assert abs(stage["pressure_gpa"] - wanted) < 6.0, name  # the runs are short, the fit is tiny


def test_a_finished_run_costs_no_call_again(finished: tuple[Distilled, Counting, Path]) -> None:
    found, _, folder = finished
    reference = Counting()
    again = distil(copper(), reference, folder, pressures=(-3.0, 20.0), **SHORT)
    assert reference.n_calls == 0
    assert again.n_calls == found.n_calls
    assert again.errors == found.errors
    assert again.potential.fingerprint == found.potential.fingerprint


def test_a_folder_belongs_to_its_settings(finished: tuple[Distilled, Counting, Path], tmp_path: Path) -> None:
    _, _, folder = finished
    with pytest.raises(SettingsError, match=r"begun with temperatures \[300.0\], and not \[500.0\]"):
        distil(copper(), Counting(), folder, pressures=(-3.0, 20.0), **SHORT | {"temperatures": (500.0,)})
    with pytest.raises(SettingsError, match="begun with starts Cu4"):
        distil(bulk("Cu", a=3.7, cubic=True), Counting(), folder, pressures=(-3.0, 20.0), **SHORT)
    write(tmp_path / "frames.traj", copper())
    with pytest.raises(SettingsError, match="holds frames of something else"):
        distil(copper(), Counting(), tmp_path, **SHORT)


def test_a_killed_run_goes_on(finished: tuple[Distilled, Counting, Path], tmp_path: Path) -> None:
    settings = {"pressures": (-3.0, 20.0), "uncertainty": 0.005, "grade": 1.0, **SHORT}
    n_calls, places = 0, []
    for killed in (3, 14, 5):  # while cells are labelled, in a run, after the runs
        reference = Counting(killed=killed)
        with pytest.raises(KeyboardInterrupt):
            distil(copper(), reference, tmp_path, **settings)
        n_calls += reference.n_calls - 1
        places.append(len(json.loads((tmp_path / "state.json").read_text())["stages"]))
    last = Counting()
    found = distil(copper(), last, tmp_path, **settings)
    assert n_calls + last.n_calls == found.n_calls <= SHORT["calls"]
    assert places[0] == 0 < places[-1]
    assert found.calls["dynamics"] >= 2
    assert found.errors is not None
    groups = [atoms.info["config_type"] for atoms in finished[0].train[:7]]
    assert [atoms.info["config_type"] for atoms in found.train[:7]] == groups


@pytest.mark.parametrize("silent", [False, True])
def test_structures_without_an_answer_are_left_out(silent: bool, tmp_path: Path) -> None:  # noqa: FBT001
    failing = (1, 4, 9, 13, 16, 17, 18, 22)  # the start, too: a nudged copy takes its place
    reference = Counting(failing=failing, silent=silent)
    found = distil(copper(), reference, tmp_path, grade=1.0, uncertainty=0.01, **SHORT)
    assert found.errors is not None
    assert found.n_calls == reference.n_calls
    assert found.n_failures == sum(call <= reference.n_calls for call in failing) > 3
    assert found.calls["failed"] == found.n_failures
    assert all(np.isfinite(atoms.get_forces()).all() for atoms in (*found.train, *found.test))
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    expected = "not finite" if silent else "CalculationFailed: the cycle does not converge"
    assert sum(expected in line.get("failure", "") for line in lines) == found.n_failures


def test_a_reference_that_always_fails_is_refused(tmp_path: Path) -> None:
    reference = Counting(failing=tuple(range(100)))
    with pytest.raises(StructureError, match=r"the reference Counting has no answer.*does not converge") as told:
        distil(copper(), reference, tmp_path / "a", **SHORT)
    assert "\n" not in str(told.value)
    assert reference.n_calls == 3
    assert distil(copper(), Counting(), tmp_path / "a", **SHORT).n_failures == 0  # repaired
    with pytest.raises(RFHGNError, match="licence expired"):
        distil(copper(), AlwaysFailing(), tmp_path / "b", **SHORT)
    with pytest.raises(StructureError, match="No EMT-potential for Si"):
        distil(bulk("Si"), "emt", tmp_path / "c", **SHORT)


def test_a_start_that_would_explode_is_refused(tmp_path: Path) -> None:
    atoms = copper()
    atoms.positions[1] = atoms.positions[0] + [0.0, 0.0, 0.6]
    reference = Counting()
    with pytest.raises(StructureError, match=r"would explode at the first step: the force on atom \d is .* repair it"):
        distil(atoms, reference, tmp_path, **SHORT)
    assert reference.n_calls == 1


def test_a_molecule_in_a_box_is_no_crystal(tmp_path: Path) -> None:
    water = molecule("H2O", vacuum=4.0)
    water.pbc = True
    with pytest.raises(RFHGNError, match="set pbc to False"):
        distil(water, EMT(), tmp_path, **SHORT)
    water.pbc = False
    with pytest.raises(SettingsError, match="pressures belong to crystals"):
        distil(water, EMT(), tmp_path / "water", pressures=(5.0,), **SHORT)
    found = distil(water, EMT(), tmp_path / "water", baseline="emt", **SHORT)
    assert found.errors is not None
    assert found.errors.stress_rmse is None
    assert found.errors.force_rmse is not None
    assert found.errors.force_rmse < 1e-3  # nothing is left to learn
    assert "emt" in json.dumps(found.potential.record).lower()


class Burning(EMT):
    """EMT whose forces push atoms ever further away."""

    def calculate(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Calculate, and add a force."""
        super().calculate(*args, **kwargs)  # type: ignore[no-untyped-call]
        assert self.atoms is not None
        self.results["forces"] = self.results["forces"] + 20.0 * (self.atoms.positions - self.atoms.positions.mean(0))


def stage_of(atoms: Atoms, temperature: float) -> Stage:
    """Return a stage of a crystal that should stay one."""
    return Stage("hot", atoms, temperature, 400 * fs, 0, sites=atoms.positions.copy())


def test_melting_and_bursts_are_told() -> None:
    atoms = copper() * (2, 1, 1)
    calm = run_stage(stage_of(atoms, 100.0), EMT())
    assert (calm.end, calm.told) == ("done", None)
    assert calm.lindemann is not None
    assert 0.0 < calm.lindemann < 0.1
    molten = run_stage(stage_of(atoms, 8000.0), EMT())
    assert molten.end == "melted"
    assert molten.told is not None
    assert "lower the temperature, or let it melt (may_melt)" in molten.told
    allowed = run_stage(replace(stage_of(atoms, 8000.0), sites=None), EMT())
    assert (allowed.end, allowed.lindemann) == ("done", None)
    burst = run_stage(stage_of(atoms, 100.0), Burning())  # type: ignore[no-untyped-call]
    assert burst.end in {"burst", "melted"}
    assert burst.told is not None


def test_supercells_are_wide_and_small() -> None:
    assert len(supercell(bulk("Cu"), 64)) == 64
    assert len(supercell(copper(), 64)) == 32
    assert len(supercell(copper(), 7)) == 4
    assert len(supercell(molecule("H2O"), 64)) == 3
    assert nearest_distance(copper()) == pytest.approx(3.61 / np.sqrt(2.0), abs=0.01)
    assert all(len(slab) <= 64 for slab in slabs(copper(), 64))
    assert sum(1 for _ in slabs(copper(), 64)) == 3


def test_a_curve_knows_its_volumes() -> None:
    curve = Curve(47.0, 0.84, 5.0, 4)
    volume, borne = curve.at(1e-6, 0.0)
    assert borne
    assert volume == pytest.approx(47.0, rel=1e-5)
    squeezed, _ = curve.at(300.0, 50.0)
    assert curve.pressure(squeezed) + curve.thermal_pressure(squeezed, 300.0) == pytest.approx(50.0 * GPa, rel=1e-5)
    _, borne = curve.at(300.0, -100.0)
    assert not borne


def test_ranges_and_lists_are_read() -> None:
    read = values(temperature)
    assert read("100..1200") == (100.0, 650.0, 1200.0)
    assert read("300,600K") == (300.0, 600.0)
    assert read("300") == (300.0,)


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command with a tiny fit."""
    for name, value in TINY.items():
        words = [*words, f"--{name}", str(value)]
    code = cli.main(["distil", *words])
    return code, *capsys.readouterr()


@pytest.mark.filterwarnings("ignore::ase_rfhgn.errors.TrainingDataWarning")  # the fit is tiny
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start, output = (str(tmp_path / name) for name in ("start.cif", "m.npz"))
    write(start, copper())
    words = [start, "--reference", "emt", "--temperature", "200,400", "--pressure", "-2..10", "-o", output]
    words += ["--calls", "22", "--time", "10fs", "--atoms", "4", "--vacancies"]
    code, out, _ = run([*words, "--json"], capsys)
    found = json.loads(out)
    assert code == 0
    assert found["calls"] == sum(found["calls_by_reason"].values()) <= 22
    assert found["calls_by_reason"]["vacancy"] >= 2
    assert found["force_rmse"] == found["test"]["force_rmse"] > 0.0
    assert load_model(output).record["test"]["force_rmse"] == found["force_rmse"]
    assert "400 K, 10 GPa" in found["stages"]
    code, out, _ = run(words, capsys)  # goes on where it ended
    assert code == 0
    assert f"{found['calls']} calls of the reference" in out


@pytest.mark.filterwarnings("ignore::ase_rfhgn.errors.TrainingDataWarning")
def test_the_command_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start, report = tmp_path / "water.xyz", tmp_path / "m.html"
    write(start, molecule("H2O"))
    words = [str(start), "--reference", "emt", "--calls", "20", "--time", "5fs", "--report", str(report)]
    code, _, _ = run([*words, "-o", str(tmp_path / "m.npz")], capsys)
    assert code == 0
    assert "Errors on test frames" in report.read_text(encoding="utf-8")


def test_the_command_refuses_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start, output = str(tmp_path / "start.cif"), str(tmp_path / "m.npz")
    write(start, copper())
    for words, expected in {
        "--reference nonsense": "names no calculator",
        "--reference emt --calls 5": "--calls",
        "--reference emt --temperature -100": "temperatures is [-100.0]",
        "--reference emt --report missing/m.html": "there is no folder",
    }.items():
        code, _, err = run([start, *words.split(), "-o", output], capsys)
        assert code == 2, words
        assert expected in err.replace("calls is 5", "--calls"), words
        assert err.count("\n") == 1
    assert not Path(output).with_suffix(".distil").exists()


@pytest.mark.parametrize("wrong", [{"channelz": 3}, {"cutoff": -1.0}, {"threads": 0}, {"baseline": "nonsense"}])
def test_settings_of_fits_are_checked_before_any_call(wrong: dict[str, Any], tmp_path: Path) -> None:
    reference = Counting()
    with pytest.raises(SettingsError):
        distil(copper(), reference, tmp_path / "new", **SHORT | wrong)
    assert reference.n_calls == 0
    assert not (tmp_path / "new").exists()


def test_trajectories_are_no_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="21 start structures"):
        distil([copper() for _ in range(21)], EMT(), tmp_path, **SHORT)
    with pytest.raises(TrainingDataError, match="missing"):
        distil(tmp_path / "missing.cif", EMT(), tmp_path, **SHORT)
