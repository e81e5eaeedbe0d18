"""Frames that repeat each other: copies, copies with other labels, frames of the test set, atoms that never move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ase_rfhgn.arrays import BoolArray, IntArray
from ase_rfhgn.structures.doctor.facts import FrameFacts, about, column
from ase_rfhgn.structures.doctor.places import kin_of, originals, place_marks
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.frame import Frame

SAME_ENERGY, SAME_FORCE = 1e-3, 0.02
"""Differences of labels of equal structures that calculations of one kind may have (eV/atom, eV/Å)."""

RELATIVE = 0.02
"""The same, in units of the typical force."""


FEWEST_CONSTANT = 4
"""Structures of one kind whose energies may be equal by chance, or by symmetry."""

NET_FORCE = 0.05
"""Sum of forces, per root of the number of atoms, that loose convergence leaves (eV/Å)."""

NET_SHARE = 0.05
"""The same in units of the sum that independent errors as large as the forces would have."""


def repetitions(facts: Sequence[FrameFacts]) -> Iterator[Suspicion]:
    """Yield suspicions about frames that repeat each other.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    """
    labelled = [one for one in facts if one.labelled]
    original_i = originals([one.kin for one in labelled], [one.place for one in labelled])
    copy_i = original_i != np.arange(len(labelled))
    if not copy_i.any():
        return
    pairs = [(one, labelled[original]) for one, original in zip(labelled, original_i.tolist(), strict=True)]
    differ_i = np.array([_differ(one, other) for one, other in pairs])
    energy, force = max(_difference(one, other) for one, other in pairs)
    hidden = (
        f"the same structure has other labels in another frame (by up to {energy:.2g} eV/atom, {force:.2g} eV/Å): were "
        "the calculations of one kind (spin, charge, temperature of electrons, code)?"
    )
    yield from about(labelled, differ_i, "hidden variable", hidden)
    yield from about(labelled, copy_i, "copies", _copies_in_words(original_i))


def labels_of_others(facts: Sequence[FrameFacts]) -> Iterator[Suspicion]:
    """Yield suspicions about labels that different structures share, to the last digit.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    """
    shared_i = np.zeros(len(facts), dtype=bool)
    constant_i = shared_i.copy()
    of_kin: dict[int, list[int]] = {}
    for i, one in enumerate(facts):
        of_kin.setdefault(one.kin, []).append(i)
    for numbers in of_kin.values():
        alike = [facts[i] for i in numbers]
        first_k = originals([one.kin for one in alike], [one.place for one in alike])
        shared_i[numbers] = _shared_forces(alike)
        constant_i[numbers] = _is_constant(alike, first_k)
    yield from about(
        facts,
        shared_i,
        "labels of others",
        "forces that are equal to those of another structure to the last digit: were labels of other frames attached?",
    )
    yield from about(
        facts,
        constant_i & ~shared_i,
        "labels of others",
        "one and the same energy for different structures with different forces: is it a placeholder?",
    )


def _shared_forces(alike: Sequence[FrameFacts]) -> BoolArray:
    """Return which of the frames of one kind have the forces of a different structure."""
    marks = [one.labels[1:].tobytes() if one.force_rms > 0.0 else None for one in alike]
    owners: dict[bytes, set[tuple[float, float]]] = {}
    for one, mark in zip(alike, marks, strict=True):
        if mark is not None:  # structures that were shifted or turned have the same distances
            owners.setdefault(mark, set()).add((round(one.closest_distance, 4), round(one.asymmetry, 4)))
    return np.array([mark is not None and len(owners[mark]) > 1 for mark in marks])


def _is_constant(alike: Sequence[FrameFacts], first_k: IntArray) -> bool:
    """Return whether all energies of different structures with different forces are one number, but 0."""
    energy_k, force_k = column(alike, "energy"), column(alike, "force_rms")
    enough = len(set(first_k.tolist())) >= FEWEST_CONSTANT and float(np.ptp(force_k)) > SAME_FORCE
    return enough and bool(np.all(energy_k == energy_k[0])) and energy_k[0] != 0.0


def copies_between(training: Iterable[Frame], test: Iterable[Frame]) -> tuple[Suspicion, ...]:
    """Return a suspicion about frames of a test set that are in the training set, too.

    Parameters
    ----------
    training, test : iterable of Frame
        Frames of the two sets.
    """
    marks = [(frame.name, kin_of(frame.atoms), place_marks(frame.atoms)) for frame in training]
    n_training = len(marks)
    marks += [(frame.name, kin_of(frame.atoms), place_marks(frame.atoms)) for frame in test]
    names, kins, places = zip(*marks, strict=True)
    known_i = originals(kins, places)[n_training:] < n_training
    if not known_i.any():
        return ()
    message = "in the training set, too: errors of such test frames say nothing about other structures; leave them out"
    chosen = tuple(names[n_training + i] for i in np.flatnonzero(known_i))
    return (Suspicion("copies of the test", message, chosen, len(known_i)),)


def _copies_in_words(original_i: IntArray) -> str:
    """Return how often structures occur."""
    times = Counter(original_i.tolist())
    most = max(times.values())
    if len(times) == 1:
        return f"all {most} frames are one structure: nothing moves, so there is next to nothing to learn"
    return f"copies of structures of other frames (one occurs {most} times): keep one of each"


def _differ(one: FrameFacts, other: FrameFacts) -> bool:
    """Return whether the labels of two equal structures differ by more than noise."""
    energy, force = _difference(one, other)
    size = np.nan_to_num(max(one.force_rms, other.force_rms))
    return energy > SAME_ENERGY or force > max(SAME_FORCE, RELATIVE * size)


def _difference(one: FrameFacts, other: FrameFacts) -> tuple[float, float]:
    """Return by how much energies (eV/atom) and marks of forces (eV/Å) differ; 0 where one has none."""
    difference_k = np.nan_to_num(np.abs(one.labels - other.labels))
    return float(difference_k[0]), float(difference_k[1:].max())


def net_forces(facts: Sequence[FrameFacts]) -> Iterator[Suspicion]:
    """Yield suspicions about forces, or torques on molecules, that do not sum to zero, though no atom is fixed.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    """
    odd_i, largest = _unbalanced(facts, "net_force")
    message = (
        f"forces that do not sum to zero (up to {largest:.2g} eV/Å in all): a potential cannot follow them; is an "
        "external field, a fixed atom or a loose convergence behind it?"
    )
    yield from about(facts, odd_i, "net forces", message)
    torque_i, largest = _unbalanced(facts, "net_torque")
    message = (
        f"torques that do not sum to zero (up to {largest:.2g} eV/Å in all): a potential cannot follow them; are "
        "forces those of other atoms, of another frame, or of a turned molecule?"
    )
    yield from about(facts, torque_i & ~odd_i, "net forces", message)


def _unbalanced(facts: Sequence[FrameFacts], name: str) -> tuple[BoolArray, float]:
    """Return which sums over the atoms of a frame are too large, and the largest one."""
    net_i, rms_i = column(facts, name), column(facts, "force_rms")
    root_i = np.sqrt(column(facts, "n_atoms"))
    free_i = np.array([not one.fixed and not one.zeroed and one.n_atoms > 1 for one in facts])
    odd_i: BoolArray = free_i & (net_i > NET_FORCE * root_i) & (net_i > NET_SHARE * root_i * rms_i)
    return odd_i, float(net_i[odd_i].max(initial=0.0))
