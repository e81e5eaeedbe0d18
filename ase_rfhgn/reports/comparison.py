"""A potential against the labels of frames: errors, and the pairs of values behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import GPa

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import StructureError
from ase_rfhgn.models.potential import Evaluation, Potential
from ase_rfhgn.regression.posterior import left_free
from ase_rfhgn.reports.metrics import ErrorAccumulator, Errors
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.training_set import TrainingSet


@dataclass(frozen=True, slots=True)
class Comparison:
    """A frame's labels beside what a potential says.

    Attributes
    ----------
    frame : Frame
        The structure and its labels.
    evaluation : Evaluation
        Energies, forces and stress of the potential.
    """

    frame: Frame
    evaluation: Evaluation

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
        What it is, for an axis.
    label_m, prediction_m : ndarray of shape (n_values,)
        The values, in the unit.
    """

    quantity: str
    unit: str
    label_m: FloatArray
    prediction_m: FloatArray


@dataclass(frozen=True, slots=True)
class Reliability:
    """Errors of force components beside those that were expected.

    Attributes
    ----------
    error_m, expected_m : ndarray of shape (n_values,)
        Absolute errors, and half-widths of the 68 % intervals (eV/Å); those that symmetry fixes left out.
    """

    error_m: FloatArray
    expected_m: FloatArray

    def within(self, factor: float) -> float:
        """Return the share of errors within a multiple of the half-widths."""
        return float(np.mean(self.error_m <= factor * self.expected_m))


def compare(
    potential: Potential,
    source: str | Path | Sequence[Atoms] | TrainingSet,
    *,
    uncertainty: bool = False,
    progress: bool = False,
) -> Iterator[Comparison]:
    """Yield the labels of every frame beside what a potential says; frames are read one by one.

    Parameters
    ----------
    potential : Potential
        The potential.
    source : path, sequence of Atoms or TrainingSet
        Labelled frames; no label is needed for a frame to be evaluated.
    uncertainty : bool, default False
        Whether the errors to be expected are wanted, too.
    progress : bool, default False
        Whether long work shows progress on a terminal.

    Raises
    ------
    StructureError
        If a frame has an element that the potential does not know; the message names the frame.
    """
    frames = source if isinstance(source, TrainingSet) else TrainingSet.open(source)
    for frame in progress_bar(frames, "evaluate", total=len(frames), shown=progress):
        try:
            evaluation = potential.evaluate(frame.atoms, uncertainty=uncertainty)
        except StructureError as error:
            message = f"{frame.name}: {error}"
            raise StructureError(message) from error
        yield Comparison(frame, evaluation)


def errors_of(comparisons: Iterable[Comparison]) -> Errors:
    """Return the errors over all frames of a comparison."""
    accumulator = ErrorAccumulator()
    for comparison in comparisons:
        accumulator.add(
            comparison.energy_error,
            comparison.force_error_nc,
            comparison.stress_error_v,
            n_atoms=len(comparison.frame.atoms),
        )
    return accumulator.errors()


def evaluate_errors(potential: Potential, source: str | Path | Sequence[Atoms] | TrainingSet) -> Errors:
    """Return the errors of a potential on labelled frames; memory does not grow with their number.

    Parameters
    ----------
    potential : Potential
        The potential.
    source : path, sequence of Atoms or TrainingSet
        Labelled frames. Labels that a frame lacks are not counted.

    Raises
    ------
    TrainingDataError
        If no frame has labels.
    """
    frames = source if isinstance(source, TrainingSet) else TrainingSet.open(source)
    frames.require_labels()
    return errors_of(compare(potential, frames))


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
    """Return errors of forces beside the expected ones, None where there are none of either."""
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
