"""Models do not change: nobody can write their arrays, and they keep no array that somebody else can write."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from conftest import MakePotential
from labelled import labelled
from numpy.typing import NDArray
from snapshots import spring_lattice

from ase_rfhgn.arrays import ReadOnlyArrays, protected
from ase_rfhgn.features.layers import DenseLayer
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
from ase_rfhgn.models.load import AnyModel, load_model
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.graph import Bonds


def arrays_of(thing: Any, name: str = "model") -> Iterator[tuple[str, NDArray[Any]]]:  # noqa: ANN401
    """Yield all arrays of a dataclass by name, those of its parts, too."""
    if isinstance(thing, np.ndarray):
        yield name, thing
    elif is_dataclass(thing):
        for one in fields(thing):
            yield from arrays_of(getattr(thing, one.name), f"{name}.{one.name}")
    elif isinstance(thing, Mapping):
        for key, entry in thing.items():
            yield from arrays_of(entry, f"{name}[{key!r}]")


@pytest.fixture(scope="module")
def potential() -> Potential:
    """Return a potential with all its parts: an ensemble, a density limit, a linear system."""
    frames = [labelled(atoms) for atoms in (bulk("Cu", cubic=True), bulk("Cu", cubic=True, a=3.7))]
    fitted = fit(frames, channels=4, projections=1, degree=1, updatable=True)
    assert None not in (fitted.ensemble, fitted.hamiltonian.density_limit, fitted.linear_system)
    return fitted


@pytest.fixture(params=["potential", "phase space"])
def model(request: pytest.FixtureRequest, potential: Potential) -> AnyModel:
    if request.param == "potential":
        return potential
    frames, bonds = spring_lattice(np.random.default_rng(5), (2, 2), 8)
    return fit_phase_space(frames, bonds=bonds, axes="laboratory", node_units=6, edge_units=6, message_units=12)


def saved_and_loaded(model: AnyModel, folder: Path) -> AnyModel:
    """Return a model after a way through a file."""
    model.save(folder / "model.npz")
    return load_model(folder / "model.npz")


WAYS: dict[str, Callable[[AnyModel, Path], AnyModel]] = {
    "as it is": lambda model, _: model,
    "copied": lambda model, _: copy.copy(model),
    "deeply copied": lambda model, _: copy.deepcopy(model),
    "pickled": lambda model, _: pickle.loads(pickle.dumps(model)),  # noqa: S301
    "replaced": lambda model, _: replace(model, record={}),
    "saved and loaded": saved_and_loaded,
}


@pytest.mark.parametrize("way", WAYS)
def test_no_array_can_be_written(way: str, model: AnyModel, tmp_path: Path) -> None:
    found = dict(arrays_of(WAYS[way](model, tmp_path)))
    assert len(found) > 5
    assert not [name for name, array in found.items() if array.flags.writeable]
    assert found.keys() == dict(arrays_of(model)).keys()
    for name, array in arrays_of(model):
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_a_copied_potential_says_the_same(potential: Potential) -> None:
    atoms = bulk("Cu", cubic=True)
    twin = pickle.loads(pickle.dumps(potential))  # noqa: S301
    np.testing.assert_array_equal(twin.evaluate(atoms).energy_n, potential.evaluate(atoms).energy_n)


def test_what_was_given_stays_writable_and_does_not_matter() -> None:
    weight_kd, bias_k = np.ones((3, 2)), np.ones(3)
    layer = DenseLayer(weight_kd[::-1], bias_k)
    weight_kd[:], bias_k[:] = 7.0, 7.0
    assert layer.weight_kd.max() == layer.bias_k.max() == 1.0


def test_a_view_that_others_can_write_through_is_copied() -> None:
    owner = np.zeros(4)
    view = owner[1:]
    view.setflags(write=False)
    kept = Bonds(view.astype(np.int64), view.astype(np.int64), protected(view)).image_jc
    owner[:] = 1.0
    assert not kept.any()


def test_what_nobody_can_write_is_shared(make_potential: MakePotential) -> None:
    potential = make_potential(["Cu"], np.random.default_rng(0))
    assert replace(potential, record={}).coefficient_sf is potential.coefficient_sf
    part = potential.coefficient_sf[:, 1:]
    assert np.shares_memory(protected(part), potential.coefficient_sf)


def test_layout_is_kept() -> None:
    assert protected(np.ones((3, 2), order="F")).flags.f_contiguous


def test_every_part_of_a_model_is_protected(model: AnyModel) -> None:
    parts = [model, *(getattr(model, one.name) for one in fields(model))]
    with_arrays = [part for part in parts if is_dataclass(part) and any(True for _ in arrays_of(part))]
    own = [part for part in with_arrays if any(isinstance(getattr(part, one.name), np.ndarray) for one in fields(part))]
    assert all(isinstance(part, ReadOnlyArrays) for part in own)
