"""Other calculators as baselines of a fit: made, checked, and asked once per frame."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, StructureError, TrainingDataError, TrainingDataWarning
from ase_rfhgn.features.response import Response
from ase_rfhgn.models.baselines.calculators import CalculatorBaseline, Witness
from ase_rfhgn.models.named_calculators import NamedCalculator
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.frame import fingerprint_of
from ase_rfhgn.structures.frame_graphs import FrameGraphs
from ase_rfhgn.structures.training_set import TrainingSet

AnyBaseline: TypeAlias = Any
"""A name, an ASE calculator, or a sequence of these; ASE's calculators have no common type."""

N_WITNESSES = 3
"""Structures on which a baseline is checked, and by which a model file knows it again."""

STEP = 5e-3
"""Length of the displacement of all atoms in the check of forces (Å), and of the strain in that of the stress."""

GRADIENT = 0.02
"""Difference between a slope of the energy and the forces that is taken as an error, relative to their size."""


@dataclass(frozen=True, eq=False)
class AnsweredBaseline(CalculatorBaseline):
    """A baseline whose answers for the frames of a fit are known.

    Attributes
    ----------
    answers : dict of int to Response
        Answers by the fingerprint of the structure.
    energy_i : ndarray of shape (n_frames,)
        Energies of the frames (eV).
    """

    answers: dict[int, Response] = field(default_factory=dict)
    energy_i: FloatArray = field(default_factory=lambda: np.empty(0))

    def respond(self, atoms: Atoms) -> Response:
        """Return the energies, forces and virial of a structure, which may be known."""
        known = self.answers.get(_fingerprint(atoms))
        return super().respond(atoms) if known is None else known

    @property
    def alone(self) -> CalculatorBaseline:
        """The baseline without the answers."""
        return CalculatorBaseline(self.named, self.witnesses)


def baseline_of(given: AnyBaseline) -> CalculatorBaseline | None:
    """Return the baseline that a user means, None without one.

    Parameters
    ----------
    given : str, ASE calculator, or a sequence of these, optional
        Names as `ase_rfhgn.models.named_calculators` reads them, or calculators.

    Raises
    ------
    SettingsError
        If a name means nothing, or a calculator cannot be made again from what it tells about itself.
    """
    if given is None:
        return None
    parts = given if isinstance(given, list | tuple) else [given]
    named = []
    for part in parts:
        if not isinstance(part, str) and not hasattr(part, "get_property"):
            message = f"baseline is {part!r}: give an ASE calculator, a name such as 'dftd3:pbe-bj', or a list of these"
            raise SettingsError(message)
        named.append(NamedCalculator.parse(part) if isinstance(part, str) else NamedCalculator.of(part))
    return CalculatorBaseline(tuple(named)) if named else None


def with_known_stress(frames: TrainingSet, baseline: CalculatorBaseline | None) -> TrainingSet:
    """Return frames without their stresses if a baseline has none; that is told.

    Warns
    -----
    TrainingDataWarning
        If a frame has a stress that cannot be used.
    """
    if baseline is None or baseline.has_stress:
        return frames
    bare = frames.without_stress()
    if any(frame.stress_v is not None for frame in frames):
        message = f"{frames.name}: stresses are not used, because the baseline {baseline} has none"
        warnings.warn(message, TrainingDataWarning, stacklevel=2)
    return bare


def answered(baseline: CalculatorBaseline, items: FrameGraphs, *, progress: bool = False) -> AnsweredBaseline:
    """Return a baseline that knows its answers for the frames of a fit, checked on some of them.

    Parameters
    ----------
    baseline : CalculatorBaseline
        The calculators.
    items : FrameGraphs
        The frames.
    progress : bool
        Whether to show progress on a terminal.

    Raises
    ------
    TrainingDataError
        If a calculator fails on a frame; the message names it.
    SettingsError
        If forces are not the gradient of the energy, or the stress not its derivative by strain.
    """
    answers: dict[int, Response] = {}
    energies: list[float] = []
    small: list[tuple[int, Atoms, Response]] = []
    for item in progress_bar(items, "baseline", total=len(items), shown=progress):
        atoms = item.frame.atoms
        try:
            response = baseline.respond(atoms)
        except StructureError as error:
            message = f"{item.frame.name}: {error}; repair or remove the frame, or choose another baseline"
            raise TrainingDataError(message) from error
        answers[_fingerprint(atoms)] = response
        energies.append(float(response.energy_n.sum()))
        small = sorted([*small, (len(atoms), atoms, response)], key=lambda one: one[0])[:N_WITNESSES]
    for _, atoms, response in small:
        _check_derivatives(baseline, atoms, response)
    witnesses = tuple(Witness.of(atoms, response) for _, atoms, response in small)
    return AnsweredBaseline(baseline.named, witnesses, answers, np.array(energies))


def forgotten(potential: Potential) -> Potential:
    """Return a potential whose baseline no longer keeps the answers for the frames of the fit."""
    others = potential.baseline.others
    if not isinstance(others, AnsweredBaseline):
        return potential
    return replace(
        potential,
        baseline=replace(potential.baseline, others=others.alone),
        record={**potential.record, "baseline": [str(name) for name in others.named]},
    )


def _check_derivatives(baseline: CalculatorBaseline, atoms: Atoms, response: Response) -> None:
    """Refuse a baseline whose forces or stress are not derivatives of its energy."""
    direction_nc = np.random.default_rng(len(atoms)).normal(size=(len(atoms), 3))
    direction_nc /= np.linalg.norm(direction_nc)
    slope = _slope(baseline, lambda step: _moved(atoms, step * direction_nc))
    _refuse_wrong(baseline, "forces", slope, -float(np.sum(response.force_nc * direction_nc)), response.force_nc)
    if baseline.has_stress and has_volume(atoms):
        strain_cc = np.diag([1.0, -0.5, 0.25])
        slope = _slope(baseline, lambda step: _strained(atoms, step * strain_cc))
        _refuse_wrong(baseline, "stress", slope, float(np.sum(response.virial_cc * strain_cc)), response.virial_cc)


def _slope(baseline: CalculatorBaseline, moved: Callable[[float], Atoms]) -> float:
    """Return the slope of the energy along a path of structures, by a central difference of fourth order."""
    energy = [float(baseline.respond(moved(number * STEP)).energy_n.sum()) for number in (-2, -1, 1, 2)]
    return (energy[0] - 8.0 * energy[1] + 8.0 * energy[2] - energy[3]) / (12.0 * STEP)


def _refuse_wrong(baseline: CalculatorBaseline, what: str, slope: float, told: float, size: FloatArray) -> None:
    if abs(slope - told) > GRADIENT * (1.0 + np.abs(size).max(initial=0.0)):
        message = (
            f"the baseline {baseline} has {what} that are not the derivative of its energy: {told:.4g} where the "
            f"energy changes by {slope:.4g}; a sum with it would not conserve energy, so choose another baseline"
        )
        raise SettingsError(message)


def _moved(atoms: Atoms, step_nc: FloatArray) -> Atoms:
    moved: Atoms = atoms.copy()
    moved.positions += step_nc
    return moved


def _strained(atoms: Atoms, strain_cc: FloatArray) -> Atoms:
    strained: Atoms = atoms.copy()
    strained.set_cell(atoms.cell.array @ (np.eye(3) + strain_cc), scale_atoms=True)
    return strained


def _fingerprint(atoms: Atoms) -> int:
    """Return a number that distinguishes a structure from any other."""
    return fingerprint_of(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)
