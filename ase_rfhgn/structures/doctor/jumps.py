"""Energies that jump between similar frames, by more than any work of their forces explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ase_rfhgn.arrays import BoolArray, FloatArray, IntArray
from ase_rfhgn.structures.doctor.composition import typical_size
from ase_rfhgn.structures.doctor.facts import FrameFacts, about
from ase_rfhgn.structures.doctor.pairs import Pair
from ase_rfhgn.structures.doctor.suspicion import Suspicion

FEWEST_PAIRS = 5
"""Pairs that tell how large an unexplained rise of the energy usually is."""

JUMP = 15.0
"""Unexplained rise of the energy, in units of the usual one, beyond which a pair is remarkable."""

LEAST_JUMP = 0.02
"""Unexplained rise per atom below which no pair is remarkable (eV)."""

CONSTANT = 5.0
"""Spread of offsets, in units of the usual unexplained rise, up to which they are one constant."""

STIFFENING = 5.0
"""Power of the density with which elastic constants grow, at most: 3 to 5 for most solids."""

LEVEL = 0.1
"""Difference of energies per atom, at most half a jump, up to which frames are of one calculation at least (eV)."""

ROUGH = 0.05
"""Difference of energies in units of a jump, likewise: energies in another unit vary more than others."""


@dataclass(frozen=True, slots=True)
class Jumps:
    """Frames whose energies lie above or below those of similar frames for no reason.

    Attributes
    ----------
    energy_i : ndarray of shape (n_frames,)
        Whether the energy of a frame jumps away from those of most similar frames.
    force_i : ndarray of shape (n_frames,)
        Whether its forces are doubtful, too: the offset is not one constant of several frames, as that of another
        reference is.
    largest : float
        Largest jump per atom (eV).
    """

    energy_i: BoolArray
    force_i: BoolArray
    largest: float

    def suspicions(self, facts: Sequence[FrameFacts]) -> Iterator[Suspicion]:
        """Yield a suspicion about the frames, if there are any.

        Parameters
        ----------
        facts : sequence of FrameFacts
            All frames.
        """
        message = (
            f"energies that differ from a similar frame by up to {self.largest:.2g} eV/atom which forces do not "
            "explain; are all labels of one calculation, and in the same units? A fit does not use these energies"
        )
        message += ", nor the forces where offsets are not one constant" if self.force_i.any() else ""
        yield from about(facts, self.energy_i, "references", message)


def jumps(facts: Sequence[FrameFacts], pairs: Sequence[Pair]) -> Jumps:
    """Return the frames whose energies jump away from those of most similar frames.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    pairs : sequence of Pair
        Pairs of similar frames.
    """
    energy_i, force_i = np.zeros((2, len(facts)), dtype=bool)
    left_m, is_jump_m = _unexplained(facts, pairs)
    for kin in {facts[pair.first].kin for pair, is_jump in zip(pairs, is_jump_m, strict=True) if is_jump}:
        number_k = np.array([i for i, one in enumerate(facts) if one.kin == kin and np.isfinite(one.energy)])
        place = {int(i): k for k, i in enumerate(number_k)}
        own = [m for m, pair in enumerate(pairs) if facts[pair.first].kin == kin]
        end_m2 = np.array([[place[pairs[m].first], place[pairs[m].second]] for m in own])
        left, jumped = left_m[own], is_jump_m[own]
        height_k = _heights(np.array([facts[i].energy for i in number_k]), end_m2, np.where(jumped, left, 0.0))
        noise = CONSTANT * typical_size(left[~jumped])  # heights on both sides of a jump differ by it, too
        jump = typical_size(left[jumped])
        level_k = _levels(height_k, min(max(LEVEL, noise, ROUGH * jump), 0.5 * jump))
        count = np.bincount(level_k)
        usual = next(level for level in level_k.tolist() if count[level] == count.max())  # the first of equals
        tolerance = max(LEAST_JUMP, noise)
        jump_m2, offset_m = level_k[end_m2[jumped]], left[jumped]
        for level in set(jump_m2.ravel().tolist()) - {usual}:
            offsets = np.append(offset_m[jump_m2[:, 1] == level], -offset_m[jump_m2[:, 0] == level])
            energy_i[number_k[level_k == level]] = True
            is_single = np.count_nonzero(level_k == level) == 1
            force_i[number_k[level_k == level]] = is_single or float(np.ptp(offsets)) > tolerance
    return Jumps(energy_i, force_i, float(np.abs(left_m[is_jump_m]).max(initial=0.0)))


def _unexplained(facts: Sequence[FrameFacts], pairs: Sequence[Pair]) -> tuple[FloatArray, BoolArray]:
    """Return rises per atom that forces and stresses do not explain, and which are beyond all that these could do."""
    n_atoms_m: FloatArray = np.array([facts[pair.first].n_atoms for pair in pairs], dtype=np.float64)
    left_m = np.array([pair.rise - pair.force_work - pair.stress_work for pair in pairs])
    if len(pairs) < FEWEST_PAIRS:
        return left_m, np.zeros(len(pairs), dtype=bool)
    limit_m = np.maximum(JUMP * np.median(np.abs(left_m)), LEAST_JUMP * n_atoms_m)
    force_i = np.array([one.force_rms for one in facts])
    usual = float(np.nanmedian(force_i)) if any(pair.force_work for pair in pairs) else 0.0
    most_m = np.array([pair.most_force_work + 2.0 * usual * pair.path for pair in pairs])
    most_m += np.array([pair.most_stress_work for pair in pairs]) * _stiffening(facts, pairs)
    return left_m / n_atoms_m, np.abs(left_m) > np.maximum(limit_m, most_m)


def _stiffening(facts: Sequence[FrameFacts], pairs: Sequence[Pair]) -> FloatArray:
    """Return by how much compressed structures are stiffer than most of their kind."""
    volume_m = np.array([min(facts[pair.first].volume, facts[pair.second].volume) for pair in pairs])
    kin_m = np.array([facts[pair.first].kin for pair in pairs])
    usual = {kin: np.median(volume_m[kin_m == kin]) for kin in set(kin_m.tolist())}
    ratio_m = np.array([usual[kin] for kin in kin_m.tolist()]) / volume_m
    stiffening_m: FloatArray = np.maximum(1.0, np.nan_to_num(ratio_m, nan=1.0)) ** STIFFENING
    return stiffening_m


def _heights(energy_k: FloatArray, end_m2: IntArray, jump_m: FloatArray) -> FloatArray:
    """Return energies without what forces explain: along a chain of pairs they change by jumps alone."""
    chain_k, offset_k = np.arange(len(energy_k)), np.zeros(len(energy_k))
    for (first, second), jump in sorted(zip(end_m2.tolist(), jump_m.tolist(), strict=True), key=lambda one: one[0][1]):
        chain_k[second] = chain_k[first]
        offset_k[second] = offset_k[first] + jump
    base_k = np.array([np.median((energy_k - offset_k)[chain_k == chain]) for chain in chain_k])
    height_k: FloatArray = base_k + offset_k
    return height_k


def _levels(height_k: FloatArray, width: float) -> IntArray:
    """Return the level of every frame: those of the next height, up to a width, share it."""
    order = np.argsort(height_k)
    level_k = np.empty(len(height_k), dtype=np.int64)
    level_k[order] = np.cumsum(np.append(0, np.diff(height_k[order]) > width))
    return level_k
