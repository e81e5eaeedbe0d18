"""Global axes of structures: a network sees positions and momenta along them, and they turn with the structure.

These are the axes of RF-HGN (arXiv:2506.06558). The mean position is the origin, and the first axis
points to the nearest node. In the plane, a rotation completes the basis. In space, Gram–Schmidt with the
second nearest node completes it. On a line, the axis points to the nearest node.

These axes have defects. They jump when another node becomes the nearest. They are undefined when this
node lies on the mean position. They turn fast when this node is close to the mean position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray
from ase_rfhgn.errors import StructureError

LEAST_LENGTH = 1e-9
"""Distance from the origin, relative to the size of the structure, below which a node gives no axis."""


@dataclass(frozen=True, slots=True)
class GlobalAxes:
    """Orthonormal axes of every structure of a batch, and how they turn with the nodes that define them.

    Attributes
    ----------
    basis_ica : ndarray of shape (n_structures, n_dimensions, n_dimensions)
        Axes, as columns.
    reference_ir : ndarray of shape (n_structures, n_references)
        Nodes that define the axes; none for axes of the laboratory.
    inverse_irr : ndarray of shape (n_structures, n_references, n_references)
        Inverse of the triangular factor U of their positions, R = B U.
    """

    basis_ica: FloatArray
    reference_ir: IntArray
    inverse_irr: FloatArray

    def project(self, vector_mc: FloatArray, structure_m: IntArray) -> FloatArray:
        """Return vectors in the axes of their structures: Bᵀx."""
        if len(self.basis_ica) == 1:
            return np.asarray(vector_mc @ self.basis_ica[0])
        return np.asarray(np.einsum("mc,mca->ma", vector_mc, self.basis_ica[structure_m]))

    def unproject(self, slope_maf: FloatArray, structure_m: IntArray) -> FloatArray:
        """Return derivatives by projected vectors as derivatives by the vectors: Bg, the axes held."""
        if not self.reference_ir.size:
            return slope_maf  # in the axes of the laboratory, they are
        return np.asarray(np.matmul(self.basis_ica[structure_m], slope_maf))

    @property
    def planes(self) -> tuple[IntArray, IntArray]:
        """Two axes a > b of every plane in which the references turn the basis: shapes (n_planes,)."""
        first_w, second_w = np.nonzero(np.tri(self.basis_ica.shape[1], self.reference_ir.shape[1], -1))
        return first_w.astype(np.int64), second_w.astype(np.int64)

    def turned(self, twist_iwf: FloatArray) -> FloatArray:
        """Return derivatives by the positions of the references, through the axes: (i, r, c, f).

        Parameters
        ----------
        twist_iwf : ndarray of shape (n_structures, n_planes, n_features)
            Σ (g_a x_b − g_b x_a) over all projected vectors x, g the derivatives by them.

        Notes
        -----
        Axes stay orthonormal, so dB = BΩ with antisymmetric Ω, and dx = −Ωx for a projected vector.
        From R = BU follows Bᵀ dR U⁻¹ = Ω + dU U⁻¹, whose second term is upper triangular: below the
        diagonal, Ω is Bᵀ dR U⁻¹.
        """
        first_w, second_w = self.planes
        lever_ircw = np.einsum("icw,irw->ircw", self.basis_ica[:, :, first_w], self.inverse_irr[:, :, second_w])
        return np.asarray(-np.einsum("ircw,iwf->ircf", lever_ircw, twist_iwf))


def laboratory_axes(n_structures: int, n_dimensions: int) -> GlobalAxes:
    """Return the axes of the coordinates: nothing turns."""
    basis_ica = np.broadcast_to(np.eye(n_dimensions), (n_structures, n_dimensions, n_dimensions))
    return GlobalAxes(basis_ica, np.empty((n_structures, 0), dtype=np.int64), np.empty((n_structures, 0, 0)))


def nearest_node_axes(position_nc: FloatArray, first_i: IntArray) -> GlobalAxes:
    """Return the axes that the nodes nearest to the origin define.

    Parameters
    ----------
    position_nc : ndarray of shape (n_nodes, n_dimensions)
        Positions relative to the mean position of their structure.
    first_i : ndarray of shape (n_structures + 1,)
        First node of every structure, and the number of nodes.

    Raises
    ------
    StructureError
        If the nearest node sits on the mean position, or the nearest nodes give no plane.
    """
    n_dimensions = position_nc.shape[1]
    n_references = max(1, n_dimensions - 1)
    if np.diff(first_i).min() < n_references:
        message = f"axes in {n_dimensions} dimensions need {n_references} nodes, and a structure has fewer"
        raise StructureError(message)
    distance_n = np.linalg.norm(position_nc, axis=1)
    structure_n = np.repeat(np.arange(len(first_i) - 1), np.diff(first_i))
    order_n = np.lexsort((distance_n, structure_n))
    reference_ir = order_n[first_i[:-1, None] + np.arange(n_references)]
    basis_ica, upper_irr = _orthonormal(np.swapaxes(position_nc[reference_ir], 1, 2))
    length_ir = np.diagonal(upper_irr, axis1=1, axis2=2)
    size_i = np.maximum.reduceat(distance_n, first_i[:-1])
    undefined_ir = ~(length_ir > LEAST_LENGTH * size_i[:, None])
    if undefined_ir.any():
        raise StructureError(_why_undefined(reference_ir, undefined_ir, first_i))
    return GlobalAxes(basis_ica, reference_ir, np.asarray(np.linalg.inv(upper_irr), dtype=np.float64))


def _orthonormal(vector_icr: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return right-handed bases whose first axes span the columns, and the triangular factors U ≥ 0."""
    n_references = vector_icr.shape[2]
    basis_ica, upper_iar = np.linalg.qr(vector_icr, mode="complete")
    upper_irr = upper_iar[:, :n_references]
    sign_ir = np.where(np.diagonal(upper_irr, axis1=1, axis2=2) < 0.0, -1.0, 1.0)
    basis_ica[:, :, :n_references] *= sign_ir[:, None, :]
    if n_references < vector_icr.shape[1]:
        basis_ica[:, :, -1] *= np.sign(np.linalg.det(basis_ica))[:, None]
    return basis_ica, sign_ir[:, :, None] * upper_irr


def _why_undefined(reference_ir: IntArray, undefined_ir: BoolArray, first_i: IntArray) -> str:
    structure, which = np.argwhere(undefined_ir)[0]
    node = reference_ir[structure, which] - first_i[structure]
    if which == 0:
        return (
            f"node {node}, the nearest to the mean position, sits on it: the axes are undefined there "
            'and jump around it; use axes="laboratory", or move the structure off its symmetric point'
        )
    return f"node {node} lies on the line of the nearest node: the axes are undefined there"
