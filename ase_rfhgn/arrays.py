"""Array types, and the letters that name their axes.

=======  ==========================================  =======  ==================================
letter   axis                                        letter   axis
=======  ==========================================  =======  ==================================
``n``    atom                                        ``k``    radial channel
``p``    directed edge                               ``q``    random mixing of a channel
``c``    Cartesian component                         ``o``    body order
``v``    Voigt component xx, yy, zz, yz, xz, xy      ``y``    spherical harmonic (l, m)
``s``    species                                     ``l``    degree of the harmonics
``b``    ordered pair of species                     ``x``    point on the unit sphere
``f``    feature, column of the linear system        ``m``    row of the linear system
``i``    frame                                       ``g``    group of frames
``j``    bond, in one direction                      ``a``    axis of a moving frame
``h``    unit of a hidden layer                      ``d``    input of a dense layer
``r``    node that a global axes refers to          ``w``    plane of two axes of a global axes
``e``    member of an ensemble                       ``t``    step or frame of a run, in time
``z``    chemical element
=======  ==========================================  =======  ==================================

An array ``force_nc`` has a row per atom and a column per Cartesian component.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
