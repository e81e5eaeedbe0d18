"""The fitted canonical map (q, p) → (Q, P): actions, angles, motion in closed form; saved and loaded bit by bit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.archive import Arrays, Header, read_model_as, shaped, with_prefix, without_prefix, write_model
from ase_rfhgn.symmetries.action_hamiltonian import ActionHamiltonian
from ase_rfhgn.symmetries.composition import Composition, layers_of
from ase_rfhgn.symmetries.coordinates import PhaseSpaceCoordinates
from ase_rfhgn.symmetries.ensemble import Constancy, Ensemble, constancy
from ase_rfhgn.symmetries.runs import Runs, RunSource, read_runs, require_momenta

KIND = "canonical map"
"""Name of this kind of model in model files."""


@dataclass(frozen=True, eq=False)
class CanonicalMap(ReadOnlyArrays):
    """A fitted canonical transformation to variables whose actions I = (Q² + P²)/2 are constant.

    Attributes
    ----------
    coordinates : PhaseSpaceCoordinates
        Mass-weighted coordinates of the atoms.
    layers : Composition
        Exactly symplectic layers.
    hamiltonian : ActionHamiltonian
        K(I), whose gradient is the frequencies.
    frequency_u : ndarray of shape (n,)
        Frequencies of small oscillations (radians per ASE time).
    record : dict
        Settings and what the fit found: plain JSON values.
    """

    coordinates: PhaseSpaceCoordinates
    layers: Composition
    hamiltonian: ActionHamiltonian
    frequency_u: FloatArray
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Name of this kind of model."""
        return KIND

    @property
    def frequencies(self) -> FloatArray:
        """Frequencies of small oscillations (radians per ASE time), shape (n,).

        They ascend; of orbits around a centre, they are those of the circular orbit of the mean angular momentum,
        radial, angular, and zero for the node.
        """
        return self.frequency_u

    def __call__(self, atoms: Atoms | Iterable[Atoms]) -> FloatArray:
        """Return the new variables (Q, P) of a structure, shape (2n,), or of several, shape (m, 2n).

        Parameters
        ----------
        atoms : ase.Atoms, or iterable of them
            Structures with positions and momenta.

        Raises
        ------
        StructureError
            If the atoms are others than in the fit, or a number is not finite.
        """
        state_md = self.layers.forward(self.coordinates.states_of(atoms))
        return state_md[0] if isinstance(atoms, Atoms) else state_md

    def actions(self, atoms: Atoms | Iterable[Atoms]) -> FloatArray:
        """Return the actions I = (Q² + P²)/2 (eV times ASE's time) of a structure, shape (n,), or of several.

        Parameters
        ----------
        atoms : ase.Atoms, or iterable of them
            Structures with positions and momenta.
        """
        action_mu = self.hamiltonian.actions(self._states(atoms))
        return action_mu[0] if isinstance(atoms, Atoms) else action_mu

    def angles(self, atoms: Atoms | Iterable[Atoms]) -> FloatArray:
        """Return the angles φ, which grow with time, of a structure, shape (n,), or of several (radians).

        Parameters
        ----------
        atoms : ase.Atoms, or iterable of them
            Structures with positions and momenta.
        """
        angle_mu = self.hamiltonian.angles(self._states(atoms))
        return angle_mu[0] if isinstance(atoms, Atoms) else angle_mu

    def frequencies_at(self, atoms: Atoms | Iterable[Atoms]) -> FloatArray:
        """Return the frequencies ω(I) = ∂K/∂I of a structure's motion, or of several (radians per ASE time).

        Parameters
        ----------
        atoms : ase.Atoms, or iterable of them
            Structures with positions and momenta.
        """
        frequency_mu = self.hamiltonian.frequencies(self.hamiltonian.actions(self._states(atoms)))
        return frequency_mu[0] if isinstance(atoms, Atoms) else frequency_mu

    def inverse(self, variable_d: FloatArray, atoms: Atoms) -> Atoms:
        """Return the structure whose new variables are given.

        Parameters
        ----------
        variable_d : ndarray of shape (2n,)
            (Q, P).
        atoms : ase.Atoms
            Structure of which a copy gets the positions and momenta.

        Raises
        ------
        SettingsError
            If there are more or fewer than 2n variables.
        """
        variable_d = np.asarray(variable_d, dtype=np.float64)
        if variable_d.shape != (2 * self.coordinates.n,) or not np.isfinite(variable_d).all():
            message = (
                f"variables of shape {variable_d.shape}: needed are {2 * self.coordinates.n} finite numbers (Q, P)"
            )
            raise SettingsError(message)
        return self.coordinates.placed(atoms, self.layers.inverse(variable_d[None])[0])

    def evolve(self, atoms: Atoms, time: float) -> Atoms:
        """Return the structure after any time, by one evaluation: φ grows by ω(I) t, and the map leads back.

        Parameters
        ----------
        atoms : ase.Atoms
            Structure with positions and momenta.
        time : float
            Time, also negative (ASE units).

        Raises
        ------
        SettingsError
            If the time is not finite.
        """
        if not np.isfinite(time):
            message = f"time is {time!r}: it must be a finite number in ASE's units of time"
            raise SettingsError(message)
        moved_md = self.hamiltonian.flow(self._states(atoms), time)
        return self.coordinates.placed(atoms, self.layers.inverse(moved_md)[0], time)

    def brackets(self, atoms: Atoms) -> FloatArray:
        """Return the Poisson brackets of the new variables at a structure, shape (2n, 2n): Ω for a canonical map.

        Parameters
        ----------
        atoms : ase.Atoms
            Structure with positions and momenta.
        """
        brackets_dd: FloatArray = self.layers.brackets(self.coordinates.states_of(atoms))[0]
        return brackets_dd

    def constancy(self, runs: Runs | RunSource | Iterable[RunSource]) -> Constancy:
        """Return how constant the actions are along runs, which should be others than those of the fit.

        Parameters
        ----------
        runs : iterable of runs
            As for `fit_canonical_map`.
        """
        known = read_runs(runs)
        states_md = self.coordinates.states(known.position_mnc, require_momenta(known, "a canonical map"))
        return constancy(Ensemble(self.layers.forward(states_md), known.start_g, rotations=self.hamiltonian.rotations))

    def save(self, path: str | Path) -> None:
        """Write the map to an ``.npz`` file, whole or not at all; equal maps give equal bytes.

        Parameters
        ----------
        path : str or Path
            File to write.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        header: Header = {"model": KIND, "record": self.record, "layers": len(self.layers.layers)}
        arrays = {"frequency": self.frequency_u}
        parts: dict[str, PhaseSpaceCoordinates | Composition | ActionHamiltonian] = {
            "coordinates": self.coordinates,
            "layers": self.layers,
            "hamiltonian": self.hamiltonian,
        }
        for name, part in parts.items():
            arrays |= with_prefix(name, part.arrays())
        write_model(path, header, arrays)

    @classmethod
    def load(cls, path: str | Path) -> CanonicalMap:
        """Return the map of a file.

        Parameters
        ----------
        path : str or Path
            File that `save` wrote.

        Raises
        ------
        ModelFileError
            If the file is missing, or not an intact canonical map.
        """
        return read_model_as(path, {KIND: _assembled})

    def _states(self, atoms: Atoms | Iterable[Atoms]) -> FloatArray:
        return self.layers.forward(self.coordinates.states_of(atoms))


def _assembled(header: Header, arrays: Arrays) -> CanonicalMap:
    """Return the map of a header and arrays."""
    coordinates = PhaseSpaceCoordinates.of_arrays(without_prefix("coordinates", arrays))
    n = coordinates.n
    return CanonicalMap(
        coordinates=coordinates,
        layers=layers_of(without_prefix("layers", arrays), int(header["layers"]), n),
        hamiltonian=ActionHamiltonian.of_arrays(without_prefix("hamiltonian", arrays), n),
        frequency_u=shaped(arrays, "frequency", (n,)),
        record=dict(header["record"]),
    )
