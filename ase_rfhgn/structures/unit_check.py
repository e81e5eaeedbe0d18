"""Checks of labels across frames: units, zeros and unused labels that look wrong lead to a warning."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
from ase.units import Hartree

from ase_rfhgn.arrays import BoolArray, FloatArray
from ase_rfhgn.errors import TrainingDataWarning
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.held_atoms import has_zeroed_forces
from ase_rfhgn.structures.labels_elsewhere import ADVICE, labels_elsewhere

STIFFEST = 1000.0
"""Spring constant beyond any bond: several times the spring constant of the stiffest bond, N₂ (eV/Å²)."""

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

_NAMED = 5
"""Frames that a warning names."""


class UnitCheck:
    """Finds frames whose labels have other units than the labels of other frames, or wrong units.

    Forces are too large if no energy difference explains them. Springs stiffer than any bond, stretched
    to these forces, would then store more energy than the difference between this frame and the others.
    If a frame has no energy, its forces are compared with the forces of other frames.

    Stresses are too large in the same sense: a material harder than any, compressed to the stress of the
    frame, would store more energy.

    Energies per atom, minus a part that the composition explains, must not be farther from the other
    frames than any binding energy. They must not lie among the other frames only as hartrees.

    Forces that are too small are never suspicious, because surfaces and relaxed crystals have small forces.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._energies: list[float] = []
        self._stored: list[float] = []
        self._pressures: list[float] = []
        self._volumes: list[float] = []
        self._compositions: list[Counter[int]] = []
        self._unseen: list[str] = []
        self._zeroed: list[bool] = []
        self._interacting: list[bool] = []

    def add(self, frame: Frame) -> None:
        """Add a frame: a few numbers of it are kept."""
        n_atoms = len(frame.atoms)
        self._names.append(frame.name)
        self._energies.append(np.nan if frame.energy is None else frame.energy / n_atoms)
        self._stored.append(np.nan if frame.force_nc is None else _stored_energy(frame.force_nc))
        self._pressures.append(np.nan if frame.stress_v is None else -float(frame.stress_v[:3].mean()))
        self._volumes.append(np.nan if frame.stress_v is None else frame.atoms.get_volume() / n_atoms)
        self._compositions.append(Counter(frame.atoms.numbers.tolist()))
        self._unseen.append(" and ".join(labels_elsewhere(frame)))
        self._zeroed.append(has_zeroed_forces(frame))
        self._interacting.append(n_atoms > 1 and (frame.force_nc is None or bool(frame.force_nc.any())))

    def merge(self, other: UnitCheck) -> None:
        """Add the frames of another check."""
        for mine, others in zip(vars(self).values(), vars(other).values(), strict=True):
            mine.extend(others)

    def warn(self) -> None:
        """Warn of the suspicious frames added so far, by name.

        Warns
        -----
        TrainingDataWarning
            Once for each kind of suspicion: forces, energies, zeros in place of values, labels under other names.
        """
        deviation_i = self._deviations()
        spread = np.nanmedian(np.abs(deviation_i)) if np.isfinite(deviation_i).any() else 0.0
        self._warn(
            _too_large(np.array(self._stored), deviation_i, spread, unnoticed=UNNOTICED),
            "forces that no energy difference explains; are they in eV/Å, and the energies in eV?",
        )
        self._warn(
            _too_large(self._compressed(), deviation_i, spread, unnoticed=COMPRESSED),
            "stresses that no energy difference explains; are they in eV/Å³, as ASE has them (1 GPa is 0.00624)?",
        )
        self._warn(
            (np.abs(deviation_i) > FAR + SPREADS * spread) | self._in_hartree(deviation_i, spread),
            "energies far from the energies of other frames; are all of them in eV?",
        )
        self._warn(
            (np.array(self._energies) == 0.0) & np.array(self._interacting) & (np.abs(deviation_i) > NEAR * spread),
            "energies of exactly 0, away from the others; if no energy is meant, attach none",
        )
        self._warn(
            np.array(self._zeroed),
            "forces of exactly 0 on fixed atoms; attach the forces of get_forces(apply_constraint=False)",
        )
        unseen = next((where for where in self._unseen if where), "")
        self._warn(np.array([bool(where) for where in self._unseen]), f"{unseen} not used as labels: {ADVICE}")

    def _deviations(self) -> FloatArray:
        """Return the energies per atom minus the part that the composition explains, NaN without energy."""
        element_s = sorted(set().union(*self._compositions))
        fraction_is = np.array([[counts[z] / counts.total() for z in element_s] for counts in self._compositions])
        energy_i = np.array(self._energies)
        known_i = np.isfinite(energy_i)
        one_body_s = _least_absolute_deviations(fraction_is[known_i], energy_i[known_i])
        return energy_i - fraction_is @ one_body_s

    def _compressed(self) -> FloatArray:
        """Return the energies per atom of the hardest material, compressed from the usual pressure (eV)."""
        pressure_i = np.array(self._pressures)
        usual = np.nanmedian(pressure_i) if np.isfinite(pressure_i).any() else 0.0
        excess_i = np.abs(pressure_i - usual)
        stored_i: FloatArray = np.array(self._volumes) * excess_i**2 / (2.0 * (HARDEST + STIFFENING * excess_i))
        return stored_i

    def _in_hartree(self, deviation_i: FloatArray, spread: float) -> BoolArray:
        """Return which energies join the rest when they are read as hartrees; free atoms may do so by chance."""
        energy_i = np.array(self._energies)
        expected_i = energy_i - deviation_i
        is_bound_i = np.array([counts.total() > 1 for counts in self._compositions])
        joins_i = np.abs(Hartree * energy_i - expected_i) < NEAR * spread
        in_hartree_i: BoolArray = is_bound_i & joins_i & (np.abs(deviation_i) > SPREADS * spread)
        return in_hartree_i

    def _warn(self, suspicious_i: BoolArray, complaint: str) -> None:
        names = [self._names[i] for i in np.flatnonzero(suspicious_i)]
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            message = f"{'; '.join(names[:_NAMED])}{more} (of {len(suspicious_i)} frames): {complaint}"
            warnings.warn(message, TrainingDataWarning, stacklevel=3)


def _stored_energy(force_nc: FloatArray) -> float:
    """Return the energy per atom of the stiffest springs that pull with some forces (eV)."""
    return float(np.square(force_nc).sum() / (2.0 * STIFFEST * len(force_nc)))


def _too_large(stored_i: FloatArray, deviation_i: FloatArray, spread: float, *, unnoticed: float) -> BoolArray:
    """Return which frames have forces or stresses that store more energy than their own energies allow."""
    typical = np.nanmedian(stored_i) if np.isfinite(stored_i).any() else 0.0
    explained_i = np.where(np.isnan(deviation_i), SPREADS**2 * typical, spread + np.abs(deviation_i))
    too_large_i: BoolArray = stored_i > unnoticed + explained_i
    return too_large_i


def _least_absolute_deviations(matrix: FloatArray, target: FloatArray) -> FloatArray:
    """Return the solution of a linear system that a minority of wild rows does not bend.

    Notes
    -----
    Iteratively reweighted least squares, of least norm where the system is not of full rank.
    """
    weight: FloatArray = np.ones(len(target))
    solution: FloatArray = np.zeros(matrix.shape[1])
    for _ in range(30):
        solution = np.linalg.lstsq(weight[:, None] * matrix, weight * target)[0].astype(np.float64)
        weight = np.maximum(np.abs(target - matrix @ solution), 1e-6) ** -0.5
    return solution
