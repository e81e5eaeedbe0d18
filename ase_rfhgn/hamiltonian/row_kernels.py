"""Compiled inner loops of the rows of the linear system: features and their gradients, atom by atom.

As in `ase_rfhgn.hamiltonian.kernels`, innermost loops are plain arithmetic over contiguous arrays.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ase_rfhgn.hamiltonian.kernels import INLINED, OPTIONS, levels_at_point

VOIGT_FIRST = (0, 1, 2, 1, 0, 0)
VOIGT_SECOND = (0, 1, 2, 2, 2, 1)


@njit(**OPTIONS)
def add_rows(atoms, edges, radial, basis_pjy, grid, level, power, mixing_slf, alone_sf, energy_f, row_mf, virial_vf):
    """Add the features of some atoms, and their derivatives by positions and strain, to the rows.

    Parameters
    ----------
    atoms : tuple
        Index of the first atom; first edge of every atom; species; first column; moments of every atom.
    edges : tuple
        Neighbour, vector and length of every edge.
    radial : tuple
        Messages t_k and their derivatives by the distance.
    basis_pjy : ndarray
        Harmonics, and their derivatives by x, y, z, of every edge.
    alone_sf : ndarray
        Features of isolated atoms.
    """
    first_atom, first_n, species_n, column_n, moment_nyk = atoms
    neighbour_p, vector_pc, distance_p = edges
    value_pk, slope_pk = radial
    scratch = features_scratch(grid, level, power, mixing_slf)
    n_harmonics, n_features = moment_nyk.shape[1], alone_sf.shape[1]
    feature_f, slope_yf, own_cf = np.empty(n_features), np.empty((n_harmonics, n_features)), np.empty((3, n_features))
    for n in range(len(species_n)):
        site_features(moment_nyk[n], grid, level, power, mixing_slf[species_n[n]], scratch, feature_f, slope_yf)
        energy_f[column_n[n] : column_n[n] + n_features] += feature_f - alone_sf[species_n[n]]
        e = slice(first_n[n] - first_n[0], first_n[n + 1] - first_n[0])
        n_edges = e.stop - e.start
        basis = basis_pjy[e].reshape(4 * n_edges, n_harmonics)
        pull_pjf = np.dot(basis, slope_yf).reshape(n_edges, 4, n_features)
        own = (neighbour_p[e], vector_pc[e], distance_p[e]), (value_pk[e], slope_pk[e])
        _add_gradient_rows(*own, pull_pjf, column_n[n], own_cf, row_mf, virial_vf)
        for c in range(3):
            row_mf[3 * (first_atom + n) + c, column_n[n] : column_n[n] + n_features] += own_cf[c]


@njit(**INLINED)
def features_scratch(grid, level, power, mixing_slf):
    """Return the arrays that `site_features` works in."""
    harmonics_xy, weight_x = grid
    even_yx, odd_yx = _split_by_parity(harmonics_xy, level)
    width = mixing_slf.shape[2]
    even_oxf = np.empty((len(power), len(weight_x), width))
    product = np.empty((len(even_yx), width)), np.empty((len(odd_yx), width))
    return even_yx, odd_yx, even_oxf, np.empty_like(even_oxf), np.empty((len(level), width)), product


@njit(**INLINED)
def site_features(moment_yk, grid, level, power, mixing_lf, scratch, feature_f, slope_yf):
    """Write the features of an atom and their derivatives by its moments A.

    In this order: A_00 / Y_00 of every channel k; Σ_m A_lm² / 4π of every degree l and channel; the
    mean over the sphere of power o + 3 of the field of every mixing q and channel, o first. The
    derivative of a feature of channel k by A_{y,k'} vanishes unless k' = k, so ``slope_yf`` has one
    axis for both.
    """
    even_yx, odd_yx, even_oxf, odd_oxf, tiled_lf, product = scratch
    even_yf, odd_yf = product
    plain, width = (1 + len(level)) * moment_yk.shape[1], mixing_lf.shape[1]
    feature_f[:] = 0.0
    _plain_features(moment_yk, level, feature_f, slope_yf)
    feature_of = feature_f[plain:].reshape(len(power), width)
    _fields_of_atom(moment_yk, grid, level, power, mixing_lf, tiled_lf, even_oxf, odd_oxf, feature_of)
    for o in range(len(power)):
        np.dot(even_yx, even_oxf[o], even_yf)
        np.dot(odd_yx, odd_oxf[o], odd_yf)
        first = plain + o * width
        _scale_by_mixing(even_yf, odd_yf, level, mixing_lf, slope_yf[:, first : first + width])


@njit(**INLINED)
def _split_by_parity(harmonics_xy, level):
    """Return the harmonics of even and of odd degrees at the points, points last."""
    n_points, n_harmonics = harmonics_xy.shape
    n_even = 0
    for l in range(0, len(level), 2):
        n_even += 2 * l + 1
    even_yx, odd_yx = np.empty((n_even, n_points)), np.empty((n_harmonics - n_even, n_points))
    e, o = 0, 0
    for l in range(len(level)):
        for y in range(l * l, (l + 1) * (l + 1)):
            if l % 2 == 0:
                even_yx[e] = harmonics_xy[:, y]
                e += 1
            else:
                odd_yx[o] = harmonics_xy[:, y]
                o += 1
    return even_yx, odd_yx


@njit(**INLINED)
def _fields_of_atom(moment_yk, grid, level, power, mixing_lf, tiled_lf, even_oxf, odd_oxf, feature_of):
    """Write the derivatives of the powers of the fields by the fields, by parity; add the mean powers.

    With s(±x) = even ± odd, the sums and differences of s(x)^o and s(−x)^o follow from those of lower o.
    The loop runs over all mixings and channels at once, and each power has arrays of its own:
    otherwise the compiler's check that no arrays overlap fails, or costs more than vectors gain.
    """
    harmonics_xy, weight_x = grid
    n_channels, width = moment_yk.shape[1], mixing_lf.shape[1]
    if width == 0:  # no mixings, no room for a tile
        return
    for x in range(len(weight_x)):
        levels_at_point(moment_yk, harmonics_xy[x], level, tiled_lf[:, :n_channels])
        for l in range(len(level)):
            for first in range(n_channels, width, n_channels):
                tiled_lf[l, first : first + n_channels] = tiled_lf[l, :n_channels]
        for f in range(width):
            even, odd = 0.0, 0.0
            for l in range(len(level)):
                if l % 2 == 0:
                    even += mixing_lf[l, f] * tiled_lf[l, f]
                else:
                    odd += mixing_lf[l, f] * tiled_lf[l, f]
            total, difference = 2.0 * weight_x[x] * (even * even + odd * odd), 4.0 * weight_x[x] * even * odd
            for o in range(len(power)):
                even_oxf[o, x, f] = (o + 3) * total
                odd_oxf[o, x, f] = (o + 3) * difference
                total, difference = even * total + odd * difference, even * difference + odd * total
                feature_of[o, f] += total


@njit(**INLINED)
def _plain_features(moment_yk, level, feature_f, slope_yf):
    """Write the features that are linear or quadratic in the moments, and their derivatives."""
    n_channels = moment_yk.shape[1]
    mean = 1.0 / (4.0 * np.pi)
    feature_f[:n_channels] = moment_yk[0] / np.sqrt(mean)
    slope_yf[:, : (1 + len(level)) * n_channels] = 0.0
    slope_yf[0, :n_channels] = 1.0 / np.sqrt(mean)
    for l in range(len(level)):
        first = (1 + l) * n_channels
        for y in range(l * l, (l + 1) * (l + 1)):
            for k in range(n_channels):
                feature_f[first + k] += mean * moment_yk[y, k] ** 2
                slope_yf[y, first + k] = 2.0 * mean * moment_yk[y, k]


@njit(**INLINED)
def _scale_by_mixing(even_yf, odd_yf, level, mixing_lf, slope_yf):
    """Write derivatives by the moments: those by the fields, by parity, times the weight of the degree."""
    e, o = 0, 0
    for l in range(len(level)):
        for y in range(l * l, (l + 1) * (l + 1)):
            if l % 2 == 0:
                by_field_f = even_yf[e]
                e += 1
            else:
                by_field_f = odd_yf[o]
                o += 1
            for f in range(len(by_field_f)):
                slope_yf[y, f] = by_field_f[f] * mixing_lf[l, f]


@njit(**INLINED)
def _add_gradient_rows(edges, radial, pull_pjf, first_column, own_cf, row_mf, virial_vf):
    """Add the derivatives of some features of one atom by the positions of its neighbours to the rows.

    ``pull_pjf`` holds Σ_y G_yf (Y_py, ∂_c Y_py) per edge. The derivative of feature f, of channel k,
    by the edge vector is u_c t'_pk pull_p0f + t_pk pull_pcf; it moves the head, and the tail the other
    way: that sum goes to ``own_cf``.
    """
    neighbour_p, vector_pc, distance_p = edges
    value_pk, slope_pk = radial
    n_channels, width = value_pk.shape[1], pull_pjf.shape[2]
    columns = slice(first_column, first_column + width)
    own_cf[:] = 0.0
    gradient_cf = np.empty((3, width))
    for p in range(len(neighbour_p)):
        for c in range(3):
            unit = vector_pc[p, c] / distance_p[p]
            row_f = row_mf[3 * neighbour_p[p] + c, columns]
            for b in range(width // n_channels):
                first = b * n_channels
                for k in range(n_channels):
                    radial_part = unit * slope_pk[p, k] * pull_pjf[p, 0, first + k]
                    gradient = radial_part + value_pk[p, k] * pull_pjf[p, c + 1, first + k]
                    gradient_cf[c, first + k] = gradient
                    own_cf[c, first + k] += gradient
                    row_f[first + k] -= gradient
        for v in range(len(virial_vf)):
            a, b = VOIGT_FIRST[v], VOIGT_SECOND[v]
            virial_f = virial_vf[v, columns]
            for f in range(width):
                virial_f[f] += 0.5 * (vector_pc[p, a] * gradient_cf[b, f] + vector_pc[p, b] * gradient_cf[a, f])
