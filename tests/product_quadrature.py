"""A quadrature on the sphere that shares nothing with the package: the oracle of its tests."""

from __future__ import annotations

import numpy as np

from ase_rfhgn.arrays import FloatArray


def product_quadrature(exact: int) -> tuple[FloatArray, FloatArray]:
    """Return points and weights (summing to one) of Gauss-Legendre in z times equal steps in the azimuth."""
    z_a, weight_a = np.polynomial.legendre.leggauss(exact // 2 + 1)
    azimuth_b = 2.0 * np.pi * np.arange(exact + 1) / (exact + 1)
    radius_a = np.sqrt(1.0 - z_a**2)
    x_ab, y_ab = np.outer(radius_a, np.cos(azimuth_b)), np.outer(radius_a, np.sin(azimuth_b))
    z_ab = np.broadcast_to(z_a[:, None], x_ab.shape)
    point_xc = np.stack([x_ab, y_ab, z_ab], axis=-1).reshape(-1, 3)
    return point_xc, np.repeat(0.5 * weight_a / (exact + 1), exact + 1)
