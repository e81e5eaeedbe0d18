"""Labels of strange magnitude: too large to be in eV and Å, or garbage; atoms on top of each other.

Forces are too large if no energy difference explains them. Springs stiffer than any bond, stretched to these
forces, would then store more energy than the difference between this frame and the others. If a frame has no
energy, its forces are compared with the forces of other frames. Stresses are too large in the same sense: a
material harder than any, compressed to the stress of the frame, would store more energy. Energies per atom,
minus a part that the composition explains, must not be farther from the other frames than any binding energy.
They must not lie among the other frames only as hartrees. Forces that are too small are never suspicious,
because surfaces and relaxed crystals have small forces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.structures.doctor.composition import deviations, typical_size
from ase_rfhgn.structures.doctor.facts import FrameFacts, about, column
from ase_rfhgn.structures.doctor.suspicion import Suspicion
from ase_rfhgn.structures.doctor.units import ENERGIES

HARDEST = 3.0
"""Bulk modulus beyond any material at rest: diamond has 2.8 (eV/Å³)."""

STIFFENING = 5.0
"""Derivative of the bulk modulus by the pressure: 3 to 6 for most solids (Murnaghan, PNAS 30, 244 (1944))."""

UNNOTICED = 0.05
"""Energy per atom that forces may store unseen: thermal motion at a thousand kelvin (eV)."""

COMPRESSED = 1.0
"""Energy per atom that pressures may store unseen where compositions explain energies: about 100 GPa (eV)."""

FAR = 10.0
"""Distance from the other energies per atom that no binding explains (eV): tungsten binds by 9."""

SPREADS = 20.0
"""Distance from the other labels, in units of their spread, at which labels become suspicious."""

NEAR = 5.0
"""Distance from the other energies, in units of their spread, that is usual."""

ABSURD = 200.0
"""Force that no bond exerts in a structure worth learning (eV/Å)."""

OVERLAP = 0.45
"""Distance in units of the sum of covalent radii below which atoms are on top of each other."""

OVERLAP_DISTANCE = 0.6
"""Distance below which any two atoms are on top of each other: the shortest bond, of H₂, is 0.74 long (Å)."""


def strange_magnitudes(facts: Sequence[FrameFacts]) -> Iterator[Suspicion]:
    """Yield suspicions about labels of strange magnitude, and about atoms on top of each other.

    Parameters
    ----------
    facts : sequence of FrameFacts
        All frames.
    """
    deviation_i = deviations([one.composition for one in facts], column(facts, "energy"))
    spread = typical_size(deviation_i)
    stored_i = column(facts, "stored")
    force_i = column(facts, "force_max")
    too_large_i = _too_large(stored_i, deviation_i, spread, unnoticed=UNNOTICED)
    largest = f"{force_i[too_large_i].max(initial=0.0):.3g}"
    yield from about(
        facts,
        too_large_i,
        "force units",
        f"forces that no energy difference explains (up to {largest} eV/Å); are they in eV/Å, and the energies in eV?",
    )
    absurd_i = (force_i > ABSURD) & ~too_large_i
    yield from about(facts, absurd_i, "garbage", f"forces beyond {ABSURD:g} eV/Å: garbage, or not in eV/Å; remove them")
    yield from about(
        facts,
        _too_large(_compressed(facts), deviation_i, spread, unnoticed=COMPRESSED),
        "stress units",
        "stresses that no energy difference explains; are they in eV/Å³, as ASE has them (1 GPa is 0.00624)?",
    )
    in_other_units = list(_in_other_units(facts, deviation_i, spread))
    yield from in_other_units
    mended = {name for one in in_other_units for name in one.frames}
    is_far_i = np.abs(deviation_i) > FAR + SPREADS * spread
    is_far_i &= np.array([one.name not in mended for one in facts])
    farthest = f"{np.abs(deviation_i[is_far_i]).max(initial=0.0):.3g}"
    yield from about(
        facts,
        is_far_i,
        "garbage",
        f"energies far from the energies of other frames (up to {farthest} eV/atom): garbage, or not in eV?",
    )
    closest_i, distance_i = column(facts, "closest"), column(facts, "closest_distance")
    overlap_i = (closest_i < OVERLAP) | (distance_i < OVERLAP_DISTANCE)
    shortest = f"{distance_i.min(initial=np.inf):.2g}"
    yield from about(
        facts, overlap_i, "close atoms", f"atoms on top of each other ({shortest} Å and more); remove them"
    )


def _compressed(facts: Sequence[FrameFacts]) -> FloatArray:
    """Return the energies per atom of the hardest material, compressed from the usual pressure (eV)."""
    pressure_i = np.array([-float(one.stress_v[:3].mean()) for one in facts])
    usual = np.nanmedian(pressure_i) if np.isfinite(pressure_i).any() else 0.0
    excess_i = np.abs(pressure_i - usual)
    stored_i: FloatArray = column(facts, "volume") * excess_i**2 / (2.0 * (HARDEST + STIFFENING * excess_i))
    return stored_i


def _in_other_units(facts: Sequence[FrameFacts], deviation_i: FloatArray, spread: float) -> Iterator[Suspicion]:
    """Yield energies that join the rest when they are read in another unit; free atoms may do so by chance."""
    energy_i = column(facts, "energy")
    expected_i = energy_i - deviation_i
    n_atoms_i = column(facts, "n_atoms")
    away_i = (n_atoms_i > 1) & (energy_i != 0.0) & (np.abs(deviation_i) > SPREADS * spread)
    away_i &= np.abs(expected_i) > 4.0 * NEAR * spread  # otherwise energies join by chance
    units = [(unit, np.full(len(facts), factor)) for unit, factor in ENERGIES.items()]
    for words, factor_i in (*units, ("eV/atom", n_atoms_i)):
        joins_i = away_i & (np.abs(factor_i * energy_i - expected_i) < NEAR * spread)
        if joins_i.any():
            message = (
                f"energies far from the energies of other frames, but among them if read in {words}; give all in eV"
            )
            yield from about(facts, joins_i, "energy units", message)
            away_i &= ~joins_i


def _too_large(stored_i: FloatArray, deviation_i: FloatArray, spread: float, *, unnoticed: float) -> BoolArray:
    """Return which frames have forces or stresses that store more energy than their own energies allow."""
    typical = np.nanmedian(stored_i) if np.isfinite(stored_i).any() else 0.0
    explained_i = np.where(np.isnan(deviation_i), SPREADS**2 * typical, spread + np.abs(deviation_i))
    too_large_i: BoolArray = stored_i > unnoticed + explained_i
    return too_large_i
