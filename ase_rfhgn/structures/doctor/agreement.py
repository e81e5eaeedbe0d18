"""Do labels agree? The rise of the energy between similar frames, beside the work of forces and stresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.structures.doctor.facts import FrameFacts
from ase_rfhgn.structures.doctor.pairs import Pair
from ase_rfhgn.structures.doctor.stress_order import ORDERS, exchanged
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

FEWEST_SOUND = 3
"""Pairs of a kind of structure that show that its labels are sound, where those of other kinds are not."""

CLOSE, AWAY = 0.3, 0.7
"""Misfits of a single pair that agrees, and of one that does not."""

MISPLACED = 0.5
"""Misfit of shear stresses in another order, in units of the misfit in the order of ASE, that is suspicious."""


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
        self._volume_m = self._n_atoms_m * np.array([facts[pair.first].volume for pair in pairs])
        self._rise_m = np.array([pair.rise for pair in pairs])
        self._force_m = np.array([pair.force_work for pair in pairs])
        self._stress_m = np.array([pair.stress_work for pair in pairs])

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield what the pairs contradict: all of them, or those of some kinds of structures."""
        cause = self.of_forces()
        if cause.is_suspicious:
            yield self._suspicion(cause, "energies and forces", int(np.count_nonzero(self._force_m)))
        of_stresses = self.of_stresses(cause.hypothesis if cause.is_suspicious else SOUND)
        if of_stresses.is_suspicious and self._is_whole():
            yield self._suspicion(of_stresses, "energies and stresses", int(np.count_nonzero(self._stress_m)))
        elif not cause.is_suspicious:
            yield from self._of_some_kinds()

    def contradicted_stresses(self) -> tuple[Hypothesis, BoolArray]:
        """Return what is wrong with the stresses of some kinds of structures, and of which frames.

        Pairs of one kind of structure prove it. Other pairs with the same fault are added to them. Where more
        frames are wrong than sound, frames that no pair tells about are taken to be wrong, too.
        """
        wrong_i, sound_i = np.zeros((2, len(self._facts)), dtype=bool)
        parts = self._parts()
        proofs = [(part, part.of_stresses(SOUND)) for part in parts]
        proofs = [(part, verdict) for part, verdict in proofs if verdict.is_proven]
        if not proofs or self._is_whole():
            return SOUND, wrong_i
        fault = max(proofs, key=lambda pair: pair[1].misfit_sound - pair[1].misfit)[1].hypothesis
        wrong_i[[i for part, _ in proofs for i in part._frames()]] = True  # noqa: SLF001
        wrong_i[self._frames(self._shows(fault))] = True
        sound_i[[i for part in parts if part.agrees_in_stresses() for i in part._frames()]] = True  # noqa: SLF001
        wrong_i &= ~sound_i
        if wrong_i.sum() > sound_i.sum():
            wrong_i = ~sound_i
        return fault, wrong_i & np.array([bool(np.isfinite(one.stress_v).all()) for one in self._facts])

    def _frames(self, chosen_m: BoolArray | None = None) -> list[int]:
        """Return the frames of some pairs, by default of all."""
        pairs = self._pairs if chosen_m is None else [self._pairs[m] for m in np.flatnonzero(chosen_m).tolist()]
        return sorted({i for pair in pairs for i in (pair.first, pair.second)})

    def _shows(self, fault: Hypothesis) -> BoolArray:
        """Return which pairs show a fault of the stresses; strains beside large displacements tell nothing."""
        left_m, told_m = self._rise_m - self._force_m, self._stress_m
        size_m = np.maximum(np.abs(left_m), np.abs(self._force_m))
        shows_m: BoolArray = (told_m != 0.0) & (np.abs(left_m) > CLOSE * size_m)
        shows_m &= np.abs(left_m - self._stresses(fault)) < CLOSE * np.abs(left_m)
        shows_m &= np.abs(left_m - told_m) > AWAY * size_m
        return shows_m

    def of_forces(self) -> Verdict:
        """Return the verdict on energies and forces."""
        used_m = self._force_m != 0.0
        if np.count_nonzero(used_m) < FEWEST_PAIRS:
            return Verdict(SOUND, (), 0.0, 0.0)

        def mended(one: Hypothesis) -> tuple[FloatArray, FloatArray]:
            rise_m, force_m = self._mended(one)
            # stresses may be wrong in their own way: the reading that suits the forces best is taken
            factors = [0.0, 1.0, *(fault.factor for fault in STRESS_FAULTS if not fault.per_volume)]
            readings = [force_m + factor * self._stress_m for factor in factors]
            best = min(readings, key=lambda work_m: misfit(rise_m[used_m], work_m[used_m]))
            return rise_m[used_m], best[used_m]

        return judged([*ENERGY_FAULTS, *FORCE_FAULTS], mended)

    def of_stresses(self, cause: Hypothesis) -> Verdict:
        """Return the verdict on stresses, where energies or forces have a fault of their own."""
        used_m = self._stress_m != 0.0
        if np.count_nonzero(used_m) < FEWEST_PAIRS:
            return Verdict(SOUND, (), 0.0, 0.0)
        rise_m, force_m = self._mended(cause)
        left_m = (rise_m - force_m)[used_m]
        return judged(STRESS_FAULTS, lambda one: (left_m, self._stresses(one)[used_m]))

    def _stresses(self, one: Hypothesis) -> FloatArray:
        """Return works of the stresses, mended as a hypothesis wants it."""
        work_m: FloatArray = one.factor * self._stress_m
        return np.nan_to_num(work_m / self._volume_m) if one.per_volume else work_m

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

    def _is_whole(self) -> bool:
        """Return whether the stresses of all kinds of structures are suspicious; those of some may be sound."""
        if not self.of_stresses(SOUND).is_suspicious:
            return False
        return not any(part.agrees_in_stresses() for part in self._parts())

    def agrees_in_stresses(self) -> bool:
        """Return whether stresses explain the energies as they are."""
        used_m = self._stress_m != 0.0
        enough = np.count_nonzero(used_m) >= FEWEST_SOUND
        return bool(enough) and misfit((self._rise_m - self._force_m)[used_m], self._stress_m[used_m]) < CLOSE

    def _parts(self) -> list[Agreement]:
        """Return the agreement of the pairs of every kind of structure."""
        of_kin: dict[int, list[Pair]] = {}
        for pair in self._pairs:
            of_kin.setdefault(self._facts[pair.first].kin, []).append(pair)
        return [Agreement(self._facts, pairs) for pairs in of_kin.values()] if len(of_kin) > 1 else []

    def _of_some_kinds(self) -> Iterator[Suspicion]:
        """Yield suspicions about the kinds of structures whose labels contradict each other."""
        fault, wrong_i = self.contradicted_stresses()
        if fault is not SOUND:
            message = (
                f"stresses that contradict the energies: they look like {fault.words}, and other stresses do not; a "
                "fit uses only those that are sound"
            )
            names = tuple(self._facts[i].name for i in np.flatnonzero(wrong_i).tolist())
            yield Suspicion("stress units", message, names, len(self._facts))
        verdicts = [(part, part.of_forces()) for part in self._parts()]
        proofs = [(part, verdict) for part, verdict in verdicts if verdict.is_proven]
        for label in dict.fromkeys(verdict.hypothesis.label for _, verdict in proofs):
            chosen = [(part, verdict) for part, verdict in proofs if verdict.hypothesis.label == label]
            numbers = [i for part, _ in chosen for i in part._frames()]  # noqa: SLF001
            words = ", or ".join(dict.fromkeys(verdict.words for _, verdict in chosen))
            message = f"energies and forces that contradict each other: they look like {words}; give all in eV and eV/Å"
            yield Suspicion(f"{label} units", message, tuple(self._facts[i].name for i in numbers), len(self._facts))

    def shear_order(self) -> tuple[int, int, int] | None:
        """Return the order in which shear stresses explain the energies, None if it is that of ASE."""
        shear_mss = np.array([pair.shear_work_ss for pair in self._pairs]).reshape(-1, 3, 3)
        used_m = np.abs(shear_mss).sum(axis=(1, 2)) > 0.0
        if np.count_nonzero(used_m) < FEWEST_PROOF:
            return None
        normal_m = np.array([pair.normal_work for pair in self._pairs])
        left_m = (self._rise_m - self._force_m - normal_m)[used_m]
        answer_mss = shear_mss[used_m]
        order = min(ORDERS, key=lambda one: misfit(left_m, answer_mss[:, one, range(3)].sum(axis=1)))
        moved = exchanged(order)
        left_m = left_m - sum(answer_mss[:, s, s] for s in range(3) if s not in moved)
        told_m, mended_m = (sum(answer_mss[:, place[s], s] for s in moved) for place in (ORDERS[0], order))
        is_other = bool(moved) and misfit(left_m, mended_m) < min(MISPLACED * misfit(left_m, told_m), 2.0 * CLOSE)
        return order if is_other else None
