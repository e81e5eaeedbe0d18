"""Bad input to a fit leads to one clear error; a fit that is interrupted leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from labelled import labelled, shaken
from threadpoolctl import threadpool_info, threadpool_limits

from ase_rfhgn.errors import RFHGNError, SettingsError, StructureError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.fitting import engine, preparation
from ase_rfhgn.fitting.fit import fit

SMALL: dict[str, Any] = {"cutoff": 4.0, "channels": 3, "projections": 1}
BAD_FRAME = 2


def good() -> list[Atoms]:
    return [labelled(shaken(seed)) for seed in range(5)]


def with_label(label: str, value: object) -> Callable[[Atoms], Atoms]:
    def change(atoms: Atoms) -> Atoms:
        old = atoms.calc.results[label]
        new = np.array(old, dtype=float)
        new.flat[-1] = value
        atoms.calc.results[label] = float(new) if new.ndim == 0 else new
        return atoms

    return change


def with_position(value: float) -> Callable[[Atoms], Atoms]:
    def change(atoms: Atoms) -> Atoms:
        copy: Atoms = atoms.copy()
        copy.positions[1, 2] = value
        copy.calc = labelled(shaken(0)).calc
        return copy

    return change


def coincident(atoms: Atoms) -> Atoms:
    copy: Atoms = atoms.copy()
    copy.positions[1] = copy.positions[0]
    copy.calc = SinglePointCalculator(copy, energy=atoms.get_potential_energy())
    return copy


BAD_FRAMES: dict[str, tuple[Callable[[Atoms], Atoms], str]] = {
    "NaN force": (with_label("forces", np.nan), "forces of atom 3: nan is not finite"),
    "infinite force": (with_label("forces", np.inf), "forces of atom 3: inf is not finite"),
    "NaN energy": (with_label("energy", np.nan), "energy: nan is not finite"),
    "NaN stress": (with_label("stress", np.nan), "stress: nan is not finite"),
    "NaN position": (with_position(np.nan), "atom 1 has the position"),
    "infinite position": (with_position(np.inf), "atom 1 has the position"),
    "coincident atoms": (coincident, "atoms 0 and 1 are 0 Å apart"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
@pytest.mark.parametrize("from_file", [False, True], ids=["list", "file"])
def test_the_error_names_the_frame_and_the_value(name: str, *, from_file: bool, tmp_path: Path) -> None:
    spoil, words = BAD_FRAMES[name]
    frames = good()
    frames[BAD_FRAME] = spoil(frames[BAD_FRAME])
    source: Path | list[Atoms] = frames
    if from_file:
        source = tmp_path / "bad.traj"
        write(source, frames)
    with pytest.raises(TrainingDataError) as caught:
        fit(source, **SMALL)
    message = str(caught.value)
    assert f"frame {BAD_FRAME}: " in message
    assert words in message
    assert "\n" not in message
    assert isinstance(caught.value, ValueError)


def test_empty_sources_and_sources_without_labels_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.traj"
    empty.touch()
    for source in (empty, tmp_path / "missing.traj", [], [shaken(0), shaken(1)]):
        with pytest.raises(TrainingDataError) as caught:
            fit(source, **SMALL)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"cutoff": -1.0},
        {"cutoff": 500.0},
        {"channels": 0},
        {"sampler": "swam"},
        {"ridge": -1.0},
        {"force_weight": float("nan")},
        {"force_weight": None},
        {"one_body": {"Cu": float("nan")}},
        {"one_body": {"Xx": 0.0}},
        {"one_body": {"Au": 0.0}},
        {"one_body": -3.5},
        {"seed": "lucky"},
    ],
    ids=str,
)
def test_bad_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        fit(good(), **SMALL | settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", ["energy", "forces", "stress"])
def test_labels_that_all_have_zero_weight_are_refused(kept: str) -> None:
    dropped = {label: None for label in ("energy", "forces", "stress") if label != kept}
    frames = [labelled(atoms, **dropped) for atoms in good()]
    weights = {"forces": "force_weight"}
    with pytest.raises(RFHGNError, match="weight"):
        fit(frames, **SMALL | {weights.get(kept, f"{kept}_weight"): 0.0})


def test_frames_in_another_unit_lead_to_a_warning_that_names_them() -> None:
    frames = good() + [labelled(shaken(10 + seed)) for seed in range(10)]
    results = frames[BAD_FRAME].calc.results
    results["energy"] *= 1e3
    results["forces"] = 1e3 * results["forces"]
    with pytest.warns(TrainingDataWarning, match=f"frame {BAD_FRAME}"):
        fit(frames, **SMALL)


def test_elements_that_training_did_not_show_are_refused_afterwards() -> None:
    potential = fit(good(), **SMALL)
    with pytest.raises(StructureError, match="does not know Au"):
        potential.evaluate(Atoms("CuAu", [(0.0, 0.0, 0.0), (0.0, 0.0, 2.5)]))


STAGES = {"surveyed": preparation, "accumulated": engine, "enforce_repulsion": preparation}


@pytest.mark.parametrize("stage", STAGES)
def test_an_interrupted_fit_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stage: str) -> None:
    write(tmp_path / "train.traj", good())
    monkeypatch.chdir(tmp_path)

    def interrupted(*_: object, **__: object) -> None:
        assert all(pool["num_threads"] == 1 for pool in threadpool_info() if pool["user_api"] == "blas")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, threadpool_limits(limits=2):
        threads = [pool["num_threads"] for pool in threadpool_info()]
        patched.setattr(STAGES[stage], stage, interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit("train.traj", **SMALL)
        assert [pool["num_threads"] for pool in threadpool_info()] == threads
    assert [path.name for path in tmp_path.iterdir()] == ["train.traj"]
    fit("train.traj", **SMALL)  # and the next one works
