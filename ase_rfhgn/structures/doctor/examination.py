"""The data doctor: collects facts about labelled frames in one pass, and says what looks wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from ase_rfhgn.arrays import IntArray
from ase_rfhgn.structures.doctor.agreement import Agreement
from ase_rfhgn.structures.doctor.contradicted import Contradicted
from ase_rfhgn.structures.doctor.distances import strange_distances
from ase_rfhgn.structures.doctor.facts import FrameFacts, facts_of
from ase_rfhgn.structures.doctor.jumps import Jumps, jumps
from ase_rfhgn.structures.doctor.magnitudes import strange_magnitudes
from ase_rfhgn.structures.doctor.pairs import Pair, Pairing
from ase_rfhgn.structures.doctor.places import originals
from ase_rfhgn.structures.doctor.repetitions import labels_of_others, net_forces, repetitions
from ase_rfhgn.structures.doctor.still import StillAtoms
from ase_rfhgn.structures.doctor.stress_order import exchanged, shear_order, wrong_order
from ase_rfhgn.structures.doctor.suspicion import Suspicion, ranked
from ase_rfhgn.structures.doctor.zeros import zeros
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.graph import NeighbourGraph, build_graph
from ase_rfhgn.structures.labels_elsewhere import ADVICE

FEWEST_FRAMES = 4
"""Frames below which a fit is next to a guess."""

NEIGHBOURS = 5.5
"""Distance up to which atoms are neighbours, where there is no fit (Å)."""


class Doctor:
    """Examines labelled frames, whatever their number: a few numbers of each are kept."""

    def __init__(self) -> None:
        self._facts: dict[int, FrameFacts] = {}
        self._pairs: list[Pair] = []
        self._pairing = Pairing()
        self._still = StillAtoms()

    def add(self, frame: Frame, graph: NeighbourGraph, number: int | None = None) -> None:
        """Take in a frame.

        Parameters
        ----------
        frame : Frame
            The frame.
        graph : NeighbourGraph
            Its graph.
        number : int, optional
            Number of the frame; by default frames are counted as they come.
        """
        facts = facts_of(frame, graph)
        at = len(self._facts) if number is None else number
        pair = self._pairing.add(at, facts.kin, frame)
        if pair is not None:
            self._pairs.append(pair)
        self._still.add(facts.kin, frame)
        self._facts[at] = facts

    def merge(self, other: Doctor) -> None:
        """Take in the frames of another doctor, which have other numbers, and come later."""
        self._facts |= other._facts
        across = self._pairing.merge(other._pairing)
        self._pairs = sorted([*self._pairs, *across, *other._pairs], key=lambda pair: pair.second)
        self._still.merge(other._still)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._facts)

    @property
    def facts(self) -> tuple[FrameFacts, ...]:
        """Facts about the frames, in their order."""
        return tuple(self._facts[i] for i in sorted(self._facts))

    def suspicions(self) -> tuple[Suspicion, ...]:
        """Return what looks wrong, the gravest first."""
        about_labels = self._about_labels() if any(one.labelled for one in self.facts) else ()
        return ranked([*about_labels, *self._elsewhere()])

    def original_i(self) -> IntArray:
        """Return the first frame with the same structure, for every frame with labels; itself where there is none."""
        facts = self.facts
        number_i = np.arange(len(facts))
        labelled_i = np.array([i for i, one in enumerate(facts) if one.labelled], dtype=np.int64)
        chosen = [facts[i] for i in labelled_i]
        number_i[labelled_i] = labelled_i[originals([one.kin for one in chosen], [one.place for one in chosen])]
        return number_i

    def contradicted(self) -> Contradicted:
        """Return the labels that other labels contradict, where those of most frames agree: a fit does not use them."""
        agreement = Agreement(self.facts, self._ordered_pairs())
        shears = tuple(exchanged(self._shear_order(agreement)))
        if any(not one.frames for one in agreement.suspicions()):
            return Contradicted(shears=shears)
        found = self._jumps(agreement)
        wrong = (found.energy_i, found.force_i, agreement.contradicted_stresses()[1])
        energies, forces, stresses = (tuple(np.flatnonzero(wrong_i).tolist()) for wrong_i in wrong)
        return Contradicted(energies, forces, stresses, shears)

    def _jumps(self, agreement: Agreement) -> Jumps:
        """Return jumps of energies between frames, without strains whose stresses are wrong."""
        is_wrong_i = agreement.contradicted_stresses()[1]
        chosen = [one for one in self._ordered_pairs() if one.stress_work == 0.0 or not is_wrong_i[one.first]]
        return jumps(self.facts, chosen)

    def _shear_order(self, agreement: Agreement) -> tuple[int, int, int] | None:
        return shear_order(self.facts) or agreement.shear_order()

    def _ordered_pairs(self) -> list[Pair]:
        """Return the pairs, with the places of their frames in place of their numbers."""
        place = {number: at for at, number in enumerate(sorted(self._facts))}
        return [replace(pair, first=place[pair.first], second=place[pair.second]) for pair in self._pairs]

    def _about_labels(self) -> Iterator[Suspicion]:
        facts = self.facts
        pairs = self._ordered_pairs()
        named = [*strange_magnitudes(facts), *zeros(facts)]
        yield from named
        strange = {name for one in named for name in one.frames}
        agreement = Agreement(facts, pairs)
        contradictions = list(agreement.suspicions())
        whole = any(not one.frames for one in contradictions)
        for one in (*contradictions, *(() if whole else self._jumps(agreement).suspicions(facts))):
            others = tuple(name for name in one.frames if name not in strange)
            if others or not one.frames:
                yield replace(one, frames=others)
        yield from strange_distances(facts)
        yield from repetitions(facts)
        yield from labels_of_others(facts)
        yield from net_forces(facts)
        yield from wrong_order(self._shear_order(agreement))
        yield from self._still.suspicions(len(facts))
        if len(facts) < FEWEST_FRAMES:
            yield Suspicion("few frames", _few(len(facts)))

    def _elsewhere(self) -> Iterator[Suspicion]:
        facts = self.facts
        elsewhere = tuple(one.name for one in facts if one.elsewhere)
        if elsewhere:
            where = next(one.elsewhere for one in facts if one.elsewhere)
            yield Suspicion("labels elsewhere", f"{where} not used as labels: {ADVICE}", elsewhere, len(facts))


def _few(n_frames: int) -> str:
    return (
        f"there are {n_frames} frames: too few to choose the ridge or the uncertainties by leaving some out; "
        f"give {FEWEST_FRAMES} frames at least, tens for a crystal, hundreds for mixtures"
    )


def examined(frames: Iterable[Frame], cutoff: float = NEIGHBOURS) -> Doctor:
    """Return a doctor who has seen frames.

    Parameters
    ----------
    frames : iterable of Frame
        The frames.
    cutoff : float
        Distance up to which atoms are neighbours (Å).
    """
    doctor = Doctor()
    for frame in frames:
        doctor.add(frame, build_graph(frame.atoms, cutoff))
    return doctor
