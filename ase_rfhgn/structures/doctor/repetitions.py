"""Frames that repeat each other: copies, copies with other labels, frames of the test set, atoms that never move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ase_rfhgn.arrays import IntArray
from ase_rfhgn.structures.doctor.facts import FrameFacts, about, column
from ase_rfhgn.structures.doctor.places import kin_of, originals, place_marks
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.frame import Frame

SAME_ENERGY, SAME_FORCE = 1e-3, 0.02
"""Differences of labels of equal structures that calculations of one kind may have (eV/atom, eV/Å)."""

RELATIVE = 0.02
"""The same, in units of the typical force."""


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
    """Yield a suspicion about forces that do not sum to zero, though no atom is fixed.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    """
    net_i, rms_i = column(facts, "net_force"), column(facts, "force_rms")
    root_i = np.sqrt(column(facts, "n_atoms"))
    free_i = np.array([not one.fixed and not one.zeroed and one.n_atoms > 1 for one in facts])
    odd_i = free_i & (net_i > NET_FORCE * root_i) & (net_i > NET_SHARE * root_i * rms_i)
    largest = f"{net_i[odd_i].max(initial=0.0):.2g}"
    message = (
        f"forces that do not sum to zero (up to {largest} eV/Å in all): a potential cannot follow them; is an external "
        "field, a fixed atom or a loose convergence behind it?"
    )
    yield from about(facts, odd_i, "net forces", message)
