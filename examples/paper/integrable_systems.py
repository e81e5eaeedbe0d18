"""Ensembles of trajectories of textbook systems, many at once: H = p²/2 + V(q) with unit masses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.symmetries import Runs
from ase_rfhgn.systems import unit_atoms

State = tuple[FloatArray, FloatArray]
"""Positions and momenta, both of shape (n_trajectories, n)."""

YOSHIDA = (0.784513610477560, 0.235573213359357, -1.17767998417887)
"""Weights of Yoshida's composition of order six (Phys. Lett. A 150, 262 (1990)), the outer ones."""

LONGEST_STEP = 0.02


@dataclass(frozen=True, slots=True)
class IntegrableSystem:
    """A system, how its trajectories start, and how they become atoms.

    Attributes
    ----------
    name : str
        Name.
    n : int
        Number of coordinates.
    per_atom : int
        Coordinates of an atom: 1 for chains, 2 or 3 for one body in the plane or in space.
    potential : callable
        V, over the last axis.
    force : callable
        −∂V/∂q.
    start : callable
        Draws states: of a generator and a number.
    spacing : float
        Time between frames.
    """

    name: str
    n: int
    per_atom: int
    potential: Callable[[FloatArray], FloatArray]
    force: Callable[[FloatArray], FloatArray]
    start: Callable[[np.random.Generator, int], State]
    spacing: float

    def trajectories(
        self, rng: np.random.Generator, n_runs: int, n_frames: int, spacing: float | None = None
    ) -> FloatArray:
        """Return states (q, p), shape (n_runs, n_frames, 2n)."""
        return self.followed(self.start(rng, n_runs), n_frames, spacing or self.spacing)

    def followed(self, state: State, n_frames: int, spacing: float) -> FloatArray:
        """Return the motion from given states, shape (n_runs, n_frames, 2n)."""
        place, momentum = (array.copy() for array in state)
        outer = np.array(YOSHIDA)
        weights = np.concatenate([outer, [1.0 - 2.0 * outer.sum()], outer[::-1]])
        n_steps = max(1, int(np.ceil(spacing / LONGEST_STEP)))
        frames = [np.concatenate([place, momentum], axis=1)]
        for _ in range(n_frames - 1):
            for weight in np.tile(weights, n_steps):
                step = weight * spacing / n_steps
                momentum += 0.5 * step * self.force(place)
                place += step * momentum
                momentum += 0.5 * step * self.force(place)
            frames.append(np.concatenate([place, momentum], axis=1))
        return np.stack(frames, axis=1)

    def runs(self, state_gtd: FloatArray) -> Runs:
        """Return trajectories as runs of atoms, with forces and energies."""
        n_runs, n_frames, _ = state_gtd.shape
        place_mu = state_gtd[..., : self.n].reshape(-1, self.n)
        momentum_mu = state_gtd[..., self.n :].reshape(-1, self.n)
        return Runs(
            atoms=self.atoms(place_mu[0], momentum_mu[0]),
            position_mnc=self.placed(place_mu),
            momentum_mnc=self.placed(momentum_mu),
            force_mnc=self.placed(self.force(place_mu)),
            energy_m=self.potential(place_mu),
            start_g=n_frames * np.arange(n_runs + 1),
            name_g=tuple(f"run {run}" for run in range(n_runs)),
        )

    def placed(self, value_mu: FloatArray) -> FloatArray:
        """Return values of coordinates as those of atoms, shape (m, n_atoms, 3)."""
        n_atoms = self.n // self.per_atom
        value_mnc = np.zeros((len(value_mu), n_atoms, 3))
        value_mnc[:, :, : self.per_atom] = value_mu.reshape(-1, n_atoms, self.per_atom)
        return value_mnc

    def atoms(self, place_u: FloatArray, momentum_u: FloatArray) -> Atoms:
        """Return one state as a structure."""
        atoms = unit_atoms(self.n // self.per_atom)
        atoms.positions = self.placed(place_u[None])[0]
        atoms.set_momenta(self.placed(momentum_u[None])[0])
        return atoms


def harmonic(frequencies: tuple[float, ...] = (0.7, 1.9)) -> IntegrableSystem:
    """Return harmonic motion of independent coordinates."""
    square_u = np.array(frequencies) ** 2
    n = len(square_u)

    def start(rng: np.random.Generator, n_runs: int) -> State:
        return rng.normal(size=(n_runs, n)) / np.sqrt(square_u), rng.normal(size=(n_runs, n))

    return IntegrableSystem(
        "harmonic", n, 1, lambda q: 0.5 * (square_u * q**2).sum(axis=-1), lambda q: -square_u * q, start, 0.4
    )


def pendulum(highest: float = 1.5) -> IntegrableSystem:
    """Return pendulums that swing, with energies up to a highest one (2 is the separatrix)."""

    def start(rng: np.random.Generator, n_runs: int) -> State:
        energy = rng.uniform(0.02, highest, n_runs)
        angle = np.arccos(1.0 - energy) * rng.uniform(-1.0, 1.0, n_runs)
        momentum = np.sqrt(np.maximum(2.0 * (energy - 1.0 + np.cos(angle)), 0.0)) * rng.choice([-1.0, 1.0], n_runs)
        return angle[:, None], momentum[:, None]

    return IntegrableSystem(
        "pendulum", 1, 1, lambda q: (1.0 - np.cos(q)).sum(axis=-1), lambda q: -np.sin(q), start, 0.4
    )


def quartic_pair(amplitude: float = 0.6) -> IntegrableSystem:
    """Return two quartic oscillators in axes turned by 30 degrees, so that they look coupled."""
    square_u, quartic_u = np.array([1.0, 2.89]), np.array([0.5, 0.8])
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn_uu = np.array([[cosine, sine], [-sine, cosine]])

    def potential(q: FloatArray) -> FloatArray:
        u = q @ turn_uu.T
        return np.asarray((0.5 * square_u * u**2 + 0.25 * quartic_u * u**4).sum(axis=-1))

    def force(q: FloatArray) -> FloatArray:
        u = q @ turn_uu.T
        return np.asarray(-(square_u * u + quartic_u * u**3) @ turn_uu)

    def start(rng: np.random.Generator, n_runs: int) -> State:
        place = amplitude * rng.normal(size=(n_runs, 2)) / np.sqrt(square_u) @ turn_uu
        return place, amplitude * rng.normal(size=(n_runs, 2)) @ turn_uu

    return IntegrableSystem("quartic_pair", 2, 2, potential, force, start, 0.4)


def henon_heiles(lowest: float, highest: float) -> IntegrableSystem:
    """Return Hénon and Heiles' system (Astron. J. 69, 73 (1964)) between two energies; 1/6 is the escape."""

    def potential(q: FloatArray) -> FloatArray:
        x, y = q[..., 0], q[..., 1]
        return np.asarray(0.5 * (x**2 + y**2) + x**2 * y - y**3 / 3.0)

    def force(q: FloatArray) -> FloatArray:
        x, y = q[..., 0], q[..., 1]
        return np.stack([-x - 2.0 * x * y, -y - x**2 + y**2], axis=-1)

    def start(rng: np.random.Generator, n_runs: int) -> State:
        places, momenta = np.zeros((0, 2)), np.zeros((0, 2))
        while len(places) < n_runs:
            energy = rng.uniform(lowest, highest, 4 * n_runs)
            place = 1.4 * np.sqrt(2.0 * highest) * rng.uniform(-1.0, 1.0, (4 * n_runs, 2))
            inside = (potential(place) < energy) & (np.abs(place[:, 1] - 0.25) < 0.75) & (np.abs(place[:, 0]) < 1.0)
            speed = np.sqrt(2.0 * (energy[inside] - potential(place[inside])))
            angle = rng.uniform(0.0, 2.0 * np.pi, len(speed))
            places = np.concatenate([places, place[inside]])
            momenta = np.concatenate([momenta, speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)])
        return places[:n_runs], momenta[:n_runs]

    return IntegrableSystem("henon_heiles", 2, 2, potential, force, start, 0.3)


def kepler(dimensions: int = 2, most_eccentric: float = 0.5, *, prograde: bool = False) -> IntegrableSystem:
    """Return bound orbits around −1/r with semi-major axes 0.8 to 1.25, of all orientations or one sense."""

    def force(q: FloatArray) -> FloatArray:
        return np.asarray(-q / np.linalg.norm(q, axis=-1, keepdims=True) ** 3)

    def start(rng: np.random.Generator, n_runs: int) -> State:
        axis, eccentricity = rng.uniform(0.8, 1.25, n_runs), rng.uniform(0.05, most_eccentric, n_runs)
        anomaly, minor = rng.uniform(0.0, 2.0 * np.pi, n_runs), np.sqrt(1.0 - eccentricity**2)
        place = axis[:, None] * np.stack([np.cos(anomaly) - eccentricity, minor * np.sin(anomaly)], axis=1)
        rate = 1.0 / np.sqrt(axis) / (1.0 - eccentricity * np.cos(anomaly))
        momentum = rate[:, None] * np.stack([-np.sin(anomaly), minor * np.cos(anomaly)], axis=1)
        turns = np.linalg.qr(rng.normal(size=(n_runs, dimensions, dimensions)))[0][:, :, :2]
        if prograde:
            turns[:, :, 1] *= np.sign(np.linalg.det(turns))[:, None]
        return np.einsum("mij,mj->mi", turns, place), np.einsum("mij,mj->mi", turns, momentum)

    return IntegrableSystem(
        f"kepler{dimensions}", dimensions, dimensions, lambda q: -1.0 / np.linalg.norm(q, axis=-1), force, start, 0.15
    )


def kepler_integrals(state_md: FloatArray) -> dict[str, FloatArray]:
    """Return the energy, angular momentum and Laplace–Runge–Lenz vector of states in the plane or in space."""
    n = state_md.shape[1] // 2
    place, momentum = np.zeros((2, len(state_md), 3))
    place[:, :n], momentum[:, :n] = state_md[:, :n], state_md[:, n:]
    distance = np.linalg.norm(place, axis=1)
    angular = np.cross(place, momentum)
    lenz = np.cross(momentum, angular) - place / distance[:, None]
    known = {"E": 0.5 * (momentum**2).sum(axis=1) - 1.0 / distance}
    known |= {f"L{c}": angular[:, k] for k, c in enumerate("xyz") if n == 3 or c == "z"}
    return known | {f"A{c}": lenz[:, k] for k, c in enumerate("xyz") if k < n}


def fput(n: int = 5, *, ends: str = "periodic", amplitude: float = 0.4, alpha: float = 0.25) -> IntegrableSystem:
    """Return the chain of Fermi, Pasta, Ulam and Tsingou with random amplitudes of all modes, at rest as a whole."""

    def stretch(q: FloatArray) -> FloatArray:
        if ends == "periodic":
            return np.asarray(q - np.roll(q, -1, axis=-1))
        wall = np.zeros((*q.shape[:-1], 1))
        return np.asarray(np.concatenate([wall, q], axis=-1) - np.concatenate([q, wall], axis=-1))

    def potential(q: FloatArray) -> FloatArray:
        return np.asarray((0.5 * stretch(q) ** 2 + alpha / 3.0 * stretch(q) ** 3).sum(axis=-1))

    def force(q: FloatArray) -> FloatArray:
        pull = stretch(q) + alpha * stretch(q) ** 2
        return np.asarray(np.roll(pull, 1, axis=-1) - pull if ends == "periodic" else pull[..., :-1] - pull[..., 1:])

    bend_uu = 2.0 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    if ends == "periodic":
        bend_uu[0, -1], bend_uu[-1, 0] = -1.0, -1.0
    square_u, mode_uu = np.linalg.eigh(bend_uu)
    square_u, mode_uu = square_u[square_u > 1e-9], mode_uu[:, square_u > 1e-9]

    def start(rng: np.random.Generator, n_runs: int) -> State:
        first, second = amplitude * rng.normal(size=(2, n_runs, len(square_u)))
        return (first / np.sqrt(square_u)) @ mode_uu.T, second @ mode_uu.T

    return IntegrableSystem(f"fput_{ends}", n, 1, potential, force, start, 0.75)


def toda(n: int = 3, amplitude: float = 0.8, spacing: float = 0.2) -> IntegrableSystem:
    """Return the periodic chain of Toda (J. Phys. Soc. Jpn. 22, 431 (1967)), at rest as a whole."""

    def stretch(q: FloatArray) -> FloatArray:
        return np.asarray(q - np.roll(q, -1, axis=-1))

    def force(q: FloatArray) -> FloatArray:
        pull = np.exp(stretch(q)) - 1.0
        return np.asarray(np.roll(pull, 1, axis=-1) - pull)

    def start(rng: np.random.Generator, n_runs: int) -> State:
        place, momentum = 0.7 * amplitude * rng.normal(size=(n_runs, n)), amplitude * rng.normal(size=(n_runs, n))
        return place - place.mean(axis=1, keepdims=True), momentum - momentum.mean(axis=1, keepdims=True)

    def potential(q: FloatArray) -> FloatArray:
        return np.asarray((np.exp(stretch(q)) - 1.0 - stretch(q)).sum(axis=-1))

    return IntegrableSystem(f"toda{n}", n, 1, potential, force, start, spacing)
