"""Comparisons of a model with the labels of frames: errors, and the pairs of values behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from ase import Atoms
from ase.units import GPa

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.models.gradients import PhaseSpaceUncertainty
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.models.uncertainty import PredictedUncertainty
from ase_rfhgn.regression.posterior import left_free
from ase_rfhgn.reports.metrics import ErrorAccumulator, Errors
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.checks import MISTAKEN
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.label_keys import LabelKeys
from ase_rfhgn.structures.training_set import AnyFrames, TrainingSet, open_frames

Frames: TypeAlias = AnyFrames


@dataclass(frozen=True, slots=True)
class Prediction:
    """Prediction of a model for the labels of a frame.

    Attributes
    ----------
    energy : float
        Potential energy (eV); for a Hamiltonian of positions and momenta, H minus p²/2m.
    force_nc : ndarray of shape (n_atoms, 3)
        Forces (eV/Å).
    stress_v : ndarray of shape (6,) or None
        Stress (eV/Å³); None if the model has no stress.
    uncertainty : PredictedUncertainty, PhaseSpaceUncertainty or None
        Predicted uncertainties; None unless asked for.
    """

    energy: float
    force_nc: FloatArray
    stress_v: FloatArray | None
    uncertainty: PredictedUncertainty | PhaseSpaceUncertainty | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Labels of a frame beside the prediction of a model.

    Attributes
    ----------
    frame : Frame
        The structure and its labels.
    evaluation : Prediction
        Energy, forces and stress of the model.
    """

    frame: Frame
    evaluation: Prediction

    @property
    def energy_error(self) -> float | None:
        """Predicted minus labelled energy per atom (eV)."""
        if self.frame.energy is None:
            return None
        return (self.evaluation.energy - self.frame.energy) / len(self.frame.atoms)

    @property
    def force_error_nc(self) -> FloatArray | None:
        """Predicted minus labelled forces (eV/Å)."""
        if self.frame.force_nc is None:
            return None
        return self.evaluation.force_nc - self.frame.force_nc

    @property
    def stress_error_v(self) -> FloatArray | None:
        """Predicted minus labelled stress (eV/Å³)."""
        if self.frame.stress_v is None or self.evaluation.stress_v is None:
            return None
        return self.evaluation.stress_v - self.frame.stress_v


@dataclass(frozen=True, slots=True)
class Parity:
    """Labelled and predicted values of one quantity.

    Attributes
    ----------
    quantity, unit : str
        Name and unit, for an axis.
    label_m, prediction_m : ndarray of shape (n_values,)
        The values, in the unit.
    """

    quantity: str
    unit: str
    label_m: FloatArray
    prediction_m: FloatArray


@dataclass(frozen=True, slots=True)
class Reliability:
    """Errors of force components beside their predicted uncertainties.

    Attributes
    ----------
    error_m, expected_m : ndarray of shape (n_values,)
        Absolute errors, and predicted uncertainties (eV/Å), without components that symmetry fixes.
    """

    error_m: FloatArray
    expected_m: FloatArray

    def within(self, factor: float) -> float:
        """Return the share of errors within a multiple of the predicted uncertainties."""
        return float(np.mean(self.error_m <= factor * self.expected_m))


def compare(
    model: AnyModel,
    source: Frames,
    *,
    bonds: Bonds | Sequence[Bonds] | None = None,
    uncertainty: bool = False,
    progress: bool = False,
) -> Iterator[Comparison]:
    """Yield the labels of every frame beside the prediction of a model; frames are read one by one.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        The model.
    source : path, ase.Atoms, iterable of these, or TrainingSet
        Labelled frames; a frame without labels is evaluated, too.
    bonds : Bonds, or a sequence of Bonds, one per frame, optional
        Edges, for a phase-space model that was fitted with bonds.
    uncertainty : bool, default False
        Whether to predict uncertainties, too.
    progress : bool, default False
        Whether to show progress on a terminal.

    Raises
    ------
    StructureError
        If the model cannot evaluate a frame; the message names the frame.
    """
    frames = opened(model, source)
    for i, frame in enumerate(progress_bar(frames, "evaluate", total=len(frames), shown=progress)):
        own = bonds[i] if isinstance(bonds, Sequence) else bonds
        try:
            evaluation = _prediction(model, frame.atoms, own, uncertainty=uncertainty)
        except StructureError as error:
            message = f"{frame.name}: {error}"
            raise StructureError(message) from error
        yield Comparison(frame, evaluation)


def opened(model: AnyModel, source: Frames, keys: LabelKeys | None = None) -> TrainingSet:
    """Return frames for a model; nodes of phase-space models may be as close as they like.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        The model.
    source : path, ase.Atoms, iterable of these, or TrainingSet
        The frames.
    keys : LabelKeys, optional
        Names of labels; names that are not given are those of the fit, unless a training set has its own.
    """
    if isinstance(source, TrainingSet) and source.keys.of_labels:
        return source if keys is None else source.with_keys(source.keys.overridden(keys))
    keys = LabelKeys.of_settings(model.record.get("settings", {})).overridden(keys)
    return open_frames(source, keys, closest=MISTAKEN if isinstance(model, Potential) else 0.0)


def _prediction(model: AnyModel, atoms: Atoms, bonds: Bonds | None, *, uncertainty: bool) -> Prediction:
    """Return the prediction of a model for a structure."""
    if isinstance(model, Potential):
        found = model.evaluate(atoms, uncertainty=uncertainty)
        return Prediction(found.energy, found.force_nc, found.stress_v, found.uncertainty)
    gradients = model.evaluate(atoms, bonds, uncertainty=uncertainty)
    energy = gradients.energy - float(atoms.get_kinetic_energy())
    return Prediction(energy, gradients.force_nc, None, gradients.uncertainty)


def errors_of(comparisons: Iterable[Comparison]) -> Errors:
    """Return the errors over all frames of a comparison, also by group of frames and by element."""
    accumulator = ErrorAccumulator()
    for comparison in comparisons:
        accumulator.add(
            comparison.energy_error,
            comparison.force_error_nc,
            comparison.stress_error_v,
            n_atoms=len(comparison.frame.atoms),
            symbol_n=comparison.frame.atoms.get_chemical_symbols(),
            group=comparison.frame.group,
        )
    return accumulator.errors()


def evaluate_errors(
    model: AnyModel,
    source: Frames,
    *,
    bonds: Bonds | Sequence[Bonds] | None = None,
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    virials_key: str | None = None,
) -> Errors:
    """Return the errors of a model on labelled frames.

    Frames are read one by one, so memory does not grow with their number.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        The model.
    source : path, ase.Atoms, iterable of these, or TrainingSet
        Labelled frames; a frame need not have all labels.
    bonds : Bonds, or a sequence of Bonds, one per frame, optional
        Edges, for a phase-space model that was fitted with bonds.
    energy_key, forces_key, stress_key, virials_key : str, optional
        Names of labels, as for `ase_rfhgn.fit`; by default those of the fit.

    Raises
    ------
    TrainingDataError
        If no frame has labels.
    """
    keys = LabelKeys(energy=energy_key, forces=forces_key, stress=stress_key, virials=virials_key)
    frames = opened(model, source, keys)
    frames.require_labels()
    return errors_of(compare(model, frames, bonds=bonds))


def parities_of(comparisons: Iterable[Comparison]) -> list[Parity]:
    """Return labelled and predicted energies per atom, forces and stresses, whichever have labels."""
    energies: list[tuple[FloatArray, FloatArray]] = []
    forces: list[tuple[FloatArray, FloatArray]] = []
    stresses: list[tuple[FloatArray, FloatArray]] = []
    for comparison in comparisons:
        frame, evaluation = comparison.frame, comparison.evaluation
        if frame.energy is not None:
            pair = np.array([[frame.energy], [evaluation.energy]]) / len(frame.atoms)
            energies.append((pair[0], pair[1]))
        if frame.force_nc is not None:
            forces.append((frame.force_nc.ravel(), evaluation.force_nc.ravel()))
        if frame.stress_v is not None and evaluation.stress_v is not None:
            stresses.append((frame.stress_v / GPa, evaluation.stress_v / GPa))
    collected = [("energy", "eV/atom", energies), ("force", "eV/Å", forces), ("stress", "GPa", stresses)]
    return [_parity(quantity, unit, pairs) for quantity, unit, pairs in collected if pairs]


def reliability_of(comparisons: Iterable[Comparison]) -> Reliability | None:
    """Return errors of forces beside their predicted uncertainties, None if either is missing."""
    errors, expected = [], []
    for comparison in comparisons:
        error_nc, uncertainty = comparison.force_error_nc, comparison.evaluation.uncertainty
        if error_nc is not None and uncertainty is not None:
            errors.append(np.abs(error_nc).ravel())
            expected.append(uncertainty.force_nc.ravel())
    if not errors:
        return None
    error_m, expected_m = np.concatenate(errors), np.concatenate(expected)
    free_m = left_free(expected_m)
    return Reliability(error_m[free_m], expected_m[free_m]) if free_m.any() else None


def _parity(quantity: str, unit: str, pairs: Sequence[tuple[FloatArray, FloatArray]]) -> Parity:
    labels, predictions = zip(*pairs, strict=True)
    return Parity(quantity, unit, np.concatenate(labels), np.concatenate(predictions))
