"""Random-feature Hamiltonian graph networks as an ASE calculator.

>>> from ase.build import bulk
>>> from ase.calculators.emt import EMT
>>> from ase_rfhgn import RFHGNCalculator, fit
>>> frames = []
>>> for seed in range(4):
...     frame = bulk("Cu", cubic=True)
...     frame.rattle(0.1, seed=seed)
...     frame.calc = EMT()
...     forces = frame.get_forces()
...     frames.append(frame)
>>> potential = fit(frames, channels=8)
>>> atoms = bulk("Cu", cubic=True)
>>> atoms.calc = RFHGNCalculator(potential)
>>> atoms.get_forces().shape
(4, 3)
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase_rfhgn.calculators.active import ActiveCalculator
    from ase_rfhgn.calculators.extrapolation_observer import ExtrapolationObserver
    from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
    from ase_rfhgn.fitting.fit import fit
    from ase_rfhgn.fitting.frame_selection import select_frames
    from ase_rfhgn.fitting.left_out import left_out_errors, outliers
    from ase_rfhgn.fitting.phase_space.fit import fit_phase_space
    from ase_rfhgn.fitting.update import downdate, reweighted, update
    from ase_rfhgn.models.load import load_model
    from ase_rfhgn.models.phase_space import PhaseSpacePotential
    from ase_rfhgn.models.potential import Potential
    from ase_rfhgn.reports.comparison import evaluate_errors
    from ase_rfhgn.structures.graph import Bonds
    from ase_rfhgn.structures.splitting import split_frames

__all__ = [
    "ActiveCalculator",
    "Bonds",
    "ExtrapolationObserver",
    "PhaseSpacePotential",
    "Potential",
    "RFHGNCalculator",
    "__version__",
    "downdate",
    "evaluate_errors",
    "fit",
    "fit_phase_space",
    "left_out_errors",
    "load_model",
    "outliers",
    "reweighted",
    "select_frames",
    "split_frames",
    "update",
]

__version__ = version("ase-rfhgn")

_HOME = {
    "ActiveCalculator": "calculators.active",
    "Bonds": "structures.graph",
    "ExtrapolationObserver": "calculators.extrapolation_observer",
    "PhaseSpacePotential": "models.phase_space",
    "Potential": "models.potential",
    "RFHGNCalculator": "calculators.rfhgn",
    "downdate": "fitting.update",
    "evaluate_errors": "reports.comparison",
    "fit": "fitting.fit",
    "fit_phase_space": "fitting.phase_space.fit",
    "left_out_errors": "fitting.left_out",
    "load_model": "models.load",
    "outliers": "fitting.left_out",
    "reweighted": "fitting.update",
    "select_frames": "fitting.frame_selection",
    "split_frames": "structures.splitting",
    "update": "fitting.update",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # PEP 562
    """Return a public name; its module, and the compiler behind it, are imported at first use."""
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
