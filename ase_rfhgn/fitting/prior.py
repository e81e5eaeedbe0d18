"""Prior spread of the coefficients of a potential: one-body energies beside features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.protocol import Features

ONE_BODY = 1e-3
"""Spread of the scaled one-body energies relative to the spread of two-body features.

Forces do not determine one-body energies, and energies do not if compositions do not vary. Without a much
tighter prior, one-body energies grow by hundreds of eV, which features take back at no cost.
"""

ROUNDING = 1e-12
"""Norm of a column, relative to the largest, below which it is rounding: odd degrees at inversion centres."""


def prior_spread(features: Features, norm_f: FloatArray, species_power: float, free_s: Sequence[bool]) -> FloatArray:
    """Return the prior spread of all coefficients, one-body energies first.

    Parameters
    ----------
    features : Features
        The features.
    norm_f : ndarray of shape (n_columns,)
        Norms of the weighted columns; coefficients are scaled by them.
    species_power : float
        Strength of the prior against features that distinguish elements; 0 treats all features alike.
    free_s : sequence of bool
        Whether the one-body energy of every species is fitted; otherwise its spread is zero.
    """
    n_species = len(features.species_s)
    one_body_s = np.where(free_s, ONE_BODY, 0.0)
    spread_f = np.concatenate([one_body_s, np.tile(features.prior_spread(species_power), n_species)])
    return spread_f / np.where(norm_f > ROUNDING * norm_f.max(initial=0.0), norm_f, np.inf)
