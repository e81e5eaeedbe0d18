"""A potential that lies in the model class is found again, from energies, forces or stresses alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from known_truth import Answers, drawn_for, labelled_by, random_alloy, random_truth

from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.rows import frame_rows
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.frame import frame_of
from ase_rfhgn.structures.graph import build_graph

SMALL: dict[str, Any] = {"cutoff": 4.5, "channels": 4, "projections": 1, "degree": 2, "correlation": 3}
HARDLY_ANY_RIDGE = 1e-30


def unlabelled(atoms: Atoms, *labels: str) -> Atoms:
    """Return the atoms without some of their labels."""
    for label in labels:
        atoms.calc.results.pop(label, None)
    return atoms


# %% Default settings


def copper(seed: int, size: float) -> Atoms:
    """Return a strained and shaken crystal of eight atoms, or of seven."""
    rng = np.random.default_rng(seed)
    atoms: Atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    if seed % 3 == 0:
        del atoms[0]
    strain_cc = rng.uniform(-0.06, 0.06) * np.eye(3) + rng.normal(0.0, 0.02, (3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain_cc), scale_atoms=True)
    atoms.positions += rng.normal(0.0, size * rng.random(), atoms.positions.shape)
    return atoms


def condition_number(potential: Potential, frames: list[Atoms]) -> float:
    """Return the condition number of the weighted rows of a fit, all columns scaled to unit norm."""
    weights = potential.record["weights"]
    parts = []
    for atoms in frames:
        graph = build_graph(atoms, potential.cutoff)
        rows = frame_rows(potential.hamiltonian, potential.baseline, frame_of(atoms, "frame"), graph, (0,))
        parts += [weights[kind] * row_mf[:, :-1] for kind, row_mf in rows.items()]
    row_mf = np.concatenate(parts)
    value_f = np.linalg.svd(row_mf / np.linalg.norm(row_mf, axis=0), compute_uv=False)
    return float(value_f[0] / value_f[-1])


@pytest.mark.parametrize("coefficients", ["random", "of a fit"])
def test_default_settings_recover_a_potential_of_the_model_class(coefficients: str) -> None:
    """No column repeats others: the condition number stays far below 1 / rounding (about 4e8).

    Normal equations would still lose all digits.
    """
    structures = [copper(seed, 0.25) for seed in range(60)]
    unseen = [copper(1000 + seed, 0.12) for seed in range(15)]
    drawn = drawn_for(structures)
    truth = random_truth(drawn, structures, np.random.default_rng(1))
    if coefficients == "of a fit":
        other = random_truth(drawn_for(structures, seed=99), structures, np.random.default_rng(2))
        truth = fit([labelled_by(other, atoms) for atoms in structures], ridge=1e-14)
    frames = [labelled_by(truth, atoms) for atoms in structures]
    found = fit(frames, ridge=HARDLY_ANY_RIDGE)
    np.testing.assert_array_equal(found.hamiltonian.projection_sqlk, truth.hamiltonian.projection_sqlk)
    misses = Answers.of(found, unseen).misses(Answers.of(truth, unseen))
    assert max(misses.values()) < 1e-8
    if coefficients == "random":
        assert condition_number(found, frames) < 1e11


# %% All kinds of structures


def water(seed: int) -> Atoms:
    atoms: Atoms = molecule("H2O")
    atoms.rattle(0.1, seed=seed)
    return atoms


def slab(seed: int) -> Atoms:
    atoms: Atoms = fcc111("Au", (2, 1, 3), vacuum=7.0, periodic=False)
    atoms.pbc = (True, True, False)
    atoms.rattle(0.1, seed=seed)
    return atoms


def chain(seed: int) -> Atoms:
    atoms = Atoms("CuAu", [(0.0, 5.0, 5.0), (2.6, 5.0, 5.0)], cell=(5.2, 0.0, 0.0), pbc=(True, False, False))
    atoms.rattle(0.15, seed=seed)
    return atoms


def one_atom(seed: int) -> Atoms:
    rng = np.random.default_rng(seed)
    atoms: Atoms = bulk("Cu")
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0.0, 0.04, (3, 3))), scale_atoms=True)
    return atoms


STRUCTURES: dict[str, Callable[[int], Atoms]] = {
    "crystals": lambda seed: random_alloy(["Cu"], seed),
    "binary alloys": lambda seed: random_alloy(["Cu", "Au"], seed),
    "ternary alloys": lambda seed: random_alloy(["Cu", "Au", "Ni"], seed),
    "one-atom cells": one_atom,
    "molecules": water,
    "slabs": slab,
    "chains": chain,
    "all at once": lambda seed: [water, slab, chain, one_atom][seed % 4](seed),
}


@pytest.mark.filterwarnings("ignore::ase_rfhgn.errors.TrainingDataWarning")  # random potentials are no physics
@pytest.mark.parametrize("sampler", ["swim", "elm"])
@pytest.mark.parametrize("name", STRUCTURES)
def test_every_kind_of_structure_is_recovered(name: str, sampler: str, rng: np.random.Generator) -> None:
    structures = [STRUCTURES[name](seed) for seed in range(60)]
    settings = SMALL | {"sampler": sampler}
    truth = random_truth(drawn_for(structures, **settings), structures, rng)
    found = fit([labelled_by(truth, atoms) for atoms in structures], ridge=HARDLY_ANY_RIDGE, **settings)
    some = structures[::3]
    answers, truths = Answers.of(found, some), Answers.of(truth, some)
    for quantity in ("energy_i", "force_m", "stress_m"):
        found_m, true_m = getattr(answers, quantity), getattr(truths, quantity)
        if len(true_m):  # molecules have no stress
            miss = np.sqrt(np.mean((found_m - true_m) ** 2))
            assert miss < 1e-8 * max(1.0, true_m.std()), quantity


# %% Missing labels


@pytest.mark.parametrize(
    ("dropped", "known"),
    [
        (("forces", "stress"), ("energy", "force", "stress")),
        (("energy", "stress"), ("force",)),
        (("energy", "forces"), ("stress",)),
        (("stress",), ("energy", "force", "stress")),
        (("forces",), ("energy", "force", "stress")),
    ],
    ids=["energy only", "forces only", "stress only", "no stress", "no forces"],
)
@pytest.mark.parametrize("ridge", [HARDLY_ANY_RIDGE, None], ids=["no ridge", "ridge chosen"])
@pytest.mark.filterwarnings("ignore::ase_rfhgn.errors.TrainingDataWarning")  # random potentials are no physics
def test_some_kinds_of_labels_are_enough(
    dropped: tuple[str, ...], known: tuple[str, ...], ridge: float | None, rng: np.random.Generator
) -> None:
    structures = [random_alloy(["Cu"], seed) for seed in range(80)]
    unseen = [random_alloy(["Cu"], 100 + seed, size=0.05) for seed in range(10)]
    truth = random_truth(drawn_for(structures, **SMALL), structures, rng)
    frames = [unlabelled(labelled_by(truth, atoms), *dropped) for atoms in structures]
    found = fit(frames, ridge=ridge, **SMALL)
    misses = Answers.of(found, unseen).misses(Answers.of(truth, unseen))
    assert max(misses[kind] for kind in known) < (1e-8 if ridge else 0.05)
    trained = {"energy", "force", "stress"} - {{"forces": "force"}.get(label, label) for label in dropped}
    assert set(found.record["train_rmse"]) == trained


def test_labels_may_differ_from_frame_to_frame(rng: np.random.Generator) -> None:
    structures = [random_alloy(["Cu", "Au"], seed) for seed in range(60)]
    truth = random_truth(drawn_for(structures, **SMALL), structures, rng)
    frames = [labelled_by(truth, atoms) for atoms in structures]
    for i, atoms in enumerate(frames):
        unlabelled(atoms, *[("stress",), ("energy",), ("forces", "energy"), (), ("energy", "forces", "stress")][i % 5])
    found = fit(frames, ridge=HARDLY_ANY_RIDGE, **SMALL)
    misses = Answers.of(found, structures).misses(Answers.of(truth, structures))
    assert max(misses.values()) < 1e-8


def test_labels_with_zero_weight_do_not_matter(rng: np.random.Generator) -> None:
    structures = [random_alloy(["Cu"], seed) for seed in range(20)]
    truth = random_truth(drawn_for(structures, **SMALL), structures, rng)
    frames = [labelled_by(truth, atoms) for atoms in structures]
    liars = [labelled_by(replace(truth, coefficient_sf=1.3 * truth.coefficient_sf), atoms) for atoms in structures]
    for honest, liar in zip(frames, liars, strict=True):
        honest.calc.results["stress"] = liar.calc.results["stress"]
    found = fit(frames, ridge=HARDLY_ANY_RIDGE, stress_weight=0.0, **SMALL)
    misses = Answers.of(found, structures).misses(Answers.of(truth, structures))
    assert max(misses.values()) < 1e-8
