"""Passes over frames: each is searched for neighbours once, and what parts of a pass accumulate merges."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from conftest import strained_copper
from snapshots import SMALL as SMALL_NETWORK
from snapshots import spring_lattice

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.active import ActiveCalculator
from ase_rfhgn.fitting.accumulation import Factors, accumulate
from ase_rfhgn.fitting.engine import Prepared
from ase_rfhgn.fitting.far_structures import ATOMS_SCALED, CRYSTALS, FEW_ATOMS, share_of
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.phase_space.preparation import PhaseSpaceProblem
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.fitting.preparation import COMPRESSED_STRUCTURES, PotentialProblem
from ase_rfhgn.fitting.ridge_choice import choose_ridges
from ase_rfhgn.fitting.self_training import ATOMS_DISPLACED
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.fitting.survey import Surveyor
from ase_rfhgn.fitting.targets import LABELS
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures import graph
from ase_rfhgn.structures.training_set import TrainingSet

IN_DYNAMICS = 200
"""Searches in the test of stability, which has a skin."""

SMALL: dict[str, Any] = {"cutoff": 4.6, "channels": 10, "projections": 2}


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[FloatArray]:
    """Return the positions of all structures whose neighbours are searched from now on."""
    structures: list[FloatArray] = []
    search = graph.neighbour_list  # type: ignore[attr-defined]

    def counted(quantities: str, atoms: Atoms, reach: float) -> object:
        structures.append(atoms.positions.copy())
        return search(quantities, atoms, reach)

    monkeypatch.setattr(graph, "neighbour_list", counted)
    return structures


def coppers(n_frames: int) -> list[Atoms]:
    rng = np.random.default_rng(5)
    return [strained_copper(rng) for _ in range(n_frames)]


def is_among(atoms: Atoms, structures: list[FloatArray]) -> int:
    return sum(one.shape == atoms.positions.shape and np.array_equal(one, atoms.positions) for one in structures)


@pytest.mark.parametrize("cutoff", [4.6, None])
def test_a_fit_searches_every_frame_twice_at_most(searched: list[FloatArray], cutoff: float | None) -> None:
    frames = coppers(40)
    fit(frames, cutoff=cutoff, channels=6, projections=2)
    assert max(is_among(atoms, searched) for atoms in frames) <= 2
    n_displaced = min(len(frames), ATOMS_DISPLACED // min(map(len, frames)) + 1)
    n_far = share_of(len(frames)) * (CRYSTALS + FEW_ATOMS + ATOMS_SCALED / min(map(len, frames))) + 3
    n_strayed = share_of(len(frames)) * ATOMS_DISPLACED // min(map(len, frames)) + 2
    assert len(searched) <= len(frames) + n_displaced + n_far + n_strayed + COMPRESSED_STRUCTURES + IN_DYNAMICS


def test_an_evaluation_with_uncertainty_searches_once(copper: Potential, searched: list[FloatArray]) -> None:
    copper.evaluate(coppers(1)[0], uncertainty=True)
    assert len(searched) == 1


def test_a_step_of_an_active_run_searches_nothing_while_the_skin_holds(
    searched: list[FloatArray], tmp_path: Path
) -> None:
    atoms = coppers(1)[0]
    calculator = ActiveCalculator(EMT(), tmp_path, uncertainty=10.0, grade=100.0, **SMALL)
    atoms.calc = calculator
    atoms.get_potential_energy()
    searched.clear()
    for _ in range(5):
        atoms.positions[0] += [0.01, 0.0, 0.0]
        atoms.get_forces()
    assert len(calculator.calls) == calculator.start
    assert searched == []


def prepared_potential() -> tuple[PotentialProblem, Prepared]:
    problem = PotentialProblem(FitSettings(**SMALL))
    frames = TrainingSet.open(coppers(30))
    return problem, problem.prepare(frames, LABELS, Options())


def prepared_hamiltonian() -> tuple[PhaseSpaceProblem, Prepared]:
    frames, bonds = spring_lattice(np.random.default_rng(0), (2, 2), 30)
    problem = PhaseSpaceProblem(PhaseSpaceSettings(axes="mean position", **SMALL_NETWORK), bonds)
    return problem, problem.prepare(TrainingSet.open(frames, closest=0.0), LABELS, Options())


def solution(problem: PotentialProblem | PhaseSpaceProblem, prepared: Prepared, factors: Factors) -> FloatArray:
    """Return the coefficients with the ridge that cross-validation chooses."""
    spread_f = prepared.model.prior(factors.column_norms(prepared.weights))
    assert factors.sites is not None
    unlabelled, far = problem.unlabelled(prepared), problem.far(prepared, factors.sites.domain())
    choice = choose_ridges(factors, prepared.weights, spread_f, prepared.model.search, unlabelled, far)
    return choice.regression.solve().coefficient_f / spread_f


@pytest.mark.parametrize("prepare", [prepared_potential, prepared_hamiltonian])
@pytest.mark.parametrize("n_chunks", [1, 2, 7])
def test_chunks_in_any_order_give_the_coefficients_of_the_whole(
    rng: np.random.Generator, prepare: type, n_chunks: int
) -> None:
    problem, prepared = prepare()
    whole = accumulate(prepared.items, prepared.grouping, prepared.model)
    chunks = np.array_split(rng.permutation(len(prepared.items)), n_chunks)
    passes = [
        accumulate(prepared.items.part(tuple(chunk.tolist())), prepared.grouping, prepared.model) for chunk in chunks
    ]
    merged = reduce(Factors.merged, passes)
    expected_f, found_f = (solution(problem, prepared, factors) for factors in (whole, merged))
    np.testing.assert_allclose(found_f, expected_f, rtol=0, atol=1e-10 * np.abs(expected_f).max())


def test_surveys_of_parts_merge_to_that_of_the_whole(rng: np.random.Generator) -> None:
    _, prepared = prepared_potential()
    items = list(prepared.items)
    whole, merged = Surveyor(len(items), 4.6), Surveyor(len(items), 4.6)
    for item in items:
        whole.add(item)
    for chunk in np.array_split(rng.permutation(len(items)), 4):
        part = Surveyor(len(items), 4.6)
        for i in chunk:
            part.add(items[i])
        merged.merge(part)
    one, other = whole.survey(), merged.survey()
    for name in ("species_s", "count_is", "energy_i", "isolated_i", "floor_b", "largest_density_s"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.volume == pytest.approx(other.volume, rel=1e-14)
    assert whole.default_cutoff() == merged.default_cutoff()
    assert len(one.sample) == len(other.sample)
    assert [fact.name for fact in one.facts] == [fact.name for fact in other.facts]
    assert one.original_i == other.original_i
