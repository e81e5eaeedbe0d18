"""Solutions of one ridge regression for many ridges, from one normal matrix, as accurate as from triangular factors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, lapack

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.triangular import Factor

ROUNDS = 8
"""Most rounds of refinement."""

ACCURATE = 1e-8
"""Change of the predictions by the last round, in units of the norm of the labels, at which a solution is accurate."""

SHRINKS = 0.2
"""Ratio of consecutive changes above which refinement does not converge."""


@dataclass(frozen=True, slots=True)
class NormalMatrix:
    """Normal matrix of the rows of a factor for scaled coefficients, from which solutions for any ridge follow.

    A Cholesky factorisation costs half of an orthogonal one, or less. It loses half of the digits, so its
    solutions are refined with residuals from the triangular factor (corrected seminormal equations; Björck,
    Numerical Methods for Least Squares Problems (1996), section 6.6.5). Where this does not converge, the ridge
    is too weak, and the triangular factor has to be factorised together with the prior.

    Attributes
    ----------
    factor : Factor
        Factor of the rows (Z, u), with as many rows as columns.
    spread_f : ndarray of shape (n,)
        Prior spread of the coefficients: they are scaled by it.
    packed : ndarray of shape (n (n + 1) / 2,)
        Lower triangle of the normal matrix, columns in reverse order, one after the other.
    """

    factor: Factor
    spread_f: FloatArray
    packed: FloatArray

    @classmethod
    def of(cls, factor: Factor, spread_f: FloatArray) -> NormalMatrix:
        """Return the normal matrix of a factor over all columns, with as many rows as columns.

        Parameters
        ----------
        factor : Factor
            Factor of the rows.
        spread_f : ndarray of shape (n,)
            Prior spread of the coefficients.
        """
        n = len(spread_f)
        triangle_ff = factor.rows()
        triangle_ff[:, :n] *= spread_f
        reversed_ff = np.array(triangle_ff[:n, :n][::-1, ::-1], order="F")  # a lower triangle
        del triangle_ff
        product_ff, _ = lapack.dlauum(reversed_ff, lower=1, overwrite_c=1)
        packed, _ = lapack.dtrttp(product_ff, uplo="L")
        return cls(factor, spread_f, packed)

    def solve(self, ridge: float) -> FloatArray | None:
        """Return the coefficients that minimise ‖Zθ − u‖² + ridge ‖θ/spread‖², None if the ridge is too weak.

        Parameters
        ----------
        ridge : float
            Strength of the prior.
        """
        n = len(self.spread_f)
        shifted_ff, _ = lapack.dtpttr(n, self.packed, uplo="L")
        shifted_ff[np.diag_indices(n)] += ridge
        root_ff, failed = lapack.dpotrf(shifted_ff, lower=1, clean=0, overwrite_a=1)
        return None if failed else self._refined(root_ff, ridge)

    def _refined(self, root_ff: FloatArray, ridge: float) -> FloatArray | None:
        """Return the coefficients from a Cholesky factor, None if refinement does not converge."""
        scaled_f, last = np.zeros(len(self.spread_f)), np.inf
        missed_m = self._times(np.append(scaled_f, -1.0))
        limit = ACCURATE * float(np.linalg.norm(missed_m))
        for _ in range(ROUNDS):
            pull_f = -self.spread_f * self._transposed_times(missed_m)[:-1] - ridge * scaled_f
            step_f, _ = lapack.dpotrs(root_ff, pull_f[::-1], lower=1)
            scaled_f = scaled_f + step_f[::-1]
            before_m, missed_m = missed_m, self._times(np.append(self.spread_f * scaled_f, -1.0))
            change = float(np.linalg.norm(missed_m - before_m))
            if change <= limit:
                coefficient_f: FloatArray = self.spread_f * scaled_f
                return coefficient_f
            if change > SHRINKS * last:
                return None
            last = change
        return None

    def _times(self, value_f: FloatArray) -> FloatArray:
        """Return the rows of the factor times a vector: predictions minus labels."""
        product_m: FloatArray = blas.dtpmv(len(value_f), self.factor.packed, value_f)
        return product_m

    def _transposed_times(self, value_m: FloatArray) -> FloatArray:
        product_f: FloatArray = blas.dtpmv(len(value_m), self.factor.packed, value_m, trans=1)
        return product_f
