"""Monomials of several variables up to a degree: values and gradients."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import comb

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray


def exponents(n_variables: int, degree: int, lowest: int = 1) -> IntArray:
    """Return the exponents of all monomials of some degrees, shape (n_monomials, n_variables).

    Parameters
    ----------
    n_variables : int
        Number of variables.
    degree, lowest : int
        Highest and lowest total degree.
    """
    terms = [
        np.bincount(np.array(term, dtype=np.int64), minlength=n_variables)
        for total in range(lowest, degree + 1)
        for term in combinations_with_replacement(range(n_variables), total)
    ]
    return np.array(terms, dtype=np.int64).reshape(len(terms), n_variables)


def n_monomials(n_variables: int, degree: int) -> int:
    """Return how many monomials there are up to a degree, without the constant."""
    return comb(n_variables + degree, degree) - 1


def monomials(value_md: FloatArray, exponent_fd: IntArray) -> FloatArray:
    """Return the values of monomials, shape (m, n_monomials)."""
    power_pmd = _powers(value_md, exponent_fd)
    result_mf = np.ones((len(value_md), len(exponent_fd)))
    for d in range(value_md.shape[1]):
        result_mf *= power_pmd[exponent_fd[:, d], :, d].T
    return result_mf


def monomial_gradients(value_md: FloatArray, exponent_fd: IntArray) -> FloatArray:
    """Return the derivatives of monomials by the variables, shape (m, n_variables, n_monomials)."""
    gradients = []
    for d in range(value_md.shape[1]):
        lowered_fd = exponent_fd.copy()
        lowered_fd[:, d] = np.maximum(lowered_fd[:, d] - 1, 0)
        gradients.append(exponent_fd[:, d] * monomials(value_md, lowered_fd))
    return np.stack(gradients, axis=1)


def _powers(value_md: FloatArray, exponent_fd: IntArray) -> FloatArray:
    """Return all powers that occur, the exponent first."""
    powers = [np.ones_like(value_md)]
    for _ in range(int(exponent_fd.max(initial=0))):
        powers.append(powers[-1] * value_md)
    return np.array(powers)
