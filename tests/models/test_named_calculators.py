"""Calculators by name: short names, import paths with literals, and what they refuse."""

from __future__ import annotations

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.named_calculators import NamedCalculator


@pytest.mark.parametrize(
    ("name", "path", "arguments"),
    [
        ("emt", "ase.calculators.emt:EMT", {}),
        ("tblite:GFN1-xTB", "tblite.ase:TBLite", {"method": "GFN1-xTB"}),
        ("dftd3:pbe-bj", "dftd3.ase:DFTD3", {"method": "pbe", "damping": "d3bj"}),
        ("dftd3:b3lyp-zero", "dftd3.ase:DFTD3", {"method": "b3lyp", "damping": "d3zero"}),
        ("mace_mp:medium", "mace.calculators:mace_mp", {"model": "medium"}),
        ("a.b:C", "a.b:C", {}),
        ("a.b:C(x=-1.5, y=[1, 'two'], z=None)", "a.b:C", {"x": -1.5, "y": [1, "two"], "z": None}),
    ],
)
def test_names_mean_calculators(name: str, path: str, arguments: dict[str, object]) -> None:
    named = NamedCalculator.parse(name)
    assert (named.path, dict(named.arguments)) == (path, arguments)
    assert NamedCalculator.parse(str(named)) == named


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "names no calculator"),
        ("tblite", "lacks its method"),
        ("emt:fast", "has no methods"),
        ("dftd3:pbe", "dampings: bj"),
        ("a.b:C(1)", "named literals"),
        ("a.b:C(x=open('f'))", "named literals"),
        ("a.b:C(**{'x': 1})", "named literals"),
        ("a.b:C(x=1", "names no calculator"),
        ("a.b:C-D", "names no calculator"),
    ],
)
def test_other_names_are_refused(name: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        NamedCalculator.parse(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such_package.ase:Thing", "pip install"),
        ("ase.calculators.emt:Nothing", "has no Nothing"),
        ("ase.calculators.emt:EMT(speed=1, 2)", "named literals"),
        ("ase.build:molecule(name='H2')", "no ASE calculator"),
        ("ase.calculators.emt:EMT(asap_cutoff=True, foo=1, bar=2)", None),
    ],
)
def test_what_cannot_be_made_is_told(name: str, reason: str | None) -> None:
    if reason is None:
        assert NamedCalculator.parse(name).make().name == "emt"
        return
    with pytest.raises(SettingsError, match=reason):
        NamedCalculator.parse(name).make()


def test_a_calculator_is_named_by_what_differs_from_its_defaults() -> None:
    named = NamedCalculator.of(LennardJones(sigma=2.5, epsilon=0.3))
    assert named.path == "ase.calculators.lj:LennardJones"
    assert named.arguments["sigma"] == 2.5
    assert str(NamedCalculator.of(EMT())) == "ase.calculators.emt:EMT()"


def test_a_calculator_that_tells_no_plain_values_is_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be made again"):
        NamedCalculator.of(_WithArray())  # type: ignore[no-untyped-call]


class _WithArray(LennardJones):
    def todict(self, skip_default: bool = True) -> dict[str, object]:  # noqa: ARG002, FBT001, FBT002  # as in ASE
        return {"weights": bulk("Cu").positions}


def test_answers_of_a_single_structure_are_no_baseline() -> None:
    named = NamedCalculator.of(SinglePointCalculator(bulk("Cu"), energy=1.0))
    with pytest.raises(SettingsError, match="cannot be made"):
        named.make()
