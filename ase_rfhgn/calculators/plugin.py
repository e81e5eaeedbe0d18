"""The calculator as a plugin of ASE: the entry point ``ase.plugins`` of this package.

ASE 3.29 and later collect plugins of all installed packages, and list ours with ``ase info --plugins``. Older
versions of ASE do not read the entry point. Importing this module imports neither models nor numba.
"""

from __future__ import annotations

from typing import Any

CITATION = "arXiv:2506.06558"


def ase_plugins() -> set[Any]:
    """Return the plugins of this package for the installed version of ASE: none before ASE 3.29."""
    try:
        from ase._4.plugins.plugin import CalculatorPlugin  # noqa: PLC0415  # only some versions have it
    except ImportError:
        return set()
    return {CalculatorPlugin("rfhgn", citation=CITATION, implementation="ase_rfhgn.RFHGNCalculator")}


__ase_plugins__ = ase_plugins()
