"""Energies that contradict forces: a fit to both predicts forces far worse than a fit to the forces alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.fitting.accumulation import Factors
from ase_rfhgn.fitting.second_opinion.mixed_units import FEWEST_FRAMES
from ase_rfhgn.fitting.second_opinion.predictions import Predicted
from ase_rfhgn.fitting.second_opinion.small_fit import RIDGES, rows_of_group, spread_of
from ase_rfhgn.fitting.spherical_model import SphericalModel
from ase_rfhgn.regression.triangular import solve, stack
from ase_rfhgn.structures.doctor.composition import typical_size
from ase_rfhgn.structures.doctor.suspicion import Suspicion

CONTRADICTED = 4.0
"""Ratio of force errors with and without energies from which these contradict the forces.

Sound data sets have up to 1.6, short runs at one temperature up to 2.7; there energies say almost nothing.
"""

SAME_VOLUME = 1e-3
"""Relative difference of volumes up to which frames have one volume."""

UNEXPLAINED = 0.2
"""Share of the spread of energies at one volume, from which forces do not explain it."""

LEAST = 1e-3
"""Unexplained spread of energies per atom that matters (eV)."""


def contradiction(
    model: SphericalModel, factors: Factors, weights: Mapping[str, float], frames: Sequence[Predicted]
) -> Iterator[Suspicion]:
    """Yield a suspicion if energies make a fit to forces far worse on frames left out.

    Parameters
    ----------
    model : SphericalModel
        The model of the fit; the features of its reduced-basis ensemble are used.
    factors : Factors
        Rows of all frames.
    weights : mapping of str to float
        Weight of every kind of label.
    frames : sequence of Predicted
        Frames, predicted from forces alone.
    """
    if len(frames) < FEWEST_FRAMES:
        return
    alone = _force_error(model, factors, {"force": 1.0})
    ratio = _force_error(model, factors, {"force": 1.0, "energy": weights["energy"]}) / max(alone, 1e-12)
    if ratio > CONTRADICTED:
        yield Suspicion(
            "contradiction",
            f"energies that contradict the forces, in no way that units explain: a small fit to both predicts forces "
            f"{ratio:.2g} times worse than a fit to forces alone. Do energies include kinetic energies, are labels of "
            "other frames, or of two kinds of calculations? If forces are right, set energy_weight to 0",
            _unexplained(frames),
            len(frames),
        )


def _force_error(model: SphericalModel, factors: Factors, weights: Mapping[str, float]) -> float:
    """Return the root mean square of forces left out, for a small fit to some kinds of labels."""
    column_f = model.reduced_columns
    spread_f = spread_of(model, factors, weights, column_f)
    groups = list(factors.by_group)
    row_g = {group: rows_of_group(factors, group, weights, column_f) for group in groups}
    square = 0.0
    for fold in factors.grouping.left_out:
        if fold in row_g:
            coefficient_f = solve(stack([row_g[group] for group in groups if group != fold]), spread_f, RIDGES[0])
            square += _squares(rows_of_group(factors, fold, {"force": 1.0}, column_f), coefficient_f)
    return float(np.sqrt(square / max(factors.n_rows("force"), 1.0)))


def _squares(row_mf: FloatArray, coefficient_f: FloatArray) -> float:
    return float(np.sum((row_mf[:, :-1] @ coefficient_f - row_mf[:, -1]) ** 2))


def _unexplained(frames: Sequence[Predicted]) -> tuple[str, ...]:
    """Return the frames of one composition and volume whose energies vary by more than forces explain, if not all."""
    alike: dict[tuple[object, ...], list[Predicted]] = {}
    for one in frames:
        if np.isfinite(one.told_energy):
            volume = round(float(np.log(one.volume)) / SAME_VOLUME) if np.isfinite(one.volume) else None
            alike.setdefault((tuple(sorted(one.composition.items())), volume), []).append(one)
    named = [one.name for group in alike.values() if _is_unexplained(group) for one in group]
    return tuple(named) if len(named) < len(frames) else ()


def _is_unexplained(frames: Sequence[Predicted]) -> bool:
    if len(frames) < FEWEST_FRAMES:
        return False
    told_i = np.array([one.told_energy for one in frames])
    left_i = told_i - np.array([one.energy for one in frames])
    left, told = (typical_size(value_i - np.median(value_i)) for value_i in (left_i, told_i))
    return left > max(LEAST, UNEXPLAINED * told)
