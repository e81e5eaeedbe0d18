"""From frames to rows of the linear system: energies, forces, stresses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.features.response import voigt
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.features.spherical.rows import feature_rows
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.structures.graph import NeighbourGraph
from ase_rfhgn.structures.training_set import Frame

KINDS = ("energy", "force", "stress", "motion")
"""Kinds of rows: eV/atom, eV/Å, eV/Å³, and mean forces between frames in eV/Å."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of the linear system: one-body energies, then the features of every species.

    Attributes
    ----------
    n_species, n_features : int
        Number of species, and of features per species.
    """

    n_species: int
    n_features: int

    @property
    def n_columns(self) -> int:
        """Number of columns without the right-hand side."""
        return self.n_species * (1 + self.n_features)

    def columns(self, system: tuple[int, ...]) -> IntArray:
        """Return the columns that frames of some species touch, the right-hand side last."""
        features = [self.n_species + s * self.n_features + np.arange(self.n_features) for s in system]
        return np.concatenate([np.array(system), *features, [self.n_columns]]).astype(np.int64)

    def split(self, coefficient_f: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return one-body energies (n_species,) and coefficients (n_species, n_features)."""
        return coefficient_f[: self.n_species], coefficient_f[self.n_species :].reshape(self.n_species, -1)


def frame_rows(
    hamiltonian: SphericalFields, baseline: Baseline, frame: Frame, graph: NeighbourGraph, system: tuple[int, ...]
) -> dict[str, FloatArray]:
    """Return the rows of every kind of label that a frame has, right-hand side last.

    Parameters
    ----------
    hamiltonian : SphericalFields
        The features.
    baseline : Baseline
        What is subtracted from the labels.
    frame : Frame
        Structure and labels.
    graph : NeighbourGraph
        Its atoms, as the features see them.
    system : tuple of int
        Indices of the species that have columns, ascending.
    """
    known = baseline.respond(graph)
    column_s = np.full(len(hamiltonian.species_s), -1)
    column_s[list(system)] = len(system) + hamiltonian.n_features * np.arange(len(system))
    n_columns = len(system) * (1 + hamiltonian.n_features)
    features = feature_rows(hamiltonian, graph, column_s, n_columns + 1, stress=frame.stress_v is not None)
    rows = {}
    if frame.energy is not None:
        number_s = hamiltonian.species_s[list(system)]
        features.energy_f[: len(system)] = np.count_nonzero(graph.number_n == number_s[:, None], axis=1)
        features.energy_f[-1] = frame.energy - known.energy_n.sum()
        rows["energy"] = features.energy_f[None] / graph.n_atoms
    if frame.force_nc is not None:
        features.force_mf[:, -1] = (frame.force_nc - known.force_nc).ravel()
        rows["force"] = features.force_mf
    if frame.stress_v is not None:
        volume = frame.atoms.get_volume()
        features.virial_vf[:, -1] = volume * frame.stress_v - voigt(known.virial_cc)
        rows["stress"] = features.virial_vf / volume
    return rows
