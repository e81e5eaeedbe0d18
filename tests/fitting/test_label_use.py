"""What a fit says of the labels that it found, and weights of groups of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from labelled import labelled, shaken

from ase_rfhgn import downdate, evaluate_errors, fit, left_out_errors, update
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.fitting.label_use import changed_counts
from ase_rfhgn.models.potential import Potential

TINY: dict[str, Any] = {"cutoff": 3.5, "channels": 4, "projections": 1, "degree": 1}
NONE: dict[str, int] = {}


def frames_of_groups() -> list[Atoms]:
    """Return crystals of two groups, with labels under two names each."""
    frames = [labelled(shaken(seed)) for seed in range(8)]
    for i, atoms in enumerate(frames):
        atoms.info |= {"config_type": "hot" if i < 5 else "cold", "REF_energy": atoms.get_potential_energy() + 1.0}
    return frames


@pytest.fixture(scope="module")
def fitted() -> Potential:
    """Return an updatable fit to energies under another name."""
    return fit(frames_of_groups()[:6], energy_key="REF_energy", stress_weight=0.0, updatable=True, **TINY)


def test_a_fit_records_what_it_used_and_ignored(fitted: Potential) -> None:
    assert fitted.record["labels"] == {
        "energy": {"used": {"REF_energy": 6}, "ignored": {"energy": 6}},
        "forces": {"used": {"forces": 6}, "ignored": NONE},
        "stress": {"used": NONE, "ignored": {"stress": 6}},
    }
    assert fitted.record["groups"] == {"hot": 5, "cold": 1}


def test_updates_keep_the_counts_and_the_names(fitted: Potential) -> None:
    frames = frames_of_groups()
    grown = update(fitted, frames[6:])
    assert grown.record["labels"]["energy"] == {"used": {"REF_energy": 8}, "ignored": {"energy": 8}}
    assert grown.record["groups"] == {"hot": 5, "cold": 3}
    shrunk = downdate(grown, frames[6:])
    assert (shrunk.record["labels"], shrunk.record["groups"]) == (fitted.record["labels"], fitted.record["groups"])
    assert len(left_out_errors(fitted, frames[:6])) == 6, "frames are found by their fingerprints: the names are kept"


def test_tests_use_the_names_of_the_fit(fitted: Potential) -> None:
    frames = frames_of_groups()
    own, other = evaluate_errors(fitted, frames), evaluate_errors(fitted, frames, energy_key="energy")
    assert own.energy_mae is not None
    assert other.energy_mae == pytest.approx(250.0, abs=own.energy_mae + 1e-9)
    assert own.by_group.keys() == {"hot", "cold"}
    assert own.by_element["Cu"].force_rmse == pytest.approx(own.force_rmse)


def test_counts_that_vanish_are_left_out() -> None:
    assert changed_counts({"a": {"x": 2}, "b": 1}, {"a": {"x": 2, "y": 1}}, -1) == {"a": {}, "b": 1}
    assert changed_counts({"a": {"x": 2}}, {"a": {"y": 1}, "c": 3}, 1) == {"a": {"x": 2, "y": 1}, "c": 3}


def test_equal_weights_of_all_groups_are_a_weight_of_all_labels() -> None:
    weights: dict[str, Any] = {"energy_weight": 8.0, "force_weight": 1.0, "stress_weight": 100.0}
    halved = {name: 0.5 * weight for name, weight in weights.items()}
    frames = frames_of_groups()
    by_group = fit(frames, ridge=1e-6, group_weights={"hot": 0.5, "cold": 0.5}, **weights, **TINY)
    by_kind = fit(frames, ridge=1e-6, **halved, **TINY)
    np.testing.assert_allclose(by_group.coefficient_sf, by_kind.coefficient_sf, rtol=1e-7)


def test_a_heavier_group_is_fitted_better() -> None:
    frames = frames_of_groups()
    for atoms in frames[:5]:
        atoms.calc.results["forces"] = 1.1 * atoms.get_forces()
    errors = [
        evaluate_errors(fit(frames, energy_weight=0.0, ridge=1e-6, group_weights=weights, **TINY), frames).by_group
        for weights in ({"hot": 0.1}, {"hot": 10.0})
    ]
    light, heavy = ({group: error.force_rmse for group, error in by_group.items()} for by_group in errors)
    assert heavy["hot"] < 0.5 * light["hot"]  # type: ignore[operator]
    assert light["cold"] < 0.5 * heavy["cold"]  # type: ignore[operator]


def test_a_group_that_does_not_occur_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"group_weights names .gas., .* groups: hot, cold"):
        fit(frames_of_groups(), group_weights={"gas": 1.0}, **TINY)
    with pytest.raises(SettingsError, match="group_weights of hot is -1"):
        fit(frames_of_groups(), group_weights={"hot": -1}, **TINY)


def test_a_time_step_that_changes_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    fit(frames_of_groups(), timestep=1.0, stride=2, progress=True, **TINY)
    assert "fitted to labels, for which timestep and stride mean nothing\n" in capsys.readouterr().err


def test_frames_without_labels_are_named_in_plain_words() -> None:
    with pytest.raises(TrainingDataError, match="no frame has energies, forces or stresses, and no 3 of 1"):
        fit(shaken(0), **TINY)
