"""Molecular dynamics: restarts are seamless, ensembles do what they say, interrupted runs leave their frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.filters import FrechetCellFilter
from ase.io import iread, write
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from ase.units import GPa, fs

from ase_rfhgn import ExtrapolationObserver, RFHGNCalculator
from ase_rfhgn.errors import ConvergenceError, ExtrapolationError, ExtrapolationWarning, SettingsError, StructureError
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties import Run, molecular_dynamics
from ase_rfhgn.properties.ensembles import ENSEMBLES


def crystal() -> Atoms:
    """Return a crystal of copper."""
    atoms: Atoms = bulk("Cu", cubic=True) * (2, 2, 1)
    return atoms


def strange() -> Atoms:
    """Return a crystal that training has not seen the like of."""
    atoms = crystal()
    atoms.positions[0] += 0.9
    return atoms


def test_a_run_in_two_parts_is_one_run(copper: Potential, tmp_path: Path) -> None:
    path, log = tmp_path / "run.traj", tmp_path / "run.log"
    for steps, restart in ((7, False), (20, True)):
        run = Run(20 * fs if restart else steps * fs, 300.0, "nve", timestep=1.0 * fs, interval=3)
        parts = molecular_dynamics(copper, crystal(), run, trajectory=path, log=log, restart=restart)
    whole = molecular_dynamics(copper, crystal(), run)
    np.testing.assert_allclose(parts.atoms.positions, whole.atoms.positions, atol=1e-12)
    np.testing.assert_allclose(parts.atoms.get_momenta(), whole.atoms.get_momenta(), atol=1e-10)
    assert parts.n_steps == whole.n_steps == 20
    assert [atoms.info["md_step"] for atoms in iread(path)] == [0, 3, 6, 7, 9, 12, 15, 18, 20]
    assert len(log.read_text().splitlines()) == 1 + 3 + 4
    done = molecular_dynamics(copper, crystal(), run, trajectory=path, restart=True)  # nothing is left to do
    assert done.n_steps == 20


def test_energy_is_conserved(copper: Potential) -> None:
    found = molecular_dynamics(copper, crystal(), Run(100 * fs, 300.0, "nve", timestep=1.0 * fs))
    assert abs(found.total_energy_drift_ev) < 5e-4
    assert found.energy_ev_error is not None
    assert found.gamma is not None


@pytest.mark.parametrize("ensemble", [one for one in ENSEMBLES if one != "nve"])
def test_thermostats_heat_and_barostats_squeeze(ensemble: str) -> None:
    start = crystal()
    found = molecular_dynamics(EMT(), start, Run(600 * fs, 600.0, ensemble, pressure=5.0 * GPa, timestep=4.0 * fs))
    assert 300.0 < found.temperature_k < 1000.0
    is_squeezed = found.atoms.get_volume() < 0.99 * start.get_volume()
    assert is_squeezed == ensemble.startswith("npt")
    assert found.energy_ev_error is None
    assert found.n_steps == 150


def test_the_seed_decides() -> None:
    first, same, other = (
        molecular_dynamics(EMT(), crystal(), Run(20 * fs, seed=seed)).atoms.positions for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3


def test_momenta_that_are_there_stay() -> None:
    atoms = crystal()
    atoms.set_momenta(np.ones((len(atoms), 3)))
    found = molecular_dynamics(EMT(), atoms, Run(0.0, ensemble="nve"))
    np.testing.assert_allclose(found.atoms.get_momenta(), 1.0)


def test_light_atoms_get_short_steps() -> None:
    steps = [Run(1.0).step_of(Atoms(one)) / fs for one in ("H", "C", "Cu", "W")]
    np.testing.assert_allclose(steps, [0.502, 1.733, 3.986, 5.0], atol=1e-3)
    assert Run(100 * fs).n_steps(Atoms("W")) == 20


@pytest.mark.parametrize(
    "settings", [{"ensemble": "mayhem"}, {"temperature": -1.0}, {"timestep": 0.0}, {"interval": 0}, {"time": np.inf}]
)
def test_impossible_runs_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="must be"):
        Run(**({"time": 1.0} | settings))  # type: ignore[arg-type]


def test_what_a_driver_cannot_do_is_told() -> None:
    atoms = crystal()
    atoms.set_constraint(FixAtoms([0]))
    with pytest.raises(SettingsError, match=r"the ensemble npt does not run here: .*constraints"):
        molecular_dynamics(EMT(), atoms, Run(10.0, ensemble="npt"))
    with pytest.raises(StructureError, match="a crystal is needed"):
        molecular_dynamics(EMT(), Atoms("Cu2", [[0, 0, 0], [0, 0, 2.5]]), Run(10.0, ensemble="npt"))


def test_there_must_be_something_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing to go on from: .*none.traj does not exist"):
        molecular_dynamics(EMT(), crystal(), Run(1.0), trajectory=tmp_path / "none.traj", restart=True)
    write(tmp_path / "other.traj", crystal())
    with pytest.raises(SettingsError, match="does not say which step it is"):
        molecular_dynamics(EMT(), crystal(), Run(1.0), trajectory=tmp_path / "other.traj", restart=True)
    (tmp_path / "broken.traj").write_text("nonsense")
    with pytest.raises(SettingsError, match="cannot be read as a trajectory"):
        molecular_dynamics(EMT(), crystal(), Run(1.0), trajectory=tmp_path / "broken.traj", restart=True)


def test_an_interrupted_run_leaves_its_frames(tmp_path: Path) -> None:
    calls: list[Atoms] = []

    def interrupt(atoms: Atoms) -> None:
        calls.append(atoms)
        if len(calls) == 4:
            raise KeyboardInterrupt

    path = tmp_path / "run.traj"
    with pytest.raises(KeyboardInterrupt):
        molecular_dynamics(EMT(), crystal(), Run(100 * fs, interval=2), trajectory=path, observer=interrupt)
    assert [atoms.info["md_step"] for atoms in iread(path)] == [0, 2, 4]
    found = molecular_dynamics(EMT(), crystal(), Run(40 * fs, interval=2), trajectory=path, restart=True)
    assert found.n_steps == 10


def test_a_run_that_bursts_says_so(copper: Potential) -> None:
    with pytest.raises(ConvergenceError, match="the run burst at step"):
        molecular_dynamics(copper, crystal(), Run(1e10 * fs, 1e9, "nve", timestep=1e9 * fs))


# %% The observer of grades


def test_strange_frames_are_told_and_saved_with_their_grades(copper: Potential, tmp_path: Path) -> None:
    atoms = strange()
    atoms.calc = RFHGNCalculator(copper)
    forces = atoms.get_forces()
    observer = ExtrapolationObserver(copper, warn=1.2, save=tmp_path / "strange.extxyz")
    with pytest.warns(ExtrapolationWarning, match=r"atom \d+ \(Cu\) has the extrapolation grade .*, above 1.2"):
        observer(atoms)
    observer(atoms)  # in a row of strange frames, only the first is worth a warning
    usual = crystal()
    observer(usual)
    saved = list(iread(tmp_path / "strange.extxyz"))
    assert len(saved) == observer.n_strange == 2
    assert observer.n_frames == 3
    np.testing.assert_allclose(saved[0].arrays["gamma"], copper.grade(atoms), rtol=1e-6)
    assert saved[0].info["gamma"] == pytest.approx(observer.largest)
    np.testing.assert_allclose(saved[0].get_forces(), forces, atol=1e-7)
    np.testing.assert_allclose(atoms.calc.get_property("gamma", atoms), copper.grade(atoms))


@pytest.mark.parametrize("add", [(), ("atoms",)], ids=["bare", "with atoms"])
@pytest.mark.parametrize("kind", ["md", "optimizer", "filter"])
def test_any_driver_takes_an_observer(copper: Potential, kind: str, add: tuple[str, ...]) -> None:
    atoms = crystal()
    atoms.rattle(0.05, seed=1)
    atoms.calc = RFHGNCalculator(copper)
    drivers: dict[str, Callable[[], Any]] = {
        "md": lambda: VelocityVerlet(atoms, 2.0 * fs),
        "optimizer": lambda: BFGS(atoms, logfile=None),
        "filter": lambda: BFGS(FrechetCellFilter(atoms), logfile=None),  # type: ignore[arg-type]
    }
    driver = drivers[kind]()
    observer = ExtrapolationObserver(atoms.calc, warn=50.0)
    driver.attach(observer, 2, *([atoms] if add else []))
    driver.run(steps=4)
    assert observer.n_frames == 3
    assert observer.n_strange == 0
    assert observer.largest >= copper.grade(atoms).max()


def test_a_run_stops_where_told(copper: Potential, tmp_path: Path) -> None:
    observer = ExtrapolationObserver(copper, stop=1.2, save=tmp_path / "strange.traj")
    with pytest.raises(ExtrapolationError, match=r"above 1\.2: the run stops"):
        molecular_dynamics(copper, strange(), Run(100 * fs), observer=observer)
    assert next(iread(tmp_path / "strange.traj")).info["gamma"] > 1.2


def test_an_observer_needs_grades_and_a_structure(copper: Potential) -> None:
    with pytest.raises(SettingsError, match="grades need a potential with an ensemble"):
        ExtrapolationObserver(copper.members()[0])
    with pytest.raises(SettingsError, match="grades must be positive"):
        ExtrapolationObserver(copper, warn=0.0)
    with pytest.raises(SettingsError, match="call the observer with atoms, or attach it to a driver"):
        ExtrapolationObserver(copper)()
