"""Start structures of a distillation: supercells, checked against the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.neighborlist import neighbor_list

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.distillation.account import Account
from ase_rfhgn.errors import StructureError
from ase_rfhgn.properties.ensembles import Run
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.frame import Frame

TRIES = 3
"""Structures that a reference is asked for before it is said to have no answers."""

FEW = 8
"""Atoms that a supercell should have at least: fewer hardly move."""

NUDGE = 0.01
"""Displacement of the second and third of them (Å)."""

EXPLOSION = 0.1
"""Displacement in one time step from rest, by forces alone, beyond which dynamics explode (Å)."""


@dataclass(frozen=True)
class Start:
    """A structure that runs begin from.

    Attributes
    ----------
    name : str
        What messages call it.
    atoms : ase.Atoms
        The structure; crystals are supercells.
    frame : Frame
        The structure, or a nudged copy, as the reference sees it.
    """

    name: str
    atoms: Atoms
    frame: Frame

    @property
    def is_crystal(self) -> bool:
        """Whether the structure is periodic in three directions, so that it has a pressure."""
        return is_crystal(self.atoms)


def is_crystal(atoms: Atoms) -> bool:
    """Return whether a structure is periodic in three directions."""
    return bool(atoms.pbc.all()) and has_volume(atoms)


def bare(atoms: Atoms) -> Atoms:
    """Return a structure without constraints, momenta, calculator and notes."""
    copy: Atoms = atoms.copy()
    copy.set_constraint()
    copy.calc = None
    copy.info = {}
    if copy.has("momenta"):
        del copy.arrays["momenta"]
    return copy


def supercell(atoms: Atoms, most: int) -> Atoms:
    """Return the repeats of a crystal whose opposite faces are furthest apart; anything else stays as it is.

    Parameters
    ----------
    atoms : ase.Atoms
        A structure.
    most : int
        Largest number of atoms; a larger structure stays as it is.
    """
    if not is_crystal(atoms) or 2 * len(atoms) > most:
        return atoms
    height_c = 1.0 / np.linalg.norm(atoms.cell.reciprocal().array, axis=1)

    def merit(repeats: tuple[int, int, int]) -> tuple[int, float, int]:
        n_atoms = int(np.prod(repeats)) * len(atoms)
        return min(n_atoms, FEW), round(float(np.min(repeats * height_c)), 6), -n_atoms

    best = max(_products(most // len(atoms)), key=merit)
    repeated: Atoms = atoms.repeat(best)
    return repeated


def _products(most: int) -> Iterator[tuple[int, int, int]]:
    """Yield all triples of positive numbers whose product is not larger than a number."""
    for first in range(1, most + 1):
        for second in range(1, most // first + 1):
            yield from ((first, second, third) for third in range(1, most // (first * second) + 1))


def checked_start(name: str, atoms: Atoms, account: Account) -> Start:
    """Return a start structure, after a look at it through the reference.

    Parameters
    ----------
    name : str
        What messages call it.
    atoms : ase.Atoms
        The structure.
    account : Account
        What asks the reference.

    Raises
    ------
    StructureError
        If the reference has no answer, or forces are so large that the first step of dynamics would explode.
    """
    for one in _nudged(atoms):
        frame = account.ask(one, "start")
        if frame is not None:
            _refuse_explosion(name, frame)
            return Start(name, atoms, frame)
    reason = account.failed[-1].info["failure"]
    message = f"{name}: the reference {account.reference.label_text} has no answer, also for nudged copies: {reason}"
    raise StructureError(message)


def nearest_distance(atoms: Atoms) -> float:
    """Return the typical distance of nearest neighbours (Å), 2.5 Å for a single atom.

    Parameters
    ----------
    atoms : ase.Atoms
        Any structure.
    """
    cutoff = 3.0
    while cutoff < 25.0:
        centre_p, distance_p = neighbor_list("id", atoms, cutoff)
        if len(set(centre_p)) == len(atoms):
            nearest_n = np.full(len(atoms), np.inf)
            np.minimum.at(nearest_n, centre_p, distance_p)
            return float(np.median(nearest_n))
        cutoff *= 1.5
    return 2.5


def _nudged(atoms: Atoms) -> Iterator[Atoms]:
    """Yield a structure and nudged copies of it."""
    for number in range(TRIES):
        copy = atoms.copy()
        copy.info["config_type"] = "start"
        copy.positions += np.random.default_rng(number).normal(0.0, NUDGE if number else 0.0, copy.positions.shape)
        yield copy


def _refuse_explosion(name: str, frame: Frame) -> None:
    """Refuse a structure whose forces would throw an atom too far in the first step."""
    force_nc: FloatArray | None = frame.force_nc
    assert force_nc is not None  # noqa: S101  # the reference was asked for them
    step = Run(0.0).step_of(frame.atoms)
    force_n = np.linalg.norm(force_nc, axis=1)
    shift_n = force_n / frame.atoms.get_masses() * step**2
    n = int(shift_n.argmax())
    if shift_n[n] > EXPLOSION:
        message = (
            f"{name}: dynamics would explode at the first step: the force on atom {n} is {force_n[n]:.3g} eV/Å and "
            f"moves it by {shift_n[n]:.2g} Å in {step / units.fs:.2g} fs; relax the structure, or repair it"
        )
        raise StructureError(message)
