"""A fitted potential as an ASE calculator: energies, forces and stress for every driver of ASE."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

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
from ase_rfhgn.committee import ExpectedErrors
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.potential import Evaluation, Potential

GRADE = "extrapolation_grade"
"""Property that tells which atoms are unlike the training data."""


class StructureInputError(StructureError, InputError):
    """A structure that the potential cannot evaluate: our error and ASE's at once."""


class SettingsInputError(SettingsError, InputError):
    """A setting that the calculator does not have: our error and ASE's at once."""


class PotentialCalculator(Calculator, ABC):
    """What calculators of a fitted potential have in common; subclasses say where it comes from.

    Attributes
    ----------
    potential : Potential or None
        The potential, once there is one.
    """

    name = "rfhgn"
    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012  # as in ASE
    uncertainties = ("energy_uncertainty", "energies_uncertainty", "forces_uncertainty", "stress_uncertainty")
    ignored_changes = {"initial_charges", "initial_magmoms"}  # noqa: RUF012  # as in ASE

    def __init__(self, potential: Potential | None, **kwargs: object) -> None:
        self.potential = potential
        self._expected: ExpectedErrors | None = None
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

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

    def reset(self) -> None:
        """Forget the last structure and everything computed for it."""
        self._expected = None
        super().reset()  # type: ignore[no-untyped-call]

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002  # as in ASE
        """Return a property of a structure, also those in `uncertainties` and ``extrapolation_grade``.

        Parameters
        ----------
        name : str
            What is wanted.
        atoms : ase.Atoms, optional
            A structure; by default that of the last calculation.
        allow_calculation : bool
            Whether to compute it where it is not known; otherwise None is returned.

        Raises
        ------
        PropertyNotImplementedError
            If there is no such property, or it needs a volume that the cell does not have.
        SettingsError
            If the potential cannot tell its uncertainty.
        """
        if name != GRADE and name not in self.uncertainties:
            return super().get_property(name, atoms, allow_calculation)  # type: ignore[no-untyped-call]
        # Kept out of `results`: ASE's own programs know no such properties, and stumble over them there.
        known = super().get_property("energy", atoms, allow_calculation)  # type: ignore[no-untyped-call]
        if self._expected is None:
            if known is None or not allow_calculation:
                return None
            assert self.potential is not None  # noqa: S101  # an energy was computed
            assert self.atoms is not None  # noqa: S101  # for this structure
            self._expected = self.potential.evaluate(self.atoms, uncertainty=True).uncertainty
        assert self._expected is not None  # noqa: S101  # it was asked for
        return _expected_results(self._expected, name)

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
        self.results, self._expected = {}, None  # a failure leaves nothing behind
        super().calculate(structure, properties, system_changes)  # type: ignore[no-untyped-call]
        self.results = _results(self._evaluate(structure))

    @abstractmethod
    def _evaluate(self, atoms: Atoms) -> Evaluation:
        """Return what the potential says of a structure; errors are ASE's."""


class RFHGNCalculator(PotentialCalculator):
    """ASE calculator of a fitted potential.

    Parameters
    ----------
    potential : Potential, str or Path
        A potential, or the file that `Potential.save` wrote.
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

    How wrong they may be is computed only when asked for, by `get_property`: ``energy_uncertainty``,
    ``energies_uncertainty``, ``forces_uncertainty`` and ``stress_uncertainty`` are half-widths of
    intervals that hold 68 % of the errors, ``extrapolation_grade`` tells which atoms are unlike the
    training data (above 1).

    A potential never changes, so calculators may share one, also between threads. A calculator
    remembers its last structure: give every image of a NEB and every thread its own.

    Examples
    --------
    >>> potential = Potential.load("si.npz")  # doctest: +SKIP
    >>> for image in images:  # doctest: +SKIP
    ...     image.calc = RFHGNCalculator(potential)
    """

    potential: Potential

    def __init__(self, potential: Potential | str | Path, **kwargs: object) -> None:
        super().__init__(potential if isinstance(potential, Potential) else Potential.load(potential), **kwargs)
        if not isinstance(potential, Potential):
            self.parameters["potential"] = str(potential)

    def _evaluate(self, atoms: Atoms) -> Evaluation:
        try:
            return self.potential.evaluate(atoms)
        except StructureError as error:
            raise StructureInputError(str(error)) from error


def _has_volume(atoms: Atoms) -> bool:
    return bool(atoms.cell.rank == 3)


def _results(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation under ASE's names, after a check that everything is finite."""
    results: dict[str, Any] = {
        "energy": evaluation.energy,
        "free_energy": evaluation.energy,
        "energies": evaluation.energy_n,
        "forces": evaluation.force_nc,
    }
    if evaluation.stress_v is not None:
        results["stress"] = evaluation.stress_v
    for name, value in results.items():
        if not np.isfinite(value).all():
            _fail(name, value)
    return results


def _expected_results(expected: ExpectedErrors, name: str) -> float | FloatArray:
    """Return one of the errors to be expected, or the grades, by its name."""
    if expected.stress_v is None and name == "stress_uncertainty":
        message = "stress_uncertainty needs three independent cell vectors"
        raise PropertyNotImplementedError(message)
    values: dict[str, Any] = {
        "energy_uncertainty": expected.energy,
        "energies_uncertainty": expected.energy_n,
        "forces_uncertainty": expected.force_nc,
        "stress_uncertainty": expected.stress_v,
        GRADE: expected.grade_n,
    }
    value: float | FloatArray = values[name]
    return value.copy() if isinstance(value, np.ndarray) else value


def _fail(name: str, value: float | FloatArray) -> NoReturn:
    bad = np.argwhere(~np.isfinite(np.atleast_1d(value)))[0]
    where = f" of atom {bad[0]}" if name in {"energies", "forces"} else ""
    message = f"{name}{where} is not finite: the structure lies far outside of what the potential was fitted to"
    raise CalculationFailed(message)
