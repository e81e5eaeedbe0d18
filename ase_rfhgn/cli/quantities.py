"""Numbers with units on the command line: times, temperatures and pressures."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping

from ase import units

TIMES: Mapping[str, float] = {"fs": units.fs, "ps": 1e3 * units.fs, "ns": 1e6 * units.fs}
TEMPERATURES: Mapping[str, float] = {"K": 1.0}
PRESSURES: Mapping[str, float] = {"GPa": units.GPa, "MPa": 1e-3 * units.GPa, "kbar": 0.1 * units.GPa, "bar": units.bar}

NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)")


def quantity(known: Mapping[str, float]) -> Callable[[str], float]:
    """Return a function that reads a number with a unit; without one, it has the first of the known units.

    Parameters
    ----------
    known : mapping of str to float
        Units, in ASE's units.
    """

    def read(text: str) -> float:
        match = NUMBER.fullmatch(text.strip())
        unit = match[2] or next(iter(known)) if match else ""
        by_name = {name.lower(): size for name, size in known.items()}
        if match is None or unit.lower() not in by_name:
            message = f"{text!r} is not a number with one of the units {', '.join(known)}"
            raise argparse.ArgumentTypeError(message)
        return float(match[1]) * by_name[unit.lower()]

    return read


time = quantity(TIMES)
temperature = quantity(TEMPERATURES)
pressure = quantity(PRESSURES)
