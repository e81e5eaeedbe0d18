"""Independent streams of random numbers, one for each part of a fit."""

from __future__ import annotations

import numpy as np

UNLABELLED = 1
"""Structures without labels."""

ENSEMBLE = 2
"""Members of an ensemble, and the frames that calibrate it."""

GROUPING = 3
"""Trial mixtures of elements."""

SITES = 4
"""Atoms of every frame that determine the limits of the domain."""

FAR = 5
"""Structures far away from the data."""

STABILITY = 6
"""Velocities in the stability test of a fit."""

DISPLACED = 7
"""Displaced frames far away from the data."""

SNAPSHOTS = 1
"""Frames of a fit in phase space that weights are sampled from; there are no unlabelled structures."""


def random_stream(seed: int, *stream: int) -> np.random.Generator:
    """Return the generator of one stream of a seed.

    Parameters
    ----------
    seed : int
        Seed of a fit.
    *stream : int
        One of the constants of this module, and numbers that distinguish it from others of its kind; without
        any, the stream that draws the features.
    """
    return np.random.default_rng([seed, *stream] if stream else seed)
