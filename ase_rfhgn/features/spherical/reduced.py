"""Few features of a feature Hamiltonian: cheaper where only the size of errors is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ase_rfhgn.arrays import IntArray
from ase_rfhgn.features.spherical.fields import SphericalFields


def reduced_fields(fields: SphericalFields, n_channels: int) -> SphericalFields:
    """Return the two-body sums and the squares of the degrees of the first channels alone.

    There is nothing to integrate over the sphere. Crowded sites are held, but do not repel.

    Parameters
    ----------
    fields : SphericalFields
        The features.
    n_channels : int
        Channels to keep: all are drawn alike, so the first are as good as any.
    """
    encoder = fields.encoder
    return replace(
        fields,
        encoder=replace(
            encoder,
            cutoff_k=encoder.cutoff_k[:n_channels],
            weight_k=encoder.weight_k[:n_channels],
            shift_bk=np.ascontiguousarray(encoder.shift_bk[:, :n_channels]),
        ),
        projection_sqlk=np.ascontiguousarray(fields.projection_sqlk[:, :0, :, :n_channels]),
        mean_sk=np.ascontiguousarray(fields.mean_sk[:, :n_channels]),
        correlation=2,
        density_limit=None if fields.density_limit is None else replace(fields.density_limit, strength=0.0),
    )


def reduced_features(fields: SphericalFields, n_channels: int) -> IntArray:
    """Return which features of a species are those of `reduced_fields`, in their order."""
    feature_lk = np.arange((fields.degree + 2) * fields.n_channels).reshape(-1, fields.n_channels)
    return feature_lk[:, :n_channels].ravel()
