"""Results of a potential under ASE's names, checked to be finite."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from ase.calculators.calculator import CalculationFailed, PropertyNotImplementedError

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.models.evaluation import Evaluation
from ase_rfhgn.models.uncertainty import PredictedUncertainty

GRADE = "extrapolation_grade"
"""Property that is above 1 for atoms that are unlike the training data."""

GAMMA = "gamma"
"""Another name of `GRADE`, as other codes call it."""


def results_of(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation under ASE's names."""
    results: dict[str, Any] = {
        "energy": evaluation.energy,
        "free_energy": evaluation.energy,
        "energies": evaluation.energy_n,
        "forces": evaluation.force_nc,
    }
    if evaluation.stress_v is not None:
        results["stress"] = evaluation.stress_v
    return results


def finite(results: dict[str, Any]) -> dict[str, Any]:
    """Return results after a check that everything is finite."""
    for name, value in results.items():
        if not np.isfinite(value).all():
            _fail(name, value)
    return results


def uncertainty_result(expected: PredictedUncertainty, name: str) -> float | FloatArray:
    """Return one of the predicted uncertainties, or the grades, by its name."""
    if expected.stress_v is None and name == "stress_uncertainty":
        message = "stress_uncertainty needs three independent cell vectors"
        raise PropertyNotImplementedError(message)
    values: dict[str, Any] = {
        "energy_uncertainty": expected.energy,
        "energies_uncertainty": expected.energy_n,
        "forces_uncertainty": expected.force_nc,
        "stress_uncertainty": expected.stress_v,
        GRADE: expected.grade_n,
        GAMMA: expected.grade_n,
    }
    value: float | FloatArray = values[name]
    return value.copy() if isinstance(value, np.ndarray) else value


def _fail(name: str, value: float | FloatArray) -> NoReturn:
    bad = np.argwhere(~np.isfinite(np.atleast_1d(value)))[0]
    where = f" of atom {bad[0]}" if name in {"energies", "forces", "stresses"} else ""
    message = f"{name}{where} is not finite: the structure lies far outside of what the potential was fitted to"
    raise CalculationFailed(message)
