"""Compiled inner loops of the spherical-field Hamiltonian.

Plain arithmetic over arrays whose last axis, the radial channel, is contiguous, so that the
compiler turns every innermost loop into vector instructions. Axis letters: `ase_rfhgn.arrays`.
A tuple argument (``level``, ``power``) has its length in its type: loops over it are unrolled, and every
length is compiled for anew, for seconds. So only loops within the innermost one take tuples.
"""

from __future__ import annotations

import numpy as np

from ase_rfhgn.features.compilation import compiled
from ase_rfhgn.features.cutoff import cutoff_function

OPTIONS = {"nogil": True, "fastmath": {"contract", "nsz", "arcp", "reassoc"}, "error_model": "numpy"}

INLINED = OPTIONS | {"forceinline": True}
"""For functions that compiled functions call.

Otherwise a process that compiles them and one that loads them from the cache may run different
machine code for them, which rounds differently.
"""

_cutoff_of_edge = compiled(**INLINED)(cutoff_function)


@compiled(**INLINED)
def tanh(argument):
    """Return tanh to an absolute error of 4e-16: 1 − 2 / (exp(2x) + 1), without branches, so that loops are vectors.

    The exponential is 2^n times a Taylor series on half of ln 2 around zero; ln 2 has two parts, so that
    n ln 2 does not round. NumPy's tanh costs six times as much.
    """
    doubled = min(max(2.0 * argument, -40.0), 40.0)
    power = np.floor(doubled * 1.4426950408889634 + 0.5)
    rest = doubled - power * 0.693145751953125
    rest -= power * 1.42860682030941723212e-6
    series = 1.0 / 479001600.0 * rest + 1.0 / 39916800.0  # not in a loop: it would hide the vectors of the caller's
    series = ((series * rest + 1.0 / 3628800.0) * rest + 1.0 / 362880.0) * rest + 1.0 / 40320.0
    series = ((series * rest + 1.0 / 5040.0) * rest + 1.0 / 720.0) * rest + 1.0 / 120.0
    series = ((series * rest + 1.0 / 24.0) * rest + 1.0 / 6.0) * rest + 0.5
    series = (series * rest + 1.0) * rest + 1.0
    bits = (np.int64(np.int32(power)) + 1023) << 52
    return 1.0 - 2.0 / (series * np.int64(bits).view(np.float64) + 1.0)


@compiled(**OPTIONS)
def messages(distance_p, pair_p, floor_b, size_b, weight_k, shift_bk, cutoff_k):
    """Return the messages of edges and their derivatives by the distance; see `EdgeEncoder`."""
    value_pk = np.empty((len(distance_p), len(weight_k)))
    slope_pk = np.empty_like(value_pk)
    for p in range(len(distance_p)):
        b = pair_p[p]
        bent, stretch = distance_p[p], 1.0
        if bent < floor_b[b]:
            turn = tanh(10.0 * (floor_b[b] - bent) / floor_b[b])
            bent, stretch = floor_b[b] * (1.0 - 0.1 * turn), 1.0 - turn * turn
        for k in range(len(weight_k)):
            cut, cut_slope = _cutoff_of_edge(bent, cutoff_k[k])
            value = tanh(weight_k[k] * (bent - size_b[b]) + shift_bk[b, k])
            slope_pk[p, k] = ((1.0 - value * value) * weight_k[k] * cut + value * cut_slope) * stretch
            value_pk[p, k] = value * cut
    return value_pk, slope_pk


@compiled(**OPTIONS)
def atomic_basis(first_n, value_pk, harmonics_py):
    """Return the aggregation A_{n,y,k} = Σ_p t_pk Y_py over the edges of every atom."""
    basis_nyk = np.zeros((len(first_n) - 1, harmonics_py.shape[1], value_pk.shape[1]))
    for n in range(len(first_n) - 1):
        p = slice(first_n[n] - first_n[0], first_n[n + 1] - first_n[0])
        if p.stop > p.start:
            np.dot(harmonics_py[p].T, value_pk[p], basis_nyk[n])
    return basis_nyk


@compiled(**OPTIONS)
def densities(first_n, distance_p, cutoff):
    """Return the density of neighbours around every atom, and its derivative by the length of every edge."""
    density_n, slope_p = np.zeros(len(first_n) - 1), np.empty(len(distance_p))
    for n in range(len(first_n) - 1):
        for p in range(first_n[n] - first_n[0], first_n[n + 1] - first_n[0]):
            density, slope_p[p] = _cutoff_of_edge(distance_p[p], cutoff)
            density_n[n] += density
    return density_n, slope_p


@compiled(**INLINED)
def levels_at_point(basis_yk, harmonics_y, level, level_lk):
    """Write Σ_m A_{lm,k} Y_lm(x) for every degree l."""
    for l in range(len(level)):
        for k in range(basis_yk.shape[1]):
            total = 0.0
            for y in range(l * l, (l + 1) * (l + 1)):
                total += harmonics_y[y] * basis_yk[y, k]
            level_lk[l, k] = total


@compiled(**OPTIONS)
def site_energies(species_n, basis_nyk, grid, level, power, projection_sqlk, linear_sk, square_slk, coefficient_soqk):
    """Return the energy of every atom and its derivative by the atomic basis A.

    The energy is linear in the basis of degree zero (the two-body part), plus c_l Σ_m A_lm² of every
    degree, plus, of every field s, the polynomial Σ_o c_o s^(o + 3) averaged over the sphere.
    """
    harmonics_xy, weight_x = grid
    n_atoms, _, n_channels = basis_nyk.shape
    n_projections = projection_sqlk.shape[1]
    energy_n = np.zeros(n_atoms)
    slope_nyk = np.empty_like(basis_nyk)
    level_lk = np.empty((len(level), n_channels))
    slope_lk = np.empty((len(level), n_channels))
    energy_k = np.empty(n_channels)
    for n in range(n_atoms):
        s = species_n[n]
        _add_squares(basis_nyk[n], square_slk.shape[1], linear_sk[s], square_slk[s], energy_k, slope_nyk[n])
        for x in range(len(weight_x)):
            levels_at_point(basis_nyk[n], harmonics_xy[x], level, level_lk)
            slope_lk[:] = 0.0
            for q in range(n_projections):
                for k in range(n_channels):
                    even, odd = 0.0, 0.0
                    for l in range(len(level)):
                        if l % 2 == 0:
                            even += projection_sqlk[s, q, l, k] * level_lk[l, k]
                        else:
                            odd += projection_sqlk[s, q, l, k] * level_lk[l, k]
                    total, difference = 2.0 * (even * even + odd * odd), 4.0 * even * odd
                    value, even_slope, odd_slope = 0.0, 0.0, 0.0
                    for o in range(len(power)):
                        c = weight_x[x] * coefficient_soqk[s, o, q, k]
                        even_slope += (o + 3) * c * total
                        odd_slope += (o + 3) * c * difference
                        total, difference = even * total + odd * difference, even * difference + odd * total
                        value += c * total
                    energy_k[k] += value
                    for l in range(len(level)):
                        if l % 2 == 0:
                            slope_lk[l, k] += projection_sqlk[s, q, l, k] * even_slope
                        else:
                            slope_lk[l, k] += projection_sqlk[s, q, l, k] * odd_slope
            for l in range(len(level)):
                for y in range(l * l, (l + 1) * (l + 1)):
                    for k in range(n_channels):
                        slope_nyk[n, y, k] += harmonics_xy[x, y] * slope_lk[l, k]
        energy_n[n] = energy_k.sum()
    return energy_n, slope_nyk


@compiled(**OPTIONS)
def quadratic_site_energies(species_n, basis_nyk, linear_sk, square_slk):
    """Return the part of `site_energies` without fields: the whole of it where there are no fields."""
    energy_n, slope_nyk = np.empty(len(basis_nyk)), np.empty_like(basis_nyk)
    energy_k = np.empty(basis_nyk.shape[2])
    for n in range(len(basis_nyk)):
        s = species_n[n]
        _add_squares(basis_nyk[n], square_slk.shape[1], linear_sk[s], square_slk[s], energy_k, slope_nyk[n])
        energy_n[n] = energy_k.sum()
    return energy_n, slope_nyk


@compiled(**INLINED)
def _add_squares(basis_yk, n_levels, linear_k, square_lk, energy_k, slope_yk):
    """Write the energy per channel that is linear or quadratic in the atomic basis, and its derivatives."""
    for k in range(len(energy_k)):
        energy_k[k] = linear_k[k] * basis_yk[0, k]
    for l in range(n_levels):
        for y in range(l * l, (l + 1) * (l + 1)):
            for k in range(len(energy_k)):
                slope = square_lk[l, k] * basis_yk[y, k]
                energy_k[k] += slope * basis_yk[y, k]
                slope_yk[y, k] = 2.0 * slope
    for k in range(len(energy_k)):
        slope_yk[0, k] += linear_k[k]


@compiled(**OPTIONS)
def edge_gradients(first_n, vector_pc, distance_p, harmonics_py, harmonic_slopes_pcy, value_pk, slope_pk, slope_nyk):
    """Return the derivative of the energy by every edge vector, from its derivative by the atomic basis."""
    gradient_pc = np.empty((len(value_pk), 3))
    n_harmonics, n_channels = slope_nyk.shape[1:]
    most = 1
    for n in range(len(first_n) - 1):
        most = max(most, first_n[n + 1] - first_n[n])
    radials, angulars = np.empty(most * n_harmonics), np.empty(most * n_harmonics)
    slope_ky = np.empty((n_channels, n_harmonics))  # BLAS is faster with neither factor transposed
    for n in range(len(first_n) - 1):
        start, stop = first_n[n] - first_n[0], first_n[n + 1] - first_n[0]
        if start == stop:
            continue
        radial_py = radials[: (stop - start) * n_harmonics].reshape(stop - start, n_harmonics)
        angular_py = angulars[: (stop - start) * n_harmonics].reshape(stop - start, n_harmonics)
        for y in range(n_harmonics):
            for k in range(n_channels):
                slope_ky[k, y] = slope_nyk[n, y, k]
        np.dot(slope_pk[start:stop], slope_ky, radial_py)
        np.dot(value_pk[start:stop], slope_ky, angular_py)
        for p in range(stop - start):
            along, by_x, by_y, by_z = 0.0, 0.0, 0.0, 0.0
            slopes_cy, vector_c = harmonic_slopes_pcy[start + p], vector_pc[start + p]
            for y in range(n_harmonics):
                along += harmonics_py[start + p, y] * radial_py[p, y]
                by_x += slopes_cy[0, y] * angular_py[p, y]
                by_y += slopes_cy[1, y] * angular_py[p, y]
                by_z += slopes_cy[2, y] * angular_py[p, y]
            along /= distance_p[start + p]
            gradient_pc[start + p, 0] = along * vector_c[0] + by_x
            gradient_pc[start + p, 1] = along * vector_c[1] + by_y
            gradient_pc[start + p, 2] = along * vector_c[2] + by_z
    return gradient_pc


@compiled(**OPTIONS)
def add_edge_forces(centre_p, neighbour_p, gradient_pc, force_nc):
    """Add the forces of edges to the atoms: head minus, tail plus the gradient by the edge vector."""
    for p in range(len(centre_p)):
        for c in range(3):
            force_nc[centre_p[p], c] += gradient_pc[p, c]
            force_nc[neighbour_p[p], c] -= gradient_pc[p, c]
