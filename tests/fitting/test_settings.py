"""Settings of a fit: each bad one leads to one clear error, good ones are plain JSON values."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.settings import FitSettings

BAD: list[tuple[str, Any]] = [
    ("cutoff", -5.5),
    ("cutoff", 0.0),
    ("cutoff", 0.1),
    ("cutoff", 1000.0),
    ("cutoff", float("nan")),
    ("cutoff", float("inf")),
    ("cutoff", "5.5"),
    ("cutoff", True),
    ("channels", 0),
    ("channels", 2.5),
    ("channels", 10**9),
    ("projections", -1),
    ("projections", "many"),
    ("correlation", 1),
    ("correlation", 9),
    ("correlation", None),
    ("degree", -1),
    ("degree", 9),
    ("degree", 1.0),
    ("sampler", "swam"),
    ("sampler", None),
    ("energy_weight", -1.0),
    ("energy_weight", float("nan")),
    ("force_weight", float("inf")),
    ("force_weight", "1"),
    ("force_weight", None),
    ("stress_weight", -1e-3),
    ("ridge", 0.0),
    ("ridge", -1e-8),
    ("ridge", float("nan")),
    ("ridge", 1e9),
    ("seed", -1),
    ("seed", 0.5),
    ("seed", True),
    ("seed", 2**64),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}={value!r}" for name, value in BAD])
def test_a_bad_setting_is_named_with_its_value(name: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        FitSettings(**{name: value})  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith(f"{name} is {value!r}: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("one_body", "words"),
    [
        ({"Kryptonite": 1.0}, "'Kryptonite'"),
        ({29: 1.0}, "29"),
        ({"Cu": "low"}, "one_body of Cu is 'low'"),
        ({"Cu": float("nan")}, "one_body of Cu is nan"),
        ({"Cu": None}, "one_body of Cu is None"),
        ({"Cu": -1e12}, "one_body of Cu is -1"),
    ],
)
def test_bad_one_body_energies_are_named(one_body: dict[Any, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        FitSettings(one_body=one_body)
    assert "\n" not in str(caught.value)


def test_all_weights_zero_are_refused() -> None:
    with pytest.raises(SettingsError, match="all weights are zero"):
        FitSettings(energy_weight=0.0, force_weight=0.0, stress_weight=0.0)
    FitSettings(energy_weight=0.0, force_weight=0.0, stress_weight=1.0)


def test_limits_themselves_are_allowed() -> None:
    FitSettings(cutoff=0.5, channels=1, projections=1, correlation=2, degree=0, ridge=1e-30, seed=0)
    FitSettings(cutoff=20.0, channels=4096, projections=256, correlation=8, degree=8, ridge=1e6, seed=2**63 - 1)


def test_settings_cannot_be_changed_unseen() -> None:
    with pytest.raises(AttributeError):
        FitSettings().seed = 3  # type: ignore[misc]


def test_settings_are_json() -> None:
    default = FitSettings().as_dict()
    assert json.loads(json.dumps(default)) == default
    assert default["sampler"] == "swim"


def test_numbers_of_numpy_are_as_good_as_others() -> None:
    settings = FitSettings(
        cutoff=np.float32(5.5),  # type: ignore[arg-type]
        channels=np.int64(8),  # type: ignore[arg-type]
        ridge=np.float64(1e-8),
        one_body={"Cu": np.float32(-0.5)},  # type: ignore[dict-item]
        seed=np.int32(3),  # type: ignore[arg-type]
    )
    stored = json.loads(json.dumps(settings.as_dict()))
    assert (stored["cutoff"], stored["channels"], stored["one_body"], stored["seed"]) == (5.5, 8, {"Cu": -0.5}, 3)
