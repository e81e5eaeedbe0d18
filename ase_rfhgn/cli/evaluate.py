"""The command ``ase-rfhgn evaluate``: energies, forces, stresses, uncertainties and grades of structures."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import write

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.calculators.results import GAMMA
from ase_rfhgn.cli.output import add_output, require_writable
from ase_rfhgn.cli.property_command import finished
from ase_rfhgn.cli.shared import add_command, add_json
from ase_rfhgn.errors import SettingsError, StructureError
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.evaluation import evaluated
from ase_rfhgn.properties.results import Result
from ase_rfhgn.reports.behaviour_plots import plot_grades
from ase_rfhgn.reports.plots import require_figure_format
from ase_rfhgn.runtime.atomic_write import atomic_write
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.training_set import read_structures

FORMATS = (".xyz", ".extxyz")
"""Ends of names of files that keep uncertainties: extended XYZ."""


@dataclass(frozen=True, slots=True)
class Evaluated(Result):
    """What was written.

    Attributes
    ----------
    output : str
        The file.
    n_frames, n_atoms : int
        Its size.
    energies_ev, energies_ev_error : ndarray of shape (n_frames,)
        Energies, and their error bars (eV).
    max_force, max_force_error : float
        Largest force on an atom (eV/Å), and its error bar.
    largest_gamma, n_strange : float and int or None
        Largest extrapolation grade, and number of atoms with a grade above 1.
    """

    output: str
    n_frames: int
    n_atoms: int
    energies_ev: FloatArray
    energies_ev_error: FloatArray | None
    max_force: float
    max_force_error: float | None
    largest_gamma: float | None
    n_strange: int | None


def add_evaluate(commands: Any) -> None:  # noqa: ANN401  # argparse does not say its type
    """Add the command to a parser."""
    example = "evaluate cu.npz in.xyz -o out.xyz"
    help_text = "write structures with energies, forces, stresses, uncertainties and extrapolation grades"
    command = add_command(commands, "evaluate", run_evaluate, help_text, example)
    command.add_argument("model", metavar="model.npz", help="a potential")
    command.add_argument("structures", metavar="in.xyz", help="structures, in any format that ASE reads")
    add_output(command, "out.xyz")
    command.add_argument("--plot", metavar="grades.png", help="draw how many atoms have which grade")
    command.add_argument("--threads", type=int, default=1, metavar="N", help="threads that share the work")
    add_json(command)


def run_evaluate(options: argparse.Namespace) -> str:
    """Evaluate structures and write them; return what to print."""
    for path in (options.output, options.plot):
        require_writable(path, [options.model, options.structures], force=options.force)
    require_figure_format(options.plot)
    if Path(options.output).suffix not in FORMATS:
        message = f"{options.output}: the name must end in {' or '.join(FORMATS)}, which keep uncertainties"
        raise SettingsError(message)
    potential = Potential.load(options.model)
    structures = read_structures(options.structures)
    if options.plot is not None and potential.ensemble is None:
        message = "this potential predicts no grades, so there is nothing to draw: leave out --plot"
        raise SettingsError(message)
    answered = [
        _answered(potential, atoms, number, options)
        for number, atoms in enumerate(progress_bar(structures, "evaluate", total=len(structures)))
    ]
    atomic_write(options.output, lambda path: write(path, answered, format="extxyz"))
    found = _summary(options.output, answered)
    grades = np.concatenate([atoms.arrays.get(GAMMA, np.zeros(0)) for atoms in answered])
    options.output = None  # written
    return finished(found, options, lambda _, axes: plot_grades([(Path(options.structures).name, grades)], axes))


def _answered(potential: Potential, atoms: Atoms, number: int, options: argparse.Namespace) -> Atoms:
    try:
        return evaluated(potential, atoms, threads=options.threads)
    except StructureError as error:
        message = f"{options.structures}, structure {number}: {error}"
        raise StructureError(message) from error


def _summary(output: str, answered: list[Atoms]) -> Evaluated:
    known = all(GAMMA in atoms.arrays for atoms in answered)
    size_n = np.concatenate([np.linalg.norm(atoms.get_forces(apply_constraint=False), axis=1) for atoms in answered])
    worst = int(size_n.argmax())
    doubt_n = _joined(answered, "forces_uncertainty") if known else None
    gamma_n = _joined(answered, GAMMA) if known else None
    return Evaluated(
        output=output,
        n_frames=len(answered),
        n_atoms=len(size_n),
        energies_ev=np.array([atoms.get_potential_energy() for atoms in answered]),
        energies_ev_error=np.array([atoms.info["energy_uncertainty"] for atoms in answered]) if known else None,
        max_force=float(size_n[worst]),
        max_force_error=None if doubt_n is None else float(np.linalg.norm(doubt_n[worst])),
        largest_gamma=None if gamma_n is None else float(gamma_n.max()),
        n_strange=None if gamma_n is None else int(np.count_nonzero(gamma_n > 1.0)),
    )


def _joined(answered: list[Atoms], name: str) -> FloatArray:
    return np.concatenate([atoms.arrays[name] for atoms in answered])
