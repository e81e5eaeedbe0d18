"""The training record of a model file: settings, errors, ridges."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase.data import chemical_symbols
from ase.units import GPa

from ase_rfhgn.arrays import FloatArray, IntArray
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.ridge_choice import Choice
from ase_rfhgn.fitting.target_settings import TargetSettings

UNITS = {"energy": 1e3, "force": 1.0, "stress": 1.0 / GPa, "velocity": 1.0, "motion": 1.0}
"""Units of reported errors per kind of rows: meV/atom, eV/Å, GPa, Å per ASE time, eV/Å."""


def training_record(
    settings: TargetSettings, species_s: IntArray, factors: Factors, choice: Choice, coefficient_f: FloatArray
) -> dict[str, Any]:
    """Return settings, sizes, the choice of the ridge and errors as plain JSON values.

    Errors of stresses are weighted as in the fit: those of calm frames count more, unless a weight was given.

    Parameters
    ----------
    settings : TargetSettings
        Settings of the fit.
    species_s : ndarray of shape (n_species,)
        Atomic numbers of the frames.
    factors : Factors
        Rows of all frames.
    choice : Choice
        The regression and how its ridges were chosen.
    coefficient_f : ndarray of shape (n_columns,)
        The solution.
    """
    return {
        "settings": settings.as_dict(),
        "elements": [chemical_symbols[z] for z in species_s],
        "n_frames": len(factors.n_atoms_i),
        "n_atoms": sum(factors.n_atoms_i.values()),
        "n_features": factors.layout.n_columns,
        "ridge": choice.regression.ridge,
        "teacher_ridge": choice.regression.teacher_ridge,
        "ridge_choice": choice.method,
        "ridge_path": choice.path,
        "train_relative_rms": _relative_rms(choice, coefficient_f),
        "train_rmse": {
            kind: float(UNITS[kind] * np.sqrt(_squares(factors, kind, coefficient_f) / factors.n_rows(kind)))
            for kind in UNITS
            if factors.n_rows(kind)
        },
        "cross_validation_rmse": {kind: UNITS[kind] * value for kind, value in choice.cross_validation.items()},
    }


def _relative_rms(choice: Choice, coefficient_f: FloatArray) -> float:
    """Return the root mean square of the weighted residuals, relative to that of the right-hand sides."""
    labelled = choice.regression.labelled
    size = max(labelled.residual(np.zeros_like(coefficient_f)), np.finfo(float).tiny)
    return float(np.sqrt(labelled.residual(coefficient_f) / size))


def _squares(factors: Factors, kind: str, coefficient_f: FloatArray) -> float:
    """Return the sum of squared residuals of all rows of a kind."""
    return sum(by_kind[kind].residual(coefficient_f) for by_kind in factors.by_group.values() if kind in by_kind)
