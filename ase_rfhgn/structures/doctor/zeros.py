"""Zeros that stand for no value: energies, forces and stresses of exactly 0 where something else is expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ase_rfhgn.arrays import BoolArray
from ase_rfhgn.structures.doctor.composition import explained, typical_size
from ase_rfhgn.structures.doctor.facts import FrameFacts, about, column
from ase_rfhgn.structures.doctor.magnitudes import NEAR
from ase_rfhgn.structures.doctor.suspicion import Suspicion

LOPSIDED = 0.2
"""Asymmetry of sites, in units of the usual one where there are forces, from which forces of exactly 0 are odd."""

SYMMETRIC = 1e-3
"""Asymmetry of sites below which symmetry may forbid forces."""

PULL = 0.05
"""Largest force of a frame from which some atoms without any are odd (eV/Å)."""


def zeros(facts: Sequence[FrameFacts]) -> Iterator[Suspicion]:
    """Yield suspicions about zeros that stand for no value.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    """
    yield from about(
        facts,
        _energies(facts),
        "energy zeros",
        "energies of exactly 0, away from the others; if none is meant, attach none",
    )
    fixed_i = np.array([one.fixed_zeroed for one in facts])
    yield from about(
        facts,
        fixed_i,
        "force zeros",
        "forces of exactly 0 on fixed atoms; attach the forces of get_forces(apply_constraint=False)",
    )
    yield from about(
        facts,
        _rows_of_forces(facts) & ~fixed_i,
        "force zeros",
        "forces of exactly 0 on some atoms, not by symmetry; were the atoms fixed? Attach their true forces",
    )
    yield from about(
        facts,
        _all_forces(facts),
        "force zeros",
        "forces of exactly 0 on all atoms, though the structure is not symmetric; if none are meant, attach none",
    )
    yield from about(
        facts,
        _stresses(facts),
        "stress zeros",
        "stresses of exactly 0 beside forces; if no stress is meant, attach none",
    )


def _energies(facts: Sequence[FrameFacts]) -> BoolArray:
    """Return which energies are 0, far from what the compositions of the other frames make of them."""
    energy_i = column(facts, "energy")
    zero_i: BoolArray = (energy_i == 0.0) & np.array([one.interacts for one in facts])
    if not zero_i.any():
        return zero_i
    known_i = np.where(zero_i, np.nan, energy_i)
    if not np.isfinite(known_i).any():  # nothing but zeros
        all_zero_i: BoolArray = zero_i & (column(facts, "force_max") > PULL) & (len(facts) > 1)
        return all_zero_i
    expected_i = explained([one.composition for one in facts], known_i)
    odd_i: BoolArray = zero_i & (np.abs(expected_i) > NEAR * typical_size(known_i - expected_i))
    return odd_i


def _rows_of_forces(facts: Sequence[FrameFacts]) -> BoolArray:
    """Return frames in which some atoms have forces of exactly 0 without a reason; a single atom is none."""
    odd_i = np.array([bool(one.zeroed) and one.force_max > PULL for one in facts])
    n_odd = sum(len(one.zeroed) for one, is_odd in zip(facts, odd_i, strict=True) if is_odd)
    return odd_i if n_odd > 1 else odd_i & False


def _all_forces(facts: Sequence[FrameFacts]) -> BoolArray:
    """Return frames all of whose forces are exactly 0, at sites as asymmetric as those where there are forces."""
    rms_i, asymmetry_i = column(facts, "force_rms"), column(facts, "asymmetry")
    pulled_i = rms_i > 0.0
    usual = LOPSIDED * float(np.median(asymmetry_i[pulled_i])) if pulled_i.any() else SYMMETRIC
    odd_i: BoolArray = (rms_i == 0.0) & (asymmetry_i > max(usual, SYMMETRIC))
    return odd_i


def _stresses(facts: Sequence[FrameFacts]) -> BoolArray:
    """Return frames with stresses of exactly 0 beside forces, or, without forces, beside stresses of other frames."""
    zero_i = np.array([not one.stress_v.any() for one in facts])
    others = any(one.stress_v.any() and np.isfinite(one.stress_v).all() for one in facts)
    pulled_i = np.array(
        [one.force_max > 0.0 or (others and np.isnan(one.force_max) and one.n_atoms > 1) for one in facts]
    )
    odd_i: BoolArray = zero_i & pulled_i
    return odd_i
