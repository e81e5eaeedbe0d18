"""Textbook systems to learn: their snapshots, a motion to follow, and what stays constant along it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from lattice_motion import labelled, trajectory

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.calculators import BondedPairs, ExternalField
from ase_rfhgn.systems.classics import fermi_pasta_ulam_tsingou_chain, kepler_orbit
from ase_rfhgn.systems.fields import Field, HarmonicWell, Pendulum
from ase_rfhgn.systems.lattices import chain, every_pair, unit_atoms
from ase_rfhgn.systems.pair_laws import InverseDistance

VECTOR: Mapping[str, Any] = {"network": "vector", "axes": "laboratory"}
GRAPH: Mapping[str, Any] = {"axes": "laboratory", "node_inputs": ("momentum",), "edge_inputs": ("distance",)}
ECCENTRICITY = 0.3


@dataclass(frozen=True, slots=True)
class System:
    """A system to be learned, and a motion to be followed.

    Attributes
    ----------
    name : str
        Name.
    start : Atoms
        Where the motion starts, with the true calculator.
    frames : callable
        Draws labelled snapshots: of a generator and a number of trajectories or states.
    period : float
        Time of one period (ASE units).
    steps : int
        Time steps per period.
    dimensions : int
        Coordinates that move.
    settings : mapping
        Settings of the random-feature model.
    bonds : Bonds, optional
        Edges of a graph network.
    invariants : callable
        True constants of motion of a state, by name.
    """

    name: str
    start: Atoms
    frames: Callable[[np.random.Generator, int], list[Atoms]]
    period: float
    steps: int
    dimensions: int
    settings: Mapping[str, Any]
    invariants: Callable[[Atoms], dict[str, FloatArray]]
    bonds: Bonds | None = None

    @property
    def model(self) -> str:
        """Name of the random-feature model."""
        return "RF-HNN" if self.bonds is None else "RF-HGN"


def systems() -> list[System]:
    """Return the systems."""
    well, pendulum = unit_atoms(1), unit_atoms(1)
    well.positions[0, 0], pendulum.positions[0, 0] = 1.0, 2.0
    well.calc, pendulum.calc = ExternalField(HarmonicWell()), ExternalField(Pendulum())
    chain_start = fermi_pasta_ulam_tsingou_chain(8, alpha=0.25, amplitude=1.0)
    slowest = 2.0 * np.pi / (2.0 * np.sin(np.pi / 18))
    return [
        System("harmonic motion", well, field_states(HarmonicWell(), 2.0, 2.0), 2.0 * np.pi, 20, 1, VECTOR, energy_of),
        # 4 K(sin² 1), K being the complete elliptic integral of the first kind
        System("pendulum", pendulum, field_states(Pendulum(), 3.0, 2.0), 8.3497, 30, 1, VECTOR, energy_of),
        System("Kepler", one_body(), orbits(one_body), 2.0 * np.pi, 60, 2, VECTOR, kepler_invariants),
        System(
            "Kepler, two bodies",
            two_bodies(),
            orbits(two_bodies),
            2.0 * np.pi * np.sqrt(0.5),
            60,
            2,
            GRAPH,
            kepler_invariants,
            every_pair(2),
        ),
        System("Fermi-Pasta-Ulam-Tsingou", chain_start, chain_motion, slowest, 40, 1, GRAPH, energy_of, chain(10)[1]),
    ]


def field_states(field: Field, far: float, fast: float) -> Callable[[np.random.Generator, int], list[Atoms]]:
    """Return a function that draws random states of one coordinate in a field, up to a position and a momentum."""

    def draw(rng: np.random.Generator, n_states: int) -> list[Atoms]:
        frames = []
        for _ in range(10 * n_states):
            atoms = unit_atoms(1)
            atoms.positions[0, 0] = rng.uniform(-far, far)
            atoms.set_momenta([(rng.uniform(-fast, fast), 0.0, 0.0)])
            atoms.calc = ExternalField(field)
            frames.append(labelled(atoms))
        return frames

    return draw


def one_body(eccentricity: float = ECCENTRICITY, axis: float = 1.0, angle: float = 0.0, sense: float = 1.0) -> Atoms:
    """Return a body at the pericentre of an orbit, turned by an angle in its plane."""
    atoms = kepler_orbit(eccentricity=eccentricity, axis=axis)
    turn_cc = np.array([[np.cos(angle), np.sin(angle), 0.0], [-np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
    atoms.positions = atoms.positions @ turn_cc
    atoms.set_momenta(sense * atoms.get_momenta() @ turn_cc)
    return atoms


def two_bodies(eccentricity: float = ECCENTRICITY, axis: float = 1.0, angle: float = 0.0, sense: float = 1.0) -> Atoms:
    """Return two unit masses at the pericentre of their orbit, around their centre at rest."""
    one = one_body(eccentricity, axis, angle, sense)
    atoms = unit_atoms(2)
    atoms.positions[:] = np.outer([-0.5, 0.5], one.positions[0])
    # Reduced mass 1/2: momenta of the relative motion are those of a unit mass times the root of 1/2.
    atoms.set_momenta(np.outer([-1.0, 1.0], np.sqrt(0.5) * one.get_momenta()[0]))
    atoms.calc = BondedPairs(InverseDistance(), every_pair(2))
    return atoms


def orbits(make: Callable[..., Atoms]) -> Callable[[np.random.Generator, int], list[Atoms]]:
    """Return a function that draws frames of random orbits."""

    def draw(rng: np.random.Generator, n_orbits: int) -> list[Atoms]:
        return [
            frame
            for _ in range(n_orbits)
            for frame in trajectory(
                make(rng.uniform(0.0, 0.5), rng.uniform(0.8, 1.2), rng.uniform(0.0, 2.0 * np.pi), rng.choice([-1, 1])),
                n_frames=20,
                every=20,
                step=0.02,
            )
        ]

    return draw


def chain_motion(rng: np.random.Generator, n_trajectories: int) -> list[Atoms]:
    """Return frames of the chain from random displacements and momenta."""
    frames = []
    for _ in range(n_trajectories):
        atoms = fermi_pasta_ulam_tsingou_chain(8, alpha=0.25, amplitude=0.0)
        atoms.positions[1:-1, 0] += rng.uniform(-0.6, 0.6, 8)
        atoms.set_momenta(np.outer(rng.uniform(-0.6, 0.6, 10), [1.0, 0.0, 0.0]))
        frames += trajectory(atoms, n_frames=20, every=20, step=0.05)
    return frames


def energy_of(atoms: Atoms) -> dict[str, FloatArray]:
    """Return the true energy of a state."""
    return {"energy": np.array([atoms.get_total_energy()])}


def kepler_invariants(atoms: Atoms) -> dict[str, FloatArray]:
    """Return the true energy, angular momentum and Laplace–Runge–Lenz vector p × L − μk r/|r|."""
    position_nc, momentum_nc, mass = atoms.get_positions(), atoms.get_momenta(), 1.0
    if len(atoms) == 2:
        position_nc, momentum_nc, mass = np.diff(position_nc, axis=0), np.diff(momentum_nc, axis=0) / 2.0, 0.5
    r, p = position_nc[0], momentum_nc[0]
    angular = np.cross(r, p)
    lenz = np.cross(p, angular) - mass * r / np.linalg.norm(r)
    return energy_of(atoms) | {"angular momentum": angular, "Laplace-Runge-Lenz": lenz}
