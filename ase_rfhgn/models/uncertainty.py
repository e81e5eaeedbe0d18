"""An ensemble of potentials that differ as much as the errors of the fitted one are expected to be.

Its members are drawn from the posterior of the coefficients of a reduced model (half of the channels,
no powers of the fields), because a few draws tell the size of errors as well as the full covariance
does, and reduced members are cheap. Their spread is scaled by half-widths that were measured on frames
left out of the fit (`ase_rfhgn.fitting.uncertainty`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.features.response import voigt
from ase_rfhgn.features.spherical.fields import Polynomials, SphericalFields
from ase_rfhgn.features.spherical.reduced import reduced_fields, site_descriptors
from ase_rfhgn.models.archive import shaped
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.structures.graph import NeighbourGraph

QUANTITIES = ("energy", "force", "stress")
"""Rows of `Ensemble.interval_scale_ol`."""


@dataclass(frozen=True, slots=True)
class PredictedUncertainty:
    """Half-widths of the intervals that hold the true values with a probability of 68 %.

    Attributes
    ----------
    energy : float
        That of the energy (eV).
    energy_n : ndarray of shape (n_atoms,)
        Those of the energies of the atoms (eV). No label tells these, so the scale is that of the energy.
    force_nc : ndarray of shape (n_atoms, 3)
        Those of the forces (eV/Å).
    stress_v : ndarray of shape (6,) or None
        Those of the stress (eV/Å³); None unless the cell has a volume.
    grade_n : ndarray of shape (n_atoms,)
        Extrapolation grades: above 1, an atom's neighbourhood is unlike almost all that training saw.
    """

    energy: float
    energy_n: FloatArray
    force_nc: FloatArray
    stress_v: FloatArray | None
    grade_n: FloatArray


@dataclass(frozen=True, slots=True)
class Members:
    """The members of an ensemble, ready to answer.

    Attributes
    ----------
    fields : SphericalFields
        Features of the reduced model.
    polynomials : tuple of Polynomials
        Coefficients of every member.
    """

    fields: SphericalFields
    polynomials: tuple[Polynomials, ...]


@dataclass(frozen=True, eq=False)
class Ensemble(ReadOnlyArrays):
    """Deviations of coefficients, and what turns the spread of their answers into expected errors.

    Attributes
    ----------
    coefficient_esf : ndarray of shape (n_members, n_species, n_reduced_features)
        Deviations of the coefficients of a reduced model (eV).
    one_body_es : ndarray of shape (n_members, n_species)
        Deviations of the one-body energies (eV).
    interval_scale_ol : ndarray of shape (3, 2)
        Half-widths of the 68 % and the 95 % interval per unit of spread, for energies, forces and stresses.
    domain : Domain
        Neighbourhoods that training saw.
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

    def members(self, fields: SphericalFields) -> Members:
        """Return the members, ready to answer: work to be done once.

        Parameters
        ----------
        fields : SphericalFields
            The features of the full model.
        """
        reduced = reduced_fields(fields, self.coefficient_esf.shape[2] // (fields.degree + 2))
        return Members(reduced, tuple(reduced.polynomials(coefficient_sf) for coefficient_sf in self.coefficient_esf))

    def predicted_uncertainty(
        self,
        fields: SphericalFields,
        members: Members,
        graph: NeighbourGraph,
        volume: float | None,
        threads: int = 1,
    ) -> PredictedUncertainty:
        """Return the errors to be expected of the answers for a structure.

        Parameters
        ----------
        fields : SphericalFields
            The features of the full model.
        members : Members
            What `members` made of them.
        graph : NeighbourGraph
            A structure.
        volume : float or None
            Volume of its cell (Å³), if it has one.
        threads : int
            Threads that share the work.
        """
        responses = members.fields.respond_all(graph, members.polynomials, threads)
        species_n = np.searchsorted(fields.species_s, graph.number_n)
        energy_en = np.array([response.energy_n for response in responses]) + self.one_body_es[:, species_n]
        virial_ev = np.array([voigt(response.virial_cc) for response in responses])
        energy, force, stress = self.interval_scale_ol[:, 0]
        return PredictedUncertainty(
            energy=float(energy * _spread(energy_en.sum(axis=1))),
            energy_n=energy * _spread(energy_en),
            force_nc=force * _spread(np.array([response.force_nc for response in responses])),
            stress_v=None if volume is None else stress * _spread(virial_ev) / volume,
            grade_n=self.grade(fields, graph),
        )

    def grade(self, fields: SphericalFields, graph: NeighbourGraph) -> FloatArray:
        """Return the extrapolation grades of the atoms of a structure."""
        species_n = np.searchsorted(fields.species_s, graph.number_n)
        return self.domain.grade(site_descriptors(fields, graph), species_n)

    def as_arrays(self) -> dict[str, FloatArray]:
        """Return the ensemble as named arrays."""
        own = {name: getattr(self, name) for name in ("coefficient_esf", "one_body_es", "interval_scale_ol")}
        return own | {"moment_sdd": self.domain.moment_sdd, "limit_s": self.domain.limit_s}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, FloatArray], n_species: int) -> Ensemble:
        """Return the ensemble that `as_arrays` wrote, after a check of what it holds.

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
        n_members, n_descriptors = len(arrays["coefficient_esf"]), arrays["moment_sdd"].shape[-1]
        domain = Domain(
            moment_sdd=shaped(arrays, "moment_sdd", (n_species, n_descriptors, n_descriptors)),
            limit_s=shaped(arrays, "limit_s", (n_species,)),
        )
        return cls(
            coefficient_esf=shaped(arrays, "coefficient_esf", (n_members, n_species, None)),
            one_body_es=shaped(arrays, "one_body_es", (n_members, n_species)),
            interval_scale_ol=shaped(arrays, "interval_scale_ol", (len(QUANTITIES), 2)),
            domain=domain,
        )


def _spread(deviation_e: FloatArray) -> FloatArray:
    """Return the roots of the sums of squares over the members, who come first."""
    spread: FloatArray = np.sqrt(np.sum(deviation_e**2, axis=0))
    return spread
