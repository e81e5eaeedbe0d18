"""An updated potential is the one that a fit from scratch gives, or there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from known_truth import Answers, random_alloy
from labelled import labelled
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, TrainingDataError, UpdateError
from ase_rfhgn.fitting.accumulation import accumulate
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.fit_state import state_of
from ase_rfhgn.fitting.grouping import Group, Grouping
from ase_rfhgn.fitting.linear_system import LinearSystem
from ase_rfhgn.fitting.update import downdate, reweighted, update
from ase_rfhgn.models.potential import Potential

SMALL: dict[str, Any] = {"cutoff": 4.5, "channels": 6, "projections": 2, "updatable": True}
ROUNDED, EXACT = 1e-5, 1e-8
"""Differences of forces (eV/Å) that are allowed at the default settings, and where the problem is well-conditioned."""


@pytest.fixture(scope="module")
def coppers() -> list[Atoms]:
    """Return labelled crystals of copper."""
    return [labelled(random_alloy(["Cu"], seed, a=3.6)) for seed in range(30)]


@pytest.fixture(scope="module")
def alloys() -> list[Atoms]:
    """Return labelled crystals of copper, of gold and of both."""
    return [labelled(random_alloy(["Cu", "Au"], seed)) for seed in range(30)]


@dataclass(frozen=True, slots=True)
class Remembered:
    """Weights of rows that a linear system remembers, for frames in any order."""

    system: LinearSystem
    fingerprints: list[int]

    def weigh(self, index: int, group: Group, kind: str, row_mf: FloatArray) -> FloatArray:  # noqa: ARG002
        """Return the weight of every row of a frame and a kind."""
        return self.system.weigh(self.fingerprints[index], kind, len(row_mf))


def from_scratch(potential: Potential, frames: list[Atoms]) -> Potential:
    """Return the fit of frames with the features, the prior, the ridges and the weights of a potential."""
    assert potential.linear_system is not None
    state = state_of(potential, None)
    everything = Group("all", tuple(range(state.model.layout.n_species)))
    grouping = Grouping((everything,) * len(frames), (), by_system=False)
    remembered = Remembered(state.system, [item.frame.fingerprint for item in state.frames(frames)])
    factors = accumulate(state.frames(frames), grouping, state.model, row_weights=remembered)
    regression = replace(state.system, labelled=factors.by_kind(), removed={}).regression()
    one_body_s, coefficient_sf = state.model.layout.split(regression.solve().coefficient_f)
    fitted = replace(potential.baseline, one_body_s=state.system.baseline_s + one_body_s)
    return replace(potential, coefficient_sf=coefficient_sf, baseline=fitted)


def assert_same(one: Potential, two: Potential, structures: list[Atoms], tolerance: float) -> None:
    first, second = Answers.of(one, structures), Answers.of(two, structures)
    np.testing.assert_allclose(first.force_m, second.force_m, rtol=0, atol=tolerance)
    np.testing.assert_allclose(first.energy_i, second.energy_i, rtol=0, atol=tolerance)
    np.testing.assert_allclose(first.stress_m, second.stress_m, rtol=0, atol=tolerance)


@pytest.mark.parametrize("elements", ["coppers", "alloys"])
@pytest.mark.parametrize(("ridge", "tolerance"), [(None, ROUNDED), (1e-4, EXACT)], ids=["default", "well-conditioned"])
def test_updates_and_downdates_are_fits_from_scratch(
    elements: str, ridge: float | None, tolerance: float, request: pytest.FixtureRequest
) -> None:
    frames = request.getfixturevalue(elements)
    potential = fit(frames[:20], ridge=ridge, **SMALL)
    assert_same(potential, from_scratch(potential, frames[:20]), frames, tolerance)
    grown = update(potential, frames[20:])
    assert_same(grown, from_scratch(grown, frames), frames, tolerance)
    shrunk = downdate(grown, frames[5:15])
    assert_same(shrunk, from_scratch(shrunk, frames[:5] + frames[15:]), frames, tolerance)
    back = downdate(update(shrunk, frames[5:15]), frames[20:])
    assert_same(back, potential, frames, tolerance)
    changes = Answers.of(shrunk, frames).force_m - Answers.of(grown, frames).force_m
    assert np.abs(changes).max() > 100.0 * tolerance


def test_one_by_one_is_as_good_as_all_at_once(coppers: list[Atoms]) -> None:
    potential = fit(coppers[:10], **SMALL)
    single = potential
    for atoms in coppers[10:20]:
        single = update(single, [atoms])
    assert_same(single, update(potential, coppers[10:20]), coppers, ROUNDED)
    for atoms in coppers[10:20]:
        single = downdate(single, [atoms])
    assert_same(single, potential, coppers, ROUNDED)


def test_the_original_does_not_change(coppers: list[Atoms]) -> None:
    potential = fit(coppers[:10], **SMALL)
    before = Answers.of(potential, coppers)
    update(potential, coppers[10:])
    downdate(potential, coppers[:2])
    np.testing.assert_array_equal(Answers.of(potential, coppers).force_m, before.force_m)


@pytest.fixture(scope="module")
def damageable(coppers: list[Atoms]) -> Potential:
    """Return a potential that remembers its linear system."""
    return fit(coppers[:6], **SMALL)


def test_the_memory_travels_in_the_file(coppers: list[Atoms], tmp_path: Path) -> None:
    potential = downdate(fit(coppers[:20], **SMALL), coppers[:3])
    potential.save(tmp_path / "copper.npz")
    loaded = Potential.load(tmp_path / "copper.npz")
    np.testing.assert_array_equal(
        update(loaded, coppers[20:]).coefficient_sf, update(potential, coppers[20:]).coefficient_sf
    )
    np.testing.assert_array_equal(
        downdate(loaded, coppers[5:8]).coefficient_sf, downdate(potential, coppers[5:8]).coefficient_sf
    )


DAMAGES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "shorter": lambda array: array[:-1],
    "another shape": lambda array: array[None],
    "another type": lambda array: array.astype(np.float32),
    "not finite": lambda array: np.full(array.shape, np.nan),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name",
    ["spread_f", "weights", "parameters", "frame_weight_ik", "labelled_force", "labelled_force_rows", "unlabelled"],
)
def test_a_damaged_memory_is_refused_with_one_error(damageable: Potential, name: str, damage: str) -> None:
    assert damageable.linear_system is not None
    arrays = dict(damageable.linear_system) | {name: DAMAGES[damage](damageable.linear_system[name])}
    with pytest.raises(UpdateError, match="damaged"):
        downdate(replace(damageable, linear_system=arrays), [])


@pytest.mark.parametrize("name", ["spread_f", "ridges", "labelled_force_rows", "labelled_"])
def test_a_memory_with_a_gap_is_refused(damageable: Potential, name: str) -> None:
    assert damageable.linear_system is not None
    arrays = {key: array for key, array in damageable.linear_system.items() if not key.startswith(name)}
    with pytest.raises(UpdateError, match="damaged"):
        downdate(replace(damageable, linear_system=arrays), [])


def test_the_record_follows(coppers: list[Atoms]) -> None:
    potential = fit(coppers[:20], **SMALL)
    grown = update(potential, coppers[20:])
    assert (grown.record["n_frames"], grown.record["n_atoms"]) == (30, 120)
    assert downdate(grown, coppers[:5]).record["n_frames"] == 25
    squares = [
        np.mean((grown.evaluate(atoms).force_nc - atoms.get_forces(apply_constraint=False)) ** 2) for atoms in coppers
    ]
    assert grown.record["train_rmse"]["force"] == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-6)


@pytest.mark.parametrize("elements", ["coppers", "alloys"])
def test_another_ridge_and_other_weights_need_no_frames(elements: str, request: pytest.FixtureRequest) -> None:
    frames = request.getfixturevalue(elements)
    changed = reweighted(fit(frames, **SMALL), ridge=1e-5, energy_weight=3.0, force_weight=2.0, stress_weight=0.0)
    direct = fit(frames, ridge=1e-5, energy_weight=3.0, force_weight=2.0, stress_weight=0.0, **SMALL)
    assert_same(changed, direct, frames, EXACT)
    with pytest.raises(SettingsError, match="ridge"):
        reweighted(changed, ridge=-1.0)


# %% Refusals


def test_without_a_factor_there_is_no_update(coppers: list[Atoms]) -> None:
    potential = fit(coppers, **SMALL | {"updatable": False})
    for change in (update, downdate):
        with pytest.raises(UpdateError, match="updatable=True"):
            change(potential, coppers[:1])
    with pytest.raises(UpdateError, match="updatable=True"):
        reweighted(potential, ridge=1.0)


def test_only_frames_of_the_fit_can_go(coppers: list[Atoms]) -> None:
    potential = fit(coppers[:10], **SMALL)
    for wrong in ([coppers[20]], [coppers[0], coppers[0]], [labelled(coppers[0], energy=0.0)]):
        with pytest.raises(UpdateError, match="frame"):
            downdate(potential, wrong)
    with pytest.raises(UpdateError, match="nothing would be left"):
        downdate(potential, coppers[:10])


def test_a_downdate_that_would_lose_digits_is_refused(coppers: list[Atoms]) -> None:
    squeezed = coppers[0].copy()
    squeezed.set_cell(0.75 * squeezed.cell.array, scale_atoms=True)
    potential = fit([*coppers[:3], labelled(squeezed)], ridge=1e-14, **SMALL)
    with pytest.raises(UpdateError, match="digits would be lost"):
        downdate(potential, coppers[:3])


def test_unknown_elements_are_refused_by_name(coppers: list[Atoms]) -> None:
    with pytest.raises(TrainingDataError, match="frame 1: the potential does not know Au"):
        update(fit(coppers[:10], **SMALL), [coppers[11], labelled(random_alloy(["Au"], 1))])


def test_denser_frames_are_learned_not_held(coppers: list[Atoms]) -> None:
    potential = fit(coppers, **SMALL)
    dense = coppers[0].copy()
    dense.set_cell(0.9 * dense.cell.array, scale_atoms=True)
    grown = update(potential, [labelled(dense)])
    assert potential.hamiltonian.density_limit is not None
    assert grown.hamiltonian.density_limit is not None
    assert (
        grown.hamiltonian.density_limit.largest_density_s > potential.hamiltonian.density_limit.largest_density_s
    ).all()
    assert_same(grown, from_scratch(grown, [*coppers, labelled(dense)]), [dense, *coppers], ROUNDED)
