"""ASE calculators by name: short names, or the import path of a class with its arguments.

A name is a short one, with a method where the calculator has some ("emt", "tblite:GFN2-xTB", "dftd3:pbe-bj"),
or "package.module:Class(argument=value)". Values are plain Python literals; nothing else is evaluated.
"""

from __future__ import annotations

import ast
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ase.calculators.calculator import BaseCalculator

from ase_rfhgn.errors import SettingsError

DAMPINGS = {"bj": "d3bj", "zero": "d3zero", "bjm": "d3mbj", "zerom": "d3mzero", "op": "d3op"}
"""Dampings of D3 as publications write them, and as the package `dftd3` does."""

SHORT = {
    "emt": ("ase.calculators.emt:EMT", None),
    "lj": ("ase.calculators.lj:LennardJones", None),
    "morse": ("ase.calculators.morse:MorsePotential", None),
    "tblite": ("tblite.ase:TBLite", "method"),
    "dftd3": ("dftd3.ase:DFTD3", "method"),
    "dftd4": ("dftd4.ase:DFTD4", "method"),
    "mace_mp": ("mace.calculators:mace_mp", "model"),
}
"""Short names: import path, and the argument that follows the colon."""

QUIET = {"tblite.ase:TBLite": {"verbosity": 0}}
"""Arguments without which a calculator prints on every call."""

TRUST = "ASE_RFHGN_TRUSTED_BASELINES"
"""Environment variable with more such modules, separated by commas."""

TRUSTED = ("ase.calculators.emt", "ase.calculators.lj", "ase.calculators.morse", "dftd3.ase", "dftd4.ase", "tblite.ase")
"""Modules whose calculators a model file may name: they compute, and run no commands."""


@dataclass(frozen=True, slots=True)
class NamedCalculator:
    """The import path of a calculator's class, and its arguments: all that is needed to make it.

    Attributes
    ----------
    path : str
        "package.module:Class".
    arguments : mapping of str to object
        Keyword arguments, plain JSON values.
    """

    path: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        """Return the name, as `NamedCalculator.parse` reads it."""
        words = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{self.path}({words})"

    @property
    def module(self) -> str:
        """Module of the class."""
        return self.path.partition(":")[0]

    @property
    def package_version(self) -> str | None:
        """Version of the package that has the class, None if it has none."""
        try:
            return version(self.module.partition(".")[0])
        except PackageNotFoundError:
            return None

    @classmethod
    def parse(cls, name: str) -> NamedCalculator:
        """Return the calculator that a name means.

        Raises
        ------
        SettingsError
            If the name is of neither form, or arguments are not literals.
        """
        short, _, method = name.partition(":")
        if short in SHORT:
            return _of_short_name(name, short, method)
        path, bracket, rest = name.partition("(")
        module, colon, kind = path.strip().partition(":")
        if not (module and colon and kind.isidentifier() and (not bracket or rest.rstrip().endswith(")"))):
            message = f'{name!r} names no calculator: give one of {", ".join(SHORT)}, or "package.module:Class(...)"'
            raise SettingsError(message)
        return cls(path.strip(), _literals(name, rest.rstrip()[:-1]) if bracket else {})

    @classmethod
    def of(cls, calculator: Any) -> NamedCalculator:  # noqa: ANN401  # of any class
        """Return the name of a calculator that exists, by its class and the arguments that differ from its defaults.

        Raises
        ------
        SettingsError
            If it does not tell its arguments, or they are no plain values.
        """
        kind = type(calculator)
        arguments = calculator.todict() if hasattr(calculator, "todict") else {}
        named = cls(f"{kind.__module__}:{kind.__qualname__}", arguments)
        try:
            again = cls.parse(str(named))
        except SettingsError:
            again = None
        if again != named:
            message = (
                f"the calculator {kind.__name__} cannot be made again from what it tells about itself, {named}: "
                'give a name in its place, "package.module:Class(...)" with its arguments'
            )
            raise SettingsError(message)
        return named

    def make(self) -> BaseCalculator:
        """Return a new calculator of this name.

        Raises
        ------
        SettingsError
            If its module cannot be imported, or has no such class, or the class refuses the arguments.
        """
        kind = self._kind()
        try:
            calculator: BaseCalculator = kind(**QUIET.get(self.path, {}) | dict(self.arguments))
        except Exception as error:  # constructors raise errors of all kinds
            message = f"{self} cannot be made: {type(error).__name__}: {error}"
            raise SettingsError(message) from error
        if not hasattr(calculator, "get_property"):
            message = f"{self.path} makes {type(calculator).__name__}, which is no ASE calculator"
            raise SettingsError(message)
        return calculator

    def _kind(self) -> Any:  # noqa: ANN401  # a class, or a function that makes a calculator
        _, _, kind = self.path.partition(":")
        package = self.module.partition(".")[0]
        try:
            return getattr(importlib.import_module(self.module), kind)
        except ImportError as error:
            message = f"{self.path} needs the package {package}, which cannot be imported ({error}): pip install it"
            raise SettingsError(message) from error
        except AttributeError as error:
            message = f"the module {self.module} has no {kind}: check the name of the calculator"
            raise SettingsError(message) from error


def trusted_modules() -> tuple[str, ...]:
    """Return the modules whose calculators a model file may name: ours, and those of the environment variable."""
    return (*TRUSTED, *os.environ.get(TRUST, "").replace(",", " ").split())


def _of_short_name(name: str, short: str, method: str) -> NamedCalculator:
    """Return the calculator of a short name and a method."""
    path, argument = SHORT[short]
    if argument is None and method:
        message = f'{name!r}: {short} has no methods; its arguments are given by "{path}(...)"'
        raise SettingsError(message)
    if argument is None:
        return NamedCalculator(path, {})
    if not method:
        message = f'{name!r} lacks its {argument}: give it after a colon, as in "{short}:..."'
        raise SettingsError(message)
    if short != "dftd3":
        return NamedCalculator(path, {argument: method})
    functional, _, damping = method.rpartition("-")
    if not functional or damping not in DAMPINGS:
        message = (
            f'{name!r}: D3 needs a functional and a damping, as in "dftd3:pbe-bj"; dampings: {", ".join(DAMPINGS)}'
        )
        raise SettingsError(message)
    return NamedCalculator(path, {"method": functional, "damping": DAMPINGS[damping]})


def _literals(name: str, words: str) -> dict[str, Any]:
    """Return the keyword arguments of a call, which must be literals."""
    try:
        call = ast.parse(f"f({words})", mode="eval").body
        assert isinstance(call, ast.Call)  # noqa: S101  # it was written as one
        if call.args or any(one.arg is None for one in call.keywords):
            raise ValueError  # noqa: TRY301
        return {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
    except (SyntaxError, ValueError, AssertionError) as error:
        message = f"{name!r}: arguments must be named literals: numbers, strings, None, or lists of these"
        raise SettingsError(message) from error
