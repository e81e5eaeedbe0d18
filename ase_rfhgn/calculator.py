"""A fitted potential as an ASE calculator: energies, forces and stress for every driver of ASE."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import (
    CalculationFailed,
    Calculator,
    CalculatorSetupError,
    InputError,
    PropertyNotImplementedError,
    all_changes,
)

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.graph import Bonds
from ase_rfhgn.loading import AnyModel, load_model
from ase_rfhgn.phase_space_motion import PhaseSpaceGradients, with_known_masses
from ase_rfhgn.phase_space_potential import PhaseSpacePotential
from ase_rfhgn.potential import Evaluation, Potential

Result = TypeVar("Result")


class StructureInputError(StructureError, InputError):
    """A structure that the potential cannot evaluate: our error and ASE's at once."""


class SettingsInputError(SettingsError, InputError):
    """A setting that the calculator does not have: our error and ASE's at once."""


class RFHGNCalculator(Calculator):
    """ASE calculator of a fitted potential, or of a fitted Hamiltonian of positions and momenta.

    Parameters
    ----------
    potential : Potential, PhaseSpacePotential, str or Path
        A model, or the file that its method `save` wrote.
    bonds : Bonds, optional
        Edges, for a phase-space model that was fitted with bonds.
    **kwargs
        What every ASE calculator takes: ``atoms``, ``label``, ``directory``.

    Raises
    ------
    ModelFileError
        If the file is missing or not an intact model.
    SettingsInputError
        If a keyword is not one of the above.

    Notes
    -----
    Everything is analytic, and computed at once. ``energies`` is a partition of the energy over the
    atoms; ``free_energy`` equals ``energy``; ``stress`` exists only with three cell vectors.

    A potential never changes, so calculators may share one, also between threads. A calculator
    remembers its last structure: give every image of a NEB and every thread its own.

    Of a phase-space model, ``energy`` is H minus the kinetic energy p²/2m of the atoms, so that their
    total energy is H; there are no ``energies`` and no ``stress``. Forces −∂H/∂q are given where H is
    separable, as drivers of ASE assume. Where it is not, `hamiltonian_gradients` gives the motion, and
    `ase_rfhgn.dynamics` has the drivers.

    Examples
    --------
    >>> potential = Potential.load("si.npz")  # doctest: +SKIP
    >>> for image in images:  # doctest: +SKIP
    ...     image.calc = RFHGNCalculator(potential)
    """

    name = "rfhgn"
    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012  # as in ASE
    ignored_changes = {"initial_charges", "initial_magmoms"}  # noqa: RUF012  # as in ASE

    def __init__(self, potential: AnyModel | str | Path, bonds: Bonds | None = None, **kwargs: object) -> None:
        self.potential = load_model(potential) if isinstance(potential, str | Path) else potential
        self.bonds = bonds
        if isinstance(self.potential, PhaseSpacePotential):
            self.implemented_properties = ["energy", "free_energy", "forces"]
        elif bonds is not None:
            message = "bonds are for phase-space models: the edges of this potential are pairs up to its cutoff"
            raise SettingsInputError(message)
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        if isinstance(potential, str | Path):
            self.parameters["potential"] = str(potential)

    @property
    def separable(self) -> bool:
        """Whether H = p²/2m + V with the masses of the atoms, so that forces do not depend on momenta."""
        return isinstance(self.potential, Potential) or self.potential.separable

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """Return what has changed since the last calculation; momenta count where H is not separable.

        Parameters
        ----------
        atoms : ase.Atoms
            A structure.
        tol : float
            Difference that does not count.
        """
        changes: list[str] = super().check_state(atoms, tol)  # type: ignore[no-untyped-call]
        if self.separable or self.atoms is None or "positions" in changes:
            return changes
        return changes + ["momenta"] * (not np.allclose(self.atoms.get_momenta(), atoms.get_momenta(), 0.0, tol))

    def set(self, **kwargs: object) -> dict[str, Any]:
        """Refuse every setting: what a potential says is fixed when it is fitted.

        Raises
        ------
        SettingsInputError
            If there is any keyword.
        """
        if kwargs:
            message = f"{type(self).__name__} has no setting {', '.join(kwargs)}: a potential is fixed by its fit"
            raise SettingsInputError(message)
        return {}

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
            A structure; by default that of the last calculation.
        properties : iterable of str, optional
            The properties that must be there.
        system_changes : iterable of str, optional
            Not used: ASE calls only when something of importance has changed.

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
        if "stress" in properties and not _has_volume(structure):
            # Before anything is forgotten: energy and forces of this structure need no second calculation.
            message = f"stress needs three independent cell vectors; the cell is {structure.cell.tolist()}"
            raise PropertyNotImplementedError(message)
        self.results = {}  # a failure leaves nothing behind
        super().calculate(structure, properties, system_changes)  # type: ignore[no-untyped-call]
        if isinstance(self.potential, Potential):
            self.results = _results(self._evaluate(self.potential.evaluate, structure))
        else:
            self.results = self._phase_space_results(structure, properties)

    def hamiltonian_gradients(self, atoms: Atoms) -> PhaseSpaceGradients:
        """Return the energy H, velocities ∂H/∂p and forces −∂H/∂q at the positions and momenta of atoms.

        Parameters
        ----------
        atoms : ase.Atoms
            A structure.

        Raises
        ------
        StructureInputError
            If the model cannot evaluate the structure.
        """
        if isinstance(self.potential, Potential):
            energy, force_nc = (self.get_property(name, atoms) for name in ("energy", "forces"))  # type: ignore[no-untyped-call]
            return with_known_masses(atoms, energy, force_nc)
        return self._evaluate(partial(self.potential.evaluate, bonds=self.bonds), atoms)

    def _phase_space_results(self, atoms: Atoms, properties: Iterable[str]) -> dict[str, Any]:
        """Return what a phase-space model tells, under ASE's names."""
        if "forces" in properties and not self.separable:
            message = (
                "H(q, p) is not separable: forces depend on momenta, and velocities are not p/m, so ASE's own drivers "
                "would go astray; run StormerVerlet or ImplicitMidpoint of ase_rfhgn.dynamics, or ask "
                "hamiltonian_gradients(atoms)"
            )
            raise PropertyNotImplementedError(message)
        gradients = self.hamiltonian_gradients(atoms)
        energy = gradients.energy - float(atoms.get_kinetic_energy())
        results: dict[str, Any] = {"energy": energy, "free_energy": energy}
        return _finite(results | ({"forces": gradients.force_nc} if self.separable else {}))

    @staticmethod
    def _evaluate(evaluate: Callable[[Atoms], Result], atoms: Atoms) -> Result:
        try:
            return evaluate(atoms)
        except StructureError as error:
            raise StructureInputError(str(error)) from error


def _has_volume(atoms: Atoms) -> bool:
    return bool(atoms.cell.rank == 3)


def _results(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation under ASE's names."""
    results: dict[str, Any] = {
        "energy": evaluation.energy,
        "free_energy": evaluation.energy,
        "energies": evaluation.energy_n,
        "forces": evaluation.force_nc,
    }
    if evaluation.stress_v is not None:
        results["stress"] = evaluation.stress_v
    return _finite(results)


def _finite(results: dict[str, Any]) -> dict[str, Any]:
    """Return results after a check that everything is finite."""
    for name, value in results.items():
        if not np.isfinite(value).all():
            _fail(name, value)
    return results


def _fail(name: str, value: float | FloatArray) -> NoReturn:
    bad = np.argwhere(~np.isfinite(np.atleast_1d(value)))[0]
    where = f" of atom {bad[0]}" if name in {"energies", "forces"} else ""
    message = f"{name}{where} is not finite: the structure lies far outside of what the potential was fitted to"
    raise CalculationFailed(message)
