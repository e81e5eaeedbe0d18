"""Lessons far away from the data: rows of structures that nobody labelled, with the answers of cautious teachers.

Two teachers answer, because two things go wrong there. Other crystals, compressed frames and dimers need a
whole model that is merely dull: the strongest ridge whose score is not hopeless. Displaced frames need a
teacher that cannot have a hole in any direction. This is a potential of pairs alone, fitted to the same
rows. It knows every distance that occurs in the data, and thus restoring forces for displacements that
never occur: small strained crystals, or molecules in few shapes, tell nothing else about these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.regression.cross_validation import RidgeChoice
from ase_rfhgn.regression.ridge import Regression, answered, taught
from ase_rfhgn.regression.triangular import Factor, residual, solve

FAR_CAUTION = 3.0
"""Relative excess of the cross-validated sum of squares that the teacher far away from the data may have."""

EXACT = 0.07
"""Relative error on rows left out below which answers of a dull teacher weigh less: labels are exact there."""

PAIR_RIDGES = tuple(10.0**power for power in range(-8, 1))
"""Ridges that are tried for the teacher of pairs."""

PAIR_CAUTION, PAIR_ERROR = 1.0, 0.1
"""Relative excess of its sum of squares that the teacher of pairs may have, and a relative error it may always have."""

PAIR_WEIGHT = 0.003
"""Squared weight of the answers of the teacher of pairs, relative to labels, if it were as good as the whole fit."""

POOR = 1e-3
"""Ratio of squared errors, of a whole fit to pairs, below which pairs do not teach: they would only be in the way."""

HEAVIER = (3.0, 10.0, 30.0)
"""Factors of that squared weight that are tried where molecular dynamics bursts."""


@dataclass(frozen=True, slots=True)
class FarRows:
    """Weighted rows of unlabelled structures far away from the data.

    Attributes
    ----------
    elsewhere : Factor
        Rows of other crystals, compressed frames and molecules of few atoms.
    displaced : Factor or None
        Rows of displaced frames; None if they are not wanted.
    pair_f : ndarray of int
        Columns of one-body energies and of features that are sums over pairs.
    """

    elsewhere: Factor
    displaced: Factor | None
    pair_f: IntArray


@dataclass(frozen=True, slots=True)
class FarLessons:
    """Answered rows far away from the data; the teacher of pairs may be given more weight."""

    elsewhere: Factor | None
    pairs: Factor | None
    dull_weight: float

    @property
    def weight_near(self) -> float:
        """Weight of the answers of the dull teacher on displaced frames: it gives way where pairs answer."""
        return 1.0 if self.pairs is None else self.dull_weight

    def factor(self, emphasis: float = 1.0) -> Factor | None:
        """Return the factor of all answered rows, None where there are none.

        Parameters
        ----------
        emphasis : float
            Factor of the squared weight of the teacher of pairs.
        """
        if self.pairs is None:
            return self.elsewhere
        pairs = scaled(self.pairs, float(np.sqrt(emphasis)))
        return pairs if self.elsewhere is None else taught(self.elsewhere, [pairs])

    def heavier(self) -> Iterator[Factor]:
        """Yield factors with more and more weight of the teacher of pairs; none where it does not teach."""
        for emphasis in HEAVIER if self.pairs is not None else ():
            factor = self.factor(emphasis)
            assert factor is not None  # noqa: S101  # there are pairs
            yield factor


def far_lessons(rows: FarRows, regression: Regression, choice: RidgeChoice) -> FarLessons:
    """Return rows far away from the data with the answers of their teachers.

    Parameters
    ----------
    rows : FarRows
        The rows.
    regression : Regression
        Labelled rows and their prior.
    choice : RidgeChoice
        Ridges that were tried for them, and their scores.
    """
    return FarLessons(
        elsewhere=_dull_lesson(rows.elsewhere, regression, choice) if rows.elsewhere.n_rows else None,
        pairs=_pair_lesson(rows.displaced, rows.pair_f, regression, choice) if rows.displaced is not None else None,
        dull_weight=dull_weight(regression, choice),
    )


def _dull_lesson(far: Factor, regression: Regression, choice: RidgeChoice) -> Factor:
    """Return rows with the answers of a teacher: the strongest ridge that is not hopeless."""
    limit = (1.0 + FAR_CAUTION) * choice.best
    ridge = max(tried for tried, score in zip(choice.tried, choice.score, strict=True) if score <= limit)
    teacher_f = replace(regression, ridge=ridge).solve().coefficient_f
    return answered(scaled(far, dull_weight(regression, choice)), teacher_f)


def dull_weight(regression: Regression, choice: RidgeChoice) -> float:
    """Return the weight of the answers of a dull teacher: 1, less where labels are so exact that it misleads.

    Parameters
    ----------
    regression, choice
        As for `far_lessons`.
    """
    size = max(regression.labelled.residual(np.zeros_like(regression.spread_f)), np.finfo(float).tiny)
    return min(1.0, float(np.sqrt(choice.best / size)) / EXACT)


def scaled(factor: Factor, weight: float) -> Factor:
    """Return the factor of weighted rows."""
    return replace(factor, packed=weight * factor.packed)


def _pair_lesson(displaced: Factor, pair_f: IntArray, regression: Regression, choice: RidgeChoice) -> Factor | None:
    """Return rows of displaced frames with the answers of a teacher of pairs, None without rows or good answers.

    Its squared weight is in proportion to its precision, as for labels with its errors.
    """
    teacher_f, squares = pair_teacher(regression, pair_f)
    ratio = min(1.0, choice.best / max(squares, np.finfo(float).tiny))
    if ratio < POOR or not displaced.n_rows:
        return None
    return answered(scaled(displaced, float(np.sqrt(PAIR_WEIGHT * ratio))), teacher_f)


def pair_teacher(regression: Regression, pair_f: IntArray) -> tuple[FloatArray, float]:
    """Return the coefficients of a potential of pairs, and its sum of squared residuals over the labelled rows.

    It has the strongest ridge that still fits: few columns need no cross-validation.

    Parameters
    ----------
    regression : Regression
        Labelled rows and their prior.
    pair_f : ndarray of int
        Columns of the potential of pairs.
    """
    n_columns = len(regression.spread_f)
    labelled_mf = regression.labelled.full(n_columns)[:, np.append(pair_f, n_columns)]
    triangle_ff: FloatArray = np.asarray(np.linalg.qr(labelled_mf, mode="r"))
    spread_f = regression.spread_f[pair_f]
    solutions = [solve(triangle_ff, spread_f, ridge) for ridge in PAIR_RIDGES]
    square_i = np.array([residual(triangle_ff, solution_f) for solution_f in solutions])
    size = residual(triangle_ff, np.zeros(len(pair_f)))
    limit = max((1.0 + PAIR_CAUTION) * float(square_i.min()), PAIR_ERROR**2 * size)
    strongest = int(np.flatnonzero(square_i <= limit)[-1])
    coefficient_f = np.zeros(n_columns)
    coefficient_f[pair_f] = solutions[strongest]
    return coefficient_f, float(square_i[strongest])
