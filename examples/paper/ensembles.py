"""Many systems of one kind at once: their true motion in the plane, and steps of any other motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.dynamics.integrators import Motion, explicit_verlet
from ase_rfhgn.features.pooling import pooled
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.pair_laws import PairLaw

TIME_STEP, EVERY = 1e-3, 100
"""True time step, and steps from frame to frame."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """States of many systems of one kind: positions and momenta of shape (n_systems, n_nodes, 2)."""

    law: PairLaw
    bonds: Bonds
    position: FloatArray
    momentum: FloatArray

    @property
    def ends(self) -> IntArray:
        """Tail and head of every edge, both directions: shape (n_edges, 2)."""
        one = np.stack([self.bonds.first_j, self.bonds.second_j], axis=1)
        return np.concatenate([one, one[:, ::-1]])

    def motion(self, position: FloatArray, momentum: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the true velocities and forces."""
        ends = self.ends
        vector = position[:, ends[:, 1]] - position[:, ends[:, 0]]
        distance = np.sqrt((vector**2).sum(axis=-1))
        slope = self.law(distance)[1] / distance
        pull = pooled(np.moveaxis(slope[..., None] * vector, 1, 0), ends[:, 0], position.shape[1])
        return momentum, np.asarray(np.moveaxis(pull, 0, 1))

    def energy(self, position: FloatArray, momentum: FloatArray) -> FloatArray:
        """Return the true energies, over the last two axes."""
        vector = position[..., self.bonds.second_j, :] - position[..., self.bonds.first_j, :]
        potential = self.law(np.sqrt((vector**2).sum(axis=-1)))[0].sum(axis=-1)
        return np.asarray(potential + 0.5 * (momentum**2).sum(axis=(-1, -2)))


def trajectory(ensemble: Ensemble, n_frames: int) -> tuple[FloatArray, FloatArray]:
    """Return true positions and momenta every hundredth step, shape (n_frames, n_systems, n_nodes, 2)."""
    state = ensemble.position, ensemble.momentum
    states = [state]
    for step in range(1, EVERY * (n_frames - 1) + 1):
        state = explicit_verlet(ensemble.motion, state, TIME_STEP)
        if step % EVERY == 0:
            states.append(state)
    return np.array([position for position, _ in states]), np.array([momentum for _, momentum in states])


def runge_kutta(motion: Motion, state: tuple[FloatArray, FloatArray], step: float) -> tuple[FloatArray, FloatArray]:
    """Return the state after a classical step of order four: serves models that have no Hamiltonian, too."""
    slopes = [motion(*state)]
    for fraction in (0.5, 0.5, 1.0):
        slopes.append(motion(*(x + fraction * step * slope for x, slope in zip(state, slopes[-1], strict=True))))
    position, momentum = (
        x + step / 6.0 * (s[0] + 2.0 * s[1] + 2.0 * s[2] + s[3])
        for x, s in zip(state, zip(*slopes, strict=True), strict=True)
    )
    return position, momentum
