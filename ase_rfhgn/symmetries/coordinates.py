"""Canonical coordinates of atoms: mass-weighted positions and momenta along the directions that move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import StructureError, TrainingDataError
from ase_rfhgn.models.archive import Arrays, shaped
from ase_rfhgn.structures.graph import nearest_image
from ase_rfhgn.symmetries.runs import Runs, require_momenta

MOVES = 1e-8
"""Smallest extent of a direction that moves, relative to the largest."""

CONSERVED = 1e-6
"""Largest change of the total momentum of a free system along a run, relative to sizes of momenta."""


@dataclass(frozen=True, slots=True)
class PhaseSpaceCoordinates(ReadOnlyArrays):
    """Coordinates q = Bᵀ√m (x − x₀) and p = Bᵀ p/√m of the atoms; B has orthonormal columns, so they are canonical.

    Attributes
    ----------
    number_n : ndarray of shape (n_atoms,)
        Atomic numbers.
    mass_n : ndarray of shape (n_atoms,)
        Masses (amu).
    origin_nc : ndarray of shape (n_atoms, 3)
        x₀ (Å).
    basis_du : ndarray of shape (3 n_atoms, n)
        B.
    """

    number_n: IntArray
    mass_n: FloatArray
    origin_nc: FloatArray
    basis_du: FloatArray

    @property
    def n(self) -> int:
        """Degrees of freedom."""
        return int(self.basis_du.shape[1])

    @property
    def root_d(self) -> FloatArray:
        """Root of the mass of every Cartesian coordinate."""
        return np.sqrt(np.repeat(self.mass_n, 3))

    def states(self, position_mnc: FloatArray, momentum_mnc: FloatArray) -> FloatArray:
        """Return states (q, p) of positions and momenta, shape (m, 2n)."""
        n_frames = len(position_mnc)
        moved_md = (position_mnc - self.origin_nc).reshape(n_frames, -1) * self.root_d
        speed_md = momentum_mnc.reshape(n_frames, -1) / self.root_d
        return np.concatenate([moved_md @ self.basis_du, speed_md @ self.basis_du], axis=1)

    def forces(self, force_mnc: FloatArray) -> FloatArray:
        """Return the rates of the momenta p by forces, shape (m, n)."""
        return (force_mnc.reshape(len(force_mnc), -1) / self.root_d) @ self.basis_du

    def states_of(self, atoms: Atoms | Iterable[Atoms]) -> FloatArray:
        """Return the states of one structure, or of several, as rows.

        Raises
        ------
        StructureError
            If the atoms are others than those of the runs, or a number is not finite.
        """
        structures = [atoms] if isinstance(atoms, Atoms) else list(atoms)
        for one in structures:
            self._require_known(one)
        position_mnc = np.array(
            [self.origin_nc + nearest_image(one.positions - self.origin_nc, one) for one in structures]
        )
        return self.states(position_mnc, np.array([one.get_momenta() for one in structures]))

    def placed(self, atoms: Atoms, state_d: FloatArray, time: float = 0.0) -> Atoms:
        """Return a structure moved to a state; what is not among the coordinates moves on freely for a time.

        Parameters
        ----------
        atoms : ase.Atoms
            Structure that is copied.
        state_d : ndarray of shape (2n,)
            State (q, p).
        time : float, default 0
            Time (ASE units).
        """
        before_d = self.states_of(atoms)[0]
        change_d = state_d - before_d
        moved: Atoms = atoms.copy()
        velocity_d = atoms.get_momenta().ravel() / self.root_d
        free_d = velocity_d - self.basis_du @ before_d[self.n :]
        step_d = (self.basis_du @ change_d[: self.n] + time * free_d) / self.root_d
        moved.positions = atoms.positions + step_d.reshape(-1, 3)
        added_d = (self.basis_du @ change_d[self.n :]) * self.root_d
        moved.set_momenta(atoms.get_momenta() + added_d.reshape(-1, 3), apply_constraint=False)
        return moved

    def arrays(self) -> Arrays:
        """Return what a model file holds."""
        return {"number": self.number_n, "mass": self.mass_n, "origin": self.origin_nc, "basis": self.basis_du}

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> PhaseSpaceCoordinates:
        """Return the coordinates of a model file."""
        n_atoms = len(shaped(arrays, "mass", (None,)))
        basis_du = shaped(arrays, "basis", (3 * n_atoms, None))
        if np.abs(basis_du.T @ basis_du - np.eye(basis_du.shape[1])).max(initial=0.0) > 1e-6:
            message = "the basis of coordinates is not orthonormal"
            raise ValueError(message)
        origin_nc = shaped(arrays, "origin", (n_atoms, 3))
        return cls(shaped(arrays, "number", (n_atoms,)), shaped(arrays, "mass", (n_atoms,)), origin_nc, basis_du)

    def _require_known(self, atoms: Atoms) -> None:
        if not isinstance(atoms, Atoms):
            message = f"a {type(atoms).__name__} where ase.Atoms are needed"
            raise StructureError(message)
        if not (np.array_equal(atoms.numbers, self.number_n) and np.allclose(atoms.get_masses(), self.mass_n)):
            message = (
                f"{atoms.get_chemical_formula()} is another system than in the runs: give the same atoms in the same "
                "order"
            )
            raise StructureError(message)
        for name, value_nc in (("position", atoms.positions), ("momentum", atoms.get_momenta())):
            for n in np.flatnonzero(~np.isfinite(value_nc).all(axis=1))[:1]:
                message = f"{name} of atom {n} is not finite: {value_nc[n]}"
                raise StructureError(message)


def coordinates_of(runs: Runs) -> PhaseSpaceCoordinates:
    """Return the coordinates in which runs move: no fixed directions, no centre of mass that moves freely.

    Raises
    ------
    TrainingDataError
        If frames have no momenta, or nothing moves.
    """
    momentum_mnc = require_momenta(runs, "phase space")
    n_frames = len(runs.position_mnc)
    root_d = np.sqrt(np.repeat(runs.mass_n, 3))
    origin_nc = runs.position_mnc.mean(axis=0)
    moved_md = (runs.position_mnc - origin_nc).reshape(n_frames, -1) * root_d
    speed_md = momentum_mnc.reshape(n_frames, -1) / root_d
    for direction_d in _free_translations(runs, momentum_mnc):
        moved_md = moved_md - np.outer(moved_md @ direction_d, direction_d)
        speed_md = speed_md - np.outer(speed_md @ direction_d, direction_d)
    rows = [part / size for part in (moved_md, speed_md) if (size := np.sqrt((part**2).mean())) > 0.0]
    if not rows:
        message = f"{runs.name_g[0]}: nothing moves except the centre of mass: give runs with motion"
        raise TrainingDataError(message)
    triangle_dd = np.linalg.qr(np.concatenate(rows), mode="r")
    _, extent_d, right_ud = np.linalg.svd(triangle_dd, full_matrices=False)
    basis_du = right_ud[extent_d > MOVES * extent_d[0]].T
    number_n = np.asarray(runs.atoms.numbers, dtype=np.int64)
    return PhaseSpaceCoordinates(number_n, runs.mass_n, origin_nc, np.ascontiguousarray(basis_du))


def has_moving_centre(runs: Runs) -> bool:
    """Return whether the centre of mass moves freely, so that a total momentum is conserved and is not zero."""
    momentum_mnc = require_momenta(runs, "phase space")
    total_md = momentum_mnc.reshape(len(momentum_mnc), -1)
    size = float(np.abs(momentum_mnc).mean())
    return any(
        np.abs(total_md @ direction_d).max() > CONSERVED * size * len(runs.mass_n) * np.sqrt(runs.mass_n.sum())
        for direction_d in _free_translations(runs, momentum_mnc)
    )


def _free_translations(runs: Runs, momentum_mnc: FloatArray) -> Sequence[FloatArray]:
    """Return mass-weighted unit vectors of the translations whose momentum no run changes."""
    total_mc = momentum_mnc.sum(axis=1)
    size = float(np.abs(momentum_mnc).sum(axis=1).mean())
    root_n = np.sqrt(runs.mass_n)
    found = []
    for c in range(3):
        changes = [np.ptp(total_mc[runs.frames_of(run), c]) for run in range(runs.n_runs)]
        if len(root_n) > 1 and max(changes) <= CONSERVED * size and runs.position_mnc[..., c].std(axis=0).any():
            direction_nc = np.zeros((len(root_n), 3))
            direction_nc[:, c] = root_n / np.linalg.norm(root_n)
            found.append(direction_nc.ravel())
    return found
