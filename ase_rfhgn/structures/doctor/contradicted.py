"""Labels that a fit does not use, because other labels contradict them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contradicted:
    """Labels that other labels contradict: a fit does not use them.

    Attributes
    ----------
    energies : tuple of int
        Frames whose energies jump away from those of similar frames.
    forces : tuple of int
        Those of them whose offset is not a constant: their forces are doubtful, too.
    stresses : tuple of int
        Frames whose stresses are in other units than those of other frames.
    shears : tuple of int
        Shear components of the stress, in the order yz, xz, xy, that are in the wrong place.
    """

    energies: tuple[int, ...] = ()
    forces: tuple[int, ...] = ()
    stresses: tuple[int, ...] = ()
    shears: tuple[int, ...] = ()


SOUND_LABELS = Contradicted()
"""No label is contradicted."""
