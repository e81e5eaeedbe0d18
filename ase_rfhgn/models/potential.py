"""The fitted potential: it is immutable, and saved and loaded bit by bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray
from scipy.sparse import bsr_array

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.features.response import PairBlocks, Response, SiteResponse, voigt
from ase_rfhgn.features.spherical.blocks import Polynomials
from ase_rfhgn.features.spherical.evaluation import Answers, Reduced
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.models.archive import Arrays, Header, fingerprint_of_contents, read_model_as, write_model
from ase_rfhgn.models.baselines.short_range import Baseline
from ase_rfhgn.models.evaluation import Evaluation
from ase_rfhgn.models.hessian import dense_hessian, sparse_hessian
from ase_rfhgn.models.stored_potential import (
    KIND,
    KIND_WITH_CALCULATORS,
    answering_contents,
    contents_of,
    parts_of,
)
from ase_rfhgn.models.transport import atomic_virials, heat_flux
from ase_rfhgn.models.uncertainty import Ensemble, PredictedUncertainty
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.checks import refuse_coincident_atoms, refuse_impossible_places, refuse_unknown_elements
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph
from ase_rfhgn.structures.neighbour_list import NeighbourList


@dataclass(frozen=True, eq=False)
class Potential(ReadOnlyArrays):
    """A fitted random-feature Hamiltonian graph network.

    Attributes
    ----------
    hamiltonian : SphericalFields
        The features, with all sampled weights.
    coefficient_sf : ndarray of shape (n_species, n_features)
        Coefficients of the features per species of the centre (eV).
    baseline : Baseline
        One-body energies and short-range repulsion.
    record : dict
        Settings, seed and training record: plain JSON values.
    ensemble : Ensemble, optional
        Reduced-basis ensemble that predicts uncertainties.
    linear_system : mapping of str to ndarray, optional
        Linear system of the fit (`fit` with ``updatable=True``).
    """

    hamiltonian: SphericalFields
    coefficient_sf: FloatArray
    baseline: Baseline
    record: dict[str, Any] = field(default_factory=dict)
    ensemble: Ensemble | None = None
    linear_system: Mapping[str, NDArray[Any]] | None = None

    def __repr__(self) -> str:
        """Return the potential in one line."""
        elements = " ".join(chemical_symbols[z] for z in self.species_s)
        size = f"{self.coefficient_sf.size} features, cutoff {self.cutoff:g} Å"
        n_frames = self.record.get("n_frames")
        return f"Potential({elements}, {size}{f', fitted to {n_frames} frames' if n_frames else ''})"

    @property
    def kind(self) -> str:
        """Name of this kind of model."""
        return KIND

    @property
    def resolved_settings(self) -> dict[str, Any]:
        """Settings of the features as they are, whether they were given or chosen."""
        _, projections, n_degrees, channels = self.hamiltonian.projection_sqlk.shape
        return {
            "cutoff": self.cutoff,
            "channels": channels,
            "projections": projections,
            "correlation": self.hamiltonian.correlation,
            "degree": n_degrees - 1,
        }

    @property
    def species_s(self) -> IntArray:
        """Atomic numbers of the elements that the potential knows."""
        return self.hamiltonian.species_s

    @property
    def cutoff(self) -> float:
        """Distance beyond which atoms do not interact (Å)."""
        return self.hamiltonian.cutoff

    def evaluate(
        self, atoms: Atoms, *, uncertainty: bool = False, neighbours: NeighbourList | None = None, threads: int = 1
    ) -> Evaluation:
        """Return the energies, forces and stress of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            A structure.
        uncertainty : bool
            Whether to predict uncertainties, too.
        neighbours : NeighbourList, optional
            Neighbour list that makes the graph; by default pairs are searched anew.
        threads : int
            Threads that share the work.

        Raises
        ------
        StructureError
            If a position is not finite, atoms coincide, or an element was not in the training data.
        SettingsError
            If uncertainties are wanted and the potential has no ensemble.
        """
        graph = self._graph(atoms, neighbours)
        answers = self.hamiltonian.evaluate(graph, [self.polynomials], self._members if uncertainty else None, threads)
        response = answers.responses[0] + self.baseline.respond(atoms, graph)
        volume = _volume(atoms)
        return Evaluation(
            energy_n=response.energy_n,
            force_nc=response.force_nc,
            stress_v=None if volume is None or not self.baseline.has_stress else voigt(response.virial_cc) / volume,
            uncertainty=self._predicted_uncertainty(graph, answers, volume) if uncertainty else None,
        )

    def predicted_uncertainty(
        self, atoms: Atoms, *, neighbours: NeighbourList | None = None, threads: int = 1
    ) -> PredictedUncertainty:
        """Return the predicted uncertainties alone; arguments and errors are those of `evaluate`."""
        graph = self._graph(atoms, neighbours)
        answers = self.hamiltonian.evaluate(graph, [], self._members, threads)
        return self._predicted_uncertainty(graph, answers, _volume(atoms))

    def members(self, quantity: str = "energy") -> tuple[Potential, ...]:
        """Return potentials that differ from this one as the truth may: the members of its ensemble.

        Whatever is computed with this potential has an error bar, the root mean square deviation over the
        members. For an energy, a force or a stress, this is the predicted uncertainty of `evaluate`.

        Parameters
        ----------
        quantity : {"energy", "force", "stress"}
            What the computed quantity depends on most directly: each has its own interval scale.

        Raises
        ------
        SettingsError
            If the potential has no ensemble, or there is no such quantity.
        """
        deviations = self.known_ensemble().deviations(self.hamiltonian, quantity)
        return tuple(
            replace(
                self,
                coefficient_sf=self.coefficient_sf + coefficient_sf,
                baseline=replace(self.baseline, one_body_s=self.baseline.one_body_s + one_body_s),
                ensemble=None,
                linear_system=None,
            )
            for coefficient_sf, one_body_s in zip(*deviations, strict=True)
        )

    def grade(self, atoms: Atoms) -> FloatArray:
        """Return the extrapolation grade of every atom: above 1, it is unlike almost all training data.

        Raises
        ------
        StructureError, SettingsError
            As for `evaluate`.
        """
        domain, graph = self.known_ensemble().domain, self._graph(atoms)
        return domain.grade(self.hamiltonian.descriptors(graph), self._species_of(graph))

    def respond(self, atoms: Atoms, graph: NeighbourGraph, threads: int = 1) -> Response:
        """Return the energies, forces and virial of a structure whose graph is known."""
        answers = self.hamiltonian.evaluate(graph, [self.polynomials], threads=threads)
        return answers.responses[0] + self.baseline.respond(atoms, graph)

    def hessian(self, atoms: Atoms) -> FloatArray:
        """Return the second derivatives of the energy by the positions (eV/Å²): shape (3 n_atoms, 3 n_atoms).

        Row ``3 n + c`` belongs to component c of atom n. All periodic images of an atom move together.
        Errors are those of `evaluate`.
        """
        return dense_hessian(self.hessian_parts(atoms), len(atoms))

    def sparse_hessian(self, atoms: Atoms) -> bsr_array:
        """Return `hessian` as a sparse matrix, whose products with vectors cost little for large structures."""
        return sparse_hessian(self.hessian_parts(atoms), len(atoms))

    def atomic_virials(self, atoms: Atoms, *, neighbours: NeighbourList | None = None) -> FloatArray:
        """Return the virials of the atoms (eV): shape (n_atoms, 3, 3); they add up to volume times stress.

        A virial need not be symmetric: see `ase_rfhgn.models.transport` for the convention. Arguments and
        errors are those of `evaluate`.
        """
        graph = self._graph(atoms, neighbours)
        return atomic_virials(graph, self.respond_by_edges(graph))

    def heat_flux(self, atoms: Atoms, *, neighbours: NeighbourList | None = None) -> FloatArray:
        """Return the heat flux of moving atoms (eV Å per ASE's unit of time): shape (3,).

        It is the time derivative of Σ r e over the atoms, with their kinetic and potential energies e; see
        `ase_rfhgn.models.transport`. Arguments and errors are those of `evaluate`.
        """
        graph = self._graph(atoms, neighbours)
        return heat_flux(atoms, graph, self.respond_by_edges(graph))

    def respond_by_edges(self, graph: NeighbourGraph) -> SiteResponse:
        """Return the energies of atoms and their derivatives by the edges of a structure whose graph is known."""
        response = self.hamiltonian.respond_by_edges(graph, self.polynomials)
        self.baseline.add_by_edges(response, graph)
        return response

    def hessian_parts(self, atoms: Atoms) -> Iterator[PairBlocks]:
        """Yield the parts that `hessian` sums, for `ase_rfhgn.models.hessian`."""
        self.baseline.require_edges()
        graph = self._graph(atoms)
        yield from self.hamiltonian.hessian(graph, self.polynomials)
        yield self.baseline.core.hessian(graph)

    @cached_property
    def polynomials(self) -> Polynomials:
        """Coefficients in the form that evaluations take."""
        return self.hamiltonian.polynomials(self.coefficient_sf)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that two potentials share only if they give the same answers."""
        return fingerprint_of_contents(*answering_contents(self))

    def save(self, path: str | Path) -> None:
        """Write the potential to a file (`.npz`), atomically and byte-reproducibly."""
        write_model(path, *contents_of(self))

    @classmethod
    def load(cls, path: str | Path) -> Potential:
        """Return the potential of a file.

        Raises
        ------
        ModelFileError
            If the file is missing, truncated, foreign, changed, or newer than this program.
        """
        return read_model_as(path, MAKERS)

    @cached_property
    def _members(self) -> Reduced:
        return self.known_ensemble().members(self.hamiltonian)

    def _predicted_uncertainty(
        self, graph: NeighbourGraph, answers: Answers, volume: float | None
    ) -> PredictedUncertainty:
        ensemble = self.known_ensemble()
        assert answers.descriptor_nd is not None  # noqa: S101  # members were evaluated
        responses = answers.responses[-len(ensemble.one_body_es) :]
        return ensemble.predicted_uncertainty(responses, answers.descriptor_nd, self._species_of(graph), volume)

    def _species_of(self, graph: NeighbourGraph) -> IntArray:
        return np.searchsorted(self.species_s, graph.number_n)

    def known_ensemble(self) -> Ensemble:
        """Return the ensemble; a potential without one raises `SettingsError`."""
        if self.ensemble is None:
            message = "this potential cannot predict its uncertainty: it was made without `fit`, or by an older version"
            raise SettingsError(message)
        return self.ensemble

    def _graph(self, atoms: Atoms, neighbours: NeighbourList | None = None) -> NeighbourGraph:
        """Return the graph of a structure, after a check of the structure."""
        refuse_unknown_elements(atoms, self.species_s, "potential")
        refuse_impossible_places(atoms)
        graph = build_graph(atoms, self.cutoff) if neighbours is None else neighbours.graph(atoms)
        refuse_coincident_atoms(graph)
        return graph


def _volume(atoms: Atoms) -> float | None:
    """Return the volume of the cell (Å³), None if it has none."""
    return atoms.get_volume() if has_volume(atoms) else None


def assemble(header: Header, arrays: Arrays) -> Potential:
    """Return the potential of the header and the arrays of a model file."""
    return Potential(**parts_of(header, arrays))


MAKERS = {KIND: assemble, KIND_WITH_CALCULATORS: assemble}
"""What makes potentials of model files, by the kind that they name."""
