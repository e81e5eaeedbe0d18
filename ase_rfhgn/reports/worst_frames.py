"""The frames that are predicted worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.reports.comparison import Comparison
from ase_rfhgn.reports.metrics import MEV_PER_EV


@dataclass(frozen=True, slots=True)
class FrameErrors:
    """Errors on one frame.

    Attributes
    ----------
    comparison : Comparison
        The frame and the prediction.
    energy_error : float or None
        Absolute error of the energy (meV/atom).
    force_rmse : float or None
        Root mean square error of the components of the forces (eV/Å).
    worst_atom : int or None
        Number of the atom whose force is wrong by the longest vector.
    worst_error : float or None
        Length of that vector (eV/Å).
    """

    comparison: Comparison
    energy_error: float | None
    force_rmse: float | None
    worst_atom: int | None
    worst_error: float | None

    @classmethod
    def of(cls, comparison: Comparison) -> FrameErrors:
        """Return the errors on a frame."""
        energy, force_nc = comparison.energy_error, comparison.force_error_nc
        energy_error = None if energy is None else MEV_PER_EV * abs(energy)
        if force_nc is None:
            return cls(comparison, energy_error, None, None, None)
        length_n = np.linalg.norm(force_nc, axis=1)
        worst = int(np.argmax(length_n))
        return cls(comparison, energy_error, float(np.sqrt(np.mean(force_nc**2))), worst, float(length_n[worst]))


def worst_frames(comparisons: Sequence[Comparison], number: int) -> list[FrameErrors]:
    """Return the frames with the largest errors of forces, or of energies where there are no forces.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Labels and predictions.
    number : int
        How many frames at most; the worst comes first.
    """
    found = [FrameErrors.of(comparison) for comparison in comparisons]
    with_forces = [one for one in found if one.force_rmse is not None]
    if with_forces:
        return sorted(with_forces, key=lambda one: -(one.force_rmse or 0.0))[:number]
    with_energies = [one for one in found if one.energy_error is not None]
    return sorted(with_energies, key=lambda one: -(one.energy_error or 0.0))[:number]
