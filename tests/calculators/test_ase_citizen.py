"""The calculator among other programs: plugins of ASE, its files, and pickles."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tomllib
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.db import connect
from ase.io import Trajectory
from conftest import MakePotential

from ase_rfhgn import ActiveCalculator, RFHGNCalculator
from ase_rfhgn.calculators.plugin import ase_plugins
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.potential import Potential

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model(copper: Potential, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a model file."""
    path = tmp_path_factory.mktemp("citizen") / "copper.npz"
    copper.save(path)
    return str(path)


@pytest.fixture
def crystal(model: str) -> Atoms:
    """Return a crystal that carries the calculator of that file."""
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=0)
    atoms.calc = RFHGNCalculator(model)
    return atoms


def test_ase_finds_the_plugin() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (name,) = project["entry-points"]["ase.plugins"].values()
    plugins = import_module(name).__ase_plugins__
    assert {plugin.name for plugin in plugins} == ({"rfhgn"} if ase_plugins() else set())
    assert all(plugin.implementation is RFHGNCalculator for plugin in plugins)


def test_to_list_plugins_compiles_nothing() -> None:
    program = "import sys, ase_rfhgn.calculators.plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert not {"numba", "matscipy"} & set(done.stdout.split())


def test_trajectories_say_which_model_made_them(crystal: Atoms, copper: Potential, tmp_path: Path) -> None:
    crystal.get_forces()
    crystal.write(tmp_path / "run.traj")
    with Trajectory(tmp_path / "run.traj") as trajectory:
        assert trajectory[0].calc.name == "rfhgn"
        parameters = dict(trajectory.backend[0].calculator.parameters)
    assert parameters["fingerprint"] == copper.fingerprint
    assert RFHGNCalculator(**parameters).potential.fingerprint == copper.fingerprint


@pytest.mark.parametrize("kind", ["db", "json"])
def test_data_bases_say_which_model_made_them(kind: str, crystal: Atoms, copper: Potential, tmp_path: Path) -> None:
    energy = crystal.get_potential_energy()
    with connect(tmp_path / f"rows.{kind}") as rows:
        rows.write(crystal)
    row = connect(tmp_path / f"rows.{kind}").get(1)
    assert (row.calculator, row.energy) == ("rfhgn", pytest.approx(energy))
    assert row.calculator_parameters["fingerprint"] == copper.fingerprint


def test_fingerprints_are_those_of_answers(copper: Potential, model: str, make_potential: MakePotential) -> None:
    assert Potential.load(model).fingerprint == copper.fingerprint
    first, again, other = (make_potential(["Cu"], np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert len(first.fingerprint) == 16


def test_a_model_with_another_fingerprint_is_refused(model: str) -> None:
    with pytest.raises(SettingsError, match="another model"):
        RFHGNCalculator(model, fingerprint="0123456789abcdef")


def test_learning_changes_the_fingerprint(tmp_path: Path) -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=0)
    atoms.calc = ActiveCalculator(EMT(), tmp_path, cutoff=4.0, channels=4, projections=1, start=3)
    assert "fingerprint" not in atoms.calc.todict()
    atoms.get_forces()
    assert atoms.calc.todict()["fingerprint"] == atoms.calc.potential.fingerprint


def test_constructors_and_calculators_travel(crystal: Atoms, model: str) -> None:
    forces = crystal.get_forces()
    made: Any = pickle.loads(pickle.dumps(partial(RFHGNCalculator, potential=model, threads=1)))  # noqa: S301
    for calculator in (made(), pickle.loads(pickle.dumps(crystal.calc))):  # noqa: S301
        atoms = crystal.copy()
        atoms.calc = calculator
        np.testing.assert_array_equal(atoms.get_forces(), forces)
