"""Frames with their graphs: searched once per pass, kept while memory allows, atoms at one place refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from labelled import labelled, shaken

from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures import graph
from ase_rfhgn.structures.checks import MISTAKEN
from ase_rfhgn.structures.frame_graphs import FrameGraphs, WithinCutoff
from ase_rfhgn.structures.training_set import TrainingSet

EDGE = bulk("Cu", cubic=True).cell[0, 0]


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the reaches of all neighbour searches from now on."""
    reaches: list[float] = []
    search = graph.neighbour_list  # type: ignore[attr-defined]

    def counted(quantities: str, atoms: Atoms, reach: float) -> object:
        reaches.append(reach)
        return search(quantities, atoms, reach)

    monkeypatch.setattr(graph, "neighbour_list", counted)
    return reaches


def graphs_of(structures: list[Atoms], kept_bytes: int = 2**20) -> FrameGraphs:
    whole = FrameGraphs.of(TrainingSet.open(structures), WithinCutoff(4.0, MISTAKEN))
    return FrameGraphs(whole.frames, whole.graphed, whole.number_i, kept_bytes)


def test_a_second_pass_searches_nothing_that_was_kept(searches: list[float]) -> None:
    graphs = graphs_of([labelled(shaken(seed)) for seed in range(5)])
    first, second = list(graphs), list(graphs)
    assert len(searches) == 5
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert graphs[3] is first[3]


def test_without_memory_every_pass_searches_each_frame_once(searches: list[float]) -> None:
    graphs = graphs_of([labelled(shaken(seed)) for seed in range(5)], kept_bytes=0)
    for _ in range(2):
        assert [item.index for item in graphs] == list(range(5))
    assert len(searches) == 10


def test_some_of_the_frames_are_kept_where_not_all_fit(searches: list[float]) -> None:
    structures = [labelled(shaken(seed)) for seed in range(5)]
    size = next(iter(graphs_of(structures))).n_bytes
    searches.clear()
    graphs = graphs_of(structures, kept_bytes=int(2.5 * size))
    first, second = list(graphs), list(graphs)
    assert len(searches) == 5 + 3
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.graph.vector_pc, other.graph.vector_pc)


def test_a_part_shares_what_is_kept(searches: list[float]) -> None:
    graphs = graphs_of([labelled(shaken(seed)) for seed in range(5)])
    assert [item.index for item in graphs.part((4, 1))] == [4, 1]
    assert [item.index for item in graphs] == list(range(5))
    assert len(searches) == 5


def at_one_place(offset: tuple[float, float, float]) -> Atoms:
    atoms = shaken(0)
    atoms.positions[1] = atoms.positions[0] + offset
    return atoms


COINCIDENT: dict[str, Callable[[], Atoms]] = {
    "atoms 0 and 1 are 0 Å apart": lambda: at_one_place((0.0, 0.0, 0.0)),
    r"are 0\.09 Å apart": lambda: at_one_place((0.0, 0.09, 0.0)),
    r"are 0\.05 Å apart": lambda: at_one_place((EDGE, -EDGE, 2 * EDGE - 0.05)),
    "atoms 0 and 0 are": lambda: Atoms("Cu", cell=[3.0, 3.0, 0.05], pbc=True),
}


@pytest.mark.parametrize("complaint", COINCIDENT)
def test_atoms_at_one_place_are_refused_by_name(complaint: str) -> None:
    graphs = graphs_of([labelled(shaken(1)), labelled(shaken(2)), COINCIDENT[complaint]()])
    with pytest.raises(TrainingDataError, match=rf"structures, frame 2: .*{complaint}"):
        list(graphs)


def test_atoms_just_far_enough_apart_are_welcome() -> None:
    assert len(list(graphs_of([at_one_place((0.0, 0.0, 0.11))]))) == 1
