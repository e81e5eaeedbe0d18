"""What the script `zero_shot.py` learns from and tests on, at full and at small size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lattice_motion import Lattice

from ase_rfhgn.systems.pair_laws import Spring

SPRING = Spring(stiffness=1.0)

ENCODINGS: dict[str, dict[str, Any]] = {
    "paper": {},
    "transferable": {"axes": "laboratory", "node_inputs": ("momentum",), "edge_inputs": ("distance",)},
    "known kinetic": {"axes": "laboratory", "kinetic": "known", "node_inputs": (), "edge_inputs": ("distance",)},
}
"""What the networks see. The paper: positions, momenta and displacements in the frame of the nearest node."""


@dataclass(frozen=True, slots=True)
class Family:
    """A system to learn from, and larger ones to be asked for.

    Attributes
    ----------
    small : Lattice
        What a model is fitted to.
    large : tuple of Lattice
        What it is then tested on, besides fresh states of the small one.
    """

    small: Lattice
    large: tuple[Lattice, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of a run.

    Attributes
    ----------
    families : tuple of Family
        What is learned from and tested on.
    widths : dict
        Units of the layers.
    n_training_nodes : int
        Nodes of all trajectories that a model is fitted to.
    short, long : int
        Time steps of a rollout on many nodes, and on up to a thousand.
    """

    families: tuple[Family, ...]
    widths: dict[str, Any]
    n_training_nodes: int
    short: int
    long: int

    def n_steps(self, encoding: str, sampler: str, small: Lattice, large: Lattice) -> int:
        """Return the length of a rollout: as long as it is worth its time."""
        n_nodes = len(large.degree_n)
        if n_nodes <= 100:
            return self.long
        if encoding == "known kinetic":
            return self.short
        if n_nodes <= 1000:
            return 0 if encoding == "paper" else self.long
        worth = sampler == "swim" and encoding == "transferable" and (len(small.shape) == 3 or small.shape == (3, 3))
        return self.short if worth else 0


def square(side: int) -> Lattice:
    """Return a square lattice."""
    return Lattice((side, side), SPRING)


def cube(side: int, *, periodic: bool = False) -> Lattice:
    """Return a cubic lattice."""
    return Lattice((side, side, side), SPRING, periodic=periodic)


CHAIN = Lattice((8,), SPRING, dimensions=2)
RING = Lattice((8,), SPRING, periodic=True, dimensions=2)
FULL = Plan(
    families=(
        Family(square(3), (square(10), square(30), square(100))),
        *(Family(small, (square(10), square(100))) for small in (square(2), CHAIN, RING)),
        Family(cube(2), (cube(16),)),
        Family(cube(2, periodic=True), (cube(16, periodic=True),)),
        Family(cube(3), (cube(16),)),
    ),
    widths={"node_units": 128, "edge_units": 64, "message_units": 256},
    n_training_nodes=360,
    short=5,
    long=25,
)
QUICK = Plan(
    families=(Family(square(3), (square(4),)),),
    widths={"node_units": 16, "edge_units": 8, "message_units": 24},
    n_training_nodes=18,
    short=1,
    long=2,
)
