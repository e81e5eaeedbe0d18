"""The command ``ase-rfhgn learning-curve``: errors of fits to more and more frames."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.cli.frames import SOURCES, add_label_keys, keys_of
from ase_rfhgn.cli.output import add_force, require_writable
from ase_rfhgn.cli.property_command import finished
from ase_rfhgn.cli.shared import add_command, add_json
from ase_rfhgn.errors import SettingsError
from ase_rfhgn.fitting.fit import fit
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.results import Result
from ase_rfhgn.reports.comparison import compare, errors_of
from ase_rfhgn.reports.plots import require_figure_format
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.label_keys import LabelKeys
from ase_rfhgn.structures.splitting import split_frames
from ase_rfhgn.structures.training_set import TrainingSet

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Shares of the training frames in the fits, unless sizes are given."""

LEFT_OUT = 0.2
"""Share of the frames that judge the fits, if there is no test set."""

FEWEST = 2
"""Fewest frames of a fit."""

MODEL = ".npz"

UNITS = {"energy_rmse": "meV/atom", "force_rmse": "eV/Å", "stress_rmse": "GPa"}

EXAMPLES = """
learning-curve train.traj --test test.traj --plot curve.png
learning-curve cu.npz train.traj --sizes 50 100 200 --repeats 3
"""


@dataclass(frozen=True, slots=True)
class LearningCurve(Result):
    """Errors of fits to more and more frames.

    Attributes
    ----------
    n_frames : tuple of int
        Numbers of frames of the fits.
    energy_rmse, force_rmse, stress_rmse : ndarray or None
        Root mean square errors on other frames (meV/atom, eV/Å, GPa); None without such labels.
    energy_rmse_error, force_rmse_error, stress_rmse_error : ndarray or None
        Standard errors of the means over repeats; None without repeats.
    n_test : int
        Number of the other frames.
    """

    n_frames: tuple[int, ...]
    energy_rmse: FloatArray | None
    energy_rmse_error: FloatArray | None
    force_rmse: FloatArray | None
    force_rmse_error: FloatArray | None
    stress_rmse: FloatArray | None
    stress_rmse_error: FloatArray | None
    n_test: int


def add_learning_curve(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    help_text = "errors on frames left out, of fits to more and more frames"
    command = add_command(commands, "learning-curve", run_learning_curve, help_text, EXAMPLES)
    command.add_argument(
        "frames",
        nargs="+",
        metavar="train.traj",
        help=f"labelled frames: {SOURCES}; a model before them gives the settings",
    )
    help_text = "frames that judge; by default a fifth, in blocks of neighbours in time"
    command.add_argument("--test", metavar="test.traj", nargs="+", help=help_text)
    command.add_argument("--sizes", type=int, nargs="+", metavar="N", help="frames of the fits; by default four sizes")
    command.add_argument("--repeats", type=int, default=1, metavar="N", help="fits of every size; by default 1")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the choice of frames")
    add_label_keys(command)
    add_force(command)
    command.add_argument("--plot", metavar="curve.png", help="draw the errors over the number of frames")
    add_json(command)


def run_learning_curve(options: argparse.Namespace) -> str:
    """Fit and test; return what to print."""
    require_writable(options.plot, [*options.frames, *(options.test or [])], force=options.force)
    require_figure_format(options.plot)
    settings, sources = _settings(options.frames)
    keys = LabelKeys.of_settings(settings).overridden(keys_of(options))
    pool, judges = _split(options, TrainingSet.open(sources, keys=keys, progress=True), keys)
    sizes = _sizes(options.sizes, len(pool))
    rng = np.random.default_rng(options.seed)
    work = [(size, repeat) for repeat in range(options.repeats) for size in sizes]
    errors: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    order = np.arange(len(pool))
    for size, repeat in progress_bar(work, "learning curve"):
        order = rng.permutation(len(pool)) if size == sizes[0] else order  # smaller sets are parts of larger ones
        chosen = pool.subset(order[:size].tolist())
        potential = fit(chosen, **settings | {"seed": settings.get("seed", 0) + repeat})
        errors[size].append(errors_of(compare(potential, judges)).as_dict())
    return finished(_curve(errors, len(judges)), options, plot_curve)


def plot_curve(found: LearningCurve, axes: Any) -> Any:  # noqa: ANN401  # axes of Matplotlib
    """Draw errors of forces, or of energies without forces, over the number of frames; return the axes.

    Parameters
    ----------
    found : LearningCurve
        The errors.
    axes : matplotlib.axes.Axes
        Where to draw.
    """
    name = "energy_rmse" if found.force_rmse is None else "force_rmse"
    axes.errorbar(found.n_frames, getattr(found, name), getattr(found, f"{name}_error"), fmt="o-", capsize=2)
    axes.set(xscale="log", yscale="log", xlabel="frames of the fit")
    axes.set(ylabel=f"{name.removesuffix('_rmse')} RMSE on {found.n_test} other frames ({UNITS[name]})")
    axes.set_xticks(found.n_frames, [str(size) for size in found.n_frames])
    axes.set_xticks([], minor=True)
    return axes


def _settings(words: Sequence[str]) -> tuple[dict[str, Any], Sequence[str]]:
    """Return the settings of the fits, and the files of frames: a model may stand before them."""
    if not words[0].endswith(MODEL):
        return {}, words
    if len(words) == 1:
        message = f"{words[0]} is a model: name files of frames after it"
        raise SettingsError(message)
    settings = dict(Potential.load(words[0]).record["settings"])
    if settings.get("known_energy") is not None:
        settings["known_energy"] = tuple(settings["known_energy"])
    return settings, words[1:]


def _split(options: argparse.Namespace, frames: TrainingSet, keys: LabelKeys) -> tuple[TrainingSet, TrainingSet]:
    """Return the frames that fits may have, and the frames that judge them."""
    frames.require_labels()
    if not options.test:
        return split_frames(frames, LEFT_OUT, seed=options.seed)
    test = TrainingSet.open(options.test, keys=keys, progress=True)
    test.require_labels()
    return frames, test


def _sizes(wanted: Sequence[int] | None, n_frames: int) -> list[int]:
    """Return the sizes of the fits, ascending."""
    sizes = sorted({max(round(share * n_frames), FEWEST) for share in SHARES} if wanted is None else set(wanted))
    if sizes[0] < FEWEST or sizes[-1] > n_frames:
        message = f"sizes are {sizes}: they must be from {FEWEST} to {n_frames}, the frames that are not tested"
        raise SettingsError(message)
    return sizes


def _curve(errors: Mapping[int, Sequence[Mapping[str, Any]]], n_test: int) -> LearningCurve:
    values = {name: [[one[name] for one in found] for found in errors.values()] for name in UNITS}
    known = {name: np.array(rows) for name, rows in values.items() if None not in rows[0]}
    n_repeats = len(next(iter(errors.values())))
    spread = {name: rows.std(axis=1, ddof=1) / np.sqrt(n_repeats) for name, rows in known.items() if n_repeats > 1}
    return LearningCurve(
        n_frames=tuple(errors),
        n_test=n_test,
        **{name: known[name].mean(axis=1) if name in known else None for name in UNITS},
        **{f"{name}_error": spread.get(name) for name in UNITS},
    )
