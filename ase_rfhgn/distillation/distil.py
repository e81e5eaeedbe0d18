"""Distillation: from structures and a reference calculator to a tested potential, unattended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ase import Atoms

from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.distillation.account import Account, BudgetSpentError, place_of
from ase_rfhgn.distillation.exploration import SELECTED, Exploration
from ase_rfhgn.distillation.preparation import prepared
from ase_rfhgn.distillation.reference import Reference
from ase_rfhgn.distillation.settings import DistillationSettings, check_fit_settings
from ase_rfhgn.distillation.stages import Stage, evenly, run_stage
from ase_rfhgn.distillation.starts import bare, checked_start, is_crystal, supercell
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.defects import conventional
from ase_rfhgn.properties.molecular_dynamics import PICOSECOND
from ase_rfhgn.reports.comparison import compare, errors_of
from ase_rfhgn.reports.metrics import Errors
from ase_rfhgn.runtime.progress import log
from ase_rfhgn.structures.training_set import AnyFrames, open_frames

MOST_STARTS = 20
"""Start structures beyond which they are taken for a trajectory that was given by mistake."""

TEST_SEED = 10_000
"""Distance of the seeds of test runs from those of training runs."""


@dataclass(frozen=True)
class Distilled:
    """A potential that was distilled from a reference.

    Attributes
    ----------
    potential : Potential
        The potential; its record has what it took, and the errors.
    errors : Errors or None
        Errors on frames of runs with the potential that it never saw; None if the reference has no answers for them.
    n_calls, n_failures : int
        Calls of the reference, and those of them without a usable answer.
    calls : dict of str to int
        Calls by their reason.
    stages : dict of str to dict
        What became of every stage, by name.
    warnings : tuple of str
        What the user should know.
    directory : Path
        Folder of the frames.
    train, test : tuple of ase.Atoms
        Labelled frames of the fit and of the test.
    """

    potential: Potential
    errors: Errors | None
    n_calls: int
    n_failures: int
    calls: dict[str, int]
    stages: dict[str, dict[str, Any]]
    warnings: tuple[str, ...]
    directory: Path
    train: tuple[Atoms, ...]
    test: tuple[Atoms, ...]


def distil(
    starts: AnyFrames,
    reference: Any,  # noqa: ANN401  # a name, or one of ASE's calculators, which have no common type
    directory: str | Path,
    *,
    temperatures: Sequence[float] = (300.0,),
    pressures: Sequence[float] = (0.0,),
    calls: int = 150,
    time: float = 2.0 * PICOSECOND,
    atoms: int = 64,
    vacancies: bool = False,
    surfaces: bool = False,
    may_melt: bool = False,
    uncertainty: float = 0.1,
    grade: float = 2.5,
    seed: int = 0,
    progress: bool = False,
    **fit_settings: Any,  # noqa: ANN401  # those of `fit`
) -> Distilled:
    """Return a potential that was fitted to a reference and tested, from one or a few structures.

    Parameters
    ----------
    starts : path, ase.Atoms, or iterable of these
        Structures to begin with, close to rest. Those that are periodic in three directions are crystals.
    reference : str or ase.calculators.calculator.Calculator
        Any ASE calculator with energies and forces, or its name: "emt", "tblite:GFN2-xTB",
        "package.module:Class(argument=1.0)".
    directory : str or Path
        Folder of frames, calls and stages. A run that was killed goes on if it is started again with the same folder.
    temperatures : sequence of float, default (300.0,)
        Temperatures of the runs (K).
    pressures : sequence of float, default (0.0,)
        Pressures of the runs of crystals (GPa). Without crystals they must be zero.
    calls : int, default 150
        Largest number of calls of the reference, the test included.
    time : float
        Length of the run of every stage, in ASE's unit; by default 2 ps.
    atoms : int, default 64
        Largest number of atoms of the supercells that crystals are repeated to.
    vacancies, surfaces : bool, default False
        Whether crystals with a vacancy, and slabs with low-index surfaces, are learned.
    may_melt : bool, default False
        Whether stages of crystals go on when atoms leave their sites.
    uncertainty, grade : float
        Thresholds of `ase_rfhgn.ActiveCalculator` in runs (eV/Å, and without unit); by default 0.1 and 2.5.
    seed : int, default 0
        Seed of everything.
    progress : bool, default False
        Whether to show progress on a terminal, and a line per stage.
    **fit_settings
        Settings of `ase_rfhgn.fit`, also ``baseline``.

    Raises
    ------
    SettingsError
        If a setting is out of its range, or the folder was begun with others.
    StructureError
        If the reference has no answer for a start structure, its first step of dynamics would explode, or the
        energy of a crystal has no minimum close by.
    TrainingDataError
        If the reference hardly ever has an answer.
    MissingLibraryError
        If surfaces of a primitive cell are wanted, and spglib is not installed.

    Notes
    -----
    Volumes come from energies of the reference over volume (Birch and Murnaghan), and from the thermal pressure of
    Grüneisen. Strained and rattled cells are labelled first. Then runs with `ase_rfhgn.ActiveCalculator` go from cold
    to hot, and a few of their frames are picked. The last fit is a default fit to all frames from scratch. New runs
    with its potential give the frames of the test.

    Structures for which the reference raises an error or answers with NaN are left out; they are in ``failed.traj``.
    """
    settings = DistillationSettings(
        temperatures=tuple(temperatures),
        pressures=tuple(pressures),
        calls=calls,
        time=time,
        atoms=atoms,
        vacancies=vacancies,
        surfaces=surfaces,
        may_melt=may_melt,
        uncertainty=uncertainty,
        grade=grade,
        seed=seed,
    )
    check_fit_settings(fit_settings)
    named = _opened(starts)
    _check_crystals(named, settings)
    asked = Reference(reference)
    kept = settings.as_dict() | {"reference": asked.label_text, "fit": _words(fit_settings), "starts": _words(named)}
    account = Account(directory, asked, kept)
    exploration = Exploration(account, settings, fit_settings, progress=progress)
    stages = _explored(exploration, named)
    potential = fit(account.train.frames, seed=seed, progress=progress, **fit_settings)
    before = [line for stage in account.stages.values() for line in stage.get("told", ())]
    told = [*before, *_tested(potential, stages, account, settings, progress=progress)]
    return _described(potential, account, told)


def _opened(starts: AnyFrames) -> list[tuple[str, Atoms]]:
    """Return names and structures."""
    frames = list(open_frames(starts).without_labels())
    if not 1 <= len(frames) <= MOST_STARTS:
        message = f"there are {len(frames)} start structures: give 1 to {MOST_STARTS}, such as the last of each file"
        raise SettingsError(message)
    return [(frame.name, bare(frame.atoms)) for frame in frames]


def _check_crystals(named: Sequence[tuple[str, Atoms]], settings: DistillationSettings) -> None:
    """Refuse what only crystals have, if there are none, and surfaces of cells that cannot be made conventional."""
    crystals = [atoms for _, atoms in named if is_crystal(atoms)]
    for atoms in crystals if settings.surfaces else ():
        conventional(atoms)
    if crystals:
        return
    asked = {"pressures": any(settings.pressures), "vacancies": settings.vacancies, "surfaces": settings.surfaces}
    for name in [name for name, given in asked.items() if given]:
        message = f"{name} belong to crystals, and no start structure is periodic in three directions: leave them out"
        raise SettingsError(message)


def _explored(exploration: Exploration, named: Sequence[tuple[str, Atoms]]) -> list[Stage]:
    """Return the stages after all training frames are labelled."""
    account, settings = exploration.account, exploration.settings
    try:
        starts = [(checked_start(name, supercell(atoms, settings.atoms), account), atoms) for name, atoms in named]
        share = settings.calls / len(starts)
        known = [prepared(*start, account, settings, share, progress=exploration.progress) for start in starts]
    except BudgetSpentError as error:
        message = f"calls is {settings.calls}: too few for {len(named)} start structures, give more"
        raise SettingsError(message) from error
    account.refuse_failures()
    stages = exploration.run(known)
    exploration.select()
    return stages


def _tested(
    potential: Potential, stages: Sequence[Stage], account: Account, settings: DistillationSettings, *, progress: bool
) -> Iterator[str]:
    """Label frames of new runs with the final potential; yield what the user should know."""
    for stage, n_frames in _shared_out(stages, settings.test_calls):
        again = replace(stage, seed=stage.seed + TEST_SEED)
        outcome = run_stage(again, RFHGNCalculator(potential), progress=progress)
        if outcome.told is not None:
            yield f"test of {outcome.told}"
        for atoms in evenly(outcome.frames, n_frames):
            if account.left > 0:
                account.ask(atoms, "test", test=True)
    log(f"test: {len(account.test.frames)} frames", shown=progress)


def _shared_out(stages: Sequence[Stage], n_frames: int) -> list[tuple[Stage, int]]:
    """Return stages and their numbers of test frames: some of the stages if there are too many."""
    step = max(1, -(-len(stages) // n_frames))
    chosen = stages[::-step][::-1]  # the hottest is always one of them
    return [(stage, n_frames * (i + 1) // len(chosen) - n_frames * i // len(chosen)) for i, stage in enumerate(chosen)]


def _described(potential: Potential, account: Account, told: Sequence[str]) -> Distilled:
    """Return the result; the record of the potential gets what it took."""
    test = account.test.frames
    errors = errors_of(compare(potential, test)) if test else None
    if errors is None:
        told = [*told, "there is no test: the reference has no answers for frames of the final runs"]
    record = potential.record | {
        "distillation": {
            "reference": account.reference.label_text,
            "calls": account.n_calls,
            "failures": len(account.failed),
            "directory": str(account.directory),
        }
    }
    if errors is not None:
        record["test"] = {"frames": "runs with the potential", **errors.as_dict()}
    return Distilled(
        potential=replace(potential, record=record),
        errors=errors,
        n_calls=account.n_calls,
        n_failures=len(account.failed),
        calls=account.by_reason(),
        stages={name: stage for name, stage in account.stages.items() if name != SELECTED},
        warnings=tuple(told),
        directory=account.directory,
        train=tuple(account.train.frames),
        test=tuple(test),
    )


def _words(value: object) -> str:
    """Return settings as text that is the same in every process."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={_words(one)}" for name, one in sorted(value.items()))
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return ", ".join(f"{atoms.get_chemical_formula()} ({place_of(atoms)})" for _, atoms in value)
    return repr(value) if isinstance(value, str | int | float | list | tuple) else type(value).__name__
