"""Single steps of symplectic integrators for any Hamiltonian, on plain arrays.

All are of order two, symmetric in time and symplectic: Hairer, Lubich and Wanner, Geometric Numerical
Integration (Springer, 2006), section VI.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import IntegrationError, SettingsError

State: TypeAlias = tuple[FloatArray, FloatArray]
"""Positions and momenta."""

Motion: TypeAlias = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
"""Takes positions and momenta; returns their rates of change, ∂H/∂p and −∂H/∂q."""


DIVERGED = 100.0
"""Relative change at which an iteration is given up: it leads away."""


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Solver of x = g(x) by repeated insertion.

    Attributes
    ----------
    tolerance : float
        Change that ends the iteration, relative to the largest element of each array at its start.
    most_iterations : int
        Iterations after which it is given up.
    """

    tolerance: float = 1e-10
    most_iterations: int = 100

    def __post_init__(self) -> None:
        """Check the settings.

        Raises
        ------
        SettingsError
            If the tolerance or the number of iterations is not positive.
        """
        if not 0.0 < self.tolerance < 1.0:
            message = f"tolerance is {self.tolerance!r}: it must be between 0 and 1"
            raise SettingsError(message)
        if self.most_iterations < 1:
            message = f"most_iterations is {self.most_iterations!r}: it must be at least 1"
            raise SettingsError(message)

    def solve(self, insert: Callable[..., tuple[FloatArray, ...]], *start: FloatArray) -> tuple[FloatArray, ...]:
        """Return the arrays that a function maps to themselves.

        Parameters
        ----------
        insert : callable
            Takes the arrays and returns them improved.
        *start : ndarray
            Where to start.

        Raises
        ------
        IntegrationError
            If the iteration does not converge.
        """
        values = insert(*start)
        size = [max(_size(array), _size(improved)) for array, improved in zip(start, values, strict=True)]
        change, n_iterations = 0.0, 0
        while n_iterations < self.most_iterations and change < DIVERGED:
            improved = insert(*values)
            change = max(map(_change, values, improved, size))
            if change <= self.tolerance:
                return improved
            values, n_iterations = improved, n_iterations + 1
        message = (
            f"no convergence in {n_iterations} iterations: the last changed by {change:.2g}, "
            f"the tolerance is {self.tolerance:.2g}; take a shorter time step"
        )
        raise IntegrationError(message)


def explicit_verlet(motion: Motion, state: State, step: float) -> State:
    """Return the state after a step of Störmer–Verlet, for a separable Hamiltonian T(p) + V(q).

    Parameters
    ----------
    motion : callable
        Rates of change by Hamilton's equations.
    state : (ndarray, ndarray)
        Positions and momenta.
    step : float
        Time step.
    """
    position, momentum = state
    momentum = momentum + 0.5 * step * motion(position, momentum)[1]
    position = position + step * motion(position, momentum)[0]
    return position, momentum + 0.5 * step * motion(position, momentum)[1]


def implicit_verlet(motion: Motion, state: State, step: float, solver: FixedPoint) -> State:
    """Return the state after a step of Störmer–Verlet, for any Hamiltonian.

    Parameters
    ----------
    motion : callable
        Rates of change by Hamilton's equations.
    state : (ndarray, ndarray)
        Positions and momenta.
    step : float
        Time step.
    solver : FixedPoint
        Solver of the two implicit equations.

    Raises
    ------
    IntegrationError
        If one of them has no solution that can be found.
    """
    start, momentum = state
    (half,) = solver.solve(lambda half: (momentum + 0.5 * step * motion(start, half)[1],), momentum)
    before = motion(start, half)[0]
    (end,) = solver.solve(lambda end: (start + 0.5 * step * (before + motion(end, half)[0]),), start + step * before)
    return end, half + 0.5 * step * motion(end, half)[1]


def implicit_midpoint(motion: Motion, state: State, step: float, solver: FixedPoint) -> State:
    """Return the state after a step of the implicit midpoint rule.

    Parameters
    ----------
    motion : callable
        Rates of change by Hamilton's equations.
    state : (ndarray, ndarray)
        Positions and momenta.
    step : float
        Time step.
    solver : FixedPoint
        Solver of the implicit equation.

    Raises
    ------
    IntegrationError
        If it has no solution that can be found.
    """
    position, momentum = state

    def insert(*middle: FloatArray) -> State:
        velocity, force = motion(*middle)
        return position + 0.5 * step * velocity, momentum + 0.5 * step * force

    middle_position, middle_momentum = solver.solve(insert, position, momentum)
    return 2.0 * middle_position - position, 2.0 * middle_momentum - momentum


def _size(array: FloatArray) -> float:
    """Return the largest element."""
    return float(np.abs(array).max(initial=0.0))


def _change(before: FloatArray, after: FloatArray, size: float) -> float:
    """Return the largest change in units of a size."""
    change = _size(after - before)
    return change / size if size > 0.0 else change
