"""Real spherical harmonics and quadrature on the sphere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import factorial

import numpy as np
from scipy.integrate import lebedev_rule

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.features.compilation import compiled

LEBEDEV_DEGREES = (*range(3, 33, 2), *range(35, 132, 6))
"""Polynomial degrees for which a Lebedev rule exists."""

MONOPOLE = float(np.sqrt(1.0 / (4.0 * np.pi)))
"""The constant harmonic Y_00."""


@dataclass(frozen=True, slots=True)
class HalfSphere(ReadOnlyArrays):
    """Quadrature of polynomials over the sphere, one point of each antipodal pair.

    Even and odd degrees separate under x → −x, so values at −x follow from those at x.

    Attributes
    ----------
    harmonics_xy : ndarray of shape (n_points, (degree + 1)²)
        Real spherical harmonics Y_lm at the points.
    weight_x : ndarray of shape (n_points,)
        Weight of x and of −x alike; twice their sum is one (a mean over the sphere).
    """

    harmonics_xy: FloatArray
    weight_x: FloatArray


def harmonics(vector_pc: FloatArray, degree: int) -> tuple[FloatArray, FloatArray]:
    """Return real spherical harmonics of the directions of vectors, and their gradients.

    Parameters
    ----------
    vector_pc : ndarray of shape (n, 3)
        Vectors of any length but zero (Å).
    degree : int
        Largest degree l.

    Returns
    -------
    value_py : ndarray of shape (n, (degree + 1)²)
        Orthonormal Y_lm, ordered by l, then m = −l..l.
    gradient_pcy : ndarray of shape (n, 3, (degree + 1)²)
        Derivatives with respect to the components of the vectors (1/Å).

    Notes
    -----
    Polynomials in x, y, z by the recurrences of Limpanuparb and Milthorpe, arXiv:1410.1748;
    no Condon–Shortley phase.
    """
    value_py, gradient_pcy = _harmonics(np.ascontiguousarray(vector_pc), degree, _normalisation(degree))
    return value_py, gradient_pcy


def degree_of_harmonics(degree: int) -> IntArray:
    """Return the degree l of every harmonic up to a degree, in the order of `harmonics`."""
    return np.repeat(np.arange(degree + 1), 2 * np.arange(degree + 1) + 1)


def half_sphere(degree: int, exact: int) -> HalfSphere:
    """Return quadrature points on half of the sphere, and the harmonics there.

    Parameters
    ----------
    degree : int
        Largest degree l of the harmonics.
    exact : int
        Polynomial degree up to which the mean over the sphere is exact.

    Raises
    ------
    ValueError
        If no Lebedev rule is exact to that degree.

    Notes
    -----
    Lebedev and Laikov, Doklady Mathematics 59, 477 (1999), through SciPy.
    """
    fitting = [rule for rule in LEBEDEV_DEGREES if rule >= exact]
    if not fitting:
        message = f"no Lebedev rule is exact to degree {exact}: at most {LEBEDEV_DEGREES[-1]}"
        raise ValueError(message)
    point_cx, weight_x = lebedev_rule(fitting[0])
    upper_x = _one_of_each_pair(point_cx)
    harmonics_xy, _ = harmonics(point_cx.T[upper_x], degree)
    return HalfSphere(harmonics_xy, weight_x[upper_x] / weight_x.sum())


def _one_of_each_pair(point_cx: FloatArray) -> FloatArray:
    """Return a mask of the points whose first component that is not zero is positive."""
    x, y, z = np.where(np.abs(point_cx) < 1e-12, 0.0, point_cx)
    mask: FloatArray = (z > 0) | ((z == 0) & ((y > 0) | ((y == 0) & (x > 0))))
    return mask


@cache
def _normalisation(degree: int) -> FloatArray:
    """Return the factors of the polynomials of degree l and order |m|: (degree + 1, degree + 1)."""
    factor_lm = np.zeros((degree + 1, degree + 1))
    for l in range(degree + 1):
        for m in range(l + 1):
            ratio = factorial(l - m) / factorial(l + m)
            factor_lm[l, m] = np.sqrt((2 * l + 1) / (4.0 * np.pi) * ratio * (1.0 if m == 0 else 2.0))
    factor_lm.setflags(write=False)
    return factor_lm


@compiled(nogil=True)
def _harmonics(vector_pc: FloatArray, degree: int, factor_lm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return harmonics and gradients; q are derivatives of Legendre polynomials, c + is = (x + iy)^m."""
    width = (degree + 1) ** 2
    value_py, gradient_pcy = np.empty((len(vector_pc), width)), np.empty((len(vector_pc), 3, width))
    q_lm = np.zeros((degree + 1, degree + 3))
    c_m, s_m = np.zeros(degree + 2), np.zeros(degree + 2)
    for p in range(len(vector_pc)):
        inverse = 1.0 / np.sqrt(vector_pc[p, 0] ** 2 + vector_pc[p, 1] ** 2 + vector_pc[p, 2] ** 2)
        x, y, z = vector_pc[p, 0] * inverse, vector_pc[p, 1] * inverse, vector_pc[p, 2] * inverse
        c_m[0], s_m[0] = 1.0, 0.0
        q_lm[0, 0] = 1.0
        for l in range(1, degree + 1):
            c_m[l], s_m[l] = x * c_m[l - 1] - y * s_m[l - 1], x * s_m[l - 1] + y * c_m[l - 1]
            q_lm[l, l] = (2 * l - 1) * q_lm[l - 1, l - 1]
            q_lm[l, l - 1] = z * q_lm[l, l]
            for m in range(l - 1):
                q_lm[l, m] = ((2 * l - 1) * z * q_lm[l - 1, m] - (l + m - 1) * q_lm[l - 2, m]) / (l - m)
        for l in range(degree + 1):
            middle = l * l + l
            by_z = factor_lm[l, 0] * q_lm[l, 1]
            radial = z * by_z
            value_py[p, middle] = factor_lm[l, 0] * q_lm[l, 0]
            gradient_pcy[p, 0, middle] = -x * radial * inverse
            gradient_pcy[p, 1, middle] = -y * radial * inverse
            gradient_pcy[p, 2, middle] = (by_z - z * radial) * inverse
            for m in range(1, l + 1):
                flat, steep = factor_lm[l, m] * q_lm[l, m], factor_lm[l, m] * q_lm[l, m + 1]
                by_c, by_s = flat * m * c_m[m - 1], flat * m * s_m[m - 1]
                by_z = steep * c_m[m]
                radial = x * by_c - y * by_s + z * by_z
                value_py[p, middle + m] = flat * c_m[m]
                gradient_pcy[p, 0, middle + m] = (by_c - x * radial) * inverse
                gradient_pcy[p, 1, middle + m] = (-by_s - y * radial) * inverse
                gradient_pcy[p, 2, middle + m] = (by_z - z * radial) * inverse
                by_z = steep * s_m[m]
                radial = x * by_s + y * by_c + z * by_z
                value_py[p, middle - m] = flat * s_m[m]
                gradient_pcy[p, 0, middle - m] = (by_s - x * radial) * inverse
                gradient_pcy[p, 1, middle - m] = (by_c - y * radial) * inverse
                gradient_pcy[p, 2, middle - m] = (by_z - z * radial) * inverse
    return value_py, gradient_pcy
