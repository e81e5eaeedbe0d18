"""Runs: trajectories as arrays, read from files or lists of Atoms, checked on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from ase import Atoms

from ase_rfhgn.arrays import FloatArray, IntArray, ReadOnlyArrays
from ase_rfhgn.errors import SettingsError, TrainingDataError
from ase_rfhgn.structures.frame import Frame, frame_of
from ase_rfhgn.structures.graph import nearest_image
from ase_rfhgn.structures.sources import expanded
from ase_rfhgn.structures.time_order import unbroken_positions
from ase_rfhgn.structures.training_set import TrainingSet

RunSource: TypeAlias = str | Path | Sequence[Atoms]
"""A file of one trajectory, or its structures in the order of time."""

FEWEST_FRAMES = 3
"""Frames of the shortest run that shows a motion."""


@dataclass(frozen=True)
class Runs(ReadOnlyArrays):
    """Trajectories of the same atoms; their frames follow each other.

    Attributes
    ----------
    atoms : ase.Atoms
        First structure, without a calculator.
    position_mnc : ndarray of shape (n_frames, n_atoms, 3)
        Positions that do not jump at periodic boundaries (Å).
    momentum_mnc : ndarray of the same shape, optional
        Momenta (ASE units), where all frames have them.
    force_mnc : ndarray of the same shape, optional
        Forces (eV/Å), where all frames have them.
    energy_m : ndarray of shape (n_frames,), optional
        Potential energies (eV), where all frames have them.
    start_g : ndarray of shape (n_runs + 1,)
        First frame of every run, and the number of frames.
    name_g : tuple of str
        Names of the runs in messages.
    """

    atoms: Atoms
    position_mnc: FloatArray
    momentum_mnc: FloatArray | None
    force_mnc: FloatArray | None
    energy_m: FloatArray | None
    start_g: IntArray
    name_g: tuple[str, ...]

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.name_g)

    @property
    def mass_n(self) -> FloatArray:
        """Masses (amu)."""
        return np.asarray(self.atoms.get_masses(), dtype=np.float64)

    @property
    def run_m(self) -> IntArray:
        """Run of every frame."""
        return np.repeat(np.arange(self.n_runs), np.diff(self.start_g))

    def frames_of(self, run: int) -> slice:
        """Return the frames of one run."""
        return slice(int(self.start_g[run]), int(self.start_g[run + 1]))

    def picked(self, runs: Sequence[int] | IntArray) -> Runs:
        """Return some of the runs."""
        spans = [np.arange(self.start_g[run], self.start_g[run + 1]) for run in runs]
        rows = np.concatenate(spans)

        def rows_of(array: FloatArray | None) -> FloatArray | None:
            return None if array is None else array[rows]

        start_g = np.concatenate([[0], np.cumsum([len(span) for span in spans])])
        return replace(
            self,
            position_mnc=self.position_mnc[rows],
            momentum_mnc=rows_of(self.momentum_mnc),
            force_mnc=rows_of(self.force_mnc),
            energy_m=rows_of(self.energy_m),
            start_g=start_g,
            name_g=tuple(self.name_g[run] for run in runs),
        )


def read_runs(runs: Runs | RunSource | Iterable[RunSource]) -> Runs:
    """Return trajectories as arrays.

    Parameters
    ----------
    runs : iterable of runs
        Each run is a file that `ase.io.read` knows, or a list of Atoms in the order of time. A single file or
        list is one run; every file of a glob such as "run*.traj" is one. `Runs` are returned as they are.

    Raises
    ------
    TrainingDataError
        If a file cannot be read, a run has fewer than three frames, a number is not finite, or atoms, masses or
        cells differ between frames.
    """
    if isinstance(runs, Runs):
        return runs
    sources = [source for one in _separate(runs) for source in _files_of(one)]
    if not sources:
        message = "there are no runs: give one file or list of Atoms per run"
        raise TrainingDataError(message)
    return _joined([_read_one(source, number) for number, source in enumerate(sources)])


def require_momenta(runs: Runs, purpose: str) -> FloatArray:
    """Return the momenta of runs.

    Raises
    ------
    TrainingDataError
        If there are none.
    """
    if runs.momentum_mnc is None:
        message = f"{runs.name_g[0]}: frames have no momenta, which {purpose} needs: write them with the trajectory"
        raise TrainingDataError(message)
    return runs.momentum_mnc


def require_ensemble(runs: Runs, fewest: int, purpose: str) -> None:
    """Refuse runs that are no ensemble.

    Raises
    ------
    TrainingDataError
        If there are fewer runs than needed.
    """
    if runs.n_runs < fewest:
        message = (
            f"there is only {runs.n_runs} run ({runs.name_g[0]}), "
            if runs.n_runs == 1
            else f"there are {runs.n_runs} runs, "
        ) + (
            f"and {purpose} needs at least {fewest} from different starts: what one trajectory keeps constant says "
            "nothing about others; give more runs"
        )
        raise TrainingDataError(message)


def split_runs(runs: Runs, shares: Sequence[float], rng: np.random.Generator) -> list[Runs]:
    """Return runs in random parts, each of them with at least one run.

    Parameters
    ----------
    runs : Runs
        At least as many as there are parts.
    shares : sequence of float
        Share of each part.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    SettingsError
        If there are more parts than runs.
    """
    if len(shares) > runs.n_runs:
        message = f"{runs.n_runs} runs cannot be split into {len(shares)} parts: give more runs"
        raise SettingsError(message)
    order = rng.permutation(runs.n_runs)
    ends = np.round(np.cumsum(shares) / np.sum(shares) * runs.n_runs).astype(int)
    for part in range(len(ends)):
        ends[part] = np.clip(ends[part], part + 1, runs.n_runs - len(ends) + part + 1)
    return [runs.picked(np.sort(part)) for part in np.split(order, ends[:-1])]


def _separate(runs: Any) -> list[Any]:  # noqa: ANN401  # whatever a user gives as runs
    """Return a list of runs, also of a single one."""
    return [runs] if _is_one_run(runs) else list(runs)


def _is_one_run(runs: object) -> bool:
    """Return whether something is a single run instead of several."""
    if isinstance(runs, str | Path):
        return True
    return isinstance(runs, Sequence) and len(runs) > 0 and isinstance(runs[0], Atoms)


def _files_of(source: Any) -> list[Any]:  # noqa: ANN401  # whatever a user gives as a run
    """Return the files of a glob, each of them a run, or the source itself."""
    return list(expanded([source])) if isinstance(source, str | Path) else [source]


def _read_one(source: RunSource, number: int) -> Runs:
    """Return one run."""
    if isinstance(source, Atoms):
        message = f"run {number} is a single structure: a run is a file or a list of Atoms in the order of time"
        raise TrainingDataError(message)
    if isinstance(source, str | Path):
        name = Path(source).name
        frames = list(TrainingSet.open(source, closest=0.0))
    else:
        name = f"run {number}"
        frames = [frame_of(atoms, f"{name}, frame {frame}") for frame, atoms in enumerate(source)]
    if len(frames) < FEWEST_FRAMES:
        message = f"{name}: {len(frames)} frame(s) show no motion; a run needs at least {FEWEST_FRAMES}"
        raise TrainingDataError(message)
    first = frames[0].atoms
    for frame in frames:
        _require_same(frame.name, frame.atoms, first)
    has_momenta = any(frame.atoms.get_momenta().any() for frame in frames)
    return Runs(
        atoms=first,
        position_mnc=np.array(list(unbroken_positions(frame.atoms for frame in frames))),
        momentum_mnc=np.array([frame.atoms.get_momenta() for frame in frames]) if has_momenta else None,
        force_mnc=_labels(frames, "force_nc"),
        energy_m=_labels(frames, "energy"),
        start_g=np.array([0, len(frames)]),
        name_g=(name,),
    )


def _labels(frames: Sequence[Frame], label: str) -> FloatArray | None:
    """Return a label of all frames, None if one of them has none."""
    values = [getattr(frame, label) for frame in frames]
    return None if any(value is None for value in values) else np.array(values, dtype=np.float64)


def _require_same(name: str, atoms: Atoms, first: Atoms) -> None:
    """Refuse frames of other atoms, or in another cell."""
    what = None
    if not np.array_equal(atoms.numbers, first.numbers):
        what = "atoms"
    elif not np.allclose(atoms.get_masses(), first.get_masses()):
        what = "masses"
    elif not (np.array_equal(atoms.pbc, first.pbc) and np.allclose(atoms.cell, first.cell, rtol=0.0, atol=1e-8)):
        what = "cell"
    if what:
        message = (
            f"{name}: its {what} differ from those of the first frame; give runs of the same atoms in the same cell"
        )
        raise TrainingDataError(message)


def _joined(parts: Sequence[Runs]) -> Runs:
    """Return several runs as one value, all near the first structure."""
    first = parts[0].atoms
    positions = []
    for part in parts:
        _require_same(f"{part.name_g[0]}, frame 0", part.atoms, first)
        offset_nc = part.position_mnc[0] - first.positions
        positions.append(part.position_mnc + (nearest_image(offset_nc, first) - offset_nc))

    def together(name: str) -> FloatArray | None:
        arrays = [getattr(part, name) for part in parts]
        return None if any(array is None for array in arrays) else np.concatenate(arrays)

    return Runs(
        atoms=first,
        position_mnc=np.concatenate(positions),
        momentum_mnc=together("momentum_mnc"),
        force_mnc=together("force_mnc"),
        energy_m=together("energy_m"),
        start_g=np.concatenate([[0], np.cumsum([len(part.position_mnc) for part in parts])]),
        name_g=tuple(part.name_g[0] for part in parts),
    )
