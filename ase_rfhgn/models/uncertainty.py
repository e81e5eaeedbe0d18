"""The reduced-basis ensemble of a potential: it predicts uncertainties.

The members are samples from the posterior of the coefficients of a reduced model, which has half of the
channels and no powers of the fields. A few samples predict the size of errors as well as the full
covariance does, and reduced members are cheap. Their spread is multiplied by interval scales, which were
measured on frames left out of the fit (`ase_rfhgn.fitting.uncertainty`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.features.response import Response, voigt
from ase_rfhgn.features.spherical.evaluation import Reduced
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.reduced import reduced_features, reduced_fields
from ase_rfhgn.models.archive import shaped
from ase_rfhgn.models.extrapolation import Cloud, Domain

QUANTITIES = ("energy", "force", "stress")
"""Rows of `Ensemble.interval_scale_ol`."""

AROUND = "around_"
"""Prefix of the names of arrays about the surroundings of training sites."""


@dataclass(frozen=True, slots=True)
class PredictedUncertainty:
    """Predicted uncertainties: half-widths of the intervals that hold the true values with 68 % probability.

    They are infinite where training has no atom with neighbours of the species, because nothing is known there.

    Attributes
    ----------
    energy : float
        Uncertainty of the energy (eV).
    energy_n : ndarray of shape (n_atoms,)
        Uncertainties of the energies of the atoms (eV). They have no labels, so the interval scale is the
        scale of the energy.
    force_nc : ndarray of shape (n_atoms, 3)
        Uncertainties of the forces (eV/Å).
    stress_v : ndarray of shape (6,) or None
        Uncertainties of the stress (eV/Å³); None unless the cell has a volume.
    grade_n : ndarray of shape (n_atoms,)
        Extrapolation grades: above 1, an atom's neighbourhood is unlike almost all training data.
    """

    energy: float
    energy_n: FloatArray
    force_nc: FloatArray
    stress_v: FloatArray | None
    grade_n: FloatArray


@dataclass(frozen=True, eq=False)
class Ensemble(ReadOnlyArrays):
    """Deviations of coefficients, and interval scales that turn their spread into uncertainties.

    Attributes
    ----------
    coefficient_esf : ndarray of shape (n_members, n_species, n_reduced_features)
        Deviations of the coefficients of a reduced model (eV).
    one_body_es : ndarray of shape (n_members, n_species)
        Deviations of the one-body energies (eV).
    interval_scale_ol : ndarray of shape (3, 2)
        Interval scales: half-widths of the 68 % and the 95 % interval per unit of spread of the members,
        for energies, forces and stresses.
    domain : Domain
        Neighbourhoods of the training data.
    """

    coefficient_esf: FloatArray
    one_body_es: FloatArray
    interval_scale_ol: FloatArray
    domain: Domain

    @cached_property
    def widening(self) -> dict[str, float]:
        """How much wider the 95 % interval is than the 68 % one, per quantity; 2 for a normal distribution."""
        return {
            quantity: float(wide / narrow)
            for quantity, (narrow, wide) in zip(QUANTITIES, self.interval_scale_ol, strict=True)
        }

    @property
    def interval_scale(self) -> dict[str, FloatArray]:
        """Interval scales of the 68 % and the 95 % interval, per quantity."""
        return dict(zip(QUANTITIES, self.interval_scale_ol, strict=True))

    def members(self, fields: SphericalFields) -> Reduced:
        """Return the members in the form that an evaluation takes: work to be done once.

        Parameters
        ----------
        fields : SphericalFields
            The features of the full model.
        """
        reduced = reduced_fields(fields, self.coefficient_esf.shape[2] // (fields.degree + 2))
        return Reduced(reduced, tuple(reduced.polynomials(coefficient_sf) for coefficient_sf in self.coefficient_esf))

    def deviations(self, fields: SphericalFields, quantity: str) -> tuple[FloatArray, FloatArray]:
        """Return what every member adds to the coefficients of the full model, and to its one-body energies (eV).

        The root mean square over the members is the half-width of a 68 % interval of a quantity.

        Parameters
        ----------
        fields : SphericalFields
            The features of the full model.
        quantity : {"energy", "force", "stress"}
            The quantity, which has its own interval scale.

        Raises
        ------
        SettingsError
            If there is no such quantity.
        """
        if quantity not in QUANTITIES:
            message = f"quantity is {quantity!r}: it must be one of {', '.join(QUANTITIES)}"
            raise SettingsError(message)
        n_members, n_species, n_reduced = self.coefficient_esf.shape
        scale = np.sqrt(n_members) * self.interval_scale[quantity][0]
        deviation_esf = np.zeros((n_members, n_species, fields.n_features))
        column_f = reduced_features(fields, n_reduced // (fields.degree + 2))
        deviation_esf[:, :, column_f] = scale * self.coefficient_esf
        return deviation_esf, scale * self.one_body_es

    def predicted_uncertainty(
        self, responses: Sequence[Response], descriptor_nd: FloatArray, species_n: IntArray, volume: float | None
    ) -> PredictedUncertainty:
        """Return the predicted uncertainties of a structure.

        Parameters
        ----------
        responses : sequence of Response
            Answers of the members.
        descriptor_nd : ndarray of shape (n_atoms, n_descriptors)
            Descriptors of the atoms.
        species_n : ndarray of shape (n_atoms,)
            Species of the atoms, as indices.
        volume : float or None
            Volume of the cell (Å³), if it has one.
        """
        energy_en = np.array([response.energy_n for response in responses]) + self.one_body_es[:, species_n]
        virial_ev = np.array([voigt(response.virial_cc) for response in responses])
        energy, force, stress = self.interval_scale_ol[:, 0]
        grade_n = self.domain.grade(descriptor_nd, species_n)
        unknown_n = np.where(np.isfinite(grade_n), 0.0, np.inf)  # training has no such atom: members say nothing
        unknown = float(unknown_n.max())
        return PredictedUncertainty(
            energy=float(energy * _spread(energy_en.sum(axis=1))) + unknown,
            energy_n=energy * _spread(energy_en) + unknown_n,
            force_nc=force * _spread(np.array([response.force_nc for response in responses])) + unknown_n[:, None],
            stress_v=None if volume is None else stress * _spread(virial_ev) / volume + unknown,
            grade_n=grade_n,
        )

    def as_arrays(self) -> dict[str, FloatArray]:
        """Return the ensemble as named arrays."""
        own = {name: getattr(self, name) for name in ("coefficient_esf", "one_body_es", "interval_scale_ol")}
        clouds = {"": self.domain.own, AROUND: self.domain.around}
        known = {prefix: cloud for prefix, cloud in clouds.items() if cloud is not None}
        moments = {f"{prefix}moment_sdd": cloud.moment_sdd for prefix, cloud in known.items()}
        return own | moments | {f"{prefix}limit_s": cloud.limit_s for prefix, cloud in known.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, FloatArray], n_species: int) -> Ensemble:
        """Return the ensemble that `as_arrays` wrote, after a check of the arrays.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            The arrays.
        n_species : int
            Number of elements that the potential knows.

        Raises
        ------
        KeyError, ValueError
            If an array is missing, or does not fit the others.
        """
        n_members = len(arrays["coefficient_esf"])
        around = _cloud(arrays, AROUND, n_species) if f"{AROUND}moment_sdd" in arrays else None
        return cls(
            coefficient_esf=shaped(arrays, "coefficient_esf", (n_members, n_species, None)),
            one_body_es=shaped(arrays, "one_body_es", (n_members, n_species)),
            interval_scale_ol=shaped(arrays, "interval_scale_ol", (len(QUANTITIES), 2)),
            domain=Domain(_cloud(arrays, "", n_species), around),
        )


def _cloud(arrays: Mapping[str, FloatArray], prefix: str, n_species: int) -> Cloud:
    """Return descriptors of training sites from arrays whose names start alike."""
    size = arrays[f"{prefix}moment_sdd"].shape[-1]
    return Cloud(
        moment_sdd=shaped(arrays, f"{prefix}moment_sdd", (n_species, size, size)),
        limit_s=shaped(arrays, f"{prefix}limit_s", (n_species,)),
    )


def _spread(deviation_e: FloatArray) -> FloatArray:
    """Return the roots of the sums of squares over the members, who come first."""
    spread: FloatArray = np.sqrt(np.sum(deviation_e**2, axis=0))
    return spread
