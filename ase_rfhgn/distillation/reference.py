"""The reference of a distillation: any calculator of ASE, whose failures have one type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ase import Atoms
from ase.calculators.calculator import CalculationFailed, Calculator, all_changes

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.named_calculators import NamedCalculator
from ase_rfhgn.structures.cell import has_volume


class ReferenceFailedError(CalculationFailed):
    """The reference raised an error; the message is one line."""


class Reference(Calculator):
    """A calculator that asks another one, and whose only error is `ReferenceFailedError`.

    Parameters
    ----------
    reference : str or ase.calculators.calculator.Calculator
        A calculator with energies and forces, or its name.

    Raises
    ------
    SettingsError
        If the name means no calculator, or there is no calculator.
    """

    name = "reference"

    def __init__(self, reference: Any) -> None:  # noqa: ANN401  # ASE's calculators have no common type
        super().__init__()  # type: ignore[no-untyped-call]
        self.label_text = reference if isinstance(reference, str) else type(reference).__name__
        self.asked = NamedCalculator.parse(reference).make() if isinstance(reference, str) else reference
        if not hasattr(self.asked, "get_property"):
            message = f"reference is {reference!r}: give an ASE calculator, or the name of one"
            raise SettingsError(message)
        able = getattr(self.asked, "implemented_properties", ())
        self.implemented_properties = ["energy", "forces", *(["stress"] if "stress" in able else [])]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Iterable[str] = ("energy",),
        system_changes: Iterable[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` with energy and forces, and the stress of crystals if the reference has it.

        Raises
        ------
        ReferenceFailedError
            If the reference raises any error.
        """
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        assert self.atoms is not None  # noqa: S101  # the line before has set it
        asked = self.atoms.copy()
        asked.set_constraint()
        asked.calc = self.asked
        self.results = {}
        try:
            results = {"energy": asked.get_potential_energy(), "forces": asked.get_forces()}
            if "stress" in self.implemented_properties and has_volume(asked) and asked.pbc.all():
                results["stress"] = asked.get_stress()
        except Exception as error:  # references raise errors of all kinds
            if hasattr(self.asked, "reset"):
                self.asked.reset()
            message = " ".join(f"{type(error).__name__}: {error}".split())
            raise ReferenceFailedError(message) from error
        self.results = results
