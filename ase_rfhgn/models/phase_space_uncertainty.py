"""The ensemble of a phase-space model: it predicts uncertainties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.features.phase_space.networks import Network
from ase_rfhgn.features.phase_space.points import PhasePoints
from ase_rfhgn.models.archive import shaped
from ase_rfhgn.models.gradients import PhaseSpaceUncertainty

QUANTITIES = ("energy", "force", "velocity")
"""Rows of `PhaseSpaceEnsemble.interval_scale_ol`."""


@dataclass(frozen=True, eq=False)
class PhaseSpaceEnsemble(ReadOnlyArrays):
    """Deviations of coefficients, and interval scales that turn their spread into uncertainties.

    Attributes
    ----------
    coefficient_ef : ndarray of shape (n_members, n_features)
        Deviations of the coefficients from the fitted coefficients (eV).
    interval_scale_ol : ndarray of shape (3, 2)
        Interval scales: half-widths of the 68 % and the 95 % interval per unit of spread of the members,
        for energies, forces and velocities.
    """

    coefficient_ef: FloatArray
    interval_scale_ol: FloatArray

    @property
    def interval_scale(self) -> dict[str, FloatArray]:
        """Interval scales of the 68 % and the 95 % interval, per quantity."""
        return dict(zip(QUANTITIES, self.interval_scale_ol, strict=True))

    @cached_property
    def widening(self) -> dict[str, float]:
        """How much wider the 95 % interval is than the 68 % one, per quantity; 2 for a normal distribution."""
        return {
            quantity: float(wide / narrow)
            for quantity, (narrow, wide) in zip(QUANTITIES, self.interval_scale_ol, strict=True)
        }

    def predicted_uncertainty(self, network: Network, points: PhasePoints, *, separable: bool) -> PhaseSpaceUncertainty:
        """Return the predicted uncertainties of a structure.

        Parameters
        ----------
        network : GraphNetwork or VectorNetwork
            The features.
        points : PhasePoints
            One structure.
        separable : bool
            Whether velocities are p/m, without uncertainty.
        """
        members = network.combination(points, np.ascontiguousarray(self.coefficient_ef.T))
        energy, force, velocity = self.interval_scale_ol[:, 0]
        force_nc, velocity_nc = np.zeros((2, points.n_nodes, 3))
        force_nc[:, : points.n_dimensions] = force * _spread(members.position_ncf)
        if not separable:
            velocity_nc[:, : points.n_dimensions] = velocity * _spread(members.momentum_ncf)
        return PhaseSpaceUncertainty(float(energy * _spread(members.value_if[0])), velocity_nc, force_nc)

    def as_arrays(self) -> dict[str, FloatArray]:
        """Return the ensemble as named arrays."""
        return {"coefficient_ef": self.coefficient_ef, "interval_scale_ol": self.interval_scale_ol}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, FloatArray], n_features: int) -> PhaseSpaceEnsemble:
        """Return the ensemble that `as_arrays` wrote, after a check of the arrays.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            The arrays.
        n_features : int
            Number of features of the network.

        Raises
        ------
        KeyError, ValueError
            If an array is missing, or does not fit the others.
        """
        return cls(
            coefficient_ef=shaped(arrays, "coefficient_ef", (None, n_features)),
            interval_scale_ol=shaped(arrays, "interval_scale_ol", (len(QUANTITIES), 2)),
        )


def _spread(deviation_e: FloatArray) -> FloatArray:
    """Return the roots of the sums of squares over the members, who come last."""
    return np.asarray(np.sqrt(np.sum(deviation_e**2, axis=-1)))
