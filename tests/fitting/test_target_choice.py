"""What a fit is to reproduce: chosen from what the frames have, refused where they cannot give it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ase import Atoms, units
from ase.constraints import FixAtoms, FixBondLength
from verlet_runs import TIMESTEP, run_of, shaken_crystal, without

from ase_rfhgn.errors import RFHGNError, SettingsError, TrainingDataError
from ase_rfhgn.fitting.motion.equations import Motion
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.fitting.target_choice import choose_targets
from ase_rfhgn.fitting.targets import Labels
from ase_rfhgn.structures.training_set import TrainingSet


@pytest.fixture(scope="module")
def run() -> list[Atoms]:
    """Return labelled frames of a run."""
    return run_of(shaken_crystal(), 8)


def choice(frames: list[Atoms], **settings: Any) -> Labels | Motion:  # noqa: ANN401 - settings of any type
    return choose_targets(FitSettings(**settings), TrainingSet.open(frames))


def observed(frames: list[Atoms], **settings: Any) -> str:  # noqa: ANN401 - settings of any type
    targets = choice(frames, **settings)
    return targets.observed if isinstance(targets, Motion) else "labels"


def test_automatic_choice_takes_labels_before_momenta_before_positions(run: list[Atoms]) -> None:
    assert observed(run, timestep=TIMESTEP) == "labels"
    assert observed([run[0], *without(run[1:])], timestep=TIMESTEP) == "labels"
    assert observed(without(run), timestep=TIMESTEP) == "momenta"
    assert observed(without(run, momenta=True), timestep=TIMESTEP) == "positions"


@pytest.mark.parametrize("targets", ["labels", "momenta", "positions"])
def test_a_wish_comes_before_what_there_is(run: list[Atoms], targets: str) -> None:
    assert observed(run, targets=targets, timestep=TIMESTEP) == targets


def test_frames_may_tell_the_time_step(run: list[Atoms]) -> None:
    told = without(run_of(shaken_crystal(), 8, stride=2))
    for atoms in told:
        atoms.info |= {"timestep": TIMESTEP, "stride": 2}
    targets = choice(told)
    assert isinstance(targets, Motion)
    assert targets.interval == pytest.approx(2 * TIMESTEP)
    with pytest.raises(TrainingDataError, match=r"9\.\d+ fs apart, but timestep × stride is 5 fs"):
        choice(told, stride=1)
    assert observed(without(run), timestep=TIMESTEP) == "momenta"


def test_stale_labels_do_not_matter_where_labels_are_not_used(run: list[Atoms]) -> None:
    noisy = without(run, labels=False)
    for atoms in noisy:
        atoms.rattle(1e-6)
    assert observed(noisy, targets="positions", timestep=TIMESTEP) == "positions"


def test_fixed_atoms_are_fine(run: list[Atoms]) -> None:
    fixed = without(run)
    for atoms in fixed:
        atoms.set_constraint(FixAtoms([0]))
    assert observed(fixed, timestep=TIMESTEP, targets="momenta") == "momenta"


def bond_constrained(run: list[Atoms]) -> list[Atoms]:
    frames = without(run)
    for atoms in frames:
        atoms.set_constraint(FixBondLength(0, 1))
    return frames


BAD: dict[str, tuple[type[RFHGNError], Callable[[list[Atoms]], list[Atoms]], dict[str, Any]]] = {
    r"no frame has labels": (TrainingDataError, without, {"targets": "labels"}),
    r"timestep is needed.*; momenta say that frames are 5 fs apart": (SettingsError, without, {}),
    r"timestep is needed: 2 \* ase\.units\.fs, say$": (SettingsError, lambda run: without(run, momenta=True), {}),
    r"have no momenta; use targets='positions'": (
        TrainingDataError,
        lambda run: without(run, momenta=True),
        {"targets": "momenta", "timestep": TIMESTEP},
    ),
    r"5 fs apart, but timestep × stride is 2 fs": (TrainingDataError, without, {"timestep": 2 * units.fs}),
    r"frame 3: a constraint FixBondLength": (
        TrainingDataError,
        lambda run: [*without(run)[:3], *bond_constrained(run)[3:]],
        {"timestep": TIMESTEP},
    ),
    r"no 3 of 2 frames follow each other": (TrainingDataError, lambda run: without(run[:2]), {"timestep": TIMESTEP}),
    r"no 3 of 6 frames follow each other": (
        TrainingDataError,
        lambda run: [without(run, momenta=True)[i] for i in (0, 6, 1, 7, 2, 5)],
        {"timestep": TIMESTEP},
    ),
    r"too far apart: 3\.\d of them per typical vibration": (
        TrainingDataError,
        lambda _: without(run_of(shaken_crystal(), 12, stride=12)),
        {"timestep": TIMESTEP, "stride": 12},
    ),
    r"too far apart: .* cannot be interpolated, \d+ % would be wrong": (
        TrainingDataError,
        lambda _: without(run_of(shaken_crystal(), 4, stride=9)),
        {"timestep": TIMESTEP, "stride": 9},
    ),
}


@pytest.mark.parametrize("complaint", BAD)
def test_frames_that_cannot_give_what_is_wanted_are_refused(run: list[Atoms], complaint: str) -> None:
    error, change, settings = BAD[complaint]
    with pytest.raises(error, match=complaint) as raised:
        choice(change(run), **settings)
    assert "\n" not in str(raised.value)
