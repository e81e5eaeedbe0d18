"""Files of what symmetries find: printed by ``ase-rfhgn info``, and refused where energies or forces are needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from integrable_systems import harmonic

from ase_rfhgn import RFHGNCalculator, load_model
from ase_rfhgn.cli.main import main
from ase_rfhgn.errors import ModelFileError
from ase_rfhgn.models.load import WITHOUT_FORCES
from ase_rfhgn.symmetries import canonical_map, find_integrals, fit_canonical_map, integrals, normal_mode_set
from ase_rfhgn.symmetries.normal_mode_set import NormalModes


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file of every kind."""
    folder = tmp_path_factory.mktemp("models")
    system = harmonic()
    runs = system.runs(system.trajectories(np.random.default_rng(0), 12, 10))
    record = {"estimator": "forces", "frames": 9, "temperature": 300.0, "symmetry_operations": 1}
    modes = NormalModes(Atoms("H2"), np.array([0.1]), np.array([0.01]), np.ones((1, 2, 3)), None, record)
    models: dict[str, Any] = {
        canonical_map.KIND: fit_canonical_map(runs, n_layers=0),
        integrals.KIND: find_integrals(runs, n_units=8, degree=2),
        normal_mode_set.KIND: modes,
    }
    paths = {kind: folder / f"{kind}.npz" for kind in models}
    for kind, model in models.items():
        model.save(paths[kind])
    return paths


def test_every_kind_is_known(files: dict[str, Path]) -> None:
    assert set(WITHOUT_FORCES) == set(files)


@pytest.mark.parametrize("kind", WITHOUT_FORCES)
def test_info_prints_it(kind: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(files[kind])]) == 0
    assert capsys.readouterr().out.startswith(kind)
    assert main(["info", str(files[kind]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == kind


@pytest.mark.parametrize("kind", WITHOUT_FORCES)
def test_it_is_refused_where_forces_are_needed(
    kind: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    structure = files[kind].with_name("h2.traj")
    Atoms("H2", [[0.0, 0.0, 0.0], [0.7, 0.0, 0.0]]).write(structure)
    reader = f"ase_rfhgn.symmetries.{WITHOUT_FORCES[kind]}.load"
    for use in (load_model, RFHGNCalculator):
        with pytest.raises(ModelFileError, match=reader):
            use(files[kind])
    for command, *options in (("test",), ("md", "--time", "1"), ("relax",), ("update", "-o", "new.npz")):
        assert main([command, str(files[kind]), str(structure), *options]) == 2
        assert "without energies or forces: give the file of a potential" in capsys.readouterr().err
