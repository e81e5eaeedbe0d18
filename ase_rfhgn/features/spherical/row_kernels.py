"""Compiled inner loops of the rows of the linear system: features and their gradients, atom by atom.

As in `ase_rfhgn.features.spherical.kernels`, innermost loops are plain arithmetic over contiguous arrays.
Arrays are copied in loops, too: an assignment to a slice compiles numba's message about wrong shapes, for
a second and more.
"""

from __future__ import annotations

import numpy as np

from ase_rfhgn.features.compilation import compiled
from ase_rfhgn.features.spherical.kernels import INLINED, OPTIONS

VOIGT_FIRST = (0, 1, 2, 1, 0, 0)
VOIGT_SECOND = (0, 1, 2, 2, 2, 1)

COLUMNS = 256
"""Features of an atom that are worked on at once, about: their derivatives stay in the second-level cache."""


@compiled(**OPTIONS)
def edge_axes(vector_pc, distance_p, harmonics_py, harmonic_slopes_pcy):
    """Return orthonormal axes of every edge, the first along it, and its harmonics with their derivatives across it.

    Derivatives across an edge have two components, not three: a quarter less to multiply.
    """
    n_edges, n_harmonics = harmonics_py.shape
    axes_pac, basis_pay = np.empty((n_edges, 3, 3)), np.empty((n_edges, 3, n_harmonics))
    for p in range(n_edges):
        first_c, second_c, third_c = axes_pac[p, 0], axes_pac[p, 1], axes_pac[p, 2]
        smallest = 0
        for c in range(3):
            first_c[c] = vector_pc[p, c] / distance_p[p]
            if abs(first_c[c]) < abs(first_c[smallest]):
                smallest = c
        d, e = (smallest + 1) % 3, (smallest + 2) % 3
        norm = np.sqrt(first_c[d] ** 2 + first_c[e] ** 2)
        second_c[smallest], second_c[d], second_c[e] = 0.0, first_c[e] / norm, -first_c[d] / norm
        for c in range(3):
            d, e = (c + 1) % 3, (c + 2) % 3
            third_c[c] = first_c[d] * second_c[e] - first_c[e] * second_c[d]
        for y in range(n_harmonics):
            slope_c = harmonic_slopes_pcy[p, 0, y], harmonic_slopes_pcy[p, 1, y], harmonic_slopes_pcy[p, 2, y]
            basis_pay[p, 0, y] = harmonics_py[p, y]
            basis_pay[p, 1, y] = second_c[0] * slope_c[0] + second_c[1] * slope_c[1] + second_c[2] * slope_c[2]
            basis_pay[p, 2, y] = third_c[0] * slope_c[0] + third_c[1] * slope_c[1] + third_c[2] * slope_c[2]
    return axes_pac, basis_pay


@compiled(**OPTIONS)
def add_rows(
    atoms, edges, radial, basis_pay, grid, n_levels, n_powers, projection_slf, alone_sf, energy_f, row_mf, virial_vf
):
    """Add the features of some atoms, and their derivatives by positions and strain, to the rows.

    Parameters
    ----------
    atoms : tuple
        Index of the first atom; first edge of every atom; species; first column; atomic basis of every atom.
    edges : tuple
        Neighbour, length, and orthonormal axes of every edge, of which the first lies along it.
    radial : tuple
        Messages t_k and their derivatives by the distance.
    basis_pay : ndarray
        Harmonics of every edge, and their derivatives along its second and third axis.
    alone_sf : ndarray
        Features of isolated atoms.
    """
    first_atom, first_n, species_n, column_n, basis_nyk = atoms
    neighbour_p, distance_p, axes_pac = edges
    value_pk, slope_pk = radial
    scratch = features_scratch(grid, n_levels, n_powers, projection_slf)
    n_harmonics, n_features = basis_nyk.shape[1], alone_sf.shape[1]
    feature_f, slope_yf, own_cf = np.empty(n_features), np.empty((n_harmonics, n_features)), np.empty((3, n_features))
    step = _step(n_features, value_pk.shape[1])
    slopes, pulls = np.empty(n_harmonics * step), np.empty(3 * len(neighbour_p) * step)
    gradient_cf = np.empty((3, step))
    for n in range(len(species_n)):
        site_features(
            basis_nyk[n], grid, n_levels, n_powers, projection_slf[species_n[n]], scratch, feature_f, slope_yf
        )
        for f in range(n_features):
            energy_f[column_n[n] + f] += feature_f[f] - alone_sf[species_n[n], f]
        e = slice(first_n[n] - first_n[0], first_n[n + 1] - first_n[0])
        n_rows = 3 * (e.stop - e.start)
        basis = basis_pay[e].reshape(n_rows, n_harmonics)
        own_edges = neighbour_p[e], distance_p[e], axes_pac[e], value_pk[e], slope_pk[e]
        own_cf[:] = 0.0
        for first in range(0, n_features, step):
            width = min(step, n_features - first)
            part_yf = slopes[: n_harmonics * width].reshape(n_harmonics, width)
            for y in range(n_harmonics):
                for f in range(width):
                    part_yf[y, f] = slope_yf[y, first + f]
            pull = pulls[: n_rows * width].reshape(n_rows, width)
            np.dot(basis, part_yf, pull)
            pull_paf = pull.reshape(n_rows // 3, 3, width)
            _add_gradient_rows(own_edges, pull_paf, first, column_n[n], gradient_cf, own_cf, row_mf, virial_vf)
        for c in range(3):
            for f in range(n_features):
                row_mf[3 * (first_atom + n) + c, column_n[n] + f] += own_cf[c, f]


@compiled(**INLINED)
def features_scratch(grid, n_levels, n_powers, projection_slf):
    """Return the arrays that `site_features` works in."""
    harmonics_xy, weight_x = grid
    row_y, n_even = _parity_order(n_levels)
    n_points, width = len(weight_x), projection_slf.shape[2]
    harmonics_yx = np.empty((len(row_y), n_points))
    for y in range(len(row_y)):
        for x in range(n_points):
            harmonics_yx[row_y[y], x] = harmonics_xy[x, y]
    order = row_y, n_even, harmonics_yx, np.empty((len(row_y), width))
    field = np.empty((n_points, width)), np.empty((n_points, width)), np.empty(width), np.empty(width)
    even_oxf = np.empty((n_powers, n_points, width))
    return order, field, even_oxf, np.empty_like(even_oxf)


@compiled(**INLINED)
def site_features(basis_yk, grid, n_levels, n_powers, projection_lf, scratch, feature_f, slope_yf):
    """Write the features of an atom and their derivatives by its atomic basis A.

    In this order: A_00 / Y_00 of every channel k; Σ_m A_lm² / 4π of every degree l and channel; the
    mean over the sphere of power o + 3 of the field of every projection q and channel, o first. The
    derivative of a feature of channel k by A_{y,k'} vanishes unless k' = k, so ``slope_yf`` has one
    axis for both.
    """
    (row_y, n_even, harmonics_yx, sorted_yf), field, even_oxf, odd_oxf = scratch
    even_yx, odd_yx, even_yf, odd_yf = (
        harmonics_yx[:n_even],
        harmonics_yx[n_even:],
        sorted_yf[:n_even],
        sorted_yf[n_even:],
    )
    plain, width = (1 + n_levels) * basis_yk.shape[1], projection_lf.shape[1]
    feature_f[:] = 0.0
    _plain_features(basis_yk, n_levels, feature_f, slope_yf)
    _mix(basis_yk, n_levels, row_y, projection_lf, sorted_yf)
    np.dot(even_yx.T, even_yf, field[0])
    np.dot(odd_yx.T, odd_yf, field[1])
    _powers(grid[1], n_powers, field, even_oxf, odd_oxf, feature_f[plain:].reshape(n_powers, width))
    for o in range(n_powers):
        np.dot(even_yx, even_oxf[o], even_yf)
        np.dot(odd_yx, odd_oxf[o], odd_yf)
        first = plain + o * width
        _scale_by_projection(sorted_yf, n_levels, row_y, projection_lf, slope_yf[:, first : first + width])


@compiled(**INLINED)
def _parity_order(n_levels):
    """Return the row of every harmonic where even degrees come before odd ones, and the number of even ones."""
    row_y = np.empty(n_levels**2, dtype=np.int64)
    n_even = 0
    for l in range(0, n_levels, 2):
        n_even += 2 * l + 1
    even, odd = 0, n_even
    for l in range(n_levels):
        for y in range(l * l, (l + 1) * (l + 1)):
            if l % 2 == 0:
                row_y[y] = even
                even += 1
            else:
                row_y[y] = odd
                odd += 1
    return row_y, n_even


@compiled(**INLINED)
def _mix(basis_yk, n_levels, row_y, projection_lf, mixed_yf):
    """Write the atomic basis of every field, times the weight of its degree, in the order of parity."""
    n_channels, width = basis_yk.shape[1], projection_lf.shape[1]
    for l in range(n_levels):
        for y in range(l * l, (l + 1) * (l + 1)):
            mixed_f = mixed_yf[row_y[y]]
            for first in range(0, width, n_channels):
                for k in range(n_channels):
                    mixed_f[first + k] = projection_lf[l, first + k] * basis_yk[y, k]


@compiled(**INLINED)
def _powers(weight_x, n_powers, field, even_oxf, odd_oxf, feature_of):
    """Write the derivatives of the powers of the fields by the fields, by parity; add the mean powers.

    With s(±x) = even ± odd, the sums and differences of s(x)^o and s(−x)^o follow from those of lower o.
    """
    even_xf, odd_xf, total_f, difference_f = field
    for x in range(len(weight_x)):
        _square(2.0 * weight_x[x], even_xf[x], odd_xf[x], total_f, difference_f)
        for o in range(n_powers):
            slopes = even_oxf[o, x], odd_oxf[o, x]
            _next_power(o + 3, even_xf[x], odd_xf[x], total_f, difference_f, *slopes, feature_of[o])


@compiled(**INLINED)
def _square(weight, even_f, odd_f, total_f, difference_f):
    """Write half the sum and half the difference of s(x)² and s(−x)², weighted."""
    for f in range(len(even_f)):
        total_f[f] = weight * (even_f[f] * even_f[f] + odd_f[f] * odd_f[f])
        difference_f[f] = weight * 2.0 * even_f[f] * odd_f[f]


@compiled(**INLINED)
def _next_power(order, even_f, odd_f, total_f, difference_f, even_slope_f, odd_slope_f, feature_f):
    """Write the derivatives of the next power by the fields; raise sum and difference to that power; add the sum."""
    for f in range(len(even_f)):
        total, difference = total_f[f], difference_f[f]
        even_slope_f[f] = order * total
        odd_slope_f[f] = order * difference
        raised = even_f[f] * total + odd_f[f] * difference
        feature_f[f] += raised
        total_f[f] = raised
        difference_f[f] = even_f[f] * difference + odd_f[f] * total


@compiled(**INLINED)
def _plain_features(basis_yk, n_levels, feature_f, slope_yf):
    """Write the features that are linear or quadratic in the atomic basis, and their derivatives."""
    n_channels = basis_yk.shape[1]
    mean = 1.0 / (4.0 * np.pi)
    for k in range(n_channels):
        feature_f[k] = basis_yk[0, k] / np.sqrt(mean)
    slope_yf[:, : (1 + n_levels) * n_channels] = 0.0
    slope_yf[0, :n_channels] = 1.0 / np.sqrt(mean)
    for l in range(n_levels):
        first = (1 + l) * n_channels
        for y in range(l * l, (l + 1) * (l + 1)):
            for k in range(n_channels):
                feature_f[first + k] += mean * basis_yk[y, k] ** 2
                slope_yf[y, first + k] = 2.0 * mean * basis_yk[y, k]


@compiled(**INLINED)
def _scale_by_projection(by_field_yf, n_levels, row_y, projection_lf, slope_yf):
    """Write derivatives by the atomic basis: derivatives by the fields, by parity, times the weight of the degree."""
    for l in range(n_levels):
        for y in range(l * l, (l + 1) * (l + 1)):
            by_field_f = by_field_yf[row_y[y]]
            for f in range(len(by_field_f)):
                slope_yf[y, f] = by_field_f[f] * projection_lf[l, f]


@compiled(**INLINED)
def _step(n_features, n_channels):
    """Return a number of features to work on at once, in equal steps of whole sets of channels."""
    n_sets = n_features // n_channels
    n_steps = max(1, n_features // COLUMNS)
    return n_channels * (-(-n_sets // n_steps))


@compiled(**INLINED)
def _add_gradient_rows(edges, pull_paf, first, first_column, gradient_cf, own_cf, row_mf, virial_vf):
    """Add the derivatives of some features of one atom by positions of neighbours and by strain to the rows.

    ``pull_paf`` holds Σ_y G_yf (Y_py, and its derivatives along the axes a across the edge). The
    derivative of feature f, of channel k, by the edge vector is t'_pk pull_p0f along the edge and
    t_pk pull_paf across; it moves the head, and the tail the other way: that sum is added to ``own_cf``.
    """
    neighbour_p, distance_p, axes_pac, value_pk, slope_pk = edges
    n_channels, width = value_pk.shape[1], pull_paf.shape[2]
    for p in range(len(neighbour_p)):
        for c in range(3):
            along, second, third = axes_pac[p, 0, c], axes_pac[p, 1, c], axes_pac[p, 2, c]
            row_f = row_mf[3 * neighbour_p[p] + c, first_column + first : first_column + first + width]
            own_f = own_cf[c, first : first + width]
            for b in range(width // n_channels):
                start = b * n_channels
                for k in range(n_channels):
                    across = second * pull_paf[p, 1, start + k] + third * pull_paf[p, 2, start + k]
                    gradient = along * slope_pk[p, k] * pull_paf[p, 0, start + k] + value_pk[p, k] * across
                    gradient_cf[c, start + k] = gradient
                    own_f[start + k] += gradient
                    row_f[start + k] -= gradient
        for v in range(len(virial_vf)):
            c, d = VOIGT_FIRST[v], VOIGT_SECOND[v]
            x, y = 0.5 * distance_p[p] * axes_pac[p, 0, c], 0.5 * distance_p[p] * axes_pac[p, 0, d]
            virial_f = virial_vf[v, first_column + first : first_column + first + width]
            for f in range(width):
                virial_f[f] += x * gradient_cf[d, f] + y * gradient_cf[c, f]
