"""The answer of a potential for one domain of a decomposed structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.response import SiteResponse, voigt
from ase_rfhgn.features.spherical.evaluation import Reduced
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.models.transport import atomic_stresses, atomic_virials
from ase_rfhgn.structures.local_graph import LocalGraph


@dataclass(frozen=True, slots=True)
class DomainEvaluation:
    """Energies, forces and virials of the own atoms of a domain; sums over all domains are those of the structure.

    Attributes
    ----------
    energy_n : ndarray of shape (n_own,)
        Energies of the own atoms (eV).
    force_nc : ndarray of shape (n_own, 3)
        Forces on the own atoms (eV/Å).
    virial_v : ndarray of shape (6,)
        Derivative of the energies of the own atoms by a homogeneous strain, Voigt order (eV).
    grade_n : ndarray of shape (n_own,) or None
        Extrapolation grades of the own atoms; None unless asked for.
    gradient_pc : ndarray of shape (n_edges, 3)
        Derivatives of the energies of the centres by the edge vectors (eV/Å).
    local : LocalGraph
        The graph.
    """

    energy_n: FloatArray
    force_nc: FloatArray
    virial_v: FloatArray
    grade_n: FloatArray | None
    gradient_pc: FloatArray
    local: LocalGraph

    def virial_nv(self) -> FloatArray:
        """Return the virials of the own atoms, Voigt order (eV); for the convention see `models.transport`."""
        response = SiteResponse(self.energy_n, self.gradient_pc)
        virial_ncc = atomic_virials(self.local.graph, response)[: self.local.n_own]
        return atomic_stresses(virial_ncc, 1.0).reshape(-1, 6)


def evaluate_domain(
    potential: Potential, local: LocalGraph, *, grade: bool = False, threads: int = 1
) -> DomainEvaluation:
    """Return the energies, forces and virials of the own atoms of a domain.

    Parameters
    ----------
    potential : Potential
        A potential.
    local : LocalGraph
        The graph of the domain.
    grade : bool
        Whether to compute extrapolation grades, too.
    threads : int
        Threads that share the work.

    Raises
    ------
    SettingsError
        If grades are wanted and the potential has no ensemble, or energies of its baseline are no sums over edges.
    """
    graph, n_own = local.graph, local.n_own
    fields, species_n = potential.hamiltonian, np.searchsorted(potential.species_s, local.graph.number_n)
    described = Reduced(fields, ()) if grade else None
    answers = fields.evaluate(graph, [potential.polynomials], described, threads)
    response = SiteResponse(answers.responses[0].energy_n, answers.gradient_epc[0])
    force_nc = answers.responses[0].force_nc
    near, push_pc = potential.baseline.add_by_edges(response, graph)
    np.add.at(force_nc, graph.centre_p[near], push_pc)
    np.subtract.at(force_nc, graph.neighbour_p[near], push_pc)
    own = slice(0, graph.first_n[n_own])
    grade_n = None
    if answers.descriptor_nd is not None:
        grade_n = potential.known_ensemble().domain.grade(answers.descriptor_nd[:n_own], species_n[:n_own])
    return DomainEvaluation(
        energy_n=response.energy_n[:n_own],
        force_nc=force_nc[:n_own],
        virial_v=voigt(graph.vector_pc[own].T @ response.gradient_pc[own]),
        grade_n=grade_n,
        gradient_pc=response.gradient_pc,
        local=local,
    )
