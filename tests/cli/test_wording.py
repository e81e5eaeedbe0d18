"""Advice about arguments of functions names options on the command line."""

from __future__ import annotations

import argparse

import pytest

from ase_rfhgn.cli.wording import in_options


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("choose targets='momenta' or targets='positions'", "choose --targets momenta or --targets positions"),
        ("so timestep is needed: 2 * ase.units.fs, say", "so --timestep is needed: 2 fs, say"),
        ("use energy_key='REF energy'", "use --energy-key 'REF energy'"),
        ("fit it with updatable=True", "fit it with --updatable"),
        ("leave out uncertainty=True", "leave out uncertainty=True"),
        ('axes="laboratory", or move', "--axes laboratory, or move"),
        ("stress = -virial / volume", "stress = -virial / volume"),
    ],
)
def test_arguments_are_options(message: str, expected: str) -> None:
    command = argparse.ArgumentParser()
    for option in ("--targets", "--timestep", "--energy-key", "--axes", "--stress"):
        command.add_argument(option)
    command.add_argument("--updatable", action=argparse.BooleanOptionalAction)
    assert in_options(message, command) == expected
