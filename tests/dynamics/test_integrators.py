"""Symplectic integrators on a Hamiltonian that is not separable, with two degrees of freedom."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.dynamics.integrators import FixedPoint, State, explicit_verlet, implicit_midpoint, implicit_verlet
from ase_rfhgn.errors import IntegrationError, SettingsError

pytestmark = pytest.mark.quick

SOLVER = FixedPoint(tolerance=1e-14)
START = np.array([0.7, -0.4, 0.3, 0.5])
STEPS: dict[str, Callable[[State, float], State]]


def energy(x: FloatArray) -> float:
    """Return H = (p₁² + p₂²)(1 + q₁²)/2 + q₁ p₂ + cosh q₂ + q₁²/2 + q₁ q₂²/5 of x = (q₁, q₂, p₁, p₂)."""
    q1, q2, p1, p2 = x
    return float(0.5 * (p1**2 + p2**2) * (1 + q1**2) + q1 * p2 + np.cosh(q2) + 0.5 * q1**2 + 0.2 * q1 * q2**2)


def motion(q: FloatArray, p: FloatArray) -> State:
    """Return ∂H/∂p and −∂H/∂q."""
    velocity = p * (1 + q[0] ** 2) + np.array([0.0, q[0]])
    force = -np.array([q[0] * (p @ p) + p[1] + q[0] + 0.2 * q[1] ** 2, np.sinh(q[1]) + 0.4 * q[0] * q[1]])
    return velocity, force


STEPS = {
    "Störmer-Verlet": partial(implicit_verlet, motion, solver=SOLVER),
    "midpoint": partial(implicit_midpoint, motion, solver=SOLVER),
}
every_rule = pytest.mark.parametrize("rule", STEPS)


def advance(rule: str, x: FloatArray, step: float, n_steps: int = 1) -> FloatArray:
    """Return the point of phase space after some steps."""
    for _ in range(n_steps):
        x = np.concatenate(STEPS[rule]((x[:2], x[2:]), step))
    return x


def jacobian(function: Callable[[FloatArray], FloatArray], x: FloatArray, width: float = 1e-5) -> FloatArray:
    """Return derivatives of a function by central differences of order four."""
    columns = []
    for unit in width * np.eye(len(x)):
        near, far = function(x + unit) - function(x - unit), function(x + 2 * unit) - function(x - 2 * unit)
        columns.append((8 * near - far) / (12 * width))
    return np.array(columns).T


def test_motion_is_that_of_the_energy() -> None:
    gradient = jacobian(lambda x: np.array([energy(x)]), START)[0]
    velocity, force = motion(START[:2], START[2:])
    np.testing.assert_allclose(np.concatenate([-force, velocity]), gradient, atol=1e-9)


@every_rule
def test_step_is_symplectic(rule: str) -> None:
    omega = np.kron([[0, 1], [-1, 0]], np.eye(2))
    slope = jacobian(lambda x: advance(rule, x, 0.2), START)
    np.testing.assert_allclose(slope.T @ omega @ slope, omega, atol=1e-9)


def test_explicit_step_is_not_symplectic_where_energies_do_not_separate() -> None:
    omega = np.kron([[0, 1], [-1, 0]], np.eye(2))
    slope = jacobian(lambda x: np.concatenate(explicit_verlet(motion, (x[:2], x[2:]), 0.2)), START)
    assert np.abs(slope.T @ omega @ slope - omega).max() > 1e-3


@every_rule
def test_order_is_two(rule: str) -> None:
    exact = advance(rule, START, 1.0 / 2048, 2048)
    errors = [np.abs(advance(rule, START, 1.0 / n, n) - exact).max() for n in (32, 64)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.03)


@every_rule
def test_step_back_undoes_a_step(rule: str) -> None:
    np.testing.assert_allclose(advance(rule, advance(rule, START, 0.2), -0.2), START, rtol=0, atol=1e-13)


@every_rule
def test_energy_does_not_drift(rule: str) -> None:
    x, step = START, 0.02
    energies = []
    for _ in range(1500):
        x = advance(rule, x, step)
        energies.append(energy(x))
    slope = np.polyfit(step * np.arange(1500), energies, 1)[0]
    assert np.ptp(energies) < 2e-3
    assert abs(slope) < 1e-6


def test_explicit_and_implicit_steps_agree_for_separable_energies() -> None:
    def separable(q: FloatArray, p: FloatArray) -> State:
        return p, -np.sinh(q)

    state = START[:2], START[2:]
    np.testing.assert_allclose(
        implicit_verlet(separable, state, 0.2, SOLVER), explicit_verlet(separable, state, 0.2), rtol=1e-14
    )


def test_midpoint_keeps_quadratic_invariants() -> None:
    def oscillator(q: FloatArray, p: FloatArray) -> State:
        return p, -q

    end = implicit_midpoint(oscillator, (START[:2], START[2:]), 0.5, SOLVER)
    assert np.sum(np.square(end)) == pytest.approx(np.sum(START**2), rel=1e-13)


@every_rule
def test_step_that_is_too_long_is_an_error(rule: str) -> None:
    with pytest.raises(IntegrationError, match=r"no convergence in .* take a shorter time step"):
        advance(rule, START, 5.0)


def test_nothing_moves_at_rest_in_a_minimum() -> None:
    zero = np.zeros(1)
    still = implicit_midpoint(lambda q, p: (p, -q), (zero, zero), 0.1, SOLVER)
    np.testing.assert_array_equal(still, np.zeros((2, 1)))


@pytest.mark.parametrize("setting", [{"tolerance": 0.0}, {"tolerance": np.nan}, {"most_iterations": 0}])
def test_senseless_solver_is_refused(setting: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(setting))} is"):
        FixedPoint(**setting)  # type: ignore[arg-type]
