"""Default sizes of spherical fields: few elements have many features each, and many elements fewer."""

from __future__ import annotations

ONE_ELEMENT, ELEMENTS = (40, 5), (64, 4)
"""Channels and projections for one element, and for several."""

MOST_FEATURES = 3520
"""Features of all elements that are the default, about: time grows with their cube, memory with their square.

Four elements have almost so many.
"""

FEWEST_CHANNELS = 8
"""Channels that any number of elements has at least."""


def default_size(n_species: int, degree: int, correlation: int) -> tuple[int, int]:
    """Return the default numbers of radial channels and of random projections per channel.

    Parameters
    ----------
    n_species : int
        Number of elements.
    degree : int
        Largest degree of the harmonics.
    correlation : int
        Highest power of a field.

    Notes
    -----
    Coefficients belong to the element of the centre, so columns are elements times features. Where these
    would be too many, there are fewer projections, and then fewer channels: channels tell elements apart.
    """
    if n_species == 1:
        return ONE_ELEMENT
    channels, projections = ELEMENTS
    allowed = MOST_FEATURES / n_species

    def per_channel() -> int:
        return 2 + degree + projections * (correlation - 2)

    while projections > 1 and channels * per_channel() > allowed:
        projections -= 1
    return max(FEWEST_CHANNELS, min(channels, int(allowed / per_channel()))), projections
