"""The reduced basis of spherical fields: few of the features, for ensembles that predict uncertainties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ase_rfhgn.arrays import IntArray
from ase_rfhgn.features.spherical.fields import SphericalFields


def reduced_fields(fields: SphericalFields, n_channels: int) -> SphericalFields:
    """Return the two-body sums and the squares of the degrees of the first channels alone.

    Nothing has to be integrated over the sphere. Features of sites beyond the density limit are held, but
    such sites do not repel.

    Parameters
    ----------
    fields : SphericalFields
        The features.
    n_channels : int
        Channels to keep. All channels are sampled alike, so the first ones are as good as any.
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
    """Return the indices of the features of `reduced_fields` among all features of a species, in order."""
    feature_lk = np.arange((fields.degree + 2) * fields.n_channels).reshape(-1, fields.n_channels)
    return feature_lk[:, :n_channels].ravel()
