"""The examples do what they say, in a small size."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read
from ase.md.verlet import VelocityVerlet
from matplotlib.image import imread
from watching import Watch

from ase_rfhgn import ActiveCalculator, Potential, RFHGNCalculator
from ase_rfhgn.errors import SettingsError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    """Return an example as a module, without running it."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_copper_from_positions_gets_phonons_right(capsys: pytest.CaptureFixture[str]) -> None:
    deviation = example("copper_from_positions").run_example(repeat=2, n_frames=25, supercell=3)
    printed = capsys.readouterr().out
    assert "fitted to positions of frames 5 fs apart" in printed
    assert "energies are relative" in printed
    assert deviation < 0.2


def test_copper_from_positions_gives_positions_alone() -> None:
    frames = example("copper_from_positions").positions_of_a_run(repeat=1, n_frames=2)
    for atoms in frames:
        assert atoms.calc is None
        assert set(atoms.arrays) == {"numbers", "positions"}


def test_a_watched_run_tells_its_errors_and_calls(tmp_path: Path) -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=0)
    calculator = ActiveCalculator(EMT(), tmp_path, cutoff=4.0, channels=4, projections=1, start=3)
    atoms.calc = calculator
    dynamics = VelocityVerlet(atoms, 2.0 * units.fs)
    watch = Watch(dynamics, calculator, EMT(), 2)
    dynamics.run(6)
    truth = atoms.copy()
    truth.calc = EMT()
    assert [look.step for look in watch.looks] == [0, 2, 4, 6]
    assert watch.looks[-1].error == pytest.approx(np.sqrt(np.mean((atoms.get_forces() - truth.get_forces()) ** 2)))
    assert watch.looks[-1].n_calls == len(calculator.calls)
    assert f"{len(calculator.calls)} calls of the reference" in watch.summary()
    watch.draw(tmp_path / "run.png")
    assert imread(tmp_path / "run.png").shape[1] == 900


def test_an_adatom_hops_with_few_calls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    adatom = example("active_adatom")
    monkeypatch.setattr(adatom, "IMAGES", 1)
    small = {"cutoff": 4.5, "channels": 8, "projections": 1, "correlation": 3}
    found, exact = adatom.run_example(steps=20, layers=2, directory=str(tmp_path), **small)
    lines = capsys.readouterr().out.splitlines()
    stages = [line.split("|")[1:-1] for line in lines[2:6]]
    assert [stage[0].strip() for stage in stages] == ["600 K", "first end", "last end", "band"]
    n_steps, n_calls = (sum(int(stage[column]) for stage in stages) for column in (1, 2))
    assert f"{n_steps} evaluations, {n_calls} calls" in lines[-2]
    assert len(read(tmp_path / "frames.traj", ":")) <= n_calls  # a structure may be asked for again
    assert n_calls < n_steps / 2
    assert found == pytest.approx(exact, abs=0.05)


def test_phonopy_takes_the_forces(copper: Potential) -> None:
    pytest.importorskip("phonopy")
    frequencies = example("with_phonopy").frequencies
    found, expected = (frequencies(calculator, repeat=2) for calculator in (RFHGNCalculator(copper), EMT()))
    np.testing.assert_allclose(found[0], 0.0, atol=0.05)
    np.testing.assert_allclose(found, expected, atol=0.3)


def test_matcalc_takes_the_calculator(copper: Potential) -> None:
    pytest.importorskip("matcalc")
    found, expected = map(example("with_matcalc").bulk_modulus, (RFHGNCalculator(copper), EMT()))
    assert found == pytest.approx(expected, rel=0.1)


def test_a_job_gets_keywords_and_returns_plain_values(copper: Potential, tmp_path: Path) -> None:
    copper.save(tmp_path / "copper.npz")
    done = example("with_workflows").relax_job(bulk("Cu"), fmax=0.05, potential=str(tmp_path / "copper.npz"))
    again = example("with_workflows").relax_job(done["atoms"], fmax=0.05, **done["parameters"])
    assert again["energy_ev"] == pytest.approx(done["energy_ev"], abs=1e-3)
    assert done["parameters"]["fingerprint"] == copper.fingerprint
    with pytest.raises(SettingsError, match="no setting device"):
        example("with_workflows").relax_job(bulk("Cu"), potential=copper, device="cuda")


def test_argon_conducts_heat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = tmp_path / "conductivity.png"
    found = example("argon_thermal_conductivity").run_example(n_steps=300, n_frames=3, repeat=2, figure=str(figure))
    assert np.isfinite(found.reduced).all()
    assert found.integral_bt[:, 1].min() > 0.0  # an autocorrelation begins with a square
    assert imread(figure).ndim == 3
    assert "W/(m K)" in capsys.readouterr().out


def test_the_integral_of_a_known_flux_is_right() -> None:
    """White noise whose autocorrelation is a single value has a conductivity of half a step times its square."""
    argon = example("argon_thermal_conductivity")
    flux_tc = np.random.default_rng(0).normal(size=(20_000, 3))
    found = argon.green_kubo(flux_tc, volume=1.0, temperature=1.0)
    expected = 0.5 * argon.STRIDE * argon.TIMESTEP / units.kB
    assert found.integral_bt[:, 1].mean() == pytest.approx(expected, rel=0.1)
