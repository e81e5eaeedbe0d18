"""Frames on the command line: several files, globs, slices, and names of labels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.structures.checks import MISTAKEN
from ase_rfhgn.structures.label_keys import LabelKeys
from ase_rfhgn.structures.training_set import TrainingSet

SOURCES = "files of any format of ASE; globs and slices such as 'run*/OUTCAR@::5' are understood"
"""What names of frames may be, for the help."""

_NAMES = {
    "energy": "energies (eV), such as REF_energy, or free_energy for metals; by default energy",
    "forces": "forces (eV/Å); by default forces",
    "stress": "stresses, positive in tension (eV/Å³); by default stress",
    "virials": "virials, positive under pressure (eV), in place of stresses",
}


def add_label_keys(command: argparse.ArgumentParser) -> None:
    """Let a command read labels under other names, and group frames."""
    group = command.add_argument_group("names of labels")
    for kind, meaning in _NAMES.items():
        group.add_argument(f"--{kind}-key", metavar="name", help=f"name of the {meaning}")
    group.add_argument("--group-key", metavar="name", help="entry of info that groups frames; by default config_type")


def keys_of(options: argparse.Namespace) -> LabelKeys:
    """Return the names of labels that were given."""
    return LabelKeys.of_settings(vars(options))


def opened(sources: Sequence[str], options: argparse.Namespace, *, closest: float = MISTAKEN) -> TrainingSet:
    """Return the frames of files, whose labels have the names that were given.

    Parameters
    ----------
    sources : sequence of str
        Names of files.
    options : Namespace
        Parsed options, with those of `add_label_keys`.
    closest : float
        Distance below which two atoms are at the same place (Å).

    Raises
    ------
    SettingsError
        If there is no file.
    TrainingDataError
        If a file cannot be read.
    """
    if not sources:
        message = "there are no files of frames: give them first, before the options"
        raise SettingsError(message)
    return TrainingSet.open(sources, closest=closest, keys=keys_of(options), progress=True)


def refuse_unknown_elements_of(test: TrainingSet, train: TrainingSet) -> None:
    """Refuse test frames with elements that no training frame has, before the fit.

    Parameters
    ----------
    test, train : TrainingSet
        The frames.

    Raises
    ------
    SettingsError
        If there are any; the message names the first such frame.
    """
    known = {symbol for frame in train.without_labels() for symbol in frame.atoms.symbols}
    for frame in test.without_labels():
        unknown = sorted(set(frame.atoms.symbols) - known)
        if unknown:
            message = (
                f"{frame.name}: the test has {', '.join(unknown)}, but training has only {', '.join(sorted(known))}: "
                "leave this frame out, or add training frames"
            )
            raise SettingsError(message)


def labelled_for(model: AnyModel, sources: Sequence[str], options: argparse.Namespace) -> TrainingSet:
    """Return the labelled frames of files, read as in the fit of a model.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        The model that will see the frames.
    sources : sequence of str
        Names of files.
    options : Namespace
        Parsed options, with those of `add_label_keys`.

    Raises
    ------
    TrainingDataError
        If a file cannot be read, or no frame has labels.
    """
    closest = 0.0 if isinstance(model, PhaseSpacePotential) else MISTAKEN
    frames = TrainingSet.open(list(sources), closest=closest, keys=keys_for(model, options), progress=True)
    frames.require_labels()
    return frames


def keys_for(model: AnyModel, options: argparse.Namespace) -> LabelKeys:
    """Return the names of labels of a fit, but those that were given."""
    return LabelKeys.of_settings(model.record.get("settings", {})).overridden(keys_of(options))
