"""Sites: neighbourhoods of training atoms, from which extrapolation grades follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.models.extrapolation import Domain
from ase_rfhgn.runtime.random_streams import SITES, random_stream

MOST_SITES = 10_000
"""Approximate number of sites that determine the limits of the domain."""


@dataclass(slots=True)
class Sites:
    """Neighbourhoods of frames that come in any order; those of several passes merge.

    Attributes
    ----------
    n_frames : int
        Number of frames of the whole training set.
    seed : int
        Seed of the choice of sites that are kept.
    nothing : Domain or None
        Domain of no sites; None if the model has no grade.
    """

    n_frames: int
    seed: int
    nothing: Domain | None
    _domain: Domain | None = None
    _kept: dict[int, tuple[FloatArray, IntArray]] = field(default_factory=dict)

    def add(self, index: int, descriptor_nd: FloatArray, species_n: IntArray) -> None:
        """Take in the atoms of a frame.

        Parameters
        ----------
        index : int
            Number of the frame: which of its atoms are kept does not depend on other frames.
        descriptor_nd : ndarray of shape (n_atoms, n_descriptors)
            Descriptors of the atoms.
        species_n : ndarray of shape (n_atoms,)
            Their species, as indices.
        """
        domain = self._domain or self.nothing
        assert domain is not None  # noqa: S101  # the model has descriptors
        self._domain = domain.extended(descriptor_nd, species_n)
        per_frame = -(-MOST_SITES // self.n_frames)
        some_n = random_stream(self.seed, SITES, index).permutation(len(species_n))[:per_frame]
        self._kept[index] = descriptor_nd[some_n], species_n[some_n]

    def merged(self, other: Sites) -> Sites:
        """Return the sites of both."""
        found = [domain for domain in (self._domain, other._domain) if domain is not None]
        domain = reduce(Domain.joined, found) if found else None
        return Sites(self.n_frames, self.seed, self.nothing, domain, self._kept | other._kept)

    def domain(self) -> Domain | None:
        """Return the domain that all sites span, None without sites."""
        if self._domain is None:
            return None
        descriptors, species = zip(*(self._kept[index] for index in sorted(self._kept)), strict=True)
        return self._domain.limited(np.concatenate(descriptors), np.concatenate(species))
