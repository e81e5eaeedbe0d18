"""Random-feature Hamiltonian graph networks as an ASE calculator.

>>> from ase_rfhgn import RFHGNCalculator, fit
>>> potential = fit("train.traj")  # doctest: +SKIP
>>> atoms.calc = RFHGNCalculator(potential)  # doctest: +SKIP
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase_rfhgn.calculators.active import ActiveCalculator
    from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
    from ase_rfhgn.fitting.fit import fit
    from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
    from ase_rfhgn.models.phase_space import PhaseSpacePotential
    from ase_rfhgn.models.potential import Potential

__all__ = [
    "ActiveCalculator",
    "PhaseSpacePotential",
    "Potential",
    "RFHGNCalculator",
    "__version__",
    "fit",
    "fit_phase_space",
]

__version__ = version("ase-rfhgn")

_HOME = {
    "ActiveCalculator": "calculators.active",
    "PhaseSpacePotential": "models.phase_space",
    "Potential": "models.potential",
    "RFHGNCalculator": "calculators.rfhgn",
    "fit": "fitting.fit",
    "fit_phase_space": "fitting.phase_space.fit",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # PEP 562
    """Return a public name; its module, and the compiler behind it, are imported at first use."""
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
