"""Labels of frames beside the predictions of small fits that do not know them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.response import voigt
from ase_rfhgn.features.spherical.fields import SphericalFields
from ase_rfhgn.fitting.grouping import Grouping
from ase_rfhgn.fitting.second_opinion.small_fit import SmallFits, small_fields
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.structures.doctor.composition import deviations
from ase_rfhgn.structures.frame_graphs import FrameGraphs, GraphedFrame

MOST_FRAMES = 1000
"""Frames that are predicted, at most."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A frame with its labels and predictions.

    Attributes
    ----------
    name : str
        Name of the frame in messages.
    n_atoms : int
        Number of atoms.
    composition : Counter of int
        Number of atoms of every element.
    volume : float
        Volume per atom of what is periodic in three dimensions, else NaN (Å³).
    energy, told_energy : float
        Predicted and labelled energy per atom (eV), NaN without a label.
    force_m, told_force_m : ndarray or None
        Predicted and labelled forces (eV/Å).
    stress_v, told_stress_v : ndarray or None
        Predicted and labelled stress (eV/Å³).
    """

    name: str
    n_atoms: int
    composition: Counter[int]
    volume: float
    energy: float
    told_energy: float
    force_m: FloatArray | None
    told_force_m: FloatArray | None
    stress_v: FloatArray | None
    told_stress_v: FloatArray | None


def predictions(
    model: SphericalModel, items: FrameGraphs, grouping: Grouping, opinions: Sequence[SmallFits]
) -> list[list[Predicted]]:
    """Return, for every opinion, predictions of frames that are spread over the training set.

    Parameters
    ----------
    model : SphericalModel
        The model of the fit.
    items : FrameGraphs
        The frames.
    grouping : Grouping
        Group of every frame.
    opinions : sequence of SmallFits
        Small fits. Fits that do not know a frame predict its forces, and its energy if energies are known to them.
    """
    number_i = np.unique(np.linspace(0, len(items) - 1, min(MOST_FRAMES, len(items))).round().astype(int))
    chosen = (item for item in items.part(tuple(number_i.tolist())) if _interacts(item))
    reader = _Reader(model, small_fields(model), grouping, opinions)
    rows = [reader.predicted(item) for item in chosen]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in opinions]


def _interacts(item: GraphedFrame) -> bool:
    return len(item.graph.centre_p) > 0 and item.frame.has_labels


@dataclass(frozen=True, slots=True)
class _Reader:
    """Evaluates several opinions at a time: the atomic basis of a frame is the same for all."""

    model: SphericalModel
    fields: SphericalFields
    grouping: Grouping
    opinions: Sequence[SmallFits]

    def predicted(self, item: GraphedFrame) -> list[Predicted]:
        """Return the predictions of all opinions for a frame."""
        group = self.grouping.group_i[item.index]
        pairs = [(opinion.without(group), opinion.everything) for opinion in self.opinions]
        fits = {id(fit): fit for pair in pairs for fit in pair}
        answers = self.fields.evaluate(item.graph, [fit.polynomials for fit in fits.values()]).responses
        known = self.model.baseline.respond(item.frame.atoms, item.graph)
        species_n = np.searchsorted(self.fields.species_s, item.graph.number_n)
        responses = {number: answer + known for number, answer in zip(fits, answers, strict=True)}
        found = []
        for opinion, (without, everything) in zip(self.opinions, pairs, strict=True):
            # a fit to forces knows energies up to a constant of its own: what never saw them is one fit for all
            other = without if opinion.knows_energies else everything
            energy = float(responses[id(other)].energy_n.sum() + other.one_body_s[species_n].sum())
            found.append(_predicted(item, responses[id(without)].force_nc, responses[id(other)].virial_cc, energy))
        return found


def _predicted(item: GraphedFrame, force_nc: FloatArray, virial_cc: FloatArray, energy: float) -> Predicted:
    frame, n_atoms = item.frame, item.graph.n_atoms
    return Predicted(
        name=frame.name,
        n_atoms=n_atoms,
        composition=Counter(item.graph.number_n.tolist()),
        volume=frame.atoms.get_volume() / n_atoms if frame.atoms.pbc.all() else np.nan,
        energy=energy / n_atoms,
        told_energy=np.nan if frame.energy is None else frame.energy / n_atoms,
        force_m=None if frame.force_nc is None else force_nc.ravel(),
        told_force_m=None if frame.force_nc is None else frame.force_nc.ravel(),
        stress_v=None if frame.stress_v is None else voigt(virial_cc) / frame.atoms.get_volume(),
        told_stress_v=frame.stress_v,
    )


def deviations_of(frames: Sequence[Predicted], energy_i: FloatArray, *, with_volume: bool) -> FloatArray:
    """Return energies per atom minus what compositions explain, and the volume, where it is not predicted.

    Parameters
    ----------
    frames : sequence of Predicted
        The frames.
    energy_i : ndarray of shape (n_frames,)
        Their energies per atom (eV).
    with_volume : bool
        Whether the volume may explain energies: forces at few volumes do not determine its part.
    """
    volume_i = np.array([one.volume for one in frames]) if with_volume else None
    return deviations([one.composition for one in frames], energy_i, volume_i)


def with_label(frames: Sequence[Predicted], name: str) -> list[Predicted]:
    """Return the frames that have forces or a stress.

    Parameters
    ----------
    frames : sequence of Predicted
        The frames.
    name : str
        "told_force_m" or "told_stress_v".
    """
    return [frame for frame in frames if getattr(frame, name) is not None]
