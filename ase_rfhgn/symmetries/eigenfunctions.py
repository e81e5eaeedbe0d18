"""The eigenproblem of integrals of motion: combinations of functions that vary least along trajectories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, solve_triangular

from ase_rfhgn.arrays import FloatArray, IntArray

MOST_FUNCTIONS = 40
"""Eigenfunctions that are kept."""


@dataclass(frozen=True, slots=True)
class Eigenfunctions:
    """Combinations of functions with unit variance, those that vary least along trajectories first.

    Attributes
    ----------
    coefficient_fi : ndarray of shape (n_features, n_functions)
        Coefficients.
    spread_i : ndarray of shape (n_functions,)
        λ: mean square of the drift along trajectories over the whole variance, on the trajectories of the fit.
    """

    coefficient_fi: FloatArray
    spread_i: FloatArray


def eigenfunctions(drift_ff: FloatArray, value_ff: FloatArray, ridge: float) -> Eigenfunctions:
    """Return the functions that minimise (|Ac|² + α|c|²)/|Bc|² one after the other.

    With R_A from the QR decomposition of [A; √α 1], the singular values of R_B R_A⁻¹ are λ^(−1/2). Only the
    largest are wanted, so their squares lose no digits.

    Parameters
    ----------
    drift_ff, value_ff : ndarray of shape (n_features, n_features)
        Triangular factors of the rows of A, the drift of the functions, and of B, their deviations from the mean; rows
        are divided by the root of their number.
    ridge : float
        α.
    """
    n = drift_ff.shape[1]
    root_ff = np.linalg.qr(np.concatenate([drift_ff, np.sqrt(ridge) * np.eye(n)]), mode="r")
    ratio_ff = solve_triangular(root_ff, value_ff.T, trans="T", lower=False).T
    scale = float(np.abs(ratio_ff).max())
    lowest = max(0, n - MOST_FUNCTIONS)
    square_i, vector_fi = eigh((ratio_ff / scale).T @ (ratio_ff / scale), subset_by_index=(lowest, n - 1))
    value_i = scale * np.sqrt(np.maximum(square_i[::-1], np.finfo(float).tiny))
    coefficient_fi: FloatArray = solve_triangular(root_ff, vector_fi[:, ::-1], lower=False) / value_i
    return Eigenfunctions(coefficient_fi, 1.0 / value_i**2)


def triangle(row_mf: FloatArray) -> FloatArray:
    """Return the triangular factor of rows divided by the root of their number."""
    factor_ff: FloatArray = np.linalg.qr(row_mf, mode="r") / np.sqrt(len(row_mf))
    return factor_ff


def spreads(drift_mi: FloatArray, value_mi: FloatArray) -> FloatArray:
    """Return λ of functions on other trajectories: mean square of the drift over the variance."""
    variance_i = np.maximum(value_mi.var(axis=0), np.finfo(float).tiny)
    spread_i: FloatArray = (drift_mi**2).mean(axis=0) / variance_i
    return spread_i


def independent(gradient_mdi: FloatArray, tolerance: float) -> tuple[IntArray, FloatArray]:
    """Return which functions are independent, and the singular values of their gradients.

    The number is how many singular values are above a part of the largest, in the median over points. Functions
    come in their order; one is taken if its gradient leaves the span of those before it.

    Parameters
    ----------
    gradient_mdi : ndarray of shape (n_points, 2n, n_functions)
        Gradients, those of the most constant functions first.
    tolerance : float
        The part.
    """
    if not gradient_mdi.shape[2]:
        return np.empty(0, dtype=np.int64), np.empty(0)
    value_mk = np.linalg.svd(gradient_mdi, compute_uv=False)
    ratio_k = np.median(value_mk / value_mk[:, :1], axis=0)
    count = int(np.median((value_mk > tolerance * value_mk[:, :1]).sum(axis=1)))
    rest_mdi = gradient_mdi.copy()
    size_mi = np.linalg.norm(gradient_mdi, axis=1)
    taken: list[int] = []
    while len(taken) < count:
        share_i = np.median(np.linalg.norm(rest_mdi, axis=1) / size_mi, axis=0)
        share_i[taken] = 0.0
        leaving = np.flatnonzero(share_i > tolerance)
        choice = int(leaving[0] if len(leaving) else share_i.argmax())
        taken.append(choice)
        direction_md = rest_mdi[:, :, choice]
        direction_md = direction_md / np.maximum(np.linalg.norm(direction_md, axis=1), np.finfo(float).tiny)[:, None]
        rest_mdi = rest_mdi - direction_md[:, :, None] * np.einsum("md,mdi->mi", direction_md, rest_mdi)[:, None, :]
    return np.array(taken, dtype=np.int64), ratio_k
