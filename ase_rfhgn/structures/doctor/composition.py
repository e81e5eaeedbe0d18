"""What the composition explains of energies, by a fit that a minority of wild frames does not bend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ase_rfhgn.arrays import FloatArray


def explained(
    composition_i: Sequence[Counter[int]], energy_i: FloatArray, volume_i: FloatArray | None = None
) -> FloatArray:
    """Return the part of energies per atom that the compositions explain, also of frames without an energy.

    Parameters
    ----------
    composition_i : sequence of Counter of int
        Number of atoms of every element.
    energy_i : ndarray of shape (n_frames,)
        Energies per atom (eV), NaN where there is none.
    volume_i : ndarray of shape (n_frames,), optional
        Volumes per atom, NaN where there is none: a parabola in the volume is explained, too.
    """
    element_s = sorted(set().union(*composition_i))
    column_im = np.array([[counts[z] / counts.total() for z in element_s] for counts in composition_i])
    if volume_i is not None and np.isfinite(volume_i).any():
        column_im = np.concatenate([column_im, _parabola(volume_i)], axis=1)
    known_i = np.isfinite(energy_i)
    part_i: FloatArray = column_im @ least_absolute_deviations(column_im[known_i], energy_i[known_i])
    return part_i


def deviations(
    composition_i: Sequence[Counter[int]], energy_i: FloatArray, volume_i: FloatArray | None = None
) -> FloatArray:
    """Return energies per atom minus the part that the composition explains, NaN without energy.

    Parameters
    ----------
    composition_i, energy_i, volume_i
        As for `explained`.
    """
    return energy_i - explained(composition_i, energy_i, volume_i)


def _parabola(volume_i: FloatArray) -> FloatArray:
    """Return the relative volume and its square, minus their means; nothing where volumes do not vary."""
    relative_i = np.nan_to_num(volume_i / np.nanmedian(volume_i) - 1.0)
    if np.ptp(relative_i) < 1e-6:
        return np.zeros((len(volume_i), 0))
    column_im = np.stack([relative_i, relative_i**2], axis=1)
    scaled_im: FloatArray = (column_im - column_im.mean(axis=0)) / np.maximum(column_im.std(axis=0), 1e-12)
    return scaled_im


def least_absolute_deviations(matrix: FloatArray, target: FloatArray) -> FloatArray:
    """Return the solution of a linear system that a minority of wild rows does not bend.

    Parameters
    ----------
    matrix : ndarray of shape (m, n)
        Rows.
    target : ndarray of shape (m,)
        Right-hand sides.

    Notes
    -----
    Iteratively reweighted least squares, of least norm where the system is not of full rank.
    """
    if len(matrix) and np.all(matrix == matrix[0]):  # one composition: the median
        row = matrix[0]
        level: FloatArray = row * np.median(target) / max(float(row @ row), np.finfo(float).tiny)
        return level
    weight: FloatArray = np.ones(len(target))
    solution: FloatArray = np.zeros(matrix.shape[1])
    for _ in range(30):
        solution = np.linalg.lstsq(weight[:, None] * matrix, weight * target)[0].astype(np.float64)
        weight = np.maximum(np.abs(target - matrix @ solution), 1e-6) ** -0.5
    return solution


def typical_size(value_i: FloatArray) -> float:
    """Return the median of the absolute values that are known, 0 without any.

    Parameters
    ----------
    value_i : ndarray of shape (n_frames,)
        Values, NaN where unknown.
    """
    return float(np.nanmedian(np.abs(value_i))) if np.isfinite(value_i).any() else 0.0
