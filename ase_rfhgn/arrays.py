"""Array types, and the letters that name their axes.

=======  ==========================================  =======  ========================================
letter   axis                                        letter   axis
=======  ==========================================  =======  ========================================
``n``    atom                                        ``k``    radial channel
``p``    directed edge                               ``q``    random projection of a channel
``c``    Cartesian component                         ``o``    body order
``v``    Voigt component xx, yy, zz, yz, xz, xy      ``y``    spherical harmonic (l, m)
``s``    species                                     ``l``    degree of the harmonics
``b``    ordered pair of species                     ``x``    point on the unit sphere
``f``    feature, column of the linear system        ``m``    row of the linear system
``i``    frame; integral of motion; point of a path  ``g``    group of frames
``j``    bond, in one direction                      ``a``    axis that moves with an edge or a structure
``h``    unit of a hidden layer                      ``d``    input of a dense layer
``r``    node that defines global axes               ``w``    plane of two global axes
``e``    member of an ensemble                       ``t``    step or frame of a run, in time
``z``    chemical element                            ``u``    degree of freedom; mode
=======  ==========================================  =======  ========================================

An array ``force_nc`` has a row per atom and a column per Cartesian component.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

Made = TypeVar("Made")


class ReadOnlyArrays:
    """Base of frozen dataclasses whose arrays are read-only.

    An array that the caller could still write is copied; other arrays are shared. Copies and pickles
    are made by the constructor, so they are protected, too.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        """Protect every array, and every mapping of arrays, among the attributes."""
        for name, value in _attributes(self).items():
            object.__setattr__(self, name, protected(value))

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how a copy is made."""
        return _made, (type(self), _attributes(self))


def protected(value: Any) -> Any:  # noqa: ANN401  # whatever an attribute may be
    """Return a value in which no array can be written: an array, a mapping of arrays, or anything else as it is."""
    if isinstance(value, np.ndarray):
        return _read_only(value)
    if isinstance(value, Mapping) and any(isinstance(entry, np.ndarray) for entry in value.values()):
        return {key: protected(entry) for key, entry in value.items()}
    return value


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that cannot be written: itself if nobody can write what it shows, else a copy."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            array = array.copy(order="K")
            array.setflags(write=False)
            return array
        owner = owner.base
    return array


def _attributes(thing: Any) -> dict[str, Any]:  # noqa: ANN401  # any dataclass
    return {one.name: getattr(thing, one.name) for one in fields(thing)}


def _made(kind: type[Made], attributes: Mapping[str, Any]) -> Made:
    return kind(**attributes)
