"""The cutoff function by which edges of a graph fade out."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.arrays import FloatArray


def cutoff_function(distance: FloatArray, cutoff: float) -> tuple[FloatArray, FloatArray]:
    """Return (1 − r²/r_c²)³ and its derivative (1/Å); both vanish at the cutoff and beyond.

    Parameters
    ----------
    distance : ndarray
        Distances r (Å).
    cutoff : float
        The cutoff r_c (Å).

    Notes
    -----
    Plain arithmetic, so that `ase_rfhgn.features.spherical.kernels` can compile the same lines for single numbers.
    """
    per_square = 1.0 / cutoff**2
    rest = np.maximum(1.0 - distance * distance * per_square, 0.0)
    square = rest * rest
    return square * rest, -6.0 * distance * per_square * square


def cutoff_curvature(distance: FloatArray, cutoff: float) -> FloatArray:
    """Return the second derivative of (1 − r²/r_c²)³ by the distance (1/Å²).

    Parameters
    ----------
    distance : ndarray
        Distances r (Å).
    cutoff : float
        The cutoff r_c (Å).

    Notes
    -----
    Plain arithmetic, as `cutoff_function`.
    """
    per_square = 1.0 / cutoff**2
    rest = np.maximum(1.0 - distance * distance * per_square, 0.0)
    return 6.0 * per_square * rest * (4.0 * distance * distance * per_square - rest)
