"""The state of a fit, made again from the fitted model: its linear model and its linear system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import UpdateError
from ase_rfhgn.fitting.linear_model import LinearModel
from ase_rfhgn.fitting.linear_system import LinearSystem
from ase_rfhgn.fitting.phase_space.linear_model import PhaseSpaceModel
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.label_keys import LabelKeys
from ase_rfhgn.structures.training_set import AnyFrames, TrainingSet, open_frames

Frames: TypeAlias = AnyFrames
AnyBonds: TypeAlias = Bonds | Sequence[Bonds] | None


@dataclass(frozen=True, slots=True)
class FitState:
    """State of a fit: its linear model and its linear system.

    Attributes
    ----------
    model : LinearModel
        The model before its coefficients were known.
    system : LinearSystem
        Rows, prior and ridges.
    keys : LabelKeys
        Names of labels in the fit.
    """

    model: LinearModel
    system: LinearSystem
    keys: LabelKeys

    def frames(self, source: Frames) -> FrameGraphs:
        """Return frames with the graphs that the features see."""
        frames = source if isinstance(source, TrainingSet) else open_frames(source, self.keys)
        return FrameGraphs.of(frames, self.model.graphed)

    def rows(self, item: GraphedFrame) -> dict[str, FloatArray]:
        """Return the rows of a frame over all columns, by kind."""
        return self.model.rows([item], tuple(range(self.model.layout.n_species)))[0]


def state_of(fitted: AnyModel, bonds: AnyBonds) -> FitState:
    """Return the state of the fit of a model.

    Parameters
    ----------
    fitted : Potential or PhaseSpacePotential
        A model that was fitted with ``updatable=True``.
    bonds : Bonds, or a sequence of Bonds, one per frame, optional
        Edges of the frames that will be read, for phase-space models that were fitted with bonds.

    Raises
    ------
    UpdateError
        If the model has no linear system, or a damaged linear system.
    """
    if fitted.linear_system is None:
        message = "this model has no linear system: fit it with updatable=True"
        raise UpdateError(message)
    try:
        keys = LabelKeys.of_settings(fitted.record.get("settings", {}))
        if isinstance(fitted, PhaseSpacePotential):
            phase_space = PhaseSpaceModel.of(fitted, bonds)
            return FitState(phase_space, LinearSystem.of_arrays(fitted.linear_system, phase_space.layout), keys)
        potential = SphericalModel(fitted.hamiltonian, fitted.baseline)
        system = LinearSystem.of_arrays(fitted.linear_system, potential.layout)
        return FitState(_unfitted(potential, system), system, keys)
    except (KeyError, TypeError, ValueError) as error:
        message = f"the linear system of this model is damaged ({error!r}): fit anew"
        raise UpdateError(message) from error


def _unfitted(potential: SphericalModel, system: LinearSystem) -> SphericalModel:
    """Return the linear model of a potential, as it was before the fit."""
    species_power, *free_s = system.parameters.tolist()
    if len(free_s) != len(potential.fields.species_s):
        message = f"{len(free_s)} one-body energies for {len(potential.fields.species_s)} elements"
        raise ValueError(message)
    baseline = replace(potential.baseline, one_body_s=system.baseline_s)
    return replace(potential, baseline=baseline, species_power=species_power, free_s=tuple(map(bool, free_s)))


def refuse_strangers(system: LinearSystem, names: Sequence[str], fingerprints: Sequence[int]) -> None:
    """Raise UpdateError for the first frame that is not in the fit (again, if it is named twice)."""
    left = Counter(system.fingerprint_i.tolist())
    for name, fingerprint in zip(names, fingerprints, strict=True):
        left[fingerprint] -= 1
        if left[fingerprint] < 0:
            message = f"{name}: not one of the frames of the fit, with the same positions and labels to the last digit"
            raise UpdateError(message)
