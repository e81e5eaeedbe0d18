"""The examples do what they say, in a small size."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


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
