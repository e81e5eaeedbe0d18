"""Correlated noise of equations of motion: its strength from residuals, and rows whose noise is white.

The correlation of residuals of successive equations shows their cause. A force that the features cannot
express varies smoothly. Measurement noise changes its sign from equation to equation, because it was
differenced. Random kicks of a thermostat are uncorrelated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky_banded
from scipy.optimize import nnls

from ase_rfhgn.arrays import FloatArray

LAGS = 3
"""Equations from 0 to 2 apart are compared."""

NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

CLIP = 3.0
"""Standard deviations at which a residual is cut before correlations are computed."""

HUBER = 1.345
"""Standard deviations from which a row counts less: 95 % efficient for normal noise."""

LEAST_WHITE = 0.02
"""Least white noise in units of the measurement noise: it keeps the covariance away from singular."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of the noise of an equation of motion (eV/Å), by cause.

    Attributes
    ----------
    smooth : float
        Forces that vary along with the motion, and that the fit does not express.
    kick : float
        Random forces, as a thermostat makes them.
    observed : float
        Measurement noise of momenta or positions, as a force before differences are taken.
    """

    smooth: float
    kick: float
    observed: float


def noise_of(residuals: Sequence[FloatArray], difference_j: FloatArray, kick_h: FloatArray) -> Noise:
    """Return the noise that explains the correlation of residuals best.

    Parameters
    ----------
    residuals : sequence of ndarray of shape (n_equations, n_components)
        Residuals (eV/Å) of runs of consecutive equations; strong outliers are cut.
    difference_j : ndarray
        Coefficients of the observed quantity at consecutive frames.
    kick_h : ndarray of shape (3,)
        Correlation of random kicks in equations 0, 1 and 2 apart.

    Notes
    -----
    Covariances at three lags are a sum of three patterns; least squares with the constraint that
    no variance is negative.
    """
    scale = NORMAL * float(np.median(np.abs(np.concatenate([part.ravel() for part in residuals]))))
    clipped = [np.clip(part, -CLIP * scale, CLIP * scale) for part in residuals]
    covariance_h = np.array([_covariance(clipped, lag) for lag in range(LAGS)])
    pattern_hk = np.column_stack([np.ones(LAGS), kick_h, autocorrelation(difference_j)])
    variance, _ = nnls(pattern_hk, covariance_h)
    smooth, kick, observed = np.sqrt(variance)
    return Noise(float(smooth), float(kick), float(observed))


def _covariance(residuals: Sequence[FloatArray], lag: int) -> float:
    """Return the mean product of residuals that are some equations apart."""
    pairs = [(part[lag:], part[: len(part) - lag]) for part in residuals if len(part) > lag]
    n_values = sum(first.size for first, _ in pairs)
    return float(sum(np.vdot(first, second) for first, second in pairs)) / max(n_values, 1)


def autocorrelation(difference_j: FloatArray) -> FloatArray:
    """Return the covariance of differences of white noise at lags 0, 1 and 2."""
    padded_j = np.concatenate([difference_j, np.zeros(LAGS)])
    return np.array([difference_j @ padded_j[lag:][: len(difference_j)] for lag in range(LAGS)])


class Whitener:
    """Turns rows of consecutive equations into rows with independent noise of one size.

    The covariance of consecutive equations is C = kick² 1 + observed² D Dᵀ with D the matrix of
    differences, banded. Its Cholesky factor L is banded, too, so L⁻¹ times the rows is a recursion
    over few blocks of rows. This is generalised least squares (Aitken, Proc. R. Soc. Edinb. 55, 42
    (1936)), for weak forms of differential equations: Messenger and Bortz, Multiscale Model. Simul.
    19, 1474 (2021).

    Parameters
    ----------
    noises : sequence of Noise
        Noise of every row of a block.
    difference_j : ndarray
        Coefficients of the observed quantity at consecutive frames.
    n_equations : int
        Number of consecutive equations.
    scale : float
        Size of the noise of the rows that are returned (eV/Å).
    """

    def __init__(self, noises: Sequence[Noise], difference_j: FloatArray, n_equations: int, scale: float) -> None:
        factors = {noise: _banded_factor(noise, difference_j, n_equations) for noise in set(noises)}
        self._band_hem = np.stack([factors[noise] for noise in noises], axis=-1)
        self._scale = scale
        self._equation = 0
        self._before: deque[FloatArray] = deque(maxlen=LAGS - 1)

    def whiten(self, row_mf: FloatArray) -> FloatArray:
        """Return the rows of the next equation, one per component, with white noise."""
        rest_mf = row_mf.copy()
        for lag, before_mf in enumerate(reversed(self._before), start=1):
            rest_mf -= self._band_hem[lag, self._equation - lag][:, None] * before_mf
        rest_mf /= self._band_hem[0, self._equation][:, None]
        self._before.append(rest_mf)
        self._equation += 1
        return self._scale * rest_mf


def _banded_factor(noise: Noise, difference_j: FloatArray, n_equations: int) -> FloatArray:
    """Return the lower Cholesky factor of a covariance by its diagonals: shape (3, n_equations)."""
    covariance_h = noise.observed**2 * autocorrelation(difference_j)
    covariance_h[0] += max(noise.smooth**2 + noise.kick**2, (LEAST_WHITE * noise.observed) ** 2)
    n_bands = min(LAGS, n_equations)
    factor_he = np.zeros((LAGS, n_equations))
    factor_he[:n_bands] = cholesky_banded(np.tile(covariance_h[:n_bands, None], n_equations), lower=True)
    return factor_he


def huber_weights(residual_m: FloatArray, scale: float) -> FloatArray:
    """Return the weights that keep outliers from bending a fit, to be applied to rows.

    Parameters
    ----------
    residual_m : ndarray of shape (n_rows,)
        Residuals of an earlier fit.
    scale : float
        Standard deviation of values that are not outliers.

    Notes
    -----
    Huber, Ann. Math. Stat. 35, 73 (1964): weight min(1, 1.345 scale/|residual|), of which rows get the root.
    """
    weight_m: FloatArray = np.sqrt(HUBER * scale / np.maximum(np.abs(residual_m), HUBER * scale))
    return weight_m
