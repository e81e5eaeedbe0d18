"""Energies of sites as one quartic polynomial per channel: for fields up to degree 4 and power 4, as by default.

At a point x of the sphere, the fields of a channel are s_q = Σ_l ω_ql u_l, with the levels u_l = Σ_m A_lm Y_lm(x).
So Σ_q Σ_o c_oq s_q^(o + 3) is one polynomial of the levels, however many projections there are, and cheaper than
their powers one by one. Terms that change sign under x → −x vanish in the mean over the sphere. The level of degree 0
is the same everywhere, and the mean squares of the others are known. So the quadrature is left with cubic and quartic
terms of the levels 1 to 4.

As in `ase_rfhgn.features.spherical.kernels`, innermost loops run over channels. The arrays that they work on have
`LANES` columns: the compiler knows how far rows are apart, and need not check at run time whether they overlap. It
must see this where it compiles the loops, so their functions are merged into the one that makes the arrays.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.compilation import compiled
from ase_rfhgn.features.harmonics import MONOPOLE
from ase_rfhgn.features.spherical.kernels import OPTIONS

DEGREE = 4
"""Largest degree of the harmonics, and largest power of the fields."""
LANES = 40
"""Most channels that are worked on at once."""
TILE = 4
"""Points of the quadrature that are worked on at once."""

SQUARES, ALONE, MIXED, CUBIC, MIXED_CUBIC, QUARTIC, N_TERMS = 1, 6, 8, 16, 26, 36, 55
"""Where kinds of terms begin: squares, powers of u_0, these times squares, cubic ones, the same times u_0, quartic."""


def _even(order: int) -> list[tuple[int, ...]]:
    """Return the products of so many levels of degree 1 to 4 that are even under x → −x."""
    return [term for term in combinations_with_replacement(range(1, DEGREE + 1), order) if sum(term) % 2 == 0]


TERMS = (
    *((0, 0, 0), (0, 0, 0, 0)),
    *((*zeros, l, l) for zeros in ((0,), (0, 0)) for l in range(1, DEGREE + 1)),
    *_even(3),
    *((0, *term) for term in _even(3)),
    *_even(4),
)
"""Degrees of the levels in the terms from `ALONE` on."""


def tiled(harmonics_xy: FloatArray, weight_x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return harmonics, harmonics times weights, and weights of the points of a half sphere, for whole tiles.

    Parameters
    ----------
    harmonics_xy, weight_x : ndarray
        Those of `ase_rfhgn.features.harmonics.HalfSphere`.
    """
    missing = -len(weight_x) % TILE
    padded_xy = np.concatenate([harmonics_xy, np.zeros((missing, harmonics_xy.shape[1]))])
    doubled_x = 2.0 * np.concatenate([weight_x, np.zeros(missing)])  # terms are equal at x and −x
    return padded_xy, doubled_x[:, None] * padded_xy, doubled_x


def quartic_terms(
    projection_sqlk: FloatArray, linear_sk: FloatArray, square_slk: FloatArray, power_soqk: FloatArray
) -> FloatArray:
    """Return the coefficients of all terms, of every species and channel: (n_species, n_terms, n_channels).

    Parameters
    ----------
    projection_sqlk : ndarray of shape (n_species, n_projections, degree + 1, n_channels)
        Weights of the degrees in the fields.
    linear_sk, square_slk, power_soqk : ndarray
        Coefficients of `ase_rfhgn.features.spherical.blocks.Polynomials`.
    """
    n_species, n_projections, n_levels, width = projection_sqlk.shape
    weight_sqlk = np.zeros((n_species, n_projections, DEGREE + 1, width))
    weight_sqlk[:, :, :n_levels] = projection_sqlk
    cube_soqk = np.zeros((n_species, 2, n_projections, width))
    cube_soqk[:, : power_soqk.shape[1]] = power_soqk
    term_sik = np.zeros((n_species, N_TERMS, width))
    term_sik[:, 0], term_sik[:, SQUARES : SQUARES + n_levels] = linear_sk, square_slk
    for i, term in enumerate(map(list, TERMS), start=ALONE):
        product_sqk = weight_sqlk[:, :, term].prod(axis=2)
        term_sik[:, i] = _factor(term) * np.einsum("sqk,sqk->sk", cube_soqk[:, len(term) - 3], product_sqk)
    return term_sik


def _factor(term: list[int]) -> float:
    """Return how often a term comes in a power, times what levels that are not integrated have to the basis."""
    equal = prod(factorial(times) for times in Counter(term).values())
    n_known = len(term) if len(term) - term.count(0) <= 2 else term.count(0)
    return factorial(len(term)) / equal * MONOPOLE**n_known


@compiled(**OPTIONS)
def quartic_site_energies(species_n, basis_nyk, mean_sk, tiles, term_sik):
    """Return the energy of every atom and its derivative by the atomic basis A; see `kernels.site_energies`.

    Parameters
    ----------
    species_n, basis_nyk : ndarray
        Species and atomic basis of the atoms.
    mean_sk : ndarray
        Means that are subtracted from A_00.
    tiles : tuple
        What `tiled` returns.
    term_sik : ndarray
        What `quartic_terms` returns.
    """
    n_atoms, n_harmonics, n_channels = basis_nyk.shape
    energy_n, slope_nyk = np.zeros(n_atoms), np.empty_like(basis_nyk)
    harmonics_xy, weighted_xy, weight_x = tiles
    basis_yk, slope_yk = np.empty(((DEGREE + 1) ** 2, LANES)), np.empty(((DEGREE + 1) ** 2, LANES))
    term_ik, level_uk, cubic_ak = (
        np.empty((N_TERMS + 10, LANES)),
        np.zeros((TILE * DEGREE, LANES)),
        np.empty((2, LANES)),
    )
    step = 4 * ((n_channels - 1) // (4 * ((n_channels - 1) // LANES + 1)) + 1)
    for first in range(0, n_channels, step):
        width, last_species = min(step, n_channels - first), -1
        for n in range(n_atoms):
            if species_n[n] != last_species:
                last_species = species_n[n]
                _copy(N_TERMS, width, term_sik[last_species, :, first : first + width], term_ik)
            _copy(n_harmonics, width, basis_nyk[n, :, first : first + width], basis_yk)
            for k in range(width):
                basis_yk[0, k] -= mean_sk[last_species, first + k]
            for i in range(10):
                for k in range(width):
                    term_ik[N_TERMS + i, k] = term_ik[CUBIC + i, k] + basis_yk[0, k] * term_ik[MIXED_CUBIC + i, k]
            cubic_ak[:] = 0.0
            slope_yk[:] = 0.0
            for x in range(0, len(weight_x), TILE):
                _levels(width, n_harmonics, harmonics_xy[x : x + TILE], basis_yk, level_uk)
                for t in range(TILE):
                    _slopes(width, weight_x[x + t], term_ik, level_uk[DEGREE * t : DEGREE * (t + 1)], cubic_ak)
                _back(width, n_harmonics, weighted_xy[x : x + TILE], level_uk, slope_yk)
            energy_n[n] += _energy(width, n_harmonics, basis_yk, term_ik, cubic_ak, slope_yk)
            _copy(n_harmonics, width, slope_yk, slope_nyk[n, :, first : first + width])
    return energy_n, slope_nyk


MERGED = OPTIONS | {"inline": "always"}


@compiled(**MERGED)
def _copy(n_rows, width, from_ik, to_ik):
    for i in range(n_rows):
        for k in range(width):
            to_ik[i, k] = from_ik[i, k]


@compiled(**MERGED)
def _levels(width, n_harmonics, harmonics_xy, basis_yk, level_uk):
    """Write the levels of degree 1 to 4 at the points of a tile."""
    for l in range(1, DEGREE + 1):
        if l * l < n_harmonics:
            for k in range(width):
                first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
                for y in range(l * l, (l + 1) * (l + 1)):
                    first += harmonics_xy[0, y] * basis_yk[y, k]
                    second += harmonics_xy[1, y] * basis_yk[y, k]
                    third += harmonics_xy[2, y] * basis_yk[y, k]
                    fourth += harmonics_xy[3, y] * basis_yk[y, k]
                level_uk[l - 1, k], level_uk[DEGREE + l - 1, k] = first, second
                level_uk[2 * DEGREE + l - 1, k], level_uk[3 * DEGREE + l - 1, k] = third, fourth


@compiled(**MERGED)
def _back(width, n_harmonics, weighted_xy, level_uk, slope_yk):
    """Add the derivatives by the atomic basis, given those by the levels at the points of a tile."""
    for l in range(1, DEGREE + 1):
        if l * l < n_harmonics:
            for k in range(width):
                first, second = level_uk[l - 1, k], level_uk[DEGREE + l - 1, k]
                third, fourth = level_uk[2 * DEGREE + l - 1, k], level_uk[3 * DEGREE + l - 1, k]
                for y in range(l * l, (l + 1) * (l + 1)):
                    near = weighted_xy[0, y] * first + weighted_xy[1, y] * second
                    slope_yk[y, k] += near + weighted_xy[2, y] * third + weighted_xy[3, y] * fourth


@compiled(**MERGED)
def _slopes(width, weight, term_ik, level_lk, cubic_ak):
    """Replace the levels at a point by the derivatives of the cubic and quartic terms; add the cubic terms.

    With products of two levels of equal parity, such as ``p13``, quartic terms are a quadratic form of these products,
    and cubic terms are bilinear in products and levels. ``g13`` is the derivative by the product, ``c2`` that of
    cubic terms by the level alone, and ``m2`` the same for their derivative by u_0. Rows are in the order of `TERMS`.
    """
    c, m, q = N_TERMS, MIXED_CUBIC, QUARTIC
    for k in range(width):
        u1, u2, u3, u4 = level_lk[0, k], level_lk[1, k], level_lk[2, k], level_lk[3, k]
        p11, p13, p33, p22, p24, p44 = u1 * u1, u1 * u3, u3 * u3, u2 * u2, u2 * u4, u4 * u4
        g11 = 2.0 * term_ik[q, k] * p11 + term_ik[q + 1, k] * p13 + term_ik[q + 4, k] * p33
        g13 = term_ik[q + 1, k] * p11 + term_ik[q + 8, k] * p33
        g33 = term_ik[q + 4, k] * p11 + term_ik[q + 8, k] * p13 + 2.0 * term_ik[q + 16, k] * p33
        g11 += term_ik[q + 2, k] * p22 + term_ik[q + 3, k] * p24 + term_ik[q + 5, k] * p44
        g13 += term_ik[q + 6, k] * p22 + term_ik[q + 7, k] * p24 + term_ik[q + 9, k] * p44
        g33 += term_ik[q + 12, k] * p22 + term_ik[q + 14, k] * p24 + term_ik[q + 17, k] * p44
        g11 += term_ik[c, k] * u2 + term_ik[c + 1, k] * u4
        g13 += term_ik[c + 2, k] * u2 + term_ik[c + 3, k] * u4
        g33 += term_ik[c + 6, k] * u2 + term_ik[c + 8, k] * u4
        g22 = term_ik[q + 2, k] * p11 + term_ik[q + 6, k] * p13 + term_ik[q + 12, k] * p33
        g24 = term_ik[q + 3, k] * p11 + term_ik[q + 7, k] * p13 + term_ik[q + 14, k] * p33
        g44 = term_ik[q + 5, k] * p11 + term_ik[q + 9, k] * p13 + term_ik[q + 17, k] * p33
        g22 += 2.0 * term_ik[q + 10, k] * p22 + term_ik[q + 11, k] * p24 + term_ik[q + 13, k] * p44
        g24 += term_ik[q + 11, k] * p22 + term_ik[q + 15, k] * p44
        g44 += term_ik[q + 13, k] * p22 + term_ik[q + 15, k] * p24 + 2.0 * term_ik[q + 18, k] * p44
        g22 += term_ik[c + 4, k] * u2
        g24 += term_ik[c + 5, k] * u2
        g44 += term_ik[c + 7, k] * u2 + term_ik[c + 9, k] * u4
        c2 = term_ik[c, k] * p11 + term_ik[c + 2, k] * p13 + term_ik[c + 6, k] * p33
        c2 += term_ik[c + 4, k] * p22 + term_ik[c + 5, k] * p24 + term_ik[c + 7, k] * p44
        c4 = term_ik[c + 1, k] * p11 + term_ik[c + 3, k] * p13 + term_ik[c + 8, k] * p33 + term_ik[c + 9, k] * p44
        m2 = term_ik[m, k] * p11 + term_ik[m + 2, k] * p13 + term_ik[m + 6, k] * p33
        m2 += term_ik[m + 4, k] * p22 + term_ik[m + 5, k] * p24 + term_ik[m + 7, k] * p44
        m4 = term_ik[m + 1, k] * p11 + term_ik[m + 3, k] * p13 + term_ik[m + 8, k] * p33 + term_ik[m + 9, k] * p44
        cubic_ak[0, k] += weight * (u2 * c2 + u4 * c4)
        cubic_ak[1, k] += weight * (u2 * m2 + u4 * m4)
        level_lk[0, k] = 2.0 * u1 * g11 + u3 * g13
        level_lk[1, k] = 2.0 * u2 * g22 + u4 * g24 + c2
        level_lk[2, k] = u1 * g13 + 2.0 * u3 * g33
        level_lk[3, k] = u2 * g24 + 2.0 * u4 * g44 + c4


@compiled(**MERGED)
def _energy(width, n_harmonics, basis_yk, term_ik, cubic_ak, slope_yk):
    """Return the energy; add the derivatives of terms that need no quadrature to those of the others.

    The sum of derivatives times levels is three times the cubic terms plus four times the quartic terms (Euler).
    """
    energy = 0.0
    for k in range(width):
        a = basis_yk[0, k]
        third, fourth = term_ik[ALONE, k] * a, term_ik[ALONE + 1, k] * a * a
        energy += a * (term_ik[0, k] + a * (term_ik[SQUARES, k] + third + fourth)) + 0.25 * cubic_ak[0, k]
        slope = term_ik[0, k] + a * (2.0 * term_ik[SQUARES, k] + 3.0 * third + 4.0 * fourth)
        slope_yk[0, k] = slope + cubic_ak[1, k]
    for l in range(1, DEGREE + 1):
        if l * l < n_harmonics:
            for k in range(width):
                once, twice = term_ik[MIXED + l - 1, k], term_ik[MIXED + DEGREE + l - 1, k] * basis_yk[0, k]
                square, work = 0.0, 0.0
                factor = term_ik[SQUARES + l, k] + basis_yk[0, k] * (once + twice)
                for y in range(l * l, (l + 1) * (l + 1)):
                    square += basis_yk[y, k] * basis_yk[y, k]
                    work += basis_yk[y, k] * slope_yk[y, k]
                    slope_yk[y, k] += 2.0 * factor * basis_yk[y, k]
                energy += factor * square + 0.25 * work
                slope_yk[0, k] += (once + 2.0 * twice) * square
    return energy
