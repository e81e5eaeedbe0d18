"""Compiled inner loops of the spherical-field Hamiltonian.

Plain arithmetic over arrays whose last axis, the radial channel, is contiguous, so that the
compiler turns every innermost loop into vector instructions. Axis letters: `ase_rfhgn.arrays`.
A tuple argument (``level``, ``power``) has its length in its type: loops over it are unrolled.
"""

from __future__ import annotations

import numpy as np
from numba import njit

OPTIONS = {"nogil": True, "cache": True, "fastmath": {"contract", "nsz", "arcp", "reassoc"}, "error_model": "numpy"}

VOIGT_FIRST = (0, 1, 2, 1, 0, 0)
VOIGT_SECOND = (0, 1, 2, 2, 2, 1)


@njit(**OPTIONS)
def tanh_arguments(distance_p, pair_p, weight_k, shift_bk):
    """Return what enters the activation: w_k r + the shift of the pair of species."""
    argument_pk = np.empty((len(distance_p), len(weight_k)))
    for p in range(len(distance_p)):
        for k in range(len(weight_k)):
            argument_pk[p, k] = weight_k[k] * distance_p[p] + shift_bk[pair_p[p], k]
    return argument_pk


@njit(**OPTIONS)
def times_cutoff(value_pk, distance_p, stretch_p, weight_k, cutoff_k):
    """Multiply activations by (1 − r²/r_k²)³ in place; return the derivatives by the distance."""
    slope_pk = np.empty_like(value_pk)
    inverse_k = 1.0 / cutoff_k**2
    for p in range(len(distance_p)):
        distance = distance_p[p]
        for k in range(len(weight_k)):
            rest = max(1.0 - distance * distance * inverse_k[k], 0.0)
            cut = rest * rest * rest
            cut_slope = -6.0 * distance * inverse_k[k] * rest * rest
            value = value_pk[p, k]
            slope_pk[p, k] = ((1.0 - value * value) * weight_k[k] * cut + value * cut_slope) * stretch_p[p]
            value_pk[p, k] = value * cut
    return slope_pk


@njit(**OPTIONS)
def moments(first_n, value_pk, harmonics_py):
    """Return the aggregation A_{n,y,k} = Σ_p t_pk Y_py over the edges of every atom."""
    n_atoms, n_harmonics, n_channels = len(first_n) - 1, harmonics_py.shape[1], value_pk.shape[1]
    moment_nyk = np.zeros((n_atoms, n_harmonics, n_channels))
    for n in range(n_atoms):
        for p in range(first_n[n] - first_n[0], first_n[n + 1] - first_n[0]):
            for y in range(n_harmonics):
                harmonic = harmonics_py[p, y]
                for k in range(n_channels):
                    moment_nyk[n, y, k] += harmonic * value_pk[p, k]
    return moment_nyk


@njit(**OPTIONS)
def sums(first_n, value_p):
    """Return the sums of a quantity over the edges of every atom."""
    total_n = np.zeros(len(first_n) - 1)
    for n in range(len(first_n) - 1):
        for p in range(first_n[n] - first_n[0], first_n[n + 1] - first_n[0]):
            total_n[n] += value_p[p]
    return total_n


@njit(**OPTIONS)
def _levels_at_point(moment_yk, harmonics_y, level, level_lk):
    """Write Σ_m A_{lm,k} Y_lm(x) for every degree l."""
    for l in range(len(level)):
        for k in range(moment_yk.shape[1]):
            total = 0.0
            for y in range(l * l, (l + 1) * (l + 1)):
                total += harmonics_y[y] * moment_yk[y, k]
            level_lk[l, k] = total


@njit(**OPTIONS)
def site_energies(species_n, moment_nyk, grid, level, power, mixing_sqlk, offset_sqk, linear_sk, coefficient_soqk):
    """Return the energy of every atom and its derivative by the moments A.

    The energy is linear in the moment of degree zero (the two-body part) plus, of every field s,
    the polynomial Σ_o c_o s^(o + 2) averaged over the sphere.
    """
    harmonics_xy, weight_x = grid
    n_atoms, _, n_channels = moment_nyk.shape
    n_mixings = mixing_sqlk.shape[1]
    energy_n = np.zeros(n_atoms)
    slope_nyk = np.zeros_like(moment_nyk)
    level_lk = np.empty((len(level), n_channels))
    slope_lk = np.empty((len(level), n_channels))
    energy_k = np.empty(n_channels)
    for n in range(n_atoms):
        s = species_n[n]
        for k in range(n_channels):
            slope_nyk[n, 0, k] = linear_sk[s, k]
            energy_k[k] = linear_sk[s, k] * moment_nyk[n, 0, k]
        for x in range(len(weight_x)):
            _levels_at_point(moment_nyk[n], harmonics_xy[x], level, level_lk)
            slope_lk[:] = 0.0
            for q in range(n_mixings):
                for k in range(n_channels):
                    even = -offset_sqk[s, q, k]
                    odd = 0.0
                    for l in range(len(level)):
                        if l % 2 == 0:
                            even += mixing_sqlk[s, q, l, k] * level_lk[l, k]
                        else:
                            odd += mixing_sqlk[s, q, l, k] * level_lk[l, k]
                    plus, minus = even + odd, even - odd
                    value, slope_plus, slope_minus = 0.0, 0.0, 0.0
                    power_plus, power_minus = plus, minus
                    for o in range(len(power)):
                        c = coefficient_soqk[s, o, q, k]
                        slope_plus += (o + 2) * c * power_plus
                        slope_minus += (o + 2) * c * power_minus
                        power_plus *= plus
                        power_minus *= minus
                        value += c * (power_plus + power_minus)
                    energy_k[k] += weight_x[x] * value
                    even_slope = weight_x[x] * (slope_plus + slope_minus)
                    odd_slope = weight_x[x] * (slope_plus - slope_minus)
                    for l in range(len(level)):
                        if l % 2 == 0:
                            slope_lk[l, k] += mixing_sqlk[s, q, l, k] * even_slope
                        else:
                            slope_lk[l, k] += mixing_sqlk[s, q, l, k] * odd_slope
            for l in range(len(level)):
                for y in range(l * l, (l + 1) * (l + 1)):
                    for k in range(n_channels):
                        slope_nyk[n, y, k] += harmonics_xy[x, y] * slope_lk[l, k]
        energy_n[n] = energy_k.sum()
    return energy_n, slope_nyk


@njit(**OPTIONS)
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


@njit(**OPTIONS)
def _powers_of_one_mixing(level_xlk, weight_x, power, mixing_lk, offset_k, even_xf, odd_xf, feature_f):
    """Add the mean powers of the fields of a mixing; write their derivatives by the fields, by parity."""
    n_points, n_levels, n_channels = level_xlk.shape
    for x in range(n_points):
        for k in range(n_channels):
            even = -offset_k[k]
            odd = 0.0
            for l in range(0, n_levels, 2):
                even += mixing_lk[l, k] * level_xlk[x, l, k]
            for l in range(1, n_levels, 2):
                odd += mixing_lk[l, k] * level_xlk[x, l, k]
            plus, minus = even + odd, even - odd
            power_plus, power_minus = weight_x[x] * plus, weight_x[x] * minus
            for o in range(len(power)):
                f = o * n_channels + k
                even_xf[x, f] = (o + 2) * (power_plus + power_minus)
                odd_xf[x, f] = (o + 2) * (power_plus - power_minus)
                power_plus *= plus
                power_minus *= minus
                feature_f[f] += power_plus + power_minus


@njit(**OPTIONS)
def site_features(species_n, moment_nyk, grid, level, power, mixing_sqlk, offset_sqk):
    """Return the many-body features of every atom and their derivatives by the moments A.

    A feature (q, o, k) is the mean over the sphere of the o-th power of field (q, k); its derivative
    by A_{y,k'} vanishes unless k' = k, so ``slope_nyf`` has one axis for both. One mixing at a time
    keeps the fields in the cache.
    """
    harmonics_xy, weight_x = grid
    n_atoms, n_harmonics, n_channels = moment_nyk.shape
    n_mixings, width = mixing_sqlk.shape[1], len(power) * n_channels
    even_yx, odd_yx = _split_by_parity(harmonics_xy, level)
    feature_nf = np.zeros((n_atoms, n_mixings * width))
    slope_nyf = np.empty((n_atoms, n_harmonics, n_mixings * width))
    level_xlk = np.empty((len(weight_x), len(level), n_channels))
    even_xf, odd_xf = np.empty((len(weight_x), width)), np.empty((len(weight_x), width))
    even_yf, odd_yf = np.empty((len(even_yx), width)), np.empty((len(odd_yx), width))
    for n in range(n_atoms):
        s = species_n[n]
        for x in range(len(weight_x)):
            _levels_at_point(moment_nyk[n], harmonics_xy[x], level, level_xlk[x])
        for q in range(n_mixings):
            columns = slice(q * width, (q + 1) * width)
            mixing_lk = mixing_sqlk[s, q]
            _powers_of_one_mixing(
                level_xlk, weight_x, power, mixing_lk, offset_sqk[s, q], even_xf, odd_xf, feature_nf[n, columns]
            )
            np.dot(even_yx, even_xf, even_yf)
            np.dot(odd_yx, odd_xf, odd_yf)
            _scale_by_mixing(even_yf, odd_yf, level, mixing_lk, slope_nyf[n, :, columns])
    return feature_nf, slope_nyf


@njit(**OPTIONS)
def _scale_by_mixing(even_yf, odd_yf, level, mixing_lk, slope_yf):
    """Write derivatives by the moments: those by the fields, by parity, times the weight of the degree."""
    n_channels = mixing_lk.shape[1]
    e, o = 0, 0
    for l in range(len(level)):
        for y in range(l * l, (l + 1) * (l + 1)):
            if l % 2 == 0:
                by_field_f = even_yf[e]
                e += 1
            else:
                by_field_f = odd_yf[o]
                o += 1
            for b in range(len(by_field_f) // n_channels):
                for k in range(n_channels):
                    slope_yf[y, b * n_channels + k] = by_field_f[b * n_channels + k] * mixing_lk[l, k]


@njit(**OPTIONS)
def add_gradient_rows(edges, radial, pull_pjf, column, own_cf, row_mf, virial_vf):
    """Add the derivatives of one atom's features by the positions of its neighbours to the rows.

    ``pull_pjf`` holds Σ_y G_yf (Y_py, ∂_c Y_py) per edge. The derivative of feature f, of channel k,
    by the edge vector is u_c t'_pk pull_p0f + t_pk pull_pcf; it moves the head, and the tail the other
    way: that sum goes to ``own_cf``. The first features are the two-body ones, Σ_p t_pk.
    """
    neighbour_p, vector_pc, distance_p = edges
    value_pk, slope_pk = radial
    n_channels = value_pk.shape[1]
    n_blocks = pull_pjf.shape[2] // n_channels
    width = (n_blocks + 1) * n_channels
    own_cf[:] = 0.0
    gradient_cf = np.empty((3, width))
    for p in range(len(neighbour_p)):
        for c in range(3):
            unit = vector_pc[p, c] / distance_p[p]
            row_f = row_mf[3 * neighbour_p[p] + c, column : column + width]
            for k in range(n_channels):
                gradient_cf[c, k] = unit * slope_pk[p, k]
            for b in range(n_blocks):
                first = b * n_channels
                for k in range(n_channels):
                    radial = unit * slope_pk[p, k] * pull_pjf[p, 0, first + k]
                    gradient_cf[c, first + n_channels + k] = radial + value_pk[p, k] * pull_pjf[p, c + 1, first + k]
            for f in range(width):
                own_cf[c, f] += gradient_cf[c, f]
                row_f[f] -= gradient_cf[c, f]
        for v in range(len(virial_vf)):
            a, b = VOIGT_FIRST[v], VOIGT_SECOND[v]
            virial_f = virial_vf[v, column : column + width]
            for f in range(width):
                virial_f[f] += 0.5 * (vector_pc[p, a] * gradient_cf[b, f] + vector_pc[p, b] * gradient_cf[a, f])


@njit(**OPTIONS)
def edge_gradients(first_n, harmonics_py, harmonic_slopes_pcy, value_pk, slope_pk, unit_pc, slope_nyk):
    """Return the derivative of the energy by every edge vector, from its derivative by the moments."""
    gradient_pc = np.empty((len(value_pk), 3))
    n_harmonics, n_channels = slope_nyk.shape[1:]
    radial_y, angular_y = np.empty(n_harmonics), np.empty(n_harmonics)
    for n in range(len(first_n) - 1):
        for p in range(first_n[n] - first_n[0], first_n[n + 1] - first_n[0]):
            for y in range(n_harmonics):
                radial, angular = 0.0, 0.0
                for k in range(n_channels):
                    radial += slope_pk[p, k] * slope_nyk[n, y, k]
                    angular += value_pk[p, k] * slope_nyk[n, y, k]
                radial_y[y], angular_y[y] = radial, angular
            stretch = 0.0
            for y in range(n_harmonics):
                stretch += harmonics_py[p, y] * radial_y[y]
            for c in range(3):
                turn = 0.0
                for y in range(n_harmonics):
                    turn += harmonic_slopes_pcy[p, c, y] * angular_y[y]
                gradient_pc[p, c] = stretch * unit_pc[p, c] + turn
    return gradient_pc


@njit(**OPTIONS)
def add_edge_forces(centre_p, neighbour_p, gradient_pc, force_nc):
    """Add the forces of edges to the atoms: head minus, tail plus the gradient by the edge vector."""
    for p in range(len(centre_p)):
        for c in range(3):
            force_nc[centre_p[p], c] += gradient_pc[p, c]
            force_nc[neighbour_p[p], c] -= gradient_pc[p, c]
