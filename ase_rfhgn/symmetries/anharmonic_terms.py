"""Cubic and quartic terms of bonds beside a dynamical matrix, so that the matrix is that of small displacements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.linalg import solve_continuous_lyapunov
from scipy.sparse import csr_array

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.errors import TrainingDataError
from ase_rfhgn.structures.graph import build_graph

LONGEST_SEARCH = 8.0
"""Distance in which the neighbours of an atom are looked for (Å)."""

BOND = 1.25
"""Longest bond, relative to the distance to the nearest atom of one of its ends."""

SAME_LENGTH = 0.02
"""Relative difference of lengths between two kinds of bonds."""

MOST_KINDS = 12
"""Kinds of bonds told apart by their length; where there are more, elements alone tell them."""

PER_BOND = 5
"""Terms of a kind of bonds."""

NEGLIGIBLE = 1e-9
"""Size of a term, relative to the largest, that symmetry makes zero."""

ENOUGH = 2.0
"""Frames, times symmetry operations, for each mode where anharmonic terms are fitted, too."""

LEAST_VARIANCE = 1e-6
"""Variance that is added along every direction, relative to the mean: frames may be fewer than modes."""


@dataclass(frozen=True, slots=True)
class TermMoments:
    """Sums over frames of what is regressed, y = Au + Σ c h, and of its terms h.

    Attributes
    ----------
    product_kdd : ndarray of shape (n_terms, d, d)
        Σ huᵀ.
    along_k : ndarray of shape (n_terms,)
        Σ y·h.
    square_kk : ndarray of shape (n_terms, n_terms)
        Σ h·h.
    """

    product_kdd: FloatArray
    along_k: FloatArray
    square_kk: FloatArray

    @classmethod
    def of(cls, place_md: FloatArray, value_md: FloatArray, term_kmd: FloatArray) -> TermMoments:
        """Return the sums of some frames."""
        flat_kd = term_kmd.reshape(len(term_kmd), -1)
        return cls(np.swapaxes(term_kmd, 1, 2) @ place_md, flat_kd @ value_md.ravel(), flat_kd @ flat_kd.T)

    def __add__(self, other: TermMoments) -> TermMoments:
        """Return the sums over the frames of both."""
        return TermMoments(
            self.product_kdd + other.product_kdd, self.along_k + other.along_k, self.square_kk + other.square_kk
        )

    def __sub__(self, other: TermMoments) -> TermMoments:
        """Return the sums without the frames of the other."""
        return self + TermMoments(-other.product_kdd, -other.along_k, -other.square_kk)

    def mapped(self, change: Callable[[FloatArray], FloatArray]) -> TermMoments:
        """Return the sums with every matrix changed; scalar products do not depend on axes."""
        return TermMoments(
            np.array([change(product_dd) for product_dd in self.product_kdd]), self.along_k, self.square_kk
        )

    def regressed(self, square_uu: FloatArray, product_uu: FloatArray) -> FloatArray:
        """Return the symmetric matrix A of least squares of y = Au + Σ c h.

        The terms without what A explains of them are regressed on the rest of y.

        Parameters
        ----------
        square_uu, product_uu : ndarray of shape (n_modes, n_modes)
            Σ uuᵀ and Σ yuᵀ.
        """
        matrix_uu = symmetric_regression(square_uu, product_uu)
        size_k = np.sqrt(np.diag(self.square_kk))
        kept = size_k > NEGLIGIBLE * size_k.max(initial=0.0)
        product_kuu, size_k = self.product_kdd[kept] / size_k[kept, None, None], size_k[kept]
        matrix_kuu = np.array([symmetric_regression(square_uu, one_uu) for one_uu in product_kuu])
        if not len(matrix_kuu):
            return matrix_uu
        between_kk = np.einsum("kuw,luw->kl", matrix_kuu, product_kuu)
        rest_kk = self.square_kk[np.ix_(kept, kept)] / np.outer(size_k, size_k) - between_kk - between_kk.T
        rest_kk += np.einsum("kuw,luw->kl", matrix_kuu, matrix_kuu @ square_uu)
        rest_k = self.along_k[kept] / size_k - np.einsum("kuw,uw->k", product_kuu, matrix_uu)
        rest_k += np.einsum("kuw,uw->k", matrix_kuu, matrix_uu @ square_uu - product_uu)
        coefficient_k = np.linalg.lstsq(rest_kk, rest_k, rcond=NEGLIGIBLE)[0]
        rest_uu: FloatArray = matrix_uu - np.einsum("k,kuw->uw", coefficient_k, matrix_kuu)
        return rest_uu


def symmetric_regression(square_uu: FloatArray, product_uu: FloatArray) -> FloatArray:
    """Return the symmetric matrix D of least squares y = Dx, from ⟨xxᵀ⟩ and ⟨yxᵀ⟩: SD + DS = Y + Yᵀ."""
    n = len(square_uu)
    square_uu = square_uu + LEAST_VARIANCE * float(np.trace(square_uu)) / n * np.eye(n)
    solved_uu = np.asarray(solve_continuous_lyapunov(square_uu, product_uu + product_uu.T), dtype=np.float64)
    return 0.5 * (solved_uu + solved_uu.T)


@dataclass(frozen=True, slots=True)
class Bonds:
    """Bonds between sites, of several kinds.

    Attributes
    ----------
    first_b, second_b : ndarray of shape (n_bonds,)
        Their ends.
    unit_bc : ndarray of shape (n_bonds, 3)
        Their directions.
    kind_b : ndarray of shape (n_bonds,)
        Their kinds.
    """

    first_b: IntArray
    second_b: IntArray
    unit_bc: FloatArray
    kind_b: IntArray

    def forces(self, place_md: FloatArray) -> FloatArray:
        """Return the forces of the terms at displacements (Å), shape (n_terms, m, 3 n_atoms).

        With the stretch s of a bond and what is across it, t, terms of the energy are s³, st², s⁴, s²t² and t⁴,
        summed over all bonds of a kind.

        Parameters
        ----------
        place_md : ndarray of shape (m, 3 n_atoms)
            Displacements.
        """
        place_mnc = place_md.reshape(len(place_md), place_md.shape[1] // 3, 3)
        change_mbc = place_mnc[:, self.second_b] - place_mnc[:, self.first_b]
        stretch_mb = np.einsum("mbc,bc->mb", change_mbc, self.unit_bc)
        across_mbc = change_mbc - stretch_mb[..., None] * self.unit_bc
        across_mb = (across_mbc**2).sum(axis=2)
        slopes = (  # of the energy by s, and by t²
            (3.0 * stretch_mb**2, np.zeros_like(stretch_mb)),
            (across_mb, stretch_mb),
            (4.0 * stretch_mb**3, np.zeros_like(stretch_mb)),
            (2.0 * stretch_mb * across_mb, stretch_mb**2),
            (np.zeros_like(stretch_mb), 2.0 * across_mb),
        )
        terms = []
        for kind in range(self.kind_b.max(initial=-1) + 1):
            of_kind = np.flatnonzero(self.kind_b == kind)
            spread = self._ends(of_kind, place_mnc.shape[1])
            for along_mb, beside_mb in slopes:
                pull_mbc = along_mb[:, of_kind, None] * self.unit_bc[of_kind]
                pull_mbc += 2.0 * beside_mb[:, of_kind, None] * across_mbc[:, of_kind]
                force_nx = spread @ np.moveaxis(pull_mbc, 1, 0).reshape(len(of_kind), 3 * len(place_mnc))
                force_nmc = force_nx.reshape(place_mnc.shape[1], len(place_mnc), 3)
                terms.append(np.moveaxis(force_nmc, 0, 1).reshape(place_md.shape))
        return np.array(terms)

    def _ends(self, bonds: IntArray, n_atoms: int) -> csr_array:
        """Return the matrix that adds the pull of bonds to the forces of their ends."""
        rows = np.concatenate([self.first_b[bonds], self.second_b[bonds]])
        columns = np.tile(np.arange(len(bonds)), 2)
        signs = np.repeat([1.0, -1.0], len(bonds))
        return csr_array((signs, (rows, columns)), shape=(n_atoms, len(bonds)))


def bonds_of(sites: Atoms) -> Bonds:
    """Return the bonds between sites: pairs not much further apart than the nearest neighbours of an end.

    Parameters
    ----------
    sites : ase.Atoms
        Sites.

    Raises
    ------
    TrainingDataError
        If there are none.
    """
    graph = build_graph(sites, LONGEST_SEARCH)
    nearest_n = np.zeros(len(sites))
    connected_n, distance_n = graph.nearest()
    nearest_n[connected_n] = distance_n
    first_p, second_p, distance_p = graph.centre_p, graph.neighbour_p, graph.distance_p
    close_p = distance_p < BOND * np.maximum(nearest_n[first_p], nearest_n[second_p])
    if not close_p.any():
        message = "no atom has a neighbour within 8 Å: there are no bonds whose anharmonic terms could be taken off"
        raise TrainingDataError(message)
    first_b, second_b, distance_b = first_p[close_p], second_p[close_p], distance_p[close_p]
    elements_b2 = np.sort(np.stack([sites.numbers[first_b], sites.numbers[second_b]], axis=1), axis=1)
    pair_b = elements_b2[:, 0] * 1000 + elements_b2[:, 1]
    order = np.argsort(distance_b)
    length_b = np.zeros(len(order), dtype=np.int64)
    length_b[order[1:]] = np.cumsum(np.diff(np.log(distance_b[order])) > SAME_LENGTH)
    kind_b = np.unique(np.stack([pair_b, length_b]), axis=1, return_inverse=True)[1].ravel()
    if kind_b.max() >= MOST_KINDS:
        kind_b = np.unique(pair_b, return_inverse=True)[1].ravel()
    unit_bc = graph.vector_pc[close_p] / distance_b[:, None]
    return Bonds(first_b, second_b, unit_bc, np.asarray(kind_b, dtype=np.int64))


def require_frames(n_frames: int, n_modes: int, n_operations: int) -> None:
    """Refuse frames that are too few to tell anharmonic terms from the dynamical matrix.

    Parameters
    ----------
    n_frames, n_modes, n_operations : int
        Numbers of frames, modes and symmetry operations.

    Raises
    ------
    TrainingDataError
        If they are.
    """
    if n_frames * n_operations < ENOUGH * n_modes:
        message = (
            f"{n_frames} frames of {n_modes} modes are too few to tell anharmonic terms apart: give at least "
            f"{int(np.ceil(ENOUGH * n_modes / n_operations))}, or leave out harmonic"
        )
        raise TrainingDataError(message)
