"""Networks of phase space as they are drawn: units pass through data, however few are looked at."""

from __future__ import annotations

import numpy as np
import pytest
from phase_points import random_points

from ase_rfhgn.features.phase_space.initialise import EDGES_PER_UNIT, initialise_network
from ase_rfhgn.features.phase_space.networks import GraphNetwork
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings


@pytest.mark.parametrize("n_units", [1, 40])
def test_units_of_edges_and_messages_switch_between_edges_of_the_data(rng: np.random.Generator, n_units: int) -> None:
    sample = random_points(rng, 2, n_structures=20)
    assert EDGES_PER_UNIT < len(sample.centre_p) < 40 * EDGES_PER_UNIT
    settings = PhaseSpaceSettings(axes="mean position", node_units=9, edge_units=n_units, message_units=n_units)
    network = initialise_network(settings.architecture, sample, rng)
    assert isinstance(network, GraphNetwork)
    encoded = network.encoding.encode(sample)
    hidden_nh, _ = network.node.activate(encoded.node_nd)
    hidden_ph, _ = network.edge.activate(encoded.edge_pd)
    message_pk, _ = network.message.activate(
        np.concatenate([hidden_nh[sample.centre_p], hidden_nh[sample.neighbour_p], hidden_ph], axis=1)
    )
    for value_pk in (hidden_ph, message_pk):
        low, high = (np.isclose(value_pk, value).any(axis=0) for value in (-0.5, 0.5))
        assert (low & high).all()
