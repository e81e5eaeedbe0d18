"""ASE calculators that assemble pair laws over bonds, and fields over atoms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, CalculatorSetupError, all_changes

from ase_rfhgn.features.response import Response, pairwise_response, voigt
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.graph import Bonds, bonded_graph
from ase_rfhgn.systems.fields import Field
from ase_rfhgn.systems.pair_laws import PairLaw


class KnownSystem(Calculator):
    """Calculator of a known potential energy; its Hamiltonian is p²/2m + V with the masses of the atoms."""

    implemented_properties = ["energy", "free_energy", "energies", "forces"]  # noqa: RUF012  # as in ASE

    @abstractmethod
    def respond(self, atoms: Atoms) -> Response:
        """Return energies, forces and virial of a structure."""

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Iterable[str] = ("energy",),
        system_changes: Iterable[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` with all properties of a structure.

        Parameters
        ----------
        atoms : ase.Atoms, optional
            A structure; by default the structure of the last calculation.
        properties, system_changes : iterable of str, optional
            Not used: everything is calculated at once.
        """
        structure = self.atoms if atoms is None else atoms
        if structure is None:
            message = "there is no structure to calculate: pass atoms"
            raise CalculatorSetupError(message)
        super().calculate(structure, properties, system_changes)  # type: ignore[no-untyped-call]
        response = self.respond(structure)
        energy = float(response.energy_n.sum())
        self.results = {"energy": energy, "free_energy": energy}
        self.results |= {"energies": response.energy_n, "forces": response.force_nc}
        if "stress" in self.implemented_properties and has_volume(structure):
            self.results["stress"] = voigt(response.virial_cc) / structure.get_volume()


class BondedPairs(KnownSystem):
    """One pair law on every bond of a list.

    Parameters
    ----------
    law : PairLaw
        Energy and slope of a pair.
    bonds : Bonds
        The pairs, for instance from `ase_rfhgn.systems.lattices`.

    Raises
    ------
    StructureError
        If a structure has fewer atoms than the bonds name.
    """

    implemented_properties = [*KnownSystem.implemented_properties, "stress"]  # noqa: RUF012  # as in ASE

    def __init__(self, law: PairLaw, bonds: Bonds) -> None:
        self.law = law
        self.bonds = bonds
        super().__init__()  # type: ignore[no-untyped-call]

    def respond(self, atoms: Atoms) -> Response:
        """Return energies, forces and virial of a structure."""
        graph = bonded_graph(atoms, self.bonds)
        return pairwise_response(graph, np.arange(len(graph.centre_p), dtype=np.int64), *self.law(graph.distance_p))


class ExternalField(KnownSystem):
    """A field that acts on every atom alone.

    Parameters
    ----------
    field : Field
        Energies and gradients of atoms at their positions.
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        super().__init__()  # type: ignore[no-untyped-call]

    def respond(self, atoms: Atoms) -> Response:
        """Return energies and forces of a structure; a field has no virial."""
        energy_n, gradient_nc = self.field(atoms.positions)
        return Response(energy_n, -gradient_nc, np.zeros((3, 3)))
