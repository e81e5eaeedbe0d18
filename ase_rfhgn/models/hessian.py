"""Second derivatives of the energy of a fitted potential by the positions of the atoms, analytic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import bsr_array

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.response import PairBlocks

BLOCKS_PER_SUM = 500_000
"""Blocks that are held before blocks of the same atoms are summed (36 MB)."""

NOTHING = PairBlocks(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 3)), np.empty((0, 3, 3)))


def dense_hessian(parts: Iterable[PairBlocks], n_atoms: int) -> FloatArray:
    """Return the sum of parts of a Hessian as one matrix, of shape (3 n_atoms, 3 n_atoms).

    Parameters
    ----------
    parts : iterable of PairBlocks
        Second derivatives by the positions of pairs of atoms (eV/Å²).
    n_atoms : int
        Number of atoms.
    """
    hessian_ncnc = np.zeros((n_atoms, 3, n_atoms, 3))
    for part in parts:
        np.add.at(hessian_ncnc.transpose(0, 2, 1, 3), (part.first_t, part.second_t), part.block_tcc)
    return hessian_ncnc.reshape(3 * n_atoms, 3 * n_atoms)


def sparse_hessian(parts: Iterable[PairBlocks], n_atoms: int) -> bsr_array:
    """Return the sum of parts of a Hessian as a sparse matrix of 3 × 3 blocks, of shape (3 n_atoms, 3 n_atoms).

    Parameters
    ----------
    parts, n_atoms
        As for `dense_hessian`.
    """
    summed = _summed(_joined([_summed(part, n_atoms) for part in _gathered(parts)]), n_atoms)
    first_row_n = np.searchsorted(summed.first_t, np.arange(n_atoms + 1))
    return bsr_array((summed.block_tcc, summed.second_t, first_row_n), shape=(3 * n_atoms, 3 * n_atoms))


def bloch_hessians(parts: Iterable[PairBlocks], n_atoms: int, wave_vector_ic: FloatArray) -> NDArray[np.complex128]:
    """Return the second derivatives of the energy of a crystal by waves of displacements of its atoms (eV/Å²).

    Atom j in the cell at R is displaced by the real part of u_j exp(iq·(r_j + R)). No supercell is needed:
    blocks of all images are summed with their phases, and the result is exact.

    Parameters
    ----------
    parts : iterable of PairBlocks
        Second derivatives by the positions of pairs of atoms of a cell and their images.
    n_atoms : int
        Number of atoms of the cell.
    wave_vector_ic : ndarray of shape (n_waves, 3)
        Wave vectors q (1/Å), with the factor 2π.

    Returns
    -------
    ndarray of shape (n_waves, 3 n_atoms, 3 n_atoms)
        Hermitian matrices. Divided by the roots of the masses, they are the dynamical matrices.
    """
    hessian_inncc = np.zeros((len(wave_vector_ic), n_atoms, n_atoms, 3, 3), dtype=np.complex128)
    for part in parts:
        phase_it = np.exp(1j * wave_vector_ic @ part.vector_tc.T)
        for total_nncc, phase_t in zip(hessian_inncc, phase_it, strict=True):
            np.add.at(total_nncc, (part.first_t, part.second_t), phase_t[:, None, None] * part.block_tcc)
    size = 3 * n_atoms
    return hessian_inncc.transpose(0, 1, 3, 2, 4).reshape(len(wave_vector_ic), size, size)


def _gathered(parts: Iterable[PairBlocks]) -> Iterator[PairBlocks]:
    """Yield parts joined to about `BLOCKS_PER_SUM` blocks."""
    waiting: list[PairBlocks] = []
    for part in parts:
        waiting.append(part)
        if sum(len(one.first_t) for one in waiting) >= BLOCKS_PER_SUM:
            yield _joined(waiting)
            waiting = []
    yield _joined(waiting)


def _joined(parts: Iterable[PairBlocks]) -> PairBlocks:
    """Return parts as one."""
    known = [*parts, NOTHING]
    return PairBlocks(
        np.concatenate([part.first_t for part in known]),
        np.concatenate([part.second_t for part in known]),
        np.concatenate([part.vector_tc for part in known]),
        np.concatenate([part.block_tcc for part in known]),
    )


def _summed(part: PairBlocks, n_atoms: int) -> PairBlocks:
    """Return one block per pair of atoms, sorted by the first atom, then the second."""
    pair_t, place_t = np.unique(part.first_t * n_atoms + part.second_t, return_inverse=True)
    block_tcc = np.zeros((len(pair_t), 3, 3))
    np.add.at(block_tcc, place_t, part.block_tcc)
    return PairBlocks(*np.divmod(pair_t, n_atoms), np.zeros((len(pair_t), 3)), block_tcc)
