"""Stencils of Newton's law between consecutive frames: observed differences are averages of forces.

Velocity Verlet with time step Δt obeys exactly

    p(i+1) − p(i) = Δt (F(i) + F(i+1)) / 2,        m (r(i+1) − 2 r(i) + r(i−1)) = Δt² F(i)

at its own steps i. Frames that are k steps apart obey sums of these equations, in which the force of
every step has a weight. This is a discrete weak form; its test function is a box for momenta and a hat
for positions. (Messenger and Bortz, Multiscale Model. Simul. 19, 1474 (2021), use smoother functions.)
Forces between frames are not known. A polynomial through the forces at neighbouring frames interpolates
them, and so turns weights of steps into weights of frames. For hats and k → ∞ the result is the implicit
Störmer–Cowell formulas, and with three frames Numerov's formula (Hairer, Nørsett and Wanner, Solving
Ordinary Differential Equations I, section III.10). For k = 1 nothing is interpolated, and the equations
are as exact as the integrator.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ase_rfhgn.arrays import FloatArray

NODES = 11
"""Frames through which forces are interpolated; their weights are of order 12 in the time between frames."""


@dataclass(frozen=True, slots=True)
class Stencil:
    """One equation of motion: Σ_j difference_j x_j, over a power of time, is Σ_j quadrature_j F_j.

    Attributes
    ----------
    first : int
        First of the consecutive frames j.
    difference_j : ndarray of shape (n_frames,)
        Coefficients of the observed quantity.
    quadrature_j : ndarray of shape (n_frames,)
        Weights of the forces; they add up to one.
    """

    first: int
    difference_j: FloatArray
    quadrature_j: FloatArray


@dataclass(frozen=True, slots=True)
class Law:
    """A law of motion for frames at equal distances in time.

    Attributes
    ----------
    difference_j : ndarray
        Coefficients of the observed quantity at consecutive frames.
    step_t : ndarray of shape (n_steps,)
        Times of the integrator's steps whose forces act, after the first of these frames, in units
        of the time between frames.
    weight_t : ndarray of shape (n_steps,)
        Weights of these forces; they add up to one.
    kick_h : ndarray of shape (3,)
        Correlation that random kicks at all times give to equations 0, 1 and 2 apart: that of two
        boxes or hats.
    stride : int
        Steps of the integrator from one frame to the next.
    """

    difference_j: FloatArray
    step_t: FloatArray
    weight_t: FloatArray
    kick_h: FloatArray
    stride: int

    def n_equations(self, n_frames: int) -> int:
        """Return the number of equations that a run of frames gives."""
        return max(0, n_frames - len(self.difference_j) + 1)

    def stencil(self, equation: int, n_frames: int) -> Stencil:
        """Return an equation of a run of frames.

        Near the ends of a run fewer frames weigh forces, so that they lie symmetrically.

        Parameters
        ----------
        equation : int
            First frame that is differenced.
        n_frames : int
            Number of frames in the run.
        """
        n_differenced = len(self.difference_j)
        margin = min((NODES - n_differenced) // 2, equation, n_frames - n_differenced - equation)
        first, n_nodes = equation - margin, n_differenced + 2 * margin
        node_j = np.arange(first, first + n_nodes, dtype=np.float64)
        difference_j = np.zeros(n_nodes)
        difference_j[equation - first :][: len(self.difference_j)] = self.difference_j
        quadrature_j = frame_weights(equation + self.step_t, self.weight_t, node_j)
        used_j = np.flatnonzero((difference_j != 0.0) | (quadrature_j != 0.0))
        kept = slice(used_j[0], used_j[-1] + 1)
        return Stencil(first + int(used_j[0]), difference_j[kept], quadrature_j[kept])


def law_of_motion(observed: str, stride: int) -> Law:
    """Return the law that velocity Verlet obeys between frames.

    Parameters
    ----------
    observed : {"momenta", "positions"}
        What the frames hold.
    stride : int
        Steps of the integrator from one frame to the next.

    Notes
    -----
    Momenta of strides above one are differenced over two intervals: weights of the frames then
    converge faster, as Milne–Simpson's formulas do against Adams–Moulton's.
    """
    if observed == "positions":
        step_t = np.arange(1 - stride, stride)
        weight_t = (stride - np.abs(step_t)) / stride**2
        return Law(np.array([1.0, -2.0, 1.0]), 1.0 + step_t / stride, weight_t, np.array([1.0, 0.25, 0.0]), stride)
    intervals = 1 if stride == 1 else 2
    difference_j = np.array([-1.0, *[0.0] * (intervals - 1), 1.0]) / intervals
    step_t = np.arange(intervals * stride + 1)
    weight_t = np.full(len(step_t), 1.0 / (intervals * stride))
    weight_t[[0, -1]] *= 0.5
    kick_h = np.array([1.0, 0.5 * (intervals - 1), 0.0])
    return Law(difference_j, step_t / stride, weight_t, kick_h, stride)


def law_of_displacement(stride: int) -> Law:
    """Return the law by which displacements in velocity Verlet are averages of velocities.

    Displacements over two steps are the velocity between them times two time steps; those over two
    intervals of several steps are averages of the velocities of every second step.

    Parameters
    ----------
    stride : int
        Steps of the integrator from one frame to the next.
    """
    step_t = 1.0 + np.arange(1 - stride, stride, 2) / stride
    weight_t, kick_h = np.full(stride, 1.0 / stride), np.array([1.0, 0.5, 0.0])
    return Law(np.array([-0.5, 0.0, 0.5]), step_t, weight_t, kick_h, stride)


def combined(
    law: Law, n_frames: int, frames: Iterable[tuple[FloatArray, FloatArray]]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield both sides of every equation of a run: differences of what was observed, averages of the rest.

    Parameters
    ----------
    law : Law
        The law of motion.
    n_frames : int
        Number of frames in the run.
    frames : iterable of pairs of ndarray
        For every frame, what was observed and what is averaged: rows of forces, say. Few frames
        are held at a time.
    """
    waiting = iter(frames)
    held: deque[tuple[FloatArray, FloatArray]] = deque()
    first = 0
    for equation in range(law.n_equations(n_frames)):
        stencil = law.stencil(equation, n_frames)
        for _ in range(min(stencil.first - first, len(held))):
            held.popleft()
        first = stencil.first
        held.extend(islice(waiting, len(stencil.quadrature_j) - len(held)))
        yield (
            _weighted_sum(stencil.difference_j, [observed for observed, _ in held]),
            _weighted_sum(stencil.quadrature_j, [averaged for _, averaged in held]),
        )


def _weighted_sum(weight_j: FloatArray, arrays: list[FloatArray]) -> FloatArray:
    total: FloatArray = np.zeros_like(arrays[0])
    for weight, array in zip(weight_j, arrays, strict=True):
        if weight != 0.0:
            total += weight * array
    return total


def frame_weights(step_t: FloatArray, weight_t: FloatArray, node_j: FloatArray) -> FloatArray:
    """Return weights of frames that stand for weights of steps between them.

    Parameters
    ----------
    step_t, weight_t : ndarray of shape (n_steps,)
        Times of the steps and their weights.
    node_j : ndarray of shape (n_frames,)
        Times of the frames.

    Notes
    -----
    Values of Lagrange's polynomials at the steps; exactly 0 or 1 where a step is a frame.
    """
    weights = []
    for j, node in enumerate(node_j):
        other_j = np.delete(node_j, j)
        value_t = np.prod((step_t[:, None] - other_j) / (node - other_j), axis=1)
        weights.append(weight_t @ value_t)
    return np.array(weights)


def relative_error(law: Law, phase: float, n_frames: int) -> float:
    """Return the relative error of the equation in the middle of a run for forces that oscillate.

    Parameters
    ----------
    law : Law
        The law of motion.
    phase : float
        Angular frequency of the forces times the time between frames.
    n_frames : int
        Number of frames in the run, enough for an equation.
    """
    middle = (law.n_equations(n_frames) - 1) // 2
    stencil = law.stencil(middle, n_frames)
    frame_j = stencil.first - middle + np.arange(len(stencil.quadrature_j))
    exact = law.weight_t @ np.exp(1j * phase * law.step_t)
    found = stencil.quadrature_j @ np.exp(1j * phase * frame_j)
    return float(abs(found / exact - 1.0))
