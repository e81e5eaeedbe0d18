"""Do labels agree? The rise of the energy between similar frames, beside the work of forces and stresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.structures.doctor.facts import FrameFacts
from ase_rfhgn.structures.doctor.pairs import Pair
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.doctor.units import (
    ENERGY_FAULTS,
    FORCE_FAULTS,
    SOUND,
    STRESS_FAULTS,
    Hypothesis,
    Verdict,
    judged,
    misfit,
)

FEWEST_PAIRS, FEWEST_PROOF = 5, 8
"""Pairs that a suspicion needs, and a proof."""

AGREED = 0.3
"""Misfit up to which the labels of most pairs agree, so that a pair whose labels do not is remarkable."""

JUMP = 15.0
"""Unexplained rise of the energy, in units of the usual one, beyond which a pair is remarkable."""

LEAST_JUMP = 0.02
"""Unexplained rise per atom below which no pair is remarkable (eV)."""


class Agreement:
    """Agreement of the labels of pairs of similar frames.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    pairs : sequence of Pair
        The pairs.
    """

    def __init__(self, facts: Sequence[FrameFacts], pairs: Sequence[Pair]) -> None:
        self._facts = facts
        self._pairs = pairs
        self._n_atoms_m: FloatArray = np.array([facts[pair.first].n_atoms for pair in pairs], dtype=np.float64)
        self._rise_m = np.array([pair.rise for pair in pairs])
        self._force_m = np.array([pair.force_work for pair in pairs])
        self._stress_m = np.array([pair.stress_work for pair in pairs])

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield what the pairs contradict."""
        cause = self._verdict_of_forces()
        if cause.is_suspicious:
            yield self._suspicion(cause, "energies and forces", int(np.count_nonzero(self._force_m)))
        of_stresses = self._verdict_of_stresses(cause.hypothesis if cause.is_suspicious else SOUND)
        if of_stresses.is_suspicious:
            yield self._suspicion(of_stresses, "energies and stresses", int(np.count_nonzero(self._stress_m)))
        if not cause.is_suspicious and not of_stresses.is_suspicious:
            yield from self._jumps()

    def _verdict_of_forces(self) -> Verdict:
        used_m = self._force_m != 0.0
        if np.count_nonzero(used_m) < FEWEST_PAIRS:
            return Verdict(SOUND, (), 0.0, 0.0)

        def mended(one: Hypothesis) -> tuple[FloatArray, FloatArray]:
            rise_m, force_m = self._mended(one)
            # stresses may be wrong in their own way: the reading that suits the forces best is taken
            readings = [force_m + factor * self._stress_m for factor in (0.0, *_factors())]
            best = min(readings, key=lambda work_m: misfit(rise_m[used_m], work_m[used_m]))
            return rise_m[used_m], best[used_m]

        return judged([*ENERGY_FAULTS, *FORCE_FAULTS], mended)

    def _verdict_of_stresses(self, cause: Hypothesis) -> Verdict:
        used_m = self._stress_m != 0.0
        if np.count_nonzero(used_m) < FEWEST_PAIRS:
            return Verdict(SOUND, (), 0.0, 0.0)
        rise_m, force_m = self._mended(cause)
        left_m = (rise_m - force_m)[used_m]
        return judged(STRESS_FAULTS, lambda one: (left_m, one.factor * self._stress_m[used_m]))

    def _mended(self, one: Hypothesis) -> tuple[FloatArray, FloatArray]:
        """Return rises of the energy and works of the forces, mended as a hypothesis wants it."""
        if one.label == "energy":
            return self._rise_m * (self._n_atoms_m if one.per_atom else one.factor), self._force_m
        if one.both != 1.0:
            return self._rise_m * one.factor, self._force_m * one.both
        return self._rise_m, self._force_m * one.factor

    def _suspicion(self, verdict: Verdict, which: str, n_pairs: int) -> Suspicion:
        label = verdict.hypothesis.label
        labels = ("energy", "stress") if label == "stress" else ("energy", "force")
        return Suspicion(
            kind=f"{label} units",
            message=(
                f"{which} of {n_pairs} pairs of similar frames contradict each other: they look like {verdict.words}; "
                "needed are total energies in eV, forces (not gradients) in eV/Å, stresses in eV/Å³, positive in "
                "tension"
            ),
            n_frames=len(self._facts),
            proven=labels if verdict.is_proven and n_pairs >= FEWEST_PROOF else (),
        )

    def _jumps(self) -> Iterator[Suspicion]:
        """Yield frames whose energies differ from those of similar frames by what no force explains."""
        if len(self._pairs) < FEWEST_PROOF:
            return
        work_m = self._force_m + self._stress_m
        left_m = np.abs(self._rise_m - work_m)
        size_m = np.maximum(np.abs(self._rise_m), np.abs(work_m))
        if np.median(left_m) > AGREED * np.median(size_m):
            return
        limit_m = np.maximum(JUMP * np.median(left_m), LEAST_JUMP * self._n_atoms_m)
        usual = float(np.nanmedian([one.force_rms for one in self._facts])) if self._force_m.any() else 0.0
        most_m = np.array([pair.most_work + 2.0 * usual * pair.path for pair in self._pairs])
        far_m = (left_m > limit_m) & (left_m > most_m)
        jumps = [pair for pair, is_far in zip(self._pairs, far_m, strict=True) if is_far]
        if jumps:
            largest = float((left_m / self._n_atoms_m)[far_m].max())
            yield Suspicion(
                "references",
                f"energies that differ from a similar frame by up to {largest:.2g} eV/atom which forces do not "
                "explain; are all labels of one calculation, and in the same units?",
                tuple(_culprits(self._facts, self._pairs, jumps)),
                len(self._facts),
            )


def _factors() -> list[float]:
    return [1.0, *(fault.factor for fault in STRESS_FAULTS)]


def _culprits(facts: Sequence[FrameFacts], pairs: Sequence[Pair], jumps: Sequence[Pair]) -> list[str]:
    """Return the names of frames all of whose pairs are remarkable; of the later frames where there are none."""
    remarkable = {(pair.first, pair.second) for pair in jumps}
    of_frame: dict[int, list[bool]] = {}
    for pair in pairs:
        for i in (pair.first, pair.second):
            of_frame.setdefault(i, []).append((pair.first, pair.second) in remarkable)
    alone = [i for i, flags in of_frame.items() if all(flags) and len(flags) > 1]
    return [facts[i].name for i in sorted(alone or {pair.second for pair in jumps})]
