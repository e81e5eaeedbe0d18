"""Spherical fields as the named arrays and the header of a model file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ase_rfhgn.features.spherical.density_limit import DensityLimit
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.radial import EdgeEncoder
from ase_rfhgn.models.archive import JSON, shaped


def fields_as_arrays(fields: SphericalFields) -> dict[str, NDArray[Any]]:
    """Return the arrays of spherical fields under their names in a model file."""
    encoder, density_limit = fields.encoder, fields.density_limit
    return {
        "species_s": fields.species_s,
        "cutoff_k": encoder.cutoff_k,
        "weight_k": encoder.weight_k,
        "shift_bk": encoder.shift_bk,
        "size_b": encoder.size_b,
        "floor_b": encoder.floor_b,
        "projection_sqlk": fields.projection_sqlk,
        "mean_sk": fields.mean_sk,
        "largest_density_s": np.empty(0) if density_limit is None else density_limit.largest_density_s,
    }


def fields_header(fields: SphericalFields) -> dict[str, JSON]:
    """Return the parts that are not arrays."""
    return {
        "cutoff": fields.cutoff,
        "correlation": fields.correlation,
        "density_limit_strength": None if fields.density_limit is None else fields.density_limit.strength,
        "density_limit_onset": None if fields.density_limit is None else fields.density_limit.onset,
    }


def fields_of_arrays(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SphericalFields:
    """Return the fields of a model file.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something is missing or does not fit.
    """
    species_s = arrays["species_s"]
    n_species, n_channels = len(species_s), len(arrays["weight_k"])
    encoder = EdgeEncoder(
        cutoff_k=shaped(arrays, "cutoff_k", (n_channels,)),
        weight_k=shaped(arrays, "weight_k", (n_channels,)),
        shift_bk=shaped(arrays, "shift_bk", (n_species**2, n_channels)),
        size_b=shaped(arrays, "size_b", (n_species**2,)),
        floor_b=shaped(arrays, "floor_b", (n_species**2,)),
    )
    return SphericalFields(
        species_s=species_s,
        cutoff=float(header["cutoff"]),
        encoder=encoder,
        projection_sqlk=shaped(arrays, "projection_sqlk", (n_species, None, None, n_channels)),
        mean_sk=shaped(arrays, "mean_sk", (n_species, n_channels)),
        correlation=int(header["correlation"]),
        density_limit=_density_limit(header, arrays, n_species),
    )


def _density_limit(
    header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], n_species: int
) -> DensityLimit | None:
    if header["density_limit_strength"] is None:
        return None
    return DensityLimit(
        float(header["cutoff"]),
        shaped(arrays, "largest_density_s", (n_species,)),
        float(header["density_limit_strength"]),
        float(header.get("density_limit_onset", 0.0)),
    )
