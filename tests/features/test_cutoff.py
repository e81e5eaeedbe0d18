"""The cutoff function, and its derivative."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.features.cutoff import cutoff_function

CUTOFF = 5.0


def test_it_falls_from_one_to_nothing_at_the_cutoff() -> None:
    value, slope = cutoff_function(np.array([0.0, CUTOFF / 2.0, CUTOFF, 2.0 * CUTOFF]), CUTOFF)
    np.testing.assert_allclose(value, [1.0, 0.75**3, 0.0, 0.0], atol=1e-15)
    np.testing.assert_array_equal(slope[[0, 2, 3]], 0.0)


def test_the_slope_is_the_derivative() -> None:
    distance, step = np.linspace(0.1, 1.2 * CUTOFF, 23), 1e-5
    above, below = (cutoff_function(distance + sign * step, CUTOFF)[0] for sign in (1.0, -1.0))
    np.testing.assert_allclose(cutoff_function(distance, CUTOFF)[1], (above - below) / (2.0 * step), atol=1e-9)
