"""Cross-validation from triangular factors: all rows without one fold, scores, the choice of a ridge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.regression.triangular import residual, solve, stack

Part = TypeVar("Part")

HOPELESS = 3.0
"""Ratio to the lowest score beyond which a search for the ridge gives up on stronger ones."""

REFINEMENT = 10.0
"""Factors by which the best ridge of a search is varied in the end."""


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
) -> Callable[[float], float]:
    """Return a function of the ridge: the sum of squared residuals of all rows left out.

    Parameters
    ----------
    rest_ff, left_out_ff : sequence of ndarray
        Factor of the rows to fit and of the rows to predict, for every fold.
    spread_f : ndarray
        Prior spread of the coefficients.
    """

    def score(ridge: float) -> float:
        folds = zip(rest_ff, left_out_ff, strict=True)
        return sum(residual(left, solve(rest, spread_f, ridge)) for rest, left in folds)

    return score


def choose_ridge(
    score: Callable[[float], float], ridges: Sequence[float], tolerance: float = 0.02, *, weakest: bool = False
) -> RidgeChoice:
    """Return the strongest ridge whose cross-validated score is within a tolerance of the best.

    Parameters
    ----------
    score : callable
        Sum of squared residuals of rows left out for a ridge.
    ridges : sequence of float
        Ridges to try, ascending; the search ends where scores rise, and refines the best.
    tolerance : float
        Relative excess of the sum of squares that the choice may have.
    weakest : bool
        Take the weakest such ridge instead.

    Notes
    -----
    K-fold cross-validation: Stone, J. R. Stat. Soc. B 36, 111 (1974). All folds come from the
    same factors, without a second pass over the rows. The bias to the stronger ridge is the
    one-standard-error rule of Breiman et al., Classification and Regression Trees (1984), with a
    fixed tolerance in place of the standard error.
    """
    scores: dict[float, float] = {}
    for ridge in ridges:
        scores[ridge] = score(ridge)
        if scores[ridge] > HOPELESS * min(scores.values()) and ridge > min(scores, key=scores.__getitem__):
            break
    best = min(scores, key=scores.__getitem__)
    for ridge in (best * REFINEMENT, max(best / REFINEMENT, min(ridges))):
        scores[ridge] = score(ridge)
    limit = (1.0 + tolerance) * min(scores.values())
    tried = sorted(scores)
    allowed = [ridge for ridge in tried if scores[ridge] <= limit]
    return RidgeChoice(allowed[0 if weakest else -1], tuple(tried), tuple(scores[ridge] for ridge in tried))
