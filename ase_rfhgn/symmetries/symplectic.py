"""Symplectic matrices: the form Ω, normal modes, travelling waves, and factors of linear canonical maps.

States are rows z = (q, p), and Ω = [[0, 1], [−1, 0]]. A matrix S is symplectic if SᵀΩS = Ω.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import schur

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError

EQUAL = 0.02
"""Relative difference of two frequencies up to which they count as equal."""


def symplectic_form(n: int) -> FloatArray:
    """Return Ω for n degrees of freedom, shape (2n, 2n)."""
    form_dd = np.zeros((2 * n, 2 * n))
    form_dd[:n, n:], form_dd[n:, :n] = np.eye(n), -np.eye(n)
    return form_dd


def conjugate(vector_md: FloatArray) -> FloatArray:
    """Return Ω times every row: (w_q, w_p) becomes (w_p, −w_q)."""
    n = vector_md.shape[-1] // 2
    return np.concatenate([vector_md[..., n:], -vector_md[..., :n]], axis=-1)


def inverse_symplectic(matrix_dd: FloatArray) -> FloatArray:
    """Return the inverse −ΩSᵀΩ of a symplectic matrix, without a division."""
    form_dd = symplectic_form(len(matrix_dd) // 2)
    return -form_dd @ matrix_dd.T @ form_dd


def time_reversal(n: int) -> FloatArray:
    """Return the matrix of p → −p for n degrees of freedom."""
    return np.diag(np.repeat([1.0, -1.0], n))


def normal_form(stiffness_uu: FloatArray, inertia_uu: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the symplectic matrix to normal modes of ½ pᵀAp + ½ qᵀBq, and the frequencies.

    With A = LLᵀ and LᵀBL = Vω²Vᵀ the new variables are Q = ω^½ VᵀL⁻¹q and P = ω^−½ VᵀLᵀp. Time reversal
    remains P → −P, which a general Williamson form does not grant.

    Parameters
    ----------
    stiffness_uu, inertia_uu : ndarray of shape (n, n)
        B and A, symmetric and positive definite.

    Raises
    ------
    LinAlgError
        If one of them is not positive definite.
    """
    n = len(stiffness_uu)
    lower_uu = np.linalg.cholesky(inertia_uu)
    square_u, vector_uu = np.linalg.eigh(lower_uu.T @ stiffness_uu @ lower_uu)
    if square_u[0] <= 0.0:
        message = "the stiffness is not positive definite"
        raise np.linalg.LinAlgError(message)
    frequency_u = np.sqrt(square_u)
    matrix_dd = np.zeros((2 * n, 2 * n))
    matrix_dd[:n, :n] = np.sqrt(frequency_u)[:, None] * np.linalg.solve(lower_uu.T, vector_uu).T
    matrix_dd[n:, n:] = (vector_uu.T @ lower_uu.T) / np.sqrt(frequency_u)[:, None]
    return matrix_dd, frequency_u


def williamson(form_dd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a symplectic matrix T and frequencies with TᵀMT = diag(ω, ω), for a positive definite form M.

    Parameters
    ----------
    form_dd : ndarray of shape (2n, 2n)
        Symmetric, positive definite: the quadratic part of any Hamiltonian at its minimum.

    Notes
    -----
    Williamson, Am. J. Math. 58, 141 (1936); from the real Schur form of the skew matrix M^½ΩM^½.
    """
    n = len(form_dd) // 2
    value_d, vector_dd = np.linalg.eigh(form_dd)
    root_dd = (vector_dd * np.sqrt(value_d)) @ vector_dd.T
    skew_dd = root_dd @ symplectic_form(n) @ root_dd
    schur_dd, basis_dd = schur(0.5 * (skew_dd - skew_dd.T), output="real")
    signed_u = np.diag(schur_dd, 1)[::2]
    first_u = 2 * np.arange(n) + (signed_u < 0.0)
    order_u = np.argsort(np.abs(signed_u))
    frequency_u = np.abs(signed_u)[order_u]
    paired_d = np.concatenate([first_u[order_u], (first_u ^ 1)[order_u]])
    inverse_root_dd = (vector_dd / np.sqrt(value_d)) @ vector_dd.T
    return inverse_root_dd @ basis_dd[:, paired_d] * np.sqrt(np.tile(frequency_u, 2)), frequency_u


def travelling_waves(frequency_u: FloatArray, within: float = EQUAL) -> FloatArray:
    """Return the symplectic matrix that turns pairs of modes of equal frequency into waves (a₁ ± i a₂)/√2.

    Parameters
    ----------
    frequency_u : ndarray of shape (n,)
        Frequencies in ascending order.
    within : float
        Relative difference up to which two frequencies are equal.
    """
    unitary_uu = np.eye(len(frequency_u), dtype=complex)
    u = 0
    while u < len(frequency_u) - 1:
        if frequency_u[u + 1] - frequency_u[u] < within * frequency_u[u]:
            unitary_uu[u : u + 2, u : u + 2] = np.array([[1.0, 1.0j], [1.0, -1.0j]]) / np.sqrt(2.0)
            u += 1
        u += 1
    return unitary_symplectic(unitary_uu)


def unitary_symplectic(unitary_uu: NDArray[np.complex128]) -> FloatArray:
    """Return the real matrix [[X, −Y], [Y, X]] of a → (X + iY) a with a = (Q + iP)/√2."""
    real_uu, imaginary_uu = unitary_uu.real, unitary_uu.imag
    return np.block([[real_uu, -imaginary_uu], [imaginary_uu, real_uu]])


@dataclass(frozen=True, slots=True)
class IwasawaFactors(ReadOnlyArrays):
    """Factors of a symplectic matrix S = N A K (pre-Iwasawa form), each of them symplectic.

    N = [[1, 0], [M, 1]], A = [[L, 0], [0, L⁻¹]] with L symmetric, and K belongs to the unitary matrix
    U = H₁ … H_n diag(e^{iφ}), H being Householder reflections 1 − 2 vv†/|v|².

    Attributes
    ----------
    shear_uu : ndarray of shape (n, n)
        M, symmetric.
    scale_uu : ndarray of shape (n, n)
        L, symmetric and positive definite.
    reflection_uu : ndarray of shape (n, n)
        Vectors v of the reflections, complex, one per row; a zero vector reflects nothing.
    phase_u : ndarray of shape (n,)
        Phases φ.
    """

    shear_uu: FloatArray
    scale_uu: FloatArray
    reflection_uu: NDArray[np.complex128]
    phase_u: FloatArray

    @classmethod
    def of(cls, matrix_dd: FloatArray) -> IwasawaFactors:
        """Return the factors of a symplectic matrix.

        Parameters
        ----------
        matrix_dd : ndarray of shape (2n, 2n)
            The matrix.

        Raises
        ------
        SettingsError
            If it is not symplectic.
        """
        n = len(matrix_dd) // 2
        form_dd = symplectic_form(n)
        error = float(np.abs(matrix_dd.T @ form_dd @ matrix_dd - form_dd).max())
        if not error <= 1e-8 * max(1.0, float(np.abs(matrix_dd).max()) ** 2):
            message = f"the matrix is not symplectic: SᵀΩS differs from Ω by {error:.2g}; give a symplectic matrix"
            raise SettingsError(message)
        a_uu, b_uu, c_uu, d_uu = matrix_dd[:n, :n], matrix_dd[:n, n:], matrix_dd[n:, :n], matrix_dd[n:, n:]
        square_u, vector_uu = np.linalg.eigh(a_uu @ a_uu.T + b_uu @ b_uu.T)
        inverse_uu = (vector_uu / np.sqrt(square_u)) @ vector_uu.T
        shear_uu = (c_uu @ a_uu.T + d_uu @ b_uu.T) @ inverse_uu @ inverse_uu
        reflections, phase_u = _householder(inverse_uu @ (a_uu - 1.0j * b_uu))
        scale_uu = (vector_uu * np.sqrt(square_u)) @ vector_uu.T
        return cls(0.5 * (shear_uu + shear_uu.T), scale_uu, reflections, phase_u)

    @property
    def unitary_uu(self) -> NDArray[np.complex128]:
        """The unitary matrix U of K."""
        unitary_uu = np.diag(np.exp(1.0j * self.phase_u))
        for vector_u in self.reflection_uu[::-1]:
            square = float(np.vdot(vector_u, vector_u).real)
            if square > 0.0:
                unitary_uu = unitary_uu - 2.0 / square * np.outer(vector_u, vector_u.conj() @ unitary_uu)
        return unitary_uu

    def matrix(self) -> FloatArray:
        """Return the symplectic matrix N A K."""
        n = len(self.phase_u)
        none_uu = np.zeros((n, n))
        shear_dd = np.block([[np.eye(n), none_uu], [self.shear_uu, np.eye(n)]])
        scale_dd = np.block([[self.scale_uu, none_uu], [none_uu, np.linalg.inv(self.scale_uu)]])
        whole_dd: FloatArray = shear_dd @ scale_dd @ unitary_symplectic(self.unitary_uu)
        return whole_dd


def _householder(unitary_uu: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], FloatArray]:
    """Return the reflections and the phases whose product is a unitary matrix."""
    n = len(unitary_uu)
    rest_uu, vectors = unitary_uu.copy(), np.zeros((n, n), dtype=complex)
    for u in range(n - 1):
        column_u = rest_uu[u:, u]
        size = abs(column_u[0])
        target = -(column_u[0] / size if size > 0.0 else 1.0)  # the sign without cancellation
        vector_u = column_u.copy()
        vector_u[0] -= target
        vectors[u, u:] = vector_u
        rest_uu[u:] -= 2.0 / np.vdot(vector_u, vector_u).real * np.outer(vector_u, vector_u.conj() @ rest_uu[u:])
    return vectors, np.angle(np.diag(rest_uu))
