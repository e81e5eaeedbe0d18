"""Integrals of motion that were found in trajectories: their values, how well they are conserved, files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.archive import Arrays, Header, read_model_as, shaped, with_prefix, without_prefix, write_model
from ase_rfhgn.symmetries.bond_sums import BondSums
from ase_rfhgn.symmetries.coordinates import PhaseSpaceCoordinates
from ase_rfhgn.symmetries.eigenfunctions import spreads
from ase_rfhgn.symmetries.ensemble import Ensemble
from ase_rfhgn.symmetries.graph_sums import GraphSums
from ase_rfhgn.symmetries.observables import JoinedObservables, Observables, plain_observables_of
from ase_rfhgn.symmetries.runs import Runs, RunSource, read_runs, require_momenta

KIND = "integrals of motion"
"""Name of this kind of model in model files."""


@dataclass(frozen=True, eq=False)
class Integrals(ReadOnlyArrays):
    """Independent integrals of motion, each with unit variance over the trajectories of the fit.

    Attributes
    ----------
    coordinates : PhaseSpaceCoordinates
        Mass-weighted coordinates of the atoms.
    observables : Observables
        Functions that the integrals are linear in.
    conserved_fi : ndarray of shape (n_features, n_conserved)
        Coefficients of all functions below the threshold, the most constant first.
    mean_i : ndarray of shape (n_conserved,)
        Their means, which are taken off.
    independent_i : ndarray of shape (count,)
        Which of them are independent.
    conserved_spread_i : ndarray of shape (n_conserved,)
        λ of each on trajectories left out: mean square deviation from its mean along the trajectory over its
        variance.
    spectrum_i : ndarray of shape (n_functions,)
        λ on trajectories left out of all functions that were looked at, dependent ones included.
    fitted_spectrum_i : ndarray of the same shape
        λ of the same functions on the trajectories of the fit; far below the other, it was memorised.
    singular_k : ndarray
        Singular values of the gradients of all functions below the threshold, over the largest.
    record : dict
        Settings, threshold, noise and more: plain JSON values.
    """

    coordinates: PhaseSpaceCoordinates
    observables: Observables
    conserved_fi: FloatArray
    mean_i: FloatArray
    independent_i: IntArray
    conserved_spread_i: FloatArray
    spectrum_i: FloatArray
    fitted_spectrum_i: FloatArray
    singular_k: FloatArray
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Name of this kind of model."""
        return KIND

    @property
    def count(self) -> int:
        """Number of independent integrals."""
        return len(self.independent_i)

    @property
    def spread_i(self) -> FloatArray:
        """λ of every independent integral on trajectories left out, shape (count,)."""
        return self.conserved_spread_i[self.independent_i]

    def __call__(self, atoms: Atoms | Iterable[Atoms]) -> FloatArray:
        """Return the values of the integrals for a structure, shape (count,), or for several, shape (m, count).

        Parameters
        ----------
        atoms : ase.Atoms, or iterable of them
            Structures with positions and momenta.

        Raises
        ------
        StructureError
            If the atoms are others than in the fit, or a number is not finite.
        """
        return self.conserved(atoms)[..., self.independent_i]

    def conserved(self, atoms: Atoms | Iterable[Atoms]) -> FloatArray:
        """Return the values of all conserved functions, dependent ones included: they span more known integrals.

        Parameters
        ----------
        atoms : ase.Atoms, or iterable of them
            Structures with positions and momenta.
        """
        value_mi = self._values(self.coordinates.states_of(atoms))
        return value_mi[0] if isinstance(atoms, Atoms) else value_mi

    def spread_over_windows(
        self, runs: Runs | RunSource | Iterable[RunSource], shares: Sequence[float] = (0.125, 0.25, 0.5, 1.0)
    ) -> FloatArray:
        """Return λ within windows of trajectories, shape (n_windows, count): slow functions grow with the window.

        Parameters
        ----------
        runs : iterable of runs
            Trajectories, as for `find_integrals`.
        shares : sequence of float
            Lengths of the windows, in units of the whole trajectory.

        Raises
        ------
        SettingsError
            If a window has fewer than two frames.
        """
        known = read_runs(runs)
        states_md = self.coordinates.states(known.position_mnc, require_momenta(known, "an integral"))
        value_mi = self._values(states_md)[:, self.independent_i]
        rows = []
        for share in shares:
            start_g = _windows(known.start_g, share)
            drift_mi = Ensemble(states_md, start_g).deviations(value_mi)
            rows.append(spreads(drift_mi, value_mi))
        return np.array(rows)

    def save(self, path: str | Path) -> None:
        """Write the integrals to an ``.npz`` file, whole or not at all; equal ones give equal bytes.

        Parameters
        ----------
        path : str or Path
            File to write.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        arrays: Arrays = {
            "conserved": self.conserved_fi,
            "mean": self.mean_i,
            "independent": self.independent_i,
            "spread": self.conserved_spread_i,
            "spectrum": self.spectrum_i,
            "fitted_spectrum": self.fitted_spectrum_i,
            "singular": self.singular_k,
        }
        arrays |= with_prefix("coordinates", self.coordinates.arrays())
        arrays |= with_prefix("observables", self.observables.arrays())
        write_model(path, {"model": KIND, "record": self.record}, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Integrals:
        """Return the integrals of a file.

        Parameters
        ----------
        path : str or Path
            File that `save` wrote.

        Raises
        ------
        ModelFileError
            If the file is missing, or holds no intact integrals.
        """
        return read_model_as(path, {KIND: _assembled})

    def _values(self, state_md: FloatArray) -> FloatArray:
        return self.observables.values(state_md) @ self.conserved_fi - self.mean_i


def _windows(start_g: IntArray, share: float) -> IntArray:
    """Return the starts of windows that trajectories are cut into, and the end."""
    starts: list[int] = []
    for first, last in pairwise(start_g.tolist()):
        length = round(share * int(last - first))
        if length < 2:
            message = f"a window of {share!r} of {last - first} frames is too short: take a larger share"
            raise SettingsError(message)
        n_windows = max(1, int(last - first) // length)
        starts += np.linspace(first, last, n_windows, endpoint=False).astype(int).tolist()
    return np.array([*starts, start_g[-1]])


def _assembled(header: Header, arrays: Arrays) -> Integrals:
    """Return the integrals of a header and arrays."""
    coordinates = PhaseSpaceCoordinates.of_arrays(without_prefix("coordinates", arrays))
    observables = _observables_of(without_prefix("observables", arrays), 2 * coordinates.n)
    n_conserved = len(shaped(arrays, "mean", (None,)))
    n_functions = len(shaped(arrays, "spectrum", (None,)))
    independent_i = shaped(arrays, "independent", (None,))
    if independent_i.dtype != np.int64 or not np.isin(independent_i, np.arange(n_conserved)).all():
        message = "independent integrals are not among the conserved functions"
        raise ValueError(message)
    return Integrals(
        coordinates=coordinates,
        observables=observables,
        conserved_fi=shaped(arrays, "conserved", (observables.n_features, n_conserved)),
        mean_i=arrays["mean"],
        independent_i=independent_i,
        conserved_spread_i=shaped(arrays, "spread", (n_conserved,)),
        spectrum_i=arrays["spectrum"],
        fitted_spectrum_i=shaped(arrays, "fitted_spectrum", (n_functions,)),
        singular_k=shaped(arrays, "singular", (None,)),
        record=dict(header["record"]),
    )


def _observables_of(arrays: Arrays, width: int) -> Observables:
    if "steepness" in arrays:
        return BondSums.of_arrays(arrays, width)
    if "head" in arrays:
        return GraphSums.of_arrays(arrays)
    if "parts" in arrays:
        parts = range(int(shaped(arrays, "parts", (1,))[0]))
        return JoinedObservables(tuple(_observables_of(without_prefix(f"part{k}", arrays), width) for k in parts))
    return plain_observables_of(arrays, width)
