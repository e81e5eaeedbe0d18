"""Cross-validation from triangular factors: all rows without one fold, scores, the choice of a ridge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.triangular import residual, solve, stack

Part = TypeVar("Part")

HOPELESS = 3.0
"""Ratio to the lowest score beyond which a search for the ridge gives up on stronger ones."""

MOST_IN_VAIN = 2
"""Consecutive ridges that are hopeless when a search ends: scores of weak ridges may rise before they fall."""

REFINEMENT = 10.0
"""Factors by which the best ridge of a search is varied in the end."""

LARGEST_ERROR = 0.1
"""Relative excess of the score up to which one standard error is granted to a stronger ridge."""


def leave_one_out(
    parts: Sequence[Part], rows: Callable[[Part], FloatArray], always_ff: FloatArray | None = None
) -> Iterator[FloatArray]:
    """Yield, for every part, the stacked factor of all other parts and of rows that are never left out.

    Parameters
    ----------
    parts : sequence
        At least two parts, or one part and rows that are never left out.
    rows : callable
        Returns the rows of the factor of a part, an upper triangle or trapezoid, in an array of its own.
    always_ff : ndarray, optional
        Factor of rows that are never left out. It is overwritten.

    Notes
    -----
    One half of the parts is stacked once for each of the other half, and so on: k log k stackings of
    k parts, of which log k are kept at a time.
    """
    if len(parts) == 1:
        assert always_ff is not None  # noqa: S101  # something is left
        yield always_ff
        return
    middle = len(parts) // 2
    for last, (some, others) in enumerate(((parts[:middle], parts[middle:]), (parts[middle:], parts[:middle]))):
        always = [] if always_ff is None else [always_ff if last else always_ff.copy(order="F")]
        yield from leave_one_out(some, rows, stack(chain(always, map(rows, others)), overwrite=True))


@dataclass(frozen=True, slots=True)
class Score:
    """Score of a ridge: how badly rows are predicted that were left out.

    Attributes
    ----------
    total : float
        Sum of squared residuals of all rows left out.
    part_i : ndarray of shape (n_sampled,)
        The same of single frames, of all of them or of a sample.
    n_parts : int
        Number of all frames left out.
    """

    total: float
    part_i: FloatArray = field(default_factory=lambda: np.empty(0))
    n_parts: int = 0

    def error_of_difference(self, other: Score) -> float:
        """Return the standard error of the difference to another score; frames are compared one by one."""
        difference_i = self.part_i - other.part_i
        return float(np.sqrt(self.n_parts) * np.std(difference_i, ddof=1)) if len(difference_i) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class RidgeChoice:
    """Ridge chosen by cross-validation.

    Attributes
    ----------
    ridge : float
        The choice.
    tried : tuple of float
        Ridges that were tried.
    score : tuple of float
        Sum of squared residuals of the rows left out, for each.
    """

    ridge: float
    tried: tuple[float, ...]
    score: tuple[float, ...]

    @property
    def best(self) -> float:
        """Lowest score."""
        return min(self.score)


def left_out_score(
    rest_ff: Sequence[FloatArray], left_out_ff: Sequence[FloatArray], spread_f: FloatArray
) -> Callable[[float], Score]:
    """Return a function of the ridge: the score of folds that are left out.

    Parameters
    ----------
    rest_ff, left_out_ff : sequence of ndarray
        Factor of the rows to fit and of the rows to predict, for every fold.
    spread_f : ndarray
        Prior spread of the coefficients.
    """

    def score(ridge: float) -> Score:
        folds = zip(rest_ff, left_out_ff, strict=True)
        return Score(sum(residual(left, solve(rest, spread_f, ridge)) for rest, left in folds))

    return score


def choose_ridge(
    score: Callable[[float], Score],
    ridges: Sequence[float],
    tolerance: float = 0.02,
    *,
    weakest: bool = False,
    hopeless: float = HOPELESS,
    refine: bool = True,
) -> RidgeChoice:
    """Return the strongest ridge whose cross-validated score is as good as the best.

    A score is as good if it exceeds the best by less than a tolerance, or by less than one standard error of
    the difference, which may be up to a tenth of the best.

    Parameters
    ----------
    score : callable
        Returns the score of a ridge.
    ridges : sequence of float
        Ridges to try, ascending; the search ends where scores rise, and refines the best.
    tolerance : float
        Relative excess of the sum of squares that the choice may have in any case.
    weakest : bool
        Take the weakest such ridge instead.
    hopeless : float
        Ratio to the lowest score beyond which stronger ridges are not tried.
    refine : bool
        Whether the best ridge is varied in the end.

    Notes
    -----
    K-fold cross-validation: Stone, J. R. Stat. Soc. B 36, 111 (1974). All folds come from the
    same factors, without a second pass over the rows. The bias to the stronger ridge is the
    one-standard-error rule of Breiman et al., Classification and Regression Trees (1984), with paired
    differences of frames. Neighbours in time make the standard error too small, and a few extreme frames
    make it too large: hence the two bounds.
    """
    scores: dict[float, Score] = {}
    in_vain = 0
    for ridge in ridges:
        scores[ridge] = score(ridge)
        best = min(scores, key=lambda tried: scores[tried].total)
        is_hopeless = scores[ridge].total > hopeless * scores[best].total and ridge > best
        in_vain = in_vain + 1 if is_hopeless else 0
        if in_vain == MOST_IN_VAIN:
            break
    best = min(scores, key=lambda tried: scores[tried].total)
    for ridge in (best * REFINEMENT, max(best / REFINEMENT, min(ridges))) if refine else ():
        scores[ridge] = score(ridge)
    best = min(scores, key=lambda tried: scores[tried].total)
    tried = sorted(scores)
    allowed = [ridge for ridge in tried if _as_good(scores[ridge], scores[best], tolerance)]
    return RidgeChoice(allowed[0 if weakest else -1], tuple(tried), tuple(scores[ridge].total for ridge in tried))


def _as_good(score: Score, best: Score, tolerance: float) -> bool:
    """Return whether a score is as good as the best one."""
    error = min(score.error_of_difference(best), LARGEST_ERROR * best.total)
    return score.total <= best.total + max(tolerance * best.total, error)
