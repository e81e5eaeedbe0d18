"""Extrapolation grades of atoms: how unlike the training data their neighbourhoods are.

The grade of an atom is a Mahalanobis distance of its descriptors from the descriptors of the training
sites of its element. Up to constants, it is the leverage of the atom in a regression on these sites
(Chatterjee and Hadi, Stat. Sci. 1, 379 (1986)). Its unit is the distance within which almost all
training sites lie. Descriptors of the atom itself and of its surroundings have a distance each, and the
larger one counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays

FAR_GRADE = 2.5
"""Grade above which the training data have nothing like an atom: there a calculator that learns asks its reference."""

ORDINARY, ORDINARY_AROUND = 0.97, 0.98
"""Shares of the training sites that have a grade below 1, as they are, and by their surroundings."""

REGULARISATION = 1e-5
"""Smallest variance of a combination of descriptors, in units of the largest one."""

SAME = 1e-6
"""Standard deviation of a descriptor, in units of its mean, below which it counts as constant."""


@dataclass(frozen=True)
class Cloud(ReadOnlyArrays):
    """Descriptors of the sites of the training data.

    Attributes
    ----------
    moment_sdd : ndarray of shape (n_species, n_descriptors + 1, n_descriptors + 1)
        Sums over the training sites of the products of their descriptors, after a constant 1.
    limit_s : ndarray of shape (n_species,)
        Squared distance within which almost all training sites lie.
    """

    moment_sdd: FloatArray
    limit_s: FloatArray

    @classmethod
    def nothing(cls, n_species: int, n_descriptors: int) -> Cloud:
        """Return the cloud of no training sites."""
        return cls(np.zeros((n_species, n_descriptors + 1, n_descriptors + 1)), np.ones(n_species))

    def extended(self, descriptor_nd: FloatArray, species_n: IntArray, *, sign: float = 1.0) -> Cloud:
        """Return the cloud with more training sites, or without some.

        Parameters
        ----------
        descriptor_nd : ndarray of shape (n_atoms, n_descriptors)
            Their descriptors.
        species_n : ndarray of shape (n_atoms,)
            Their elements, as indices.
        sign : float
            1 to add the sites, −1 to take them away.
        """
        moment_sdd = self.moment_sdd.copy()
        for s in np.unique(species_n):
            site_nd = np.column_stack([np.ones(np.count_nonzero(species_n == s)), descriptor_nd[species_n == s]])
            moment_sdd[s] += sign * site_nd.T @ site_nd
        return replace(self, moment_sdd=moment_sdd)

    def joined(self, other: Cloud) -> Cloud:
        """Return the cloud with the training sites of another one, too."""
        return replace(self, moment_sdd=self.moment_sdd + other.moment_sdd)

    def limited(self, descriptor_nd: FloatArray, species_n: IntArray, ordinary: float) -> Cloud:
        """Return the cloud with limits below which a share of some of its sites lie, each seen from the others."""
        limit_s = self.limit_s.copy()
        square_n = self.squared_distance(descriptor_nd, species_n)
        count_n = np.maximum(self.moment_sdd[:, 0, 0], 1.0)[species_n]
        other_n = square_n / np.maximum(1.0 - square_n / count_n, 1e-3) ** 2
        for s in np.unique(species_n):
            limit_s[s] = max(float(np.quantile(other_n[species_n == s], ordinary)), 1.0)
        return replace(self, limit_s=limit_s)

    def grade(self, descriptor_nd: FloatArray, species_n: IntArray) -> FloatArray:
        """Return the extrapolation grades of sites: above 1 they are unlike almost all of training.

        Parameters
        ----------
        descriptor_nd, species_n
            As for `extended`.
        """
        grade_n: FloatArray = np.sqrt(self.squared_distance(descriptor_nd, species_n) / self.limit_s[species_n])
        return grade_n

    def squared_distance(self, descriptor_nd: FloatArray, species_n: IntArray) -> FloatArray:
        """Return squared Mahalanobis distances of sites from the training sites of their element."""
        square_n = np.zeros(len(species_n))
        for s in np.unique(species_n):
            mean_d, whitening_dd = self._whitening[s]
            with np.errstate(over="ignore"):  # where training has nothing, the distance is infinite
                square_n[species_n == s] = np.sum(
                    ((descriptor_nd[species_n == s] - mean_d) @ whitening_dd) ** 2, axis=1
                )
        return square_n

    @cached_property
    def _whitening(self) -> list[tuple[FloatArray, FloatArray]]:
        """Mean of every species, and the matrix that makes deviations uncorrelated with unit variance."""
        return [_whitening(moment_dd) for moment_dd in self.moment_sdd]


@dataclass(frozen=True)
class Domain:
    """Neighbourhoods of the training data.

    Attributes
    ----------
    own : Cloud
        Descriptors of the sites themselves.
    around : Cloud or None
        Descriptors of their surroundings; None for models of older versions.
    """

    own: Cloud
    around: Cloud | None = None

    @classmethod
    def nothing(cls, n_species: int, n_own: int, n_around: int = 0) -> Domain:
        """Return the domain of no training sites.

        Parameters
        ----------
        n_species : int
            Number of species.
        n_own, n_around : int
            Number of descriptors of a site itself, and of its surroundings.
        """
        return cls(Cloud.nothing(n_species, n_own), Cloud.nothing(n_species, n_around) if n_around else None)

    def extended(self, descriptor_nd: FloatArray, species_n: IntArray, *, sign: float = 1.0) -> Domain:
        """Return the domain with more training sites, or without some.

        Parameters
        ----------
        descriptor_nd : ndarray of shape (n_atoms, n_descriptors)
            Their descriptors, surroundings last.
        species_n : ndarray of shape (n_atoms,)
            Their elements, as indices.
        sign : float
            1 to add the sites, −1 to take them away.
        """
        own_nd, around_nd = self._parts(descriptor_nd)
        own = self.own.extended(own_nd, species_n, sign=sign)
        return Domain(own, None if self.around is None else self.around.extended(around_nd, species_n, sign=sign))

    def joined(self, other: Domain) -> Domain:
        """Return the domain with the training sites of another one, too."""
        around = None if self.around is None or other.around is None else self.around.joined(other.around)
        return Domain(self.own.joined(other.own), around)

    def limited(self, descriptor_nd: FloatArray, species_n: IntArray) -> Domain:
        """Return the domain with limits from some of its sites, each seen from the others."""
        own_nd, around_nd = self._parts(descriptor_nd)
        around = None if self.around is None else self.around.limited(around_nd, species_n, ORDINARY_AROUND)
        return Domain(self.own.limited(own_nd, species_n, ORDINARY), around)

    def grade(self, descriptor_nd: FloatArray, species_n: IntArray) -> FloatArray:
        """Return the extrapolation grades of sites: above 1 they are unlike almost all of training.

        Parameters
        ----------
        descriptor_nd, species_n
            As for `extended`.
        """
        own_nd, around_nd = self._parts(descriptor_nd)
        grade_n = self.own.grade(own_nd, species_n)
        return grade_n if self.around is None else np.maximum(grade_n, self.around.grade(around_nd, species_n))

    def _parts(self, descriptor_nd: FloatArray) -> tuple[FloatArray, FloatArray]:
        n_own = self.own.moment_sdd.shape[1] - 1
        return descriptor_nd[:, :n_own], descriptor_nd[:, n_own:]


def _whitening(moment_dd: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean_dd = moment_dd / max(moment_dd[0, 0], 1.0)
    mean_d = mean_dd[0, 1:]
    covariance_dd = mean_dd[1:, 1:] - np.outer(mean_d, mean_d)
    scale_d = np.sqrt(np.maximum(covariance_dd.diagonal(), 0.0) + (SAME * mean_d) ** 2 + np.finfo(float).tiny)
    variance_d, turn_dd = np.linalg.eigh(covariance_dd / np.outer(scale_d, scale_d))
    floor = REGULARISATION * max(float(variance_d[-1]), 1.0)
    return mean_d, turn_dd / (scale_d[:, None] * np.sqrt(np.maximum(variance_d, 0.0) + floor))
