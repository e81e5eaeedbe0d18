"""Hypotheses about units: which of them chance can make."""

from __future__ import annotations

import pytest
from ase.units import Bohr, Hartree

from ase_rfhgn.structures.doctor.units import Hypothesis


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (Hypothesis("force", "positions in Bohr", Bohr), True),
        (Hypothesis("force", "forces in eV/Bohr", 1.0 / Bohr), True),
        (Hypothesis("force", "forces of the wrong sign", -1.0), False),
        (Hypothesis("energy", "energies in Hartree", Hartree), False),
        (Hypothesis("energy", "energies per atom", per_atom=True), False),
        (Hypothesis("stress", "stresses times the volume", per_volume=True), False),
    ],
    ids=lambda one: one.words if isinstance(one, Hypothesis) else "",
)
def test_factors_close_to_one_are_slight(one: Hypothesis, *, expected: bool) -> None:
    assert one.is_slight == expected
