"""Prototype crystals have unit nearest-neighbour distances, and the coordination that their names say."""

from __future__ import annotations

import numpy as np
import pytest

from ase_rfhgn.fitting.prototypes import prototypes
from ase_rfhgn.structures.graph import build_graph

COORDINATION = {"sc": 6, "bcc": 8, "fcc": 12, "hcp": 12, "diamond": 4, "white tin": 4}
VOLUME = {"sc": 1.0, "bcc": 4 / 27**0.5, "fcc": 0.5**0.5, "hcp": 0.5**0.5, "diamond": 8 / 27**0.5}


@pytest.mark.parametrize("name", list(COORDINATION))
def test_every_site_has_the_right_neighbours(name: str) -> None:
    prototype = prototypes()[name]
    atoms = prototype.crystal(np.full(prototype.n_sites, 14), 2.0)
    graph = build_graph(atoms, 2.02)
    np.testing.assert_allclose(graph.distance_p, 2.0)
    np.testing.assert_array_equal(np.bincount(graph.centre_p, minlength=len(atoms)), COORDINATION[name])


@pytest.mark.parametrize("name", list(VOLUME))
def test_crystals_are_as_dense_as_they_should(name: str) -> None:
    prototype = prototypes()[name]
    atoms = prototype.crystal(np.full(prototype.n_sites, 14), 2.0)
    assert atoms.get_volume() / len(atoms) == pytest.approx(8.0 * VOLUME[name])
