"""Downdating: rows are taken out of a triangular factor.

An update by more rows is always safe, but a downdate is not: digits cancel if the removed rows alone
determine a direction. Two things keep the digits here. First, the factor already contains the prior of a
ridge regression, which determines every direction. Second, the factor itself is reflected, not the product
of the rows with themselves. So errors are of the size of rounding in the rows (mixed stability: Bojanczyk,
Brent, van Dooren and de Hoog, SIAM J. Sci. Stat. Comput. 8, 210 (1987)). The algorithm is LINPACK's
algorithm for one row (Dongarra et al., LINPACK Users' Guide (1979), chapter 10), for many rows at once.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular, svd

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import UpdateError

LEAST_REST = 1e-6
"""Least square of the part of every direction that stays; at 1e-6 and a ridge of 1e-14, forces are off by 1e-6 eV/Å."""


def downdated(factor_ff: FloatArray, row_mf: FloatArray) -> FloatArray:
    """Return the triangular factor of a least-squares problem without some of its rows.

    Parameters
    ----------
    factor_ff : ndarray of shape (n + 1, n + 1)
        Triangular factor of all rows, right-hand side last, with a prior that makes its first n
        columns independent.
    row_mf : ndarray of shape (m, n + 1)
        The rows to take out.

    Returns
    -------
    ndarray of shape (n + 1, n + 1)
        A factor whose solution is the solution of the other rows; its last row, the residual, is zero.

    Raises
    ------
    UpdateError
        If rows are not in the factor, or their removal would lose digits.

    Notes
    -----
    With the factor T of the columns and the rows N, let T⁻ᵀNᵀ = X S Vᵀ. Then
    TᵀT − NᵀN = Tᵀ(1 − X S² Xᵀ)T = (KT)ᵀ(KT) with the symmetric K = 1 − X (1 − C) Xᵀ and the cosines
    C = (1 − S²)^½. The factor is that of a QR decomposition of KT.
    """
    n = factor_ff.shape[1] - 1
    triangle_ff, target_f = factor_ff[:n, :n], factor_ff[:n, n]
    white_fm = solve_triangular(triangle_ff, row_mf[:, :n].T, trans="T")
    direction_fm, sine_m, turn_mm = svd(white_fm, full_matrices=False)
    rest = float(np.min((1.0 - sine_m) * (1.0 + sine_m), initial=1.0))
    if rest < LEAST_REST:
        message = (
            f"the rows to take out hold a direction of the fit alone ({max(rest, 0.0):.1g} of it stays): digits would "
            "be lost; fit again without these frames"
        )
        raise UpdateError(message)
    cosine_m = np.sqrt((1.0 - sine_m) * (1.0 + sine_m))
    reflected_ff = triangle_ff - direction_fm @ ((1.0 - cosine_m)[:, None] * (direction_fm.T @ triangle_ff))
    along_m = direction_fm.T @ target_f
    kept_m = (along_m - sine_m * (turn_mm @ row_mf[:, n])) / cosine_m
    reflected_f = target_f + direction_fm @ (kept_m - along_m)
    result_ff = np.zeros_like(factor_ff)
    result_ff[:n] = np.linalg.qr(np.column_stack([reflected_ff, reflected_f]), mode="r")
    return result_ff
