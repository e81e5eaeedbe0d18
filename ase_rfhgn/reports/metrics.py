"""Errors of predictions against labels: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from ase.units import GPa
from numpy.typing import ArrayLike

from ase_rfhgn.arrays import FloatArray

MEV_PER_EV = 1000.0


@dataclass(frozen=True, slots=True)
class ElementErrors:
    """Root-mean-square and mean absolute errors of the forces on the atoms of an element.

    Attributes
    ----------
    force_rmse, force_mae : float
        Over all Cartesian components of labelled forces (eV/Å).
    n_atoms : int
        Number of atoms with labelled forces.
    """

    force_rmse: float
    force_mae: float
    n_atoms: int


@dataclass(frozen=True, slots=True)
class Errors:
    """Root-mean-square and mean absolute errors over a set of frames.

    Attributes
    ----------
    energy_rmse, energy_mae : float or None
        Over the frames with an energy (meV/atom); None if there are none.
    force_rmse, force_mae : float or None
        Over all Cartesian components of all labelled forces (eV/Å).
    stress_rmse, stress_mae : float or None
        Over the six Voigt components of all labelled stresses (GPa).
    n_frames, n_atoms : int
        Numbers of frames and of atoms, labelled or not.
    by_group : mapping of str to Errors
        Errors over the frames of every group; empty if frames have no groups.
    by_element : mapping of str to ElementErrors
        Errors of forces by chemical symbol; empty without labelled forces.
    """

    energy_rmse: float | None
    energy_mae: float | None
    force_rmse: float | None
    force_mae: float | None
    stress_rmse: float | None
    stress_mae: float | None
    n_frames: int
    n_atoms: int
    by_group: Mapping[str, Errors] = field(default_factory=dict)
    by_element: Mapping[str, ElementErrors] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the errors by name, ready for JSON.

        There is an entry "by_group" if frames have groups, and an entry "by_element" if there are several elements.
        """
        plain = {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("by_")}
        groups = {name: errors.as_dict() for name, errors in self.by_group.items()}
        elements = {symbol: asdict(errors) for symbol, errors in self.by_element.items()}
        parts = {"by_group": groups} if groups else {}
        return plain | parts | ({"by_element": elements} if len(elements) > 1 else {})


class ErrorAccumulator:
    """Running sums of errors: memory does not grow with the number of frames.

    Examples
    --------
    >>> accumulator = ErrorAccumulator()
    >>> accumulator.add(0.003, None, None, n_atoms=2)
    >>> accumulator.add(-0.004, None, None, n_atoms=2)
    >>> round(accumulator.errors().energy_mae, 6)
    3.5
    """

    def __init__(self) -> None:
        self._energy = _RunningMeans()
        self._force = _RunningMeans()
        self._stress = _RunningMeans()
        self._n_frames = 0
        self._n_atoms = 0
        self._by_group: dict[str, ErrorAccumulator] = {}
        self._by_element: dict[str, _RunningMeans] = {}

    def add(
        self,
        energy_error_per_atom: float | None,
        force_error_nc: FloatArray | None,
        stress_error_v: FloatArray | None,
        *,
        n_atoms: int,
        symbol_n: Sequence[str] = (),
        group: str | None = None,
    ) -> None:
        """Add the errors of one frame: prediction minus label, None where a label is absent.

        Parameters
        ----------
        energy_error_per_atom : float or None
            Error of the energy, divided by the number of atoms (eV).
        force_error_nc : ndarray of shape (n_atoms, 3) or None
            Errors of the forces (eV/Å).
        stress_error_v : ndarray of shape (6,) or None
            Errors of the stress (eV/Å³).
        n_atoms : int
            Number of atoms of the frame.
        symbol_n : sequence of str, optional
            Chemical symbols of the atoms, for errors by element.
        group : str, optional
            Group of the frame, for errors by group.
        """
        self._n_frames += 1
        self._n_atoms += n_atoms
        if energy_error_per_atom is not None:
            self._energy.add(energy_error_per_atom)
        if force_error_nc is not None:
            self._force.add(force_error_nc)
        if stress_error_v is not None:
            self._stress.add(stress_error_v)
        if force_error_nc is not None:
            for symbol in sorted(set(symbol_n)):
                mine_n = np.array([one == symbol for one in symbol_n])
                self._by_element.setdefault(symbol, _RunningMeans()).add(force_error_nc[mine_n])
        if group is not None:
            mine = self._by_group.setdefault(group, ErrorAccumulator())
            mine.add(energy_error_per_atom, force_error_nc, stress_error_v, n_atoms=n_atoms)

    def errors(self) -> Errors:
        """Return the errors over all frames added so far."""
        return Errors(
            energy_rmse=self._energy.root_mean_square(MEV_PER_EV),
            energy_mae=self._energy.mean_absolute(MEV_PER_EV),
            force_rmse=self._force.root_mean_square(),
            force_mae=self._force.mean_absolute(),
            stress_rmse=self._stress.root_mean_square(1.0 / GPa),
            stress_mae=self._stress.mean_absolute(1.0 / GPa),
            n_frames=self._n_frames,
            n_atoms=self._n_atoms,
            by_group={name: self._by_group[name].errors() for name in sorted(self._by_group)},
            by_element={symbol: self._by_element[symbol].of_element() for symbol in sorted(self._by_element)},
        )


@dataclass(slots=True)
class _RunningMeans:
    """Sums over the elements of arrays that arrive one after the other."""

    n_values: int = 0
    sum_of_squares: float = 0.0
    sum_of_absolutes: float = 0.0

    def add(self, error: ArrayLike) -> None:
        """Add every element of an array, or a number."""
        values = np.asarray(error, dtype=np.float64)
        self.n_values += values.size
        self.sum_of_squares += float(np.square(values).sum())
        self.sum_of_absolutes += float(np.abs(values).sum())

    def of_element(self) -> ElementErrors:
        """Return the errors of the forces on the atoms of an element; there are three values for each atom."""
        rmse, mae = self.root_mean_square(), self.mean_absolute()
        assert rmse is not None  # noqa: S101  # an element has atoms
        assert mae is not None  # noqa: S101
        return ElementErrors(rmse, mae, self.n_values // 3)

    def root_mean_square(self, unit: float = 1.0) -> float | None:
        """Return the root of the mean square, times a unit; None without values."""
        if not self.n_values:
            return None
        return unit * float(np.sqrt(self.sum_of_squares / self.n_values))

    def mean_absolute(self, unit: float = 1.0) -> float | None:
        """Return the mean of the absolute values, times a unit; None without values."""
        return unit * self.sum_of_absolutes / self.n_values if self.n_values else None
