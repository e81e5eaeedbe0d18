"""Verdicts about labels from predictions that do not know them: other units or signs, two references, outliers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.fitting.second_opinion.mixed_units import FEWEST_FRAMES, mixed_units, root_mean_square
from ase_rfhgn.fitting.second_opinion.predictions import Predicted, deviations_of, with_label
from ase_rfhgn.structures.doctor.agreement import CLOSE, MISPLACED
from ase_rfhgn.structures.doctor.composition import typical_size
from ase_rfhgn.structures.doctor.stress_order import ORDERS, exchanged, wrong_order
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.doctor.units import (
    ENERGY_FAULTS,
    FORCE_FAULTS,
    STRESS_FAULTS,
    Hypothesis,
    Verdict,
    judged,
    misfit,
)

FAR = 10.0
"""Error of a frame, in units of the median error, beyond which it is an outlier."""

UNEXPLAINED = 0.8
"""Error in units of the labels of the frame, from which nothing of them is explained."""

GAP = 2.0
"""Ratio of consecutive errors that separates outliers from the others."""

MOST_OUTLIERS = 0.05
"""Share of frames up to which errors that stand out are outliers."""

APART = 6.0
"""Gap between two clusters of energies, in units of their widths, that makes them two."""

EXPLAINED = 0.1
"""Error of energies left out, in units of such a gap, below which the fit explains the two clusters."""

LEAST_OFFSET = 0.01
"""Gap between two clusters of energies per atom that matters (eV)."""


def verdict_on_energies(frames: Sequence[Predicted], faults: Sequence[Hypothesis]) -> Verdict:
    """Return the verdict on energies beside predictions from forces.

    Parameters
    ----------
    frames : sequence of Predicted
        Frames with energies.
    faults : sequence of Hypothesis
        What may be wrong.
    """
    told_i, predicted_i = np.array([one.told_energy for one in frames]), np.array([one.energy for one in frames])
    n_atoms_i = np.array([float(one.n_atoms) for one in frames])

    def mended(one: Hypothesis) -> tuple[FloatArray, FloatArray]:
        in_energy = one.label == "energy" or one.both != 1.0
        factor_i = n_atoms_i if one.per_atom else np.full(len(frames), one.factor if in_energy else 1.0)
        factor = one.both if one.both != 1.0 else one.factor if one.label == "force" else 1.0
        mended_i, expected_i = told_i * factor_i, factor * predicted_i
        return deviations_of(frames, mended_i, with_volume=True), deviations_of(frames, expected_i, with_volume=True)

    return judged(faults, mended)


def units_of_energies(frames: Sequence[Predicted]) -> Iterator[Suspicion]:
    """Yield a suspicion if energies contradict what forces predict.

    Parameters
    ----------
    frames : sequence of Predicted
        All frames, predicted from forces.
    """
    known = [one for one in frames if np.isfinite(one.told_energy)]
    if len(known) < FEWEST_FRAMES:
        return
    verdict = verdict_on_energies(known, [*ENERGY_FAULTS, *FORCE_FAULTS])
    if verdict.is_proven if verdict.hypothesis.is_slight else verdict.is_suspicious:
        yield Suspicion(
            f"{verdict.hypothesis.label} units",
            f"a fit to forces alone contradicts the energies: they look like {verdict.words}; needed are total "
            "energies in eV, and forces (not gradients) in eV/Å",
        )


def units_of_stresses(frames: Sequence[Predicted]) -> Iterator[Suspicion]:
    """Yield a suspicion if stresses, of all frames or of some, contradict what forces and energies predict."""
    known = with_label(frames, "told_stress_v")
    if len(known) < FEWEST_FRAMES:
        return
    told_iv = np.stack([one.told_stress_v for one in known if one.told_stress_v is not None])
    predicted_iv = np.stack([one.stress_v for one in known if one.stress_v is not None])
    volume_i = np.array([one.volume * one.n_atoms for one in known])
    faults = [one for one in STRESS_FAULTS if np.isfinite(volume_i).all() or not one.per_volume]

    def mended(one: Hypothesis) -> FloatArray:
        value_iv: FloatArray = one.factor * told_iv
        return value_iv / volume_i[:, None] if one.per_volume else value_iv

    def centred(value_iv: FloatArray) -> FloatArray:  # the mean pressure may be unknown
        return (value_iv - np.median(value_iv, axis=0)).ravel()

    verdicts = [
        judged(faults, lambda one: (mended(one).ravel(), predicted_iv.ravel())),
        judged(faults, lambda one: (centred(mended(one)), centred(predicted_iv))),
    ]
    verdict = min(verdicts, key=lambda one: one.misfit)
    if verdict.is_suspicious:
        message = (
            f"a fit to the other labels contradicts the stresses: they look like {verdict.words}; needed is eV/Å³, "
            "positive in tension"
        )
        yield Suspicion("stress units", message)
    else:
        yield from _order_of_stresses(told_iv, predicted_iv) or mixed_units(frames, "stress")


def _order_of_stresses(told_iv: FloatArray, predicted_iv: FloatArray) -> tuple[Suspicion, ...]:
    """Return a suspicion if shear stresses are like predictions in another order than that of ASE."""
    shear_is, predicted_is = told_iv[:, 3:], predicted_iv[:, 3:]
    order = min(ORDERS, key=lambda one: misfit(shear_is[:, one].ravel(), predicted_is.ravel()))
    moved = exchanged(order)
    if not moved:
        return ()
    predicted_m, places = predicted_is[:, moved].ravel(), [order[s] for s in moved]
    sound, best = (misfit(shear_is[:, at].ravel(), predicted_m) for at in (moved, places))
    return tuple(wrong_order(order)) if best < min(MISPLACED * sound, 2.0 * CLOSE) else ()


def two_references(
    frames: Sequence[Predicted], *, with_volume: bool, energy_error: float = np.inf
) -> Iterator[Suspicion]:
    """Yield a suspicion if energies fall into two clusters that compositions and structures do not explain.

    Parameters
    ----------
    frames : sequence of Predicted
        All frames.
    with_volume : bool
        Whether the volume may explain energies.
    energy_error : float
        Error of energies left out of the fit to all labels (eV/atom). Forces do not tell how far a liquid lies
        above a crystal, but a fit that predicts both has no contradiction.
    """
    known = [one for one in frames if np.isfinite(one.told_energy)]
    if len(known) < FEWEST_FRAMES:
        return
    left_i = np.array([one.told_energy - one.energy for one in known])
    left_i = deviations_of(known, left_i, with_volume=with_volume)
    apart = _two_clusters(left_i)
    if apart is None:
        return
    is_other_i, offset = apart
    if energy_error < EXPLAINED * abs(offset):
        return
    told_i = deviations_of(known, np.array([one.told_energy for one in known]), with_volume=False)
    told_offset = float(np.median(told_i[is_other_i]) - np.median(told_i[~is_other_i]))
    if told_offset * offset < 0.5 * offset**2 or abs(offset) < typical_size(told_i):
        return  # predictions make the two clusters, not labels
    names = tuple(one.name for one, is_other in zip(known, is_other_i, strict=True) if is_other)
    yield Suspicion(
        "references",
        f"energies {abs(offset):.2g} eV/atom {'above' if offset > 0.0 else 'below'} those of the other frames, which "
        "neither structures nor compositions explain: are all of one calculation, with the same settings?",
        names,
        len(frames),
    )


def _two_clusters(value_i: FloatArray) -> tuple[BoolArray, float] | None:
    """Return the smaller of two clusters of values, and its offset from the other; None where there is one."""
    order = np.argsort(value_i)
    sorted_i = value_i[order]
    gap_i = np.diff(sorted_i)
    fewest = max(3, int(0.02 * len(value_i)))
    inner = slice(fewest - 1, len(gap_i) - fewest + 1)
    if not len(gap_i[inner]):
        return None
    at = int(np.argmax(gap_i[inner])) + fewest - 1
    low_i, high_i = sorted_i[: at + 1], sorted_i[at + 1 :]
    width = max(float(np.median(np.abs(part_i - np.median(part_i)))) for part_i in (low_i, high_i))
    if gap_i[at] < APART * width or gap_i[at] < LEAST_OFFSET:
        return None
    is_high_i = value_i > sorted_i[at]
    offset = float(np.median(high_i) - np.median(low_i))
    return (is_high_i, offset) if len(high_i) <= len(low_i) else (~is_high_i, -offset)


def outlying_energies(frames: Sequence[Predicted], *, with_volume: bool) -> Iterator[Suspicion]:
    """Yield a suspicion about the few frames whose energies are far from predictions.

    Parameters
    ----------
    frames : sequence of Predicted
        All frames.
    with_volume : bool
        Whether the volume may explain energies.
    """
    known = [one for one in frames if np.isfinite(one.told_energy)]
    if known:
        left_i = np.array([one.told_energy - one.energy for one in known])
        size_i = np.abs(deviations_of(known, left_i, with_volume=with_volume))
        least = max(
            LEAST_OFFSET,
            typical_size(deviations_of(known, np.array([o.told_energy for o in known]), with_volume=False)),
        )
        yield from _outliers([one.name for one in known], size_i, least, "energies", "eV/atom")


def outlying_forces(frames: Sequence[Predicted]) -> Iterator[Suspicion]:
    """Yield a suspicion about the few frames whose forces are far from predictions."""
    yield from _outlying_arrays(frames, "forces", "force_m", UNEXPLAINED, "eV/Å")


def outlying_stresses(frames: Sequence[Predicted]) -> Iterator[Suspicion]:
    """Yield a suspicion about the few frames whose stresses are far from predictions."""
    # a fit that never saw stresses predicts those of unusual cells badly
    yield from _outlying_arrays(frames, "stresses", "stress_v", 10.0, "eV/Å³")


def _outlying_arrays(
    frames: Sequence[Predicted], kind: str, suffix: str, times: float, unit: str
) -> Iterator[Suspicion]:
    known = with_label(frames, f"told_{suffix}")
    size_i = np.array([root_mean_square(getattr(one, f"told_{suffix}") - getattr(one, suffix)) for one in known])
    told_i = np.array([root_mean_square(getattr(one, f"told_{suffix}")) for one in known])
    usual = float(np.median(told_i)) if len(told_i) else 0.0
    size_i = np.where(size_i > np.maximum(UNEXPLAINED * told_i, times * usual), size_i, 0.0)
    yield from _outliers([one.name for one in known], size_i, 0.0, kind, unit)


def _outliers(names: Sequence[str], size_i: FloatArray, least: float, kind: str, unit: str) -> Iterator[Suspicion]:
    """Yield a suspicion about the errors that stand out: far above the median, and with a gap to the others."""
    if len(names) < FEWEST_FRAMES:
        return
    order = np.argsort(size_i)
    limit = max(FAR * float(np.median(size_i)), least)
    first = int(np.searchsorted(size_i[order], limit, side="right"))
    above = [at for at in range(max(first, 1), len(order)) if size_i[order[at]] > GAP * size_i[order[at - 1]]]
    if not above or len(order) - above[0] > max(1, MOST_OUTLIERS * len(order)):
        return
    worst = order[above[0] :][::-1]
    message = (
        f"{kind} far from what a fit to other frames predicts (by up to {size_i[worst[0]]:.2g} {unit}): wrong labels, "
        "or the only frames of their kind?"
    )
    yield Suspicion("outliers", message, tuple(names[i] for i in worst), len(names))
