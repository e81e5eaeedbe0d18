"""Extensive functions of chains: monomials of the momenta and bonds of a path, summed over all paths of bonds.

They do not change when nodes are numbered otherwise. Integrals of motion of chains are such sums over a few
neighbours (Toda, Phys. Rep. 18, 1 (1975); Hénon, Phys. Rev. B 9, 1921 (1974)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import StructureError, TrainingDataError
from ase_rfhgn.models.archive import Arrays, shaped
from ase_rfhgn.structures.graph import Bonds, bonded_graph
from ase_rfhgn.symmetries.coordinates import PhaseSpaceCoordinates
from ase_rfhgn.symmetries.monomials import exponents, monomial_gradients, monomials
from ase_rfhgn.symmetries.runs import Runs

STEEPEST = 10.0
"""Largest steepness that is tried, in units of one over the spread of bond lengths."""


@dataclass(frozen=True, slots=True)
class BondSums(ReadOnlyArrays):
    """Monomials of momenta p and of exponentials e^(−κd) of bond lengths d, summed over paths.

    A momentum has the weight one, an exponential the weight two; monomials have at most a given weight.

    Attributes
    ----------
    momentum_nd : ndarray of shape (n_atoms, 2n)
        Momenta as linear functions of states.
    length_jd : ndarray of shape (n_bonds, 2n)
        Changes of bond lengths as linear functions of states.
    rest_j : ndarray of shape (n_bonds,)
        Bond lengths of the state zero, less their mean (Å).
    first_j, second_j : ndarray of shape (n_bonds,)
        Ends of the bonds, whose direction is from the first to the second.
    steepness : float
        κ (1/Å).
    weight : int
        Highest weight.
    """

    momentum_nd: FloatArray
    length_jd: FloatArray
    rest_j: FloatArray
    first_j: IntArray
    second_j: IntArray
    steepness: float
    weight: int

    @property
    def n_features(self) -> int:
        """Number of functions."""
        return sum(len(self._exponents(span)) for span, _, _ in self._paths())

    def values(self, state_md: FloatArray) -> FloatArray:
        """Return φ, shape (m, n_features)."""
        parts = []
        for span, node_ln, bond_lj in self._paths():
            variable_mlv = self._variables(state_md, node_ln, bond_lj)
            n_states, n_paths, n_variables = variable_mlv.shape
            value_mf = monomials(variable_mlv.reshape(-1, n_variables), self._exponents(span))
            parts.append(value_mf.reshape(n_states, n_paths, -1).sum(axis=1))
        return np.concatenate(parts, axis=1)

    def rates(self, state_md: FloatArray, rate_md: FloatArray) -> FloatArray:
        """Return ∇φ·ż, shape (m, n_features)."""
        rate_mf: FloatArray = np.einsum("md,mdf->mf", rate_md, self._all_gradients(state_md))
        return rate_mf

    def gradients(self, state_md: FloatArray, coefficient_fi: FloatArray) -> FloatArray:
        """Return the gradients of Σ_f c_fi φ_f, shape (m, 2n, n_sets)."""
        return self._all_gradients(state_md) @ coefficient_fi

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {
            "momentum": self.momentum_nd,
            "length": self.length_jd,
            "rest": self.rest_j,
            "first": self.first_j,
            "second": self.second_j,
            "steepness": np.array([self.steepness]),
            "weight": np.array([self.weight]),
        }

    @classmethod
    def of_arrays(cls, arrays: Arrays, width: int) -> BondSums:
        """Return the sums of a model file."""
        momentum_nd, length_jd = (shaped(arrays, name, (None, width)) for name in ("momentum", "length"))
        first_j, second_j = (shaped(arrays, name, (len(length_jd),)) for name in ("first", "second"))
        for end_j in (first_j, second_j):
            if end_j.dtype != np.int64 or end_j.min(initial=0) < 0 or end_j.max(initial=0) >= len(momentum_nd):
                message = "ends of bonds are not numbers of atoms"
                raise ValueError(message)
        steepness, weight = float(shaped(arrays, "steepness", (1,))[0]), int(shaped(arrays, "weight", (1,))[0])
        rest_j = shaped(arrays, "rest", (len(length_jd),))
        return cls(momentum_nd, length_jd, rest_j, first_j, second_j, steepness, weight)

    def _paths(self) -> Iterator[tuple[int, IntArray, IntArray]]:
        """Yield numbers of bonds in a path, the nodes of all such paths, and their bonds."""
        node_ln = np.arange(len(self.momentum_nd))[:, None]
        bond_lj = np.zeros((len(node_ln), 0), dtype=np.int64)
        for span in range(self.weight // 2 + 1):
            if not len(node_ln):
                return
            yield span, node_ln, bond_lj
            path, bond_j = np.nonzero(node_ln[:, -1][:, None] == self.first_j)
            node_ln = np.concatenate([node_ln[path], self.second_j[bond_j][:, None]], axis=1)
            bond_lj = np.concatenate([bond_lj[path], bond_j[:, None]], axis=1)

    def _exponents(self, span: int) -> IntArray:
        """Return exponents of the momenta and exponentials of a path, which need its first and its last part."""
        exponent_fv = exponents(2 * span + 1, self.weight)
        momentum_fv, bond_fv = exponent_fv[:, : span + 1], exponent_fv[:, span + 1 :]
        allowed_f = momentum_fv.sum(axis=1) + 2 * bond_fv.sum(axis=1) <= self.weight
        if span:
            allowed_f &= (momentum_fv[:, 0] > 0) | (bond_fv[:, 0] > 0)
            allowed_f &= (momentum_fv[:, -1] > 0) | (bond_fv[:, -1] > 0)
        return np.asarray(exponent_fv[allowed_f], dtype=np.int64)

    def _variables(self, state_md: FloatArray, node_ln: IntArray, bond_lj: IntArray) -> FloatArray:
        """Return the momenta and exponentials of paths, shape (m, n_paths, 2 span + 1)."""
        momentum_mn = state_md @ self.momentum_nd.T
        exponential_mj = np.exp(-self.steepness * (state_md @ self.length_jd.T + self.rest_j))
        return np.concatenate([momentum_mn[:, node_ln], exponential_mj[:, bond_lj]], axis=2)

    def _all_gradients(self, state_md: FloatArray) -> FloatArray:
        """Return the derivatives of all functions by the states, shape (m, 2n, n_features)."""
        parts = []
        for span, node_ln, bond_lj in self._paths():
            variable_mlv = self._variables(state_md, node_ln, bond_lj)
            n_states, n_paths, n_variables = variable_mlv.shape
            slope_mvf = monomial_gradients(variable_mlv.reshape(-1, n_variables), self._exponents(span))
            slope_mlvf = slope_mvf.reshape(n_states, n_paths, n_variables, -1)
            slope_mlvf[:, :, span + 1 :] *= -self.steepness * variable_mlv[:, :, span + 1 :, None]
            direction_lvd = np.concatenate([self.momentum_nd[node_ln], self.length_jd[bond_lj]], axis=1)
            parts.append(np.einsum("mlvf,lvd->mdf", slope_mlvf, direction_lvd, optimize=True))
        return np.concatenate(parts, axis=2)


def bond_sums_of(
    runs: Runs, coordinates: PhaseSpaceCoordinates, bonds: Bonds, weight: int, steepness: float | None
) -> BondSums:
    """Return the functions of a chain that moves along one axis.

    Parameters
    ----------
    runs : Runs
        Trajectories; where there are forces, they tell the steepness.
    coordinates : PhaseSpaceCoordinates
        Their coordinates.
    bonds : Bonds
        Bonds, all in the direction of the chain.
    weight : int
        Highest weight of the monomials.
    steepness : float or None
        κ (1/Å).

    Raises
    ------
    TrainingDataError
        If atoms move along several axes, or bonds name atoms that do not exist.
    """
    moving_c = np.flatnonzero(np.abs(coordinates.basis_du.reshape(-1, 3, coordinates.n)).max(axis=(0, 2)) > 1e-6)
    if len(moving_c) != 1:
        message = "sums over bonds are for chains that move along one axis: these atoms move along several"
        raise TrainingDataError(message)
    if not len(bonds):
        message = "there are no bonds: give those of the chain, all in one direction"
        raise TrainingDataError(message)
    try:
        bonded_graph(runs.atoms, bonds)
    except StructureError as error:
        message = f"{runs.name_g[0]}: {error}"
        raise TrainingDataError(message) from error
    axis = int(moving_c[0])
    n = coordinates.n
    root_n = np.sqrt(coordinates.mass_n)
    basis_nu = coordinates.basis_du.reshape(-1, 3, n)[:, axis]
    place_nd = np.concatenate([basis_nu / root_n[:, None], np.zeros_like(basis_nu)], axis=1)
    momentum_nd = np.concatenate([np.zeros_like(basis_nu), basis_nu * root_n[:, None]], axis=1)
    length_jd = place_nd[bonds.second_j] - place_nd[bonds.first_j]
    rest_j = _lengths(coordinates.origin_nc[None], runs, bonds, axis)[0]
    if steepness is None:
        steepness = _steepness(runs, bonds, axis)
    ends = np.asarray(bonds.first_j), np.asarray(bonds.second_j)
    return BondSums(momentum_nd, length_jd, rest_j - rest_j.mean(), *ends, steepness, weight)


def _lengths(position_mnc: FloatArray, runs: Runs, bonds: Bonds, axis: int) -> FloatArray:
    """Return bond lengths along an axis, through the images that bonds cross (Å)."""
    shift_j = (bonds.image_jc @ runs.atoms.cell.array)[:, axis]
    place_mn = position_mnc[..., axis]
    length_mj: FloatArray = place_mn[:, bonds.second_j] - place_mn[:, bonds.first_j] + shift_j
    return length_mj


def _steepness(runs: Runs, bonds: Bonds, axis: int) -> float:
    """Return the exponent by which exponentials and lengths of bonds explain the forces best; 1 without forces."""
    if runs.force_mnc is None:
        return 1.0
    force_mn = runs.force_mnc[..., axis]
    length_mj = _lengths(runs.position_mnc, runs, bonds, axis)
    length_mj = length_mj - length_mj.mean()
    pull_jn = np.zeros((len(bonds.first_j), force_mn.shape[1]))
    np.add.at(pull_jn, (np.arange(len(pull_jn)), bonds.first_j), 1.0)
    np.add.at(pull_jn, (np.arange(len(pull_jn)), bonds.second_j), -1.0)
    unit = float(length_mj.std())

    def rest(logarithm: float) -> float:
        shapes = [np.exp(-np.exp(logarithm) * length_mj), length_mj, np.ones_like(length_mj)]
        column_m3 = np.stack([(shape_mj @ pull_jn).ravel() for shape_mj in shapes], axis=1)
        solved_3 = np.linalg.lstsq(column_m3, force_mn.ravel(), rcond=None)[0]
        return float(np.log(np.mean((column_m3 @ solved_3 - force_mn.ravel()) ** 2) + 1e-300))

    bounds = (np.log(0.05 / unit), np.log(STEEPEST / unit))
    grid = np.linspace(*bounds, 40)
    least = grid[int(np.argmin([rest(point) for point in grid]))]
    span = grid[1] - grid[0]
    found = minimize_scalar(rest, bounds=(least - span, least + span), method="bounded", options={"xatol": 1e-12})
    return float(np.exp(found.x))
