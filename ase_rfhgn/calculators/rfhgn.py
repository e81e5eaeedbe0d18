"""A fitted potential as an ASE calculator: energies, forces and stress for every driver of ASE."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import (
    Calculator,
    CalculatorSetupError,
    PropertyNotImplementedError,
    all_changes,
)

from ase_rfhgn.calculators.opening import SettingsInputError, StructureInputError, opened_model
from ase_rfhgn.calculators.phase_space_results import PROPERTIES, check_forces_exist, phase_space_results
from ase_rfhgn.calculators.results import GAMMA, GRADE, finite, results_of, uncertainty_result
from ase_rfhgn.errors import StructureError
from ase_rfhgn.models.evaluation import Evaluation
from ase_rfhgn.models.gradients import PhaseSpaceGradients, with_known_masses
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.models.uncertainty import PredictedUncertainty
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.neighbour_list import NeighbourList


class PotentialCalculator(Calculator):
    """Common part of all calculators of a fitted potential; subclasses provide the potential.

    Attributes
    ----------
    potential : Potential or None
        The potential; None before the first fit.
    """

    name = "rfhgn"
    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012  # as in ASE
    uncertainties: tuple[str, ...] = (
        "energy_uncertainty",
        "energies_uncertainty",
        "forces_uncertainty",
        "stress_uncertainty",
    )
    ignored_changes = {"initial_charges", "initial_magmoms"}  # noqa: RUF012  # as in ASE

    threads: int = 1
    _neighbours: NeighbourList | None = None

    def __init__(self, potential: Potential | None, **kwargs: object) -> None:
        self.potential = potential
        self._expected: PredictedUncertainty | None = None
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        """Return the calculator in one line."""
        return f"{type(self).__name__}({self.potential!r})"

    def set(self, **kwargs: object) -> dict[str, Any]:
        """Refuse every setting: a potential does not change after its fit.

        Raises
        ------
        SettingsInputError
            If there is any keyword.
        """
        if kwargs:
            message = (
                f"{type(self).__name__} has no setting {', '.join(kwargs)}: a potential does not change after its fit"
            )
            raise SettingsInputError(message)
        return {}

    def todict(self, skip_default: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002  # as in ASE
        """Return the parameters and the fingerprint of the model, which ASE writes into its files and data bases."""
        parameters: dict[str, Any] = super().todict(skip_default)  # type: ignore[no-untyped-call]
        return parameters | ({} if self.potential is None else {"fingerprint": self.potential.fingerprint})

    def reset(self) -> None:
        """Forget the last structure and everything computed for it."""
        self._expected = None
        super().reset()  # type: ignore[no-untyped-call]

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002  # as in ASE
        """Return a property of a structure, also the `uncertainties` and ``extrapolation_grade``.

        Parameters
        ----------
        name : str
            Name of the property.
        atoms : ase.Atoms, optional
            A structure; by default the structure of the last calculation.
        allow_calculation : bool
            Whether to compute the property if it is not known; if not, None is returned.

        Raises
        ------
        PropertyNotImplementedError
            If there is no such property, or the property needs a volume and the cell has none.
        SettingsError
            If the potential cannot predict its uncertainty.
        """
        if name not in {GRADE, GAMMA, *self.uncertainties}:
            return super().get_property(name, atoms, allow_calculation)  # type: ignore[no-untyped-call]
        # Kept out of `results`: ASE's own programs know no such properties, and stumble over them there.
        known = super().get_property("energy", atoms, allow_calculation)  # type: ignore[no-untyped-call]
        if self._expected is None:
            if known is None or not allow_calculation:
                return None
            assert self.potential is not None  # noqa: S101  # an energy was computed
            assert self.atoms is not None  # noqa: S101  # for this structure
            self._expected = self.potential.predicted_uncertainty(
                self.atoms, neighbours=self._neighbours, threads=self.threads
            )
        return uncertainty_result(self._expected, name)

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
        properties : iterable of str, optional
            The properties that are needed.
        system_changes : iterable of str, optional
            Not used: ASE calls this method only after a change that matters.

        Raises
        ------
        StructureInputError
            If a position is not finite, atoms coincide, or the potential does not know an element.
        PropertyNotImplementedError
            If the stress is asked for and the cell has no volume.
        CalculationFailed
            If a result is not finite.
        """
        structure = self.atoms if atoms is None else atoms
        if structure is None:
            message = "there is no structure to calculate: pass atoms"
            raise CalculatorSetupError(message)
        if "stress" in properties and not has_volume(structure):
            # Before anything is forgotten: energy and forces of this structure need no second calculation.
            message = f"stress needs three independent cell vectors; the cell is {structure.cell.tolist()}"
            raise PropertyNotImplementedError(message)
        self.results, self._expected = {}, None  # a failure leaves nothing behind
        super().calculate(structure, properties, system_changes)  # type: ignore[no-untyped-call]
        self.results = finite(self._results(structure, properties))

    def _evaluate(self, atoms: Atoms) -> Evaluation:
        """Return the answers of the potential for a structure; errors are ASE's."""
        raise NotImplementedError

    def _results(self, atoms: Atoms, properties: Iterable[str]) -> dict[str, Any]:  # noqa: ARG002  # for subclasses
        """Return all properties of a structure under ASE's names."""
        evaluation = self._evaluate(atoms)
        self._expected = evaluation.uncertainty
        return results_of(evaluation)


class RFHGNCalculator(PotentialCalculator):
    """ASE calculator of a fitted potential, or of a fitted Hamiltonian of positions and momenta.

    Parameters
    ----------
    potential : Potential, PhaseSpacePotential, str or Path
        A model, or the file that its method `save` wrote.
    bonds : Bonds, optional
        Edges, for a phase-space model that was fitted with bonds.
    skin : float, default 0.5
        Distance (Å) by which the search for neighbours goes beyond the cutoff. Neighbours are searched
        anew only when an atom has moved by half of the skin.
    threads : int, default 1
        Threads that share an evaluation; results are the same to the last bit.
    fingerprint : str, optional
        Fingerprint that the model must have. ASE writes it into trajectories and data bases:
        ``RFHGNCalculator(**parameters)`` with the parameters there is the same calculator, or none.
    **kwargs
        Arguments of every ASE calculator: ``atoms``, ``label``, ``directory``.

    Raises
    ------
    ModelFileError
        If the file is missing or not an intact model.
    SettingsInputError
        If a keyword is not one of the above, or the model has another fingerprint.

    Notes
    -----
    All properties are analytic and computed together. ``energies`` is a partition of the energy over the
    atoms. ``free_energy`` equals ``energy``. ``stress`` exists only with three cell vectors.

    Predicted uncertainties are computed only when `get_property` asks for them. The names are
    ``energy_uncertainty``, ``energies_uncertainty``, ``forces_uncertainty`` and ``stress_uncertainty``.
    Each is the half-width of an interval that holds 68 % of the errors. ``extrapolation_grade`` is above 1
    for atoms that are unlike the training data; ``gamma`` is the same.

    A potential never changes, so calculators may share a potential, also between threads. A calculator
    keeps its last structure: give every image of a NEB and every thread its own calculator.

    For a phase-space model, ``energy`` is H minus the kinetic energy p²/2m of the atoms, so that the
    total energy of the atoms is H. Forces −∂H/∂q are given only if H is separable, as drivers of ASE
    assume. If H is not separable, use `hamiltonian_gradients` and the drivers of `ase_rfhgn.dynamics`.

    Examples
    --------
    >>> from ase.build import fcc111
    >>> from ase.calculators.emt import EMT
    >>> from ase_rfhgn import RFHGNCalculator, fit
    >>> surface = fcc111("Cu", (2, 2, 3), vacuum=5.0)
    >>> surface.calc = EMT()
    >>> forces = surface.get_forces()
    >>> potential = fit([surface], channels=8)
    >>> images = [surface.copy() for _ in range(3)]
    >>> for image in images:
    ...     image.calc = RFHGNCalculator(potential)
    >>> images[0].get_forces().shape
    (12, 3)
    """

    potential: AnyModel  # type: ignore[assignment]

    def __init__(
        self,
        potential: AnyModel | str | Path,
        bonds: Bonds | None = None,
        *,
        skin: float = 0.5,
        threads: int = 1,
        fingerprint: str | None = None,
        **kwargs: object,
    ) -> None:
        model = opened_model(potential, fingerprint)
        if isinstance(model, PhaseSpacePotential):
            self.implemented_properties = PROPERTIES
            self.uncertainties = ()
        elif bonds is not None:
            message = "bonds are for phase-space models: the edges of this potential are pairs up to its cutoff"
            raise SettingsInputError(message)
        if not (0.0 <= skin < np.inf and threads >= 1):
            message = f"skin is {skin!r} Å and threads are {threads!r}: they must be at least 0 and 1"
            raise SettingsInputError(message)
        self.bonds = bonds
        self.threads = threads
        self._neighbours = NeighbourList(model.cutoff, skin) if isinstance(model, Potential) else None
        super().__init__(model, **kwargs)  # type: ignore[arg-type]
        if isinstance(potential, str | Path):
            self.parameters["potential"] = str(potential)

    @property
    def separable(self) -> bool:
        """Whether H = p²/2m + V with the masses of the atoms, so that forces do not depend on momenta."""
        return isinstance(self.potential, Potential) or self.potential.separable

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """Return the changes since the last calculation; momenta count if H is not separable."""
        changes: list[str] = super().check_state(atoms, tol)  # type: ignore[no-untyped-call]
        if self.separable or self.atoms is None or "positions" in changes:
            return changes
        return changes + ["momenta"] * (not np.allclose(self.atoms.get_momenta(), atoms.get_momenta(), 0.0, tol))

    def hamiltonian_gradients(self, atoms: Atoms) -> PhaseSpaceGradients:
        """Return the energy H, velocities ∂H/∂p and forces −∂H/∂q at the positions and momenta of atoms."""
        if isinstance(self.potential, Potential):
            energy, force_nc = (self.get_property(name, atoms) for name in ("energy", "forces"))
            return with_known_masses(atoms, energy, force_nc)
        try:
            return self.potential.evaluate(atoms, self.bonds)
        except StructureError as error:
            raise StructureInputError(str(error)) from error

    def _results(self, atoms: Atoms, properties: Iterable[str]) -> dict[str, Any]:
        if isinstance(self.potential, Potential):
            return super()._results(atoms, properties)
        check_forces_exist(properties, separable=self.separable)
        return phase_space_results(self.hamiltonian_gradients(atoms), atoms, separable=self.separable)

    def _evaluate(self, atoms: Atoms) -> Evaluation:
        assert isinstance(self.potential, Potential)  # noqa: S101  # phase-space models have no `Evaluation`
        try:
            return self.potential.evaluate(atoms, neighbours=self._neighbours, threads=self.threads)
        except StructureError as error:
            raise StructureInputError(str(error)) from error
