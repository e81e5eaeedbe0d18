"""Labels of frames beside the predictions of small fits that do not know them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.features.response import voigt
from ase_rfhgn.fitting.grouping import Grouping
from ase_rfhgn.fitting.second_opinion.small_fit import SmallFits
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


def predictions(items: FrameGraphs, grouping: Grouping, fits: SmallFits) -> list[Predicted]:
    """Return predictions of frames that are spread over the training set, by fits that do not know them.

    Parameters
    ----------
    items : FrameGraphs
        The frames.
    grouping : Grouping
        Group of every frame.
    fits : SmallFits
        The small fits.
    """
    number_i = np.unique(np.linspace(0, len(items) - 1, min(MOST_FRAMES, len(items))).round().astype(int))
    chosen = items.part(tuple(number_i.tolist()))
    return [_predicted(item, fits, grouping) for item in chosen if _interacts(item)]


def _interacts(item: GraphedFrame) -> bool:
    return len(item.graph.centre_p) > 0 and item.frame.has_labels


def _predicted(item: GraphedFrame, fits: SmallFits, grouping: Grouping) -> Predicted:
    frame, n_atoms = item.frame, item.graph.n_atoms
    response = fits.without(grouping.group_i[item.index]).respond(frame.atoms, item.graph)
    # a fit to forces knows energies up to a constant of its own: what never saw energies or stresses is one fit for all
    others = response if fits.knows_energies else fits.everything.respond(frame.atoms, item.graph)
    has_forces, has_stress = frame.force_nc is not None, frame.stress_v is not None
    return Predicted(
        name=frame.name,
        n_atoms=n_atoms,
        composition=Counter(item.graph.number_n.tolist()),
        volume=frame.atoms.get_volume() / n_atoms if frame.atoms.pbc.all() else np.nan,
        energy=float(others.energy_n.sum()) / n_atoms,
        told_energy=np.nan if frame.energy is None else frame.energy / n_atoms,
        force_m=response.force_nc.ravel() if has_forces else None,
        told_force_m=None if frame.force_nc is None else frame.force_nc.ravel(),
        stress_v=voigt(others.virial_cc) / frame.atoms.get_volume() if has_stress else None,
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
