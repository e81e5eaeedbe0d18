"""The fitted potential: immutable, saved and loaded bit by bit, knows nothing of its training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.baseline import Baseline, ShortRangeCore
from ase_rfhgn.errors import ModelFileError, StructureError
from ase_rfhgn.graph import NeighbourGraph, build_graph
from ase_rfhgn.hamiltonian.crowding import Crowding
from ase_rfhgn.hamiltonian.encoder import EdgeEncoder
from ase_rfhgn.hamiltonian.spherical import SphericalFields
from ase_rfhgn.model_file import JSON, read_model, write_model
from ase_rfhgn.neighbours import NeighbourList
from ase_rfhgn.response import Response, voigt


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Energies, forces and stress of a structure.

    Attributes
    ----------
    energy_n : ndarray of shape (n_atoms,)
        Energies of the atoms (eV), a partition of the energy.
    force_nc : ndarray of shape (n_atoms, 3)
        Forces (eV/Å).
    stress_v : ndarray of shape (6,) or None
        Stress xx, yy, zz, yz, xz, xy (eV/Å³), positive in tension; None unless the cell has a volume.
    """

    energy_n: FloatArray
    force_nc: FloatArray
    stress_v: FloatArray | None

    @property
    def energy(self) -> float:
        """Energy of the structure (eV)."""
        return float(self.energy_n.sum())


@dataclass(frozen=True, eq=False)
class Potential:
    """A fitted random-feature Hamiltonian graph network.

    Attributes
    ----------
    hamiltonian : SphericalFields
        The features, with all drawn weights.
    coefficient_sf : ndarray of shape (n_species, n_features)
        Their coefficients per species of the centre (eV).
    baseline : Baseline
        One-body energies and short-range repulsion.
    record : dict
        Settings, seed and training record: plain JSON values.
    """

    hamiltonian: SphericalFields
    coefficient_sf: FloatArray
    baseline: Baseline
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def species_s(self) -> IntArray:
        """Atomic numbers of the elements that the potential knows."""
        return self.hamiltonian.species_s

    @property
    def cutoff(self) -> float:
        """Distance beyond which atoms do not see each other (Å)."""
        return self.hamiltonian.cutoff

    def evaluate(self, atoms: Atoms, *, neighbours: NeighbourList | None = None, threads: int = 1) -> Evaluation:
        """Return the energies, forces and stress of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            A structure.
        neighbours : NeighbourList, optional
            What makes the graph; by default pairs are searched anew.
        threads : int
            Threads that share the work.

        Raises
        ------
        StructureError
            If a position is not finite, atoms coincide, or an element was not in the training data.
        """
        self._check(atoms)
        graph = build_graph(atoms, self.cutoff) if neighbours is None else neighbours.graph(atoms)
        _check_distances(graph)
        response = self.respond(graph, threads)
        has_volume = atoms.cell.rank == 3
        return Evaluation(
            energy_n=response.energy_n,
            force_nc=response.force_nc,
            stress_v=voigt(response.virial_cc) / atoms.get_volume() if has_volume else None,
        )

    def respond(self, graph: NeighbourGraph, threads: int = 1) -> Response:
        """Return the energies, forces and virial of a graph."""
        return self.hamiltonian.respond(graph, self.coefficient_sf, threads) + self.baseline.respond(graph)

    def save(self, path: str | Path) -> None:
        """Write the potential to a file (`.npz`), atomically and byte-reproducibly."""
        encoder, core = self.hamiltonian.encoder, self.baseline.core
        crowding = self.hamiltonian.crowding
        arrays = {
            "species_s": self.species_s,
            "cutoff_k": encoder.cutoff_k,
            "weight_k": encoder.weight_k,
            "shift_bk": encoder.shift_bk,
            "size_b": encoder.size_b,
            "floor_b": encoder.floor_b,
            "mixing_sqlk": self.hamiltonian.mixing_sqlk,
            "mean_sk": self.hamiltonian.mean_sk,
            "coefficient_sf": self.coefficient_sf,
            "one_body_s": self.baseline.one_body_s,
            "core_radius_b": core.radius_b,
            "core_strength_b": core.strength_b,
            "ceiling_s": np.empty(0) if crowding is None else crowding.ceiling_s,
        }
        header: dict[str, JSON] = {
            "model": "spherical fields",
            "cutoff": self.cutoff,
            "correlation": self.hamiltonian.correlation,
            "crowding_strength": None if crowding is None else crowding.strength,
            "record": self.record,
        }
        write_model(path, header, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Potential:
        """Return the potential of a file.

        Raises
        ------
        ModelFileError
            If the file is missing, truncated, foreign, newer than this program or was changed.
        """
        header, arrays = read_model(path)
        try:
            return _assemble(header, arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            message = f"{path}: not a spherical-field potential ({type(error).__name__}: {error})"
            raise ModelFileError(message) from error

    def _check(self, atoms: Atoms) -> None:
        unknown = sorted(set(atoms.symbols[~np.isin(atoms.numbers, self.species_s)]))
        if unknown:
            known = Atoms(numbers=self.species_s).get_chemical_symbols()
            message = f"the potential does not know {', '.join(unknown)}: it was fitted for {', '.join(known)}"
            raise StructureError(message)
        periodic_cell = atoms.cell.array[atoms.pbc]
        if not np.isfinite(atoms.cell).all() or np.linalg.matrix_rank(periodic_cell) < len(periodic_cell):
            message = f"cell vectors must be finite, and independent where periodic: {atoms.cell.tolist()}, {atoms.pbc}"
            raise StructureError(message)
        bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
        if len(bad):
            message = f"position of atom {bad[0]} is not finite: {atoms.positions[bad[0]]}"
            raise StructureError(message)


def _check_distances(graph: NeighbourGraph) -> None:
    coincident = np.flatnonzero(graph.distance_p < 1e-6)
    if len(coincident):
        first = coincident[0]
        message = f"atoms {graph.centre_p[first]} and {graph.neighbour_p[first]} are at the same place"
        raise StructureError(message)


def _assemble(header: dict[str, Any], arrays: dict[str, Any]) -> Potential:
    species_s = arrays["species_s"]
    n_species, n_channels = len(species_s), len(arrays["weight_k"])
    encoder = EdgeEncoder(
        cutoff_k=_shaped(arrays, "cutoff_k", (n_channels,)),
        weight_k=_shaped(arrays, "weight_k", (n_channels,)),
        shift_bk=_shaped(arrays, "shift_bk", (n_species**2, n_channels)),
        size_b=_shaped(arrays, "size_b", (n_species**2,)),
        floor_b=_shaped(arrays, "floor_b", (n_species**2,)),
    )
    hamiltonian = SphericalFields(
        species_s=species_s,
        cutoff=float(header["cutoff"]),
        encoder=encoder,
        mixing_sqlk=_shaped(arrays, "mixing_sqlk", (n_species, None, None, n_channels)),
        mean_sk=_shaped(arrays, "mean_sk", (n_species, n_channels)),
        correlation=int(header["correlation"]),
        crowding=_crowding(header, arrays, n_species),
    )
    core = ShortRangeCore(
        species_s=species_s,
        radius_b=_shaped(arrays, "core_radius_b", (n_species**2,)),
        strength_b=_shaped(arrays, "core_strength_b", (n_species**2,)),
    )
    return Potential(
        hamiltonian=hamiltonian,
        coefficient_sf=_shaped(arrays, "coefficient_sf", (n_species, hamiltonian.n_features)),
        baseline=Baseline(_shaped(arrays, "one_body_s", (n_species,)), core),
        record=dict(header["record"]),
    )


def _crowding(header: dict[str, Any], arrays: dict[str, Any], n_species: int) -> Crowding | None:
    if header["crowding_strength"] is None:
        return None
    ceiling_s = _shaped(arrays, "ceiling_s", (n_species,))
    return Crowding(float(header["cutoff"]), ceiling_s, float(header["crowding_strength"]))


def _shaped(arrays: dict[str, Any], name: str, shape: tuple[int | None, ...]) -> FloatArray:
    """Return an array of a model file after a check of its shape and that it is finite."""
    array: FloatArray = arrays[name]
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if not (fits and np.isfinite(array).all()):
        message = f"array {name} of shape {array.shape} does not fit {shape}, or is not finite"
        raise ValueError(message)
    return array
