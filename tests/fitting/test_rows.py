"""Rows of the linear system: times the coefficients they are what the potential answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from conftest import MakePotential
from known_truth import labelled_by, random_alloy

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.linear_model import Layout
from ase_rfhgn.fitting.rows import frame_rows
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.frame import Frame, frame_of
from ase_rfhgn.structures.graph import build_graph

SYMBOLS = ["Cu", "Au", "H", "O"]


@pytest.fixture(scope="module")
def truth(make_potential: MakePotential) -> Potential:
    """Return a potential of four elements."""
    return make_potential(SYMBOLS, np.random.default_rng(3), channels=3, projections=1, degree=2)


def squeezed_alloy() -> Atoms:
    """Return a crystal in which the short-range core acts."""
    atoms = random_alloy(["Cu", "Au"], seed=1)
    atoms.positions[1] = atoms.positions[0] + [0.6, 0.7, 0.1]
    return atoms


def shaken_slab() -> Atoms:
    atoms: Atoms = fcc111("Au", (2, 1, 2), vacuum=6.0)
    atoms.rattle(0.1, seed=0)
    return atoms


STRUCTURES = {
    "crystal": random_alloy(["Cu"], seed=0),
    "alloy": random_alloy(["Cu", "Au"], seed=0),
    "oxide": random_alloy(["H", "Cu", "O"], seed=2),
    "core at work": squeezed_alloy(),
    "one atom": bulk("Au"),
    "molecule": molecule("H2O"),
    "slab": shaken_slab(),
    "isolated": Atoms("O"),
}


def system_of(potential: Potential, atoms: Atoms) -> tuple[int, ...]:
    return tuple(np.flatnonzero(np.isin(potential.species_s, atoms.numbers)).tolist())


def coefficients(potential: Potential, system: tuple[int, ...]) -> FloatArray:
    """Return the vector that rows over some species are multiplied with."""
    layout = Layout(len(potential.species_s), potential.hamiltonian.n_features)
    all_f = np.concatenate([potential.baseline.one_body_s, potential.coefficient_sf.ravel()])
    return np.asarray(np.append(all_f, -1.0)[layout.columns(system)])


def core_only(potential: Potential) -> Baseline:
    return replace(potential.baseline, one_body_s=np.zeros(len(potential.species_s)))


def rows_of(potential: Potential, frame: Frame, system: tuple[int, ...]) -> dict[str, FloatArray]:
    graph = build_graph(frame.atoms, potential.cutoff)
    return frame_rows(potential.hamiltonian, core_only(potential), frame, graph, system)


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("everything", [False, True], ids=["own species", "all species"])
def test_rows_times_coefficients_are_the_answers(truth: Potential, name: str, *, everything: bool) -> None:
    atoms = STRUCTURES[name]
    system = (0, 1, 2, 3) if everything else system_of(truth, atoms)
    frame = frame_of(labelled_by(truth, atoms), name)
    rows = rows_of(truth, frame, system)
    assert list(rows) == ["energy", "force", *(["stress"] if atoms.cell.rank == 3 else [])]
    for kind, row_mf in rows.items():
        # the right-hand side comes last, its coefficient is −1
        miss_m = row_mf @ coefficients(truth, system)
        scale = np.abs(row_mf).max() * np.abs(coefficients(truth, system)).max()
        assert np.abs(miss_m).max() <= 1e-12 * scale, kind


def test_right_hand_sides_are_labels_less_the_baseline(truth: Potential) -> None:
    frame = frame_of(labelled_by(truth, STRUCTURES["alloy"]), "alloy")
    graph = build_graph(frame.atoms, truth.cutoff)
    rows = frame_rows(truth.hamiltonian, Baseline.nothing(truth.species_s), frame, graph, (0, 1, 2, 3))
    assert frame.energy is not None
    assert frame.force_nc is not None
    assert frame.stress_v is not None
    assert rows["energy"][:, -1] == pytest.approx(frame.energy / len(frame.atoms))
    np.testing.assert_array_equal(rows["force"][:, -1], frame.force_nc.ravel())
    np.testing.assert_array_equal(rows["stress"][:, -1], frame.stress_v)


def test_one_body_columns_are_concentrations(truth: Potential) -> None:
    rows = rows_of(truth, frame_of(labelled_by(truth, molecule("H2O")), "water"), (0, 1, 2, 3))
    np.testing.assert_allclose(rows["energy"][0, :4], [2 / 3, 1 / 3, 0.0, 0.0])
    np.testing.assert_array_equal(rows["force"][:, :4], 0.0)


@pytest.mark.parametrize("missing", ["energy", "force_nc", "stress_v"])
def test_labels_that_a_frame_lacks_have_no_rows(truth: Potential, missing: str) -> None:
    frame = frame_of(labelled_by(truth, STRUCTURES["alloy"]), "alloy")
    system = system_of(truth, frame.atoms)
    rows = rows_of(truth, frame, system)
    changes: dict[str, Any] = {missing: None}
    fewer = rows_of(truth, replace(frame, **changes), system)
    kinds = {"energy": "energy", "force_nc": "force", "stress_v": "stress"}
    assert set(rows) - set(fewer) == {kinds[missing]}
    for kind, row_mf in fewer.items():
        np.testing.assert_array_equal(row_mf, rows[kind])


def test_layout_has_a_place_for_every_coefficient() -> None:
    layout = Layout(n_species=3, n_features=4)
    assert layout.n_columns == 15
    np.testing.assert_array_equal(layout.columns((0, 2)), [0, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15])
    np.testing.assert_array_equal(layout.columns((0, 1, 2)), np.arange(16))
    one_body_s, coefficient_sf = layout.split(np.arange(15.0))
    np.testing.assert_array_equal(one_body_s, [0, 1, 2])
    np.testing.assert_array_equal(coefficient_sf, np.arange(3.0, 15.0).reshape(3, 4))
