"""Second derivatives of real spherical harmonics."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.integrate import lebedev_rule

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.harmonics import LEBEDEV_DEGREES, degree_of_harmonics, harmonics


def harmonic_hessians(vector_pc: FloatArray, degree: int) -> FloatArray:
    """Return the second derivatives of real spherical harmonics of the directions of vectors (1/Å²).

    Parameters
    ----------
    vector_pc : ndarray of shape (n, 3)
        Vectors of any length but zero (Å).
    degree : int
        Largest degree l.

    Returns
    -------
    ndarray of shape (n, 3, 3, (degree + 1)²)
        In the order of `ase_rfhgn.features.harmonics.harmonics`.

    Notes
    -----
    A solid harmonic R = r^l Y is a polynomial. Its derivative along an axis is a fixed combination of the
    solid harmonics of one degree less, so its second derivatives are products of two fixed matrices. The
    second derivatives of Y = r^−l R follow by the product rule.
    """
    l_y = degree_of_harmonics(degree).astype(np.float64)
    distance_p = np.sqrt(np.einsum("pc,pc->p", vector_pc, vector_pc))
    value_py, _ = harmonics(vector_pc, degree)
    unit_pc = vector_pc / distance_p[:, None]
    # Lengths are taken as one: a harmonic knows only the direction, and its second derivative falls as 1/r².
    ladder_cyy = solid_harmonic_ladder(degree)
    slope_pcy = np.einsum("cyz,pz->pcy", ladder_cyy, value_py)
    hessian_pcdy = np.einsum("cyz,pdz->pcdy", ladder_cyy, slope_pcy)
    mixed_pcdy = unit_pc[:, :, None, None] * slope_pcy[:, None]
    hessian_pcdy -= l_y * (
        mixed_pcdy + mixed_pcdy.transpose(0, 2, 1, 3) + np.eye(3)[:, :, None] * value_py[:, None, None]
    )
    square_pcd = np.einsum("pc,pd->pcd", unit_pc, unit_pc)
    hessian_pcdy += l_y * (l_y + 2.0) * square_pcd[..., None] * value_py[:, None, None]
    scaled_pcdy: FloatArray = hessian_pcdy / distance_p[:, None, None, None] ** 2
    return scaled_pcdy


@cache
def solid_harmonic_ladder(degree: int) -> FloatArray:
    """Return the matrices that turn solid harmonics into their derivatives along x, y and z.

    Parameters
    ----------
    degree : int
        Largest degree l.

    Returns
    -------
    ndarray of shape (3, (degree + 1)², (degree + 1)²)
        Overlaps of the derivatives with the harmonics, by a quadrature that is exact for their products.
    """
    rule = next(rule for rule in LEBEDEV_DEGREES if rule >= 2 * degree)
    point_cx, weight_x = lebedev_rule(rule)
    value_xy, slope_xcy = harmonics(np.ascontiguousarray(point_cx.T), degree)
    radial_xcy = degree_of_harmonics(degree) * point_cx.T[:, :, None] * value_xy[:, None]
    ladder_cyy: FloatArray = np.einsum("x,xcy,xz->cyz", weight_x, slope_xcy + radial_xcy, value_xy)
    ladder_cyy.setflags(write=False)
    return ladder_cyy
