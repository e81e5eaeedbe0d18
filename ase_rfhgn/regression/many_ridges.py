"""Solutions of one ridge regression for many ridges, each by the cheapest way that is accurate, and only once."""

from __future__ import annotations

from dataclasses import dataclass, field

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.normal_matrix import NormalMatrix
from ase_rfhgn.regression.triangular import Factor, solve


@dataclass(slots=True)
class ManyRidges:
    """A regression that is solved for one spread and many ridges.

    Attributes
    ----------
    factor : Factor
        Factor of the rows over all columns, packed: there are several, and they are large.
    too_weak : set of float
        Ridges that are too weak for a normal matrix; folds of a cross-validation are alike, and share them.
    """

    factor: Factor
    too_weak: set[float] = field(default_factory=set)
    _normal: NormalMatrix | None = None
    _solutions: dict[float, FloatArray] = field(default_factory=dict)

    def solve(self, spread_f: FloatArray, ridge: float) -> FloatArray:
        """Return the coefficients for a ridge.

        The first ridge, the weakest of a search, is solved for with the triangular factor. The normal matrix pays
        from the second ridge on, and takes as much memory as the factor.

        Parameters
        ----------
        spread_f : ndarray of shape (n,)
            Prior spread of the coefficients.
        ridge : float
            Strength of the prior.
        """
        if ridge not in self._solutions:
            found_f = self._normally_solved(spread_f, ridge) if self._solutions else None
            if found_f is None:
                found_f = solve(self.factor.rows(), spread_f, ridge, overwrite=True)
            self._solutions[ridge] = found_f
        return self._solutions[ridge]

    def solved_last(self, spread_f: FloatArray, ridge: float) -> FloatArray:
        """Return the coefficients for the last ridge: the memory of the normal matrix is free from then on."""
        coefficient_f = self.solve(spread_f, ridge)
        self._normal = None
        return coefficient_f

    def _normally_solved(self, spread_f: FloatArray, ridge: float) -> FloatArray | None:
        """Return the coefficients from the normal matrix, None if the ridge is too weak for it."""
        if ridge <= max(self.too_weak, default=0.0):
            return None
        self._normal = self._normal or NormalMatrix.of(self.factor, spread_f)
        coefficient_f = self._normal.solve(ridge)
        if coefficient_f is None:
            self.too_weak.add(ridge)
        return coefficient_f
