"""A calculator that learns on the fly: it calls a reference if the potential is too uncertain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed, Calculator
from ase.calculators.singlepoint import SinglePointCalculator

from ase_rfhgn.calculators.call_log import CallLog
from ase_rfhgn.calculators.opening import StructureInputError
from ase_rfhgn.calculators.rfhgn import PotentialCalculator
from ase_rfhgn.errors import SettingsError, StructureError, TrainingDataError, UpdateError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.fitting.update import update
from ase_rfhgn.models.evaluation import Evaluation
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.structures.cell import has_volume
from ase_rfhgn.structures.checks import unknown_elements
from ase_rfhgn.structures.frame import Frame, frame_of
from ase_rfhgn.structures.frame_graphs import refuse_close_atoms
from ase_rfhgn.structures.neighbour_list import NeighbourList
from ase_rfhgn.structures.training_set import TrainingSet

GROWTH = 1.5
"""Growth of the number of frames since the last fit from scratch at which features are sampled anew."""

CLOSER = 0.98
"""Share of the smallest training distance below which a distance needs features that are sampled anew."""

POTENTIAL = "potential.npz"


class ReferenceAnswerError(TrainingDataError, CalculationFailed):
    """An answer of the reference that cannot be used: our error and ASE's at once. Nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class ReferenceCall:
    """A call of the reference, and its effect.

    Attributes
    ----------
    step : int
        Number of the evaluation.
    reason : str
        Why the reference was called: "start", "grade", "uncertainty" or "new element".
    n_frames : int
        Number of labelled frames after the call.
    grade, uncertainty : float or None
        Largest extrapolation grade, and largest predicted uncertainty of a force (eV/Å), before the call.
    force_rmse, force_max : float or None
        Root mean square and largest true error of the forces before the call (eV/Å).
    energy_jump : float or None
        Energy of the structure after the update minus its energy before the update (eV).
    refitted : bool
        Whether the call led to a fit from scratch, with new features.
    """

    step: int
    reason: str
    n_frames: int
    grade: float | None = None
    uncertainty: float | None = None
    force_rmse: float | None = None
    force_max: float | None = None
    energy_jump: float | None = None
    refitted: bool = False


class ActiveCalculator(PotentialCalculator):
    """ASE calculator that runs on a potential and improves it by calls of a reference.

    Parameters
    ----------
    reference : ase.calculators.calculator.Calculator
        Any ASE calculator with energies and forces.
    directory : str or Path
        Folder of the labelled frames (``frames.traj``), the call log (``calls.jsonl``) and the latest
        potential (``potential.npz``). If it holds frames, the run goes on with a fit to them.
    uncertainty : float
        Largest predicted uncertainty of a force component (eV/Å) up to which the potential is trusted.
    grade : float
        Largest extrapolation grade of an atom up to which the potential is trusted. Far beyond 1, a
        fit to few frames predicts uncertainties that are too small.
    start : int
        Frames of the first fit: the first structure, and displaced copies of it.
    displacement : float
        Standard deviation of these displacements in every direction (Å).
    frames : path, or iterable of ase.Atoms
        Labelled frames to begin with, besides the frames in the folder. A frame that is in the folder
        already is not added again. All frames are checked first.
    seed : int
        Seed of displacements and features.
    **settings
        Settings of `fit`.

    Attributes
    ----------
    calls : list of ReferenceCall
        Calls of the reference by this object.
    n_steps : int
        Structures that were evaluated.

    Raises
    ------
    SettingsError
        If a threshold is not positive, or the reference is not a calculator.

    Notes
    -----
    The potential changes at a call, and the energy jumps. So a run does not conserve the energy across
    calls; the jumps are in the call log. Images of a NEB may share one calculator
    (``NEB(images, allow_shared_calculator=True)``), and then learn from each other.

    References
    ----------
    Extrapolation grades that trigger calls: Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171
    (2017). Bayesian force errors: Vandermause et al., npj Comput. Mater. 6, 20 (2020).
    """

    name = "rfhgn-active"

    def __init__(
        self,
        reference: Calculator,
        directory: str | Path,
        *,
        uncertainty: float = 0.1,
        grade: float = 2.5,
        start: int = 6,
        displacement: float = 0.1,
        frames: str | Path | Iterable[Atoms] = (),
        seed: int = 0,
        **settings: Any,  # noqa: ANN401  # those of `fit`
    ) -> None:
        _check_settings(reference, uncertainty=uncertainty, grade=grade, start=start, displacement=displacement)
        super().__init__(None)
        self.reference = reference
        self.uncertainty, self.grade = float(uncertainty), float(grade)
        self.start, self.displacement = start, displacement
        self.seed, self.settings = seed, settings
        self.call_log = CallLog(directory)
        self.calls: list[ReferenceCall] = []
        self.n_steps = 0
        self._n_at_fit = 0
        self.call_log.add_frames(_labelled_frames(frames))
        if self.call_log.frames:
            self._fit()

    def _evaluate(self, atoms: Atoms) -> Evaluation:
        try:
            self.n_steps += 1
            if self.potential is None:
                return self._begin(atoms).evaluate(atoms, neighbours=self._neighbours)
            if unknown_elements(atoms, self.potential.species_s):
                return self._learn(atoms, "new element", None)
            before = self.potential.evaluate(atoms, uncertainty=True, neighbours=self._neighbours)
            reason = self._reason(before)
            return before if reason is None else self._learn(atoms, reason, before)
        except StructureError as error:
            raise StructureInputError(str(error)) from error

    def _reason(self, before: Evaluation) -> str | None:
        """Return why the potential is not trusted on a structure, None if it is trusted."""
        grade, error = _worst(before)
        if grade > self.grade:
            return "grade"
        return "uncertainty" if error > self.uncertainty else None

    def _begin(self, atoms: Atoms) -> Potential:
        """Return a first potential, fitted to a structure and displaced copies of it."""
        rng = np.random.default_rng(self.seed)
        for number in range(self.start):
            copy = atoms.copy()
            copy.positions += rng.normal(0.0, self.displacement if number else 0.0, copy.positions.shape)
            self.call_log.add_frames([self._label(copy)])
            self._log(ReferenceCall(step=self.n_steps, reason="start", n_frames=len(self.call_log.frames)))
        return self._fit()

    def _learn(self, atoms: Atoms, reason: str, before: Evaluation | None) -> Evaluation:
        """Call the reference for a structure, learn its answer, and return the new answer of the potential."""
        frame = self._label(atoms)
        self.call_log.add_frames([frame])
        potential, refitted = self._update(frame.as_atoms())
        learned = potential.evaluate(atoms, neighbours=self._neighbours)
        assert frame.force_nc is not None  # noqa: S101  # the reference was asked for them
        error_nc = None if before is None else before.force_nc - frame.force_nc
        grade, uncertainty = (None, None) if before is None else _worst(before)
        self._log(
            ReferenceCall(
                step=self.n_steps,
                reason=reason,
                grade=grade,
                uncertainty=uncertainty,
                force_rmse=None if error_nc is None else float(np.sqrt(np.mean(error_nc**2))),
                force_max=None if error_nc is None else float(np.abs(error_nc).max()),
                energy_jump=None if before is None else learned.energy - before.energy,
                refitted=refitted,
                n_frames=len(self.call_log.frames),
            )
        )
        return learned

    def _update(self, frame: Atoms) -> tuple[Potential, bool]:
        """Return the potential after one more frame, and whether it was fitted from scratch."""
        potential = self.potential
        if (
            potential is None
            or len(self.call_log.frames) >= GROWTH * self._n_at_fit
            or self._is_closer(potential, frame)
        ):
            return self._fit(), True
        try:
            return self._adopted(update(potential, [frame])), False
        except UpdateError:
            return self._fit(), True

    def _fit(self) -> Potential:
        """Return the potential of a fit to all frames from scratch."""
        fitted = fit(self.call_log.frames, updatable=True, seed=self.seed, **self.settings)
        self._n_at_fit = len(self.call_log.frames)
        return self._adopted(fitted)

    def _adopted(self, potential: Potential) -> Potential:
        """Return a potential that was saved, and that is used from now on."""
        self.potential = potential
        if self._neighbours is None or self._neighbours.cutoff != potential.cutoff:
            self._neighbours = NeighbourList(potential.cutoff)
        replace(potential, linear_system=None).save(self.call_log.directory / POTENTIAL)
        return potential

    def _is_closer(self, potential: Potential, atoms: Atoms) -> bool:
        """Return whether atoms are closer than any of their elements in the last fit from scratch."""
        if self._neighbours is None or unknown_elements(atoms, potential.species_s):
            return True
        graph = self._neighbours.graph(atoms)
        floor_p = potential.hamiltonian.encoder.floor_b[graph.pair_p(potential.species_s)]
        return bool((graph.distance_p < CLOSER * floor_p).any())

    def _log(self, call: ReferenceCall) -> None:
        self.calls.append(call)
        self.call_log.add_call(asdict(call))

    def _label(self, atoms: Atoms) -> Frame:
        """Return a structure with the reference's energy, forces, and stress where it has one, all checked."""
        try:
            refuse_close_atoms(frame_of(atoms, f"evaluation {self.n_steps}", labelled=False))
        except TrainingDataError as error:
            raise StructureInputError(str(error)) from error
        try:
            return frame_of(self._answered(atoms), f"answer of the reference to evaluation {self.n_steps}")
        except TrainingDataError as error:
            self.reference.results = {}  # or it would answer the same when asked again
            raise ReferenceAnswerError(str(error)) from error

    def _answered(self, atoms: Atoms) -> Atoms:
        """Return a structure with the answer of the reference."""
        labelled: Atoms = atoms.copy()
        labelled.calc = self.reference
        results = {"energy": labelled.get_potential_energy(), "forces": labelled.get_forces(apply_constraint=False)}
        if has_volume(atoms) and atoms.pbc.all() and "stress" in self.reference.implemented_properties:
            results["stress"] = labelled.get_stress(apply_constraint=False)
        labelled.calc = SinglePointCalculator(labelled, **results)
        return labelled


def _labelled_frames(source: str | Path | Iterable[Atoms]) -> list[Frame]:
    """Return the labelled frames that are given to begin with, after a check of all."""
    given = source if isinstance(source, str | Path) else list(source)
    frames = [refuse_close_atoms(frame) for frame in TrainingSet.open(given)] if given else []
    for frame in frames:
        if not frame.has_labels:
            message = f"{frame.name}: there are no labels; attach energies or forces with ASE's SinglePointCalculator"
            raise TrainingDataError(message)
    return frames


def _worst(before: Evaluation) -> tuple[float, float]:
    """Return the largest grade, and the largest predicted uncertainty of a force component (eV/Å)."""
    assert before.uncertainty is not None  # noqa: S101  # asked for
    return float(before.uncertainty.grade_n.max()), float(before.uncertainty.force_nc.max())


def _check_settings(reference: object, *, start: int, **positive: float) -> None:
    if not hasattr(reference, "get_property"):
        message = f"reference is {reference!r}: give an ASE calculator"
        raise SettingsError(message)
    for name, value in positive.items():
        if not (np.isfinite(value) and value > 0.0):
            message = f"{name} is {value!r}: it must be a positive number"
            raise SettingsError(message)
    if not 1 <= start <= 1000:
        message = f"start is {start!r}: it must be a number of frames between 1 and 1000"
        raise SettingsError(message)
