"""The Birkhoff normal form to fourth order of a KNOWN Hamiltonian, by Lie series: what perturbation theory reaches.

A polynomial is a dictionary of exponents of (a, ā) with a = (Q + iP)/√2 to coefficients; {a, ā} = −i.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ase_rfhgn.arrays import FloatArray

Polynomial = dict[tuple[int, ...], complex]
NEARLY_RESONANT = 0.05
"""Frequency of a term below which it is kept instead of removed."""

STEPS = 20


def polynomial_of(form: FloatArray, to_place: FloatArray) -> Polynomial:
    """Return a homogeneous form of positions as a polynomial.

    Parameters
    ----------
    form : ndarray of shape (n, n, ...)
        Symmetric tensor T: V = T q q q.
    to_place : ndarray of shape (n, n)
        q = to_place @ Q.
    """
    degree = form.ndim
    for _ in range(degree):
        form = np.tensordot(form, to_place, axes=(0, 0))
    n = to_place.shape[1]
    terms: Polynomial = {}
    for index in np.argwhere(np.abs(form) > 1e-12):
        for conjugated in product((0, 1), repeat=degree):
            exponent = np.bincount(index + n * np.array(conjugated), minlength=2 * n)
            key = tuple(int(power) for power in exponent)
            terms[key] = terms.get(key, 0.0) + complex(form[tuple(index)]) / np.sqrt(2.0) ** degree
    return terms


def bracket(first: Polynomial, second: Polynomial, n: int) -> Polynomial:
    """Return the Poisson bracket of two polynomials."""
    terms: Polynomial = {}
    for (one, x), (other, y) in product(first.items(), second.items()):
        for k in range(n):
            factor = one[k] * other[n + k] - one[n + k] * other[k]
            if factor:
                key = list(np.add(one, other))
                key[k] -= 1
                key[n + k] -= 1
                exponent = tuple(int(power) for power in key)
                terms[exponent] = terms.get(exponent, 0.0) - 1j * factor * x * y
    return {key: value for key, value in terms.items() if abs(value) > 1e-13}


def generator(terms: Polynomial, frequencies: FloatArray) -> Polynomial:
    """Return χ whose flow removes all terms but the resonant ones: {H₂, χ} = −terms."""
    n = len(frequencies)
    turning = {key: float(frequencies @ (np.array(key[:n]) - np.array(key[n:]))) for key in terms}
    return {key: -terms[key] / (1j * rate) for key, rate in turning.items() if abs(rate) > NEARLY_RESONANT}


def normal_form_of(
    frequencies: FloatArray, cubic: Polynomial, quartic: Polynomial, state: FloatArray
) -> dict[str, FloatArray]:
    """Return states in the new variables of third and of fourth order, from those of the normal modes.

    Parameters
    ----------
    frequencies : ndarray of shape (n,)
        ω of H₂ = Σ ω (Q² + P²)/2.
    cubic, quartic : Polynomial
        The rest of the Hamiltonian.
    state : ndarray of shape (m, 2n)
        Normal modes (Q, P).
    """
    n = len(frequencies)
    third = generator(cubic, frequencies)
    rest = dict(quartic)
    for key, value in bracket(cubic, third, n).items():
        rest[key] = rest.get(key, 0.0) + 0.5 * value
    after_third = _flow(third, state) if third else state
    return {"order 3": after_third, "order 4": _flow(generator(rest, frequencies), after_third)}


def _flow(chi: Mapping[tuple[int, ...], complex], state: FloatArray) -> FloatArray:
    """Return states after the flow of a generator back by one unit of time (Runge and Kutta)."""
    n = state.shape[1] // 2
    amplitude = (state[:, :n] + 1j * state[:, n:]) / np.sqrt(2.0)
    step = -1.0 / STEPS
    for _ in range(STEPS):
        first = _field(chi, amplitude)
        second = _field(chi, amplitude + 0.5 * step * first)
        third = _field(chi, amplitude + 0.5 * step * second)
        fourth = _field(chi, amplitude + step * third)
        amplitude = amplitude + step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)
    return np.asarray(np.sqrt(2.0) * np.concatenate([amplitude.real, amplitude.imag], axis=1))


def _field(chi: Mapping[tuple[int, ...], complex], amplitude: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return da/dt = −i ∂χ/∂ā."""
    n = amplitude.shape[1]
    both = np.concatenate([amplitude, amplitude.conj()], axis=1)
    powers = [np.ones_like(both)]
    for _ in range(4):
        powers.append(powers[-1] * both)
    field = np.zeros_like(amplitude)
    for key, value in chi.items():
        for k in range(n):
            if key[n + k]:
                lowered = [power - (place == n + k) for place, power in enumerate(key)]
                part = np.prod([powers[power][:, place] for place, power in enumerate(lowered) if power], axis=0)
                field[:, k] += -1j * value * key[n + k] * part
    return field
