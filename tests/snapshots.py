"""Small systems of springs at random points of phase space, labelled with their motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.fitting.phase_space.linear_model import VELOCITIES
from ase_rfhgn.models.gradients import PhaseSpaceGradients
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.systems.calculators import BondedPairs
from ase_rfhgn.systems.lattices import lattice
from ase_rfhgn.systems.pair_laws import Spring

SMALL: Mapping[str, Any] = {"node_units": 24, "edge_units": 12, "message_units": 20}
"""Widths of a network that is drawn and fitted in no time."""


def labelled_motion(atoms: Atoms, gradients: PhaseSpaceGradients) -> Atoms:
    """Return a copy that carries its motion: forces, and velocities that are not p/m."""
    frame: Atoms = atoms.copy()
    frame.arrays[VELOCITIES] = gradients.velocity_nc
    energy = gradients.energy - frame.get_kinetic_energy()
    frame.calc = SinglePointCalculator(frame, energy=energy, forces=gradients.force_nc)
    return frame


def labelled_by(model: PhaseSpacePotential, frames: Sequence[Atoms], bonds: Bonds) -> list[Atoms]:
    """Return the frames with the motion that a model says."""
    return [labelled_motion(atoms, model.evaluate(atoms, bonds)) for atoms in frames]


def spring_lattice(
    rng: np.random.Generator, shape: Sequence[int], n_frames: int, *, periodic: bool = False
) -> tuple[list[Atoms], Bonds]:
    """Return displaced lattices of springs with momenta, energies and forces, and their bonds."""
    atoms, bonds = lattice(shape, periodic=periodic)
    calculator = BondedPairs(Spring(rest_length=0.9), bonds)
    frames = []
    for _ in range(n_frames):
        frame = atoms.copy()
        frame.positions[:, : len(shape)] += rng.normal(0.0, 0.2, (len(atoms), len(shape)))
        momentum_nc = np.zeros((len(atoms), 3))
        momentum_nc[:, : len(shape)] = rng.normal(0.0, 0.5, (len(atoms), len(shape)))
        frame.set_momenta(momentum_nc)
        energy, force_nc = (calculator.get_property(name, frame) for name in ("energy", "forces"))  # type: ignore[no-untyped-call]
        frame.calc = SinglePointCalculator(frame, energy=energy, forces=force_nc)
        frames.append(frame)
    return frames, bonds
