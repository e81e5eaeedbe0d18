"""Contents of the files of potentials: header and arrays, and the parts that they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.models.archive import JSON, Arrays, Header, shaped, with_prefix, without_prefix
from ase_rfhgn.models.baselines.calculators import CalculatorBaseline
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.models.stored_fields import fields_as_arrays, fields_header, fields_of_arrays
from ase_rfhgn.models.uncertainty import Ensemble

KIND = "spherical fields"
"""Name of this kind of model in model files."""

KIND_WITH_CALCULATORS = "spherical fields beside calculators"
"""Name in model files if other calculators are part of the baseline: older programs refuse it."""


class Parts(Protocol):
    """The parts of a potential; see `ase_rfhgn.models.potential.Potential`."""

    @property
    def hamiltonian(self) -> SphericalFields:
        """The features."""

    @property
    def coefficient_sf(self) -> FloatArray:
        """Coefficients of the features."""

    @property
    def baseline(self) -> Baseline:
        """What is known beside the features."""

    @property
    def record(self) -> dict[str, Any]:
        """Settings and training record."""

    @property
    def ensemble(self) -> Ensemble | None:
        """What predicts uncertainties."""

    @property
    def linear_system(self) -> Mapping[str, NDArray[Any]] | None:
        """What updates need."""


def answering_contents(parts: Parts) -> tuple[dict[str, JSON], Arrays]:
    """Return the header and the arrays that energies and forces depend on."""
    header = fields_header(parts.hamiltonian)
    arrays = fields_as_arrays(parts.hamiltonian) | parts.baseline.as_arrays() | {"coefficient_sf": parts.coefficient_sf}
    if (others := parts.baseline.others) is not None:
        header |= {"calculators": others.header()}
        arrays |= with_prefix("calculators", others.as_arrays())
    return header, arrays


def contents_of(parts: Parts) -> tuple[dict[str, JSON], Arrays]:
    """Return the header and the arrays of the file of a potential."""
    header, arrays = answering_contents(parts)
    arrays |= {} if parts.ensemble is None else with_prefix("ensemble", parts.ensemble.as_arrays())
    arrays |= {} if parts.linear_system is None else with_prefix("linear_system", parts.linear_system)
    kind = KIND if parts.baseline.others is None else KIND_WITH_CALCULATORS
    named: dict[str, JSON] = {"model": kind, "record": parts.record}
    return named | header, arrays


def parts_of(header: Header, arrays: Arrays) -> dict[str, Any]:
    """Return the parts of a potential by their names, after checks of the header and the arrays.

    Parameters
    ----------
    header, arrays
        Contents of a model file.

    Raises
    ------
    ModelFileError
        If the potential needs another calculator that is not there, not trusted, or answers differently.
    KeyError, ValueError
        If anything is missing, or does not fit the rest.
    """
    hamiltonian = fields_of_arrays(header, arrays)
    n_species = len(hamiltonian.species_s)
    ensemble = without_prefix("ensemble", arrays)
    return {
        "hamiltonian": hamiltonian,
        "coefficient_sf": shaped(arrays, "coefficient_sf", (n_species, hamiltonian.n_features)),
        "baseline": replace(Baseline.of_arrays(arrays, hamiltonian.species_s), others=_others(header, arrays)),
        "record": dict(header["record"]),
        "ensemble": Ensemble.of_arrays(ensemble, n_species) if ensemble else None,
        "linear_system": without_prefix("linear_system", arrays) or None,
    }


def _others(header: Header, arrays: Arrays) -> CalculatorBaseline | None:
    """Return the other calculators of a model file, if they answer as in the fit."""
    if "calculators" not in header:
        return None
    others = CalculatorBaseline.of_file(header["calculators"], without_prefix("calculators", arrays))
    others.require_trust()
    others.require_same()
    return others
