"""Frames of a training set as points of phase space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ase_rfhgn.errors import SettingsError, StructureError, TrainingDataError
from ase_rfhgn.features.phase_space.species import Species
from ase_rfhgn.fitting.phase_space.rows import Snapshot, snapshot_of
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.runtime.random_streams import SNAPSHOTS, random_stream
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import TrainingSet

SAMPLE = 200
"""Frames that SWIM chooses from, at most."""


class PhaseSpaceFrames:
    """Frames as snapshots of as many dimensions as there are; a few of them are read in advance.

    Parameters
    ----------
    frames : TrainingSet
        The frames.
    bonds : Bonds, sequence of Bonds, or None
        Edges of all frames, or of each of them, where there is no cutoff.
    settings : PhaseSpaceSettings
        Settings of the fit.
    labelled : bool
        Whether frames have forces; otherwise snapshots have forces of zero.

    Raises
    ------
    SettingsError
        If there are not as many bonds as frames.
    TrainingDataError
        If a frame that is read cannot be used; the message names it.
    """

    def __init__(
        self,
        frames: TrainingSet,
        bonds: Bonds | Sequence[Bonds] | None,
        settings: PhaseSpaceSettings,
        *,
        labelled: bool = True,
    ) -> None:
        if isinstance(bonds, Sequence) and len(bonds) != len(frames):
            message = f"bonds has {len(bonds)} entries for {len(frames)} frames: give one for all, or one for each"
            raise SettingsError(message)
        self.frames = frames
        self._bonds, self._settings, self._labelled = bonds, settings, labelled
        count = min(SAMPLE, len(frames))
        chosen_i = random_stream(settings.seed, SNAPSHOTS).permutation(len(frames))[:count]
        chosen = {int(i): frames[int(i)] for i in {0, *chosen_i.tolist()}}
        self.first = chosen[0]
        self.species = _species(chosen.values())
        self.n_dimensions = settings.dimensions or _dimensions(chosen.values())
        self.sample = [self.snapshot(i, chosen[i]) for i in sorted(chosen)]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)

    def __iter__(self) -> Iterator[Snapshot]:
        """Yield the snapshot of every frame in turn."""
        if len(self.sample) == len(self.frames):  # there is nothing left to read
            yield from self.sample
            return
        for i, frame in enumerate(self.frames):
            yield self.snapshot(i, frame)

    def bonds_of(self, i: int) -> Bonds | None:
        """Return the bonds of a frame, where there are any."""
        return self._bonds[i] if isinstance(self._bonds, Sequence) else self._bonds

    def snapshot(self, i: int, frame: Frame) -> Snapshot:
        """Return the snapshot of a frame.

        Parameters
        ----------
        i : int
            Number of the frame.
        frame : Frame
            The frame.

        Raises
        ------
        TrainingDataError
            If the frame cannot be used; the message names it.
        """
        if not self._labelled:
            frame = replace(frame, force_nc=np.zeros_like(frame.atoms.positions))
        _refuse_other_species(frame, self.species)
        return snapshot_of(frame, self._settings, self.n_dimensions, self.bonds_of(i))


def _species(frames: Iterable[Frame]) -> Species:
    """Return the species of all nodes of some frames."""
    atoms = [frame.atoms for frame in frames]
    return Species.of_nodes(
        np.concatenate([one.numbers for one in atoms]), np.concatenate([one.get_masses() for one in atoms])
    )


def _refuse_other_species(frame: Frame, species: Species) -> None:
    try:
        species.indices(frame.atoms.numbers, frame.atoms.get_masses())
    except StructureError as error:
        message = f"{frame.name}: {error}"
        raise TrainingDataError(message) from error


def _dimensions(frames: Iterable[Frame]) -> int:
    """Return how many coordinates are in use: all up to the last that is not zero somewhere."""
    used_c = np.zeros(3, dtype=bool)
    for frame in frames:
        used_c |= np.any(frame.atoms.positions, axis=0) | np.any(frame.atoms.get_momenta(), axis=0)
    return int(np.flatnonzero(used_c).max(initial=0)) + 1
