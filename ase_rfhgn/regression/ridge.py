"""The ridge regression of a fit: labelled and unlabelled rows, prior, ridges, and the solution.

Few labels leave combinations of features free that matter a little outside of the data. So a first
regression with a strong ridge, the teacher, answers on unlabelled structures, and the final one,
whose ridge is weak, follows it there (`ase_rfhgn.fitting.self_training`). Both are ridge regressions from
triangular factors. Further away from the labels, a still more cautious teacher answers once and for all.
Everything here is numbers; what the rows stand for does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.regression.downdating import downdated
from ase_rfhgn.regression.triangular import Factor, back_substituted, packed, regularised, stack


@dataclass(frozen=True, slots=True)
class Solved:
    """Solution of a ridge regression.

    Attributes
    ----------
    coefficient_f : ndarray of shape (n,)
        The coefficients.
    root_ff : ndarray of shape (n, n)
        Triangular factor of the normal matrix of the scaled coefficients, prior included.
    spread_f : ndarray of shape (n,)
        Prior spread, by which coefficients are scaled.
    teacher : Solved, optional
        The solution that answered on unlabelled rows.
    """

    coefficient_f: FloatArray
    root_ff: FloatArray
    spread_f: FloatArray
    teacher: Solved | None = None

    def restricted(self, column_f: IntArray) -> Solved:
        """Return the same regression with some of its columns only, the other coefficients held."""
        if np.array_equal(column_f, np.arange(len(self.spread_f))):
            return replace(self, teacher=None)
        root_ff: FloatArray = np.linalg.qr(self.root_ff[:, column_f]).R
        return Solved(self.coefficient_f[column_f], root_ff, self.spread_f[column_f])


@dataclass(frozen=True, slots=True)
class Regression:
    """A linear least-squares problem with a prior, and perhaps a teacher.

    Attributes
    ----------
    labelled : Factor
        Factor of the weighted labelled rows, over all n columns.
    spread_f : ndarray of shape (n,)
        Prior spread of the coefficients.
    ridge : float
        Strength of the prior.
    teacher_ridge : float, optional
        Ridge of the teacher; without a teacher, unlabelled rows do not count.
    unlabelled : Factor, optional
        Factor of the weighted unlabelled rows.
    far : Factor, optional
        Factor of weighted rows far away from the labelled ones, with answers. The teacher does not see them.
    removed_mf : ndarray of shape (m, n + 1), optional
        Weighted rows that are in the labelled factor but do not count any more.
    """

    labelled: Factor
    spread_f: FloatArray
    ridge: float
    teacher_ridge: float | None = None
    unlabelled: Factor | None = None
    far: Factor | None = None
    removed_mf: FloatArray | None = None

    @property
    def has_teacher(self) -> bool:
        """Whether the answers of a first regression count on unlabelled rows."""
        return self.teacher_ridge is not None and self.unlabelled is not None

    def teacher(self) -> Solved:
        """Return the solution of the first regression, which has labelled rows only."""
        if self.teacher_ridge is None:
            message = "this regression has no teacher"
            raise ValueError(message)
        return self._solved(self.labelled, self.teacher_ridge)

    def solve(self, teacher: Solved | None = None) -> Solved:
        """Return the solution.

        Parameters
        ----------
        teacher : Solved, optional
            The solution of `teacher`, where it is known: it does not depend on the ridge.

        Raises
        ------
        UpdateError
            If the rows that do not count any more cannot be taken out without a loss of digits.
        """
        lessons = [] if self.far is None else [self.far]
        if self.unlabelled is not None and self.has_teacher:
            teacher = teacher or self.teacher()
            lessons.append(answered(self.unlabelled, teacher.coefficient_f))
        return replace(self._solved(taught(self.labelled, lessons), self.ridge), teacher=teacher)

    def _solved(self, factor: Factor, ridge: float) -> Solved:
        n = len(self.spread_f)
        factor_ff = regularised(factor.full(n), self.spread_f, ridge, overwrite=True)
        if self.removed_mf is not None and len(self.removed_mf):
            factor_ff = downdated(factor_ff, self.removed_mf * np.append(self.spread_f, 1.0))
        return Solved(back_substituted(factor_ff, self.spread_f), factor_ff[:n, :n], self.spread_f)


def answered(unlabelled: Factor, teacher_f: FloatArray) -> Factor:
    """Return the factor of unlabelled rows whose labels are the answers of a teacher.

    Parameters
    ----------
    unlabelled : Factor
        Factor of the rows, over all columns.
    teacher_f : ndarray of shape (n,)
        Coefficients of the teacher.
    """
    answered_mf = unlabelled.rows()
    answered_mf[:, -1] = answered_mf[:, :-1] @ teacher_f
    return replace(packed(stack([answered_mf], overwrite=True)), n_rows=unlabelled.n_rows)


def taught(labelled: Factor, lessons: Sequence[Factor]) -> Factor:
    """Return the factor of labelled rows and of answered ones.

    Parameters
    ----------
    labelled : Factor
        Factor of the labelled rows, over all columns.
    lessons : sequence of Factor
        Factors of answered rows, over all columns.
    """
    if not lessons:
        return labelled
    return packed(stack([labelled.rows(), *(lesson.rows() for lesson in lessons)], overwrite=True))
