"""Prior spread of the coefficients: which features the ridge holds down more than others."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.spherical.fields import SphericalFields

BODY_ORDER = 10.0
"""Ratio of the prior variances of consecutive body orders."""

ONE_BODY = 1e-3
"""Spread of the scaled one-body energies against that of two-body features.

Forces leave them free, and so do energies where compositions do not vary: without a prior that is
much tighter they take up hundreds of eV that features, at no cost, give back.
"""

ROUNDING = 1e-12
"""Norm of a column, relative to the largest, below which it is rounding: odd degrees at inversion centres."""

BLIND = 1e-3
"""Difference that species make to the argument of a channel below which it counts as blind to them."""


def prior_spread(
    hamiltonian: SphericalFields, norm_f: FloatArray, species_power: float, *, free_one_body: bool
) -> FloatArray:
    """Return the prior spread of all coefficients, one-body energies first.

    The spread of a scaled coefficient falls with the body order ν as (10^(−1/2) a^p)^(ν − 1) a^p,
    where a = (1 + d/10⁻³)^(−1/2) and d is the largest difference that the species of an edge make
    to the argument of the channel. Channels that switch between elements tell little about
    mixtures that training did not show, less so at high body orders.

    Parameters
    ----------
    hamiltonian : SphericalFields
        The features.
    norm_f : ndarray of shape (n_columns,)
        Norms of the weighted columns; coefficients are scaled by them.
    species_power : float
        The power p; 0 treats all channels alike.
    free_one_body : bool
        Whether the one-body energies are fitted; otherwise their spread is zero.
    """
    shift_bk = hamiltonian.encoder.shift_bk
    blind_k = (1.0 + np.ptp(shift_bk, axis=0) / BLIND) ** (-0.5 * species_power)
    order_ok = np.arange(1, hamiltonian.correlation + 1)[:, None] - 1.0
    one_ok = (BODY_ORDER**-0.5 * blind_k) ** order_ok * blind_k
    n_projections, n_levels = hamiltonian.projection_sqlk.shape[1:3]
    copies_o = np.repeat([1, n_levels, n_projections], [1, 1, hamiltonian.correlation - 2])
    feature_f = np.repeat(one_ok, copies_o, axis=0).ravel()
    n_species = len(hamiltonian.species_s)
    one_body_s = np.full(n_species, ONE_BODY if free_one_body else 0.0)
    spread_f = np.concatenate([one_body_s, np.tile(feature_f, n_species)])
    return spread_f / np.where(norm_f > ROUNDING * norm_f.max(initial=0.0), norm_f, np.inf)
