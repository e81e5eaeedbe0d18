"""Hypotheses about labels in other units: by which factor each would mend them, and which fits best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase.units import Bohr, GPa, Hartree, Rydberg, kcal, kJ, mol

from ase_rfhgn.arrays import FloatArray

ENERGIES = {
    "Hartree": Hartree,
    "Rydberg": Rydberg,
    "kcal/mol": kcal / mol,
    "kJ/mol": kJ / mol,
    "meV": 1e-3,
}
"""Units that energies may have been left in (eV)."""

FORCES = {
    "Hartree/Bohr": Hartree / Bohr,
    "Rydberg/Bohr": Rydberg / Bohr,
    "Hartree/Å": Hartree,
    "kcal/mol/Å": kcal / mol,
    "kJ/mol/Å": kJ / mol,
    "meV/Å": 1e-3,
}
"""Units that forces may have been left in (eV/Å)."""

STRESSES = {
    "GPa": GPa,
    "kbar": 0.1 * GPa,
    "MPa": 1e-3 * GPa,
    "bar": 1e-4 * GPa,
    "Hartree/Bohr³": Hartree / Bohr**3,
    "a unit 1000 times as large": 1e3,
}
"""Units that stresses may have been left in (eV/Å³)."""

LARGE = 5.0
"""Size of a value, in units of the median size, beyond which it counts no more than others."""


SLIGHT = 3.0
"""Factor up to which a fault of units may be chance where labels say little: it needs a proof."""

OPPOSITE = 1.3
"""Misfit that values of no relation do not reach: signs differ."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What may be wrong with one kind of label.

    Attributes
    ----------
    label : str
        "energy", "force" or "stress"; "" where nothing is wrong.
    words : str
        The fault in words.
    factor : float
        What mends the labels.
    per_atom : bool
        Whether energies are meant per atom: the number of atoms is a factor, too.
    both : float
        What mends the forces, where energies are wrong, too.
    per_volume : bool
        Whether stresses are meant to be divided by the volume, too.
    """

    label: str
    words: str
    factor: float = 1.0
    per_atom: bool = False
    both: float = 1.0
    per_volume: bool = False

    @property
    def is_slight(self) -> bool:
        """Whether mended values are almost as large as before, and of the same sign."""
        return not (self.per_atom or self.per_volume) and 1.0 / SLIGHT < self.factor < SLIGHT


SOUND = Hypothesis("", "sound")

ENERGY_FAULTS = (
    Hypothesis("energy", "energies per atom", per_atom=True),
    *(Hypothesis("energy", f"energies in {unit}", factor) for unit, factor in ENERGIES.items()),
)

FORCE_FAULTS = (
    Hypothesis("force", "forces of the wrong sign (gradients?)", -1.0),
    *(Hypothesis("force", f"forces in {unit}", factor) for unit, factor in FORCES.items()),
    *(Hypothesis("force", f"gradients in {unit} in place of forces", -factor) for unit, factor in FORCES.items()),
    Hypothesis("force", "energies in Hartree and forces in Hartree/Bohr", Hartree, both=Hartree / Bohr),
    Hypothesis("force", "positions in Bohr", Bohr),
    Hypothesis("force", "forces in eV/Bohr", 1.0 / Bohr),
)

STRESS_FAULTS = (
    Hypothesis("stress", "stresses of the wrong sign", -1.0),
    *(Hypothesis("stress", f"stresses in {unit}", factor) for unit, factor in STRESSES.items()),
    *(Hypothesis("stress", f"stresses in {unit} and of the wrong sign", -factor) for unit, factor in STRESSES.items()),
    Hypothesis("stress", "virials in eV in place of stresses", -1.0, per_volume=True),
    Hypothesis("stress", "stresses times the volume", 1.0, per_volume=True),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The hypothesis that fits best.

    Attributes
    ----------
    hypothesis : Hypothesis
        The best one.
    alternatives : tuple of Hypothesis
        Others that fit almost as well, the best one first.
    misfit, misfit_sound : float
        What it leaves unexplained, and what sound labels would leave: 0 nothing, 1 and more everything.
    """

    hypothesis: Hypothesis
    alternatives: tuple[Hypothesis, ...]
    misfit: float
    misfit_sound: float

    @property
    def is_suspicious(self) -> bool:
        """Whether the fault explains the data well, and sound labels explain them far worse."""
        most = 0.6 if self.misfit_sound > OPPOSITE else 0.4
        return bool(self.hypothesis.label) and self.misfit < min(most, 0.5 * self.misfit_sound)

    @property
    def is_proven(self) -> bool:
        """Whether nothing else explains the data."""
        return self.is_suspicious and self.misfit < min(0.3, 0.3 * self.misfit_sound)

    @property
    def words(self) -> str:
        """The fault in words, with its alternatives."""
        return ", or ".join(one.words for one in self.alternatives)


Mended = Callable[[Hypothesis], tuple[FloatArray, FloatArray]]
"""Returns, for a hypothesis, two arrays of mended values that agree if it is true."""


def judged(faults: Sequence[Hypothesis], mended: Mended) -> Verdict:
    """Return the verdict about labels.

    Parameters
    ----------
    faults : sequence of Hypothesis
        What may be wrong.
    mended : callable
        Returns two arrays of values that agree if a hypothesis is true.
    """
    misfits = {one: misfit(*mended(one)) for one in (SOUND, *faults)}
    best = min(misfits, key=misfits.__getitem__)
    close = [one for one in faults if misfits[one] < max(1.3 * misfits[best], misfits[best] + 0.05)]
    return Verdict(
        hypothesis=best,
        alternatives=tuple(sorted(close, key=misfits.__getitem__)),
        misfit=misfits[best],
        misfit_sound=misfits[SOUND],
    )


def misfit(first_m: FloatArray, second_m: FloatArray) -> float:
    """Return by how much two arrays disagree: 0 if they are equal, 1 if one is far smaller, 2 if signs differ.

    Parameters
    ----------
    first_m, second_m : ndarray of shape (m,)
        Values that should be equal. Those far larger than most count no more than others: they may be garbage.
    """
    size_m = np.maximum(np.abs(first_m), np.abs(second_m))
    known_m = size_m > 0.0
    if not known_m.any():
        return 0.0
    size_m = size_m[known_m]
    weight_m = np.minimum(size_m, LARGE * np.median(size_m))
    return float(np.average(np.abs(first_m - second_m)[known_m] / size_m, weights=weight_m))
