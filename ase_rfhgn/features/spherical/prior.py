"""Prior spread of the features of a species, relative to each other."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray

BODY_ORDER = 10.0
"""Ratio of the prior variances of consecutive body orders."""

BLIND = 1e-3
"""Difference that species make to the argument of a channel below which it counts as blind to them."""


def relative_spread(shift_bk: FloatArray, copies_o: IntArray, species_power: float) -> FloatArray:
    """Return the prior spread of scaled coefficients of the features of a species: shape (n_features,).

    The spread falls with the body order ν as (10^(−1/2) a^p)^(ν − 1) a^p, where a = (1 + d/10⁻³)^(−1/2)
    and d is the largest difference that the species of an edge make to the argument of the channel.
    Channels that switch between elements know little about mixtures of elements that are not in the
    training data, and even less at high body orders.

    Parameters
    ----------
    shift_bk : ndarray of shape (n_species², n_channels)
        Arguments of the channels at no distance, per pair of species.
    copies_o : ndarray of shape (n_orders,)
        Features per channel of every body order.
    species_power : float
        The power p; 0 treats all channels alike.
    """
    blind_k = (1.0 + np.ptp(shift_bk, axis=0) / BLIND) ** (-0.5 * species_power)
    order_ok = np.arange(len(copies_o))[:, None]
    one_ok = (BODY_ORDER**-0.5 * blind_k) ** order_ok * blind_k
    return np.repeat(one_ok, copies_o, axis=0).ravel()
