"""Relaxed structures: positions, and the cell where wanted, at which forces vanish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, FIRE, LBFGS
from ase.units import GPa

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import ConvergenceError, SettingsError, StructureError
from ase_rfhgn.properties.committee import Committee, Model, with_calculator, with_results
from ase_rfhgn.properties.results import Result
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.cell import has_volume

OPTIMIZERS: Mapping[str, Any] = {"bfgs": BFGS, "lbfgs": LBFGS, "fire": FIRE}
"""Optimizers of ASE by name."""

LARGE = 100
"""Number of atoms above which BFGS, whose steps cost its third power, gives way to L-BFGS."""

TIGHT = 1e-4
"""Largest force (eV/Å) of structures whose derivatives are taken."""


@dataclass(frozen=True, slots=True)
class Relaxation(Result):
    """A relaxed structure.

    Attributes
    ----------
    atoms : ase.Atoms
        The structure; it carries its energy, its forces and, if its cell has a volume, its stress.
    energy_ev, energy_ev_error : float
        Energy (eV), and its error bar.
    max_force, max_force_error : float
        Largest force on an atom (eV/Å), and the predicted uncertainty of this force.
    converged : bool
        Whether forces, and the stress if the cell was free, are as small as they should be.
    n_steps : int
        Steps of the optimizer.
    max_forces : ndarray of shape (n_steps + 1,)
        Largest force at every step (eV/Å).
    volume_a3 : float or None
        Volume of the cell (Å³), if it has one.
    gamma : float or None
        Largest extrapolation grade of an atom.
    """

    atoms: Atoms
    energy_ev: float
    energy_ev_error: float | None
    max_force: float
    max_force_error: float | None
    converged: bool
    n_steps: int
    max_forces: FloatArray
    volume_a3: float | None
    gamma: float | None


def relax(
    model: Model | Committee,
    atoms: Atoms,
    *,
    cell: bool = False,
    fixed_volume: bool = False,
    pressure: float = 0.0,
    fmax: float = 0.01,
    steps: int = 500,
    optimizer: str | None = None,
    progress: bool = False,
) -> Relaxation:
    """Return a relaxed copy of a structure; constraints of the structure are obeyed.

    Parameters
    ----------
    model : Potential, path or ase.calculators.calculator.Calculator
        What gives energies, forces and stresses.
    atoms : ase.Atoms
        Where to start.
    cell : bool, default False
        Whether the cell relaxes, too.
    fixed_volume : bool, default False
        Whether a free cell keeps its volume.
    pressure : float, default 0.0
        Pressure on a free cell (GPa).
    fmax : float, default 0.01
        Largest force on an atom at the end (eV/Å); with a free cell, also the largest derivative by its deformation.
    steps : int, default 500
        Largest number of steps.
    optimizer : {"bfgs", "lbfgs", "fire"}, optional
        Optimizer of ASE; by default BFGS, and L-BFGS above 100 atoms.
    progress : bool, default False
        Whether to show progress on a terminal.

    Raises
    ------
    SettingsError
        If a setting is out of its range.
    StructureError
        If the structure cannot be evaluated, or a free cell has no volume.
    """
    name = optimizer or ("lbfgs" if len(atoms) > LARGE else "bfgs")
    _check(atoms, name, fmax, steps, cell=cell)
    committee = Committee.of(model)
    relaxed = with_calculator(atoms, committee.calculator)
    free: Atoms | FrechetCellFilter = relaxed
    if cell:
        free = FrechetCellFilter(relaxed, scalar_pressure=pressure * GPa, constant_volume=fixed_volume)
    driver = OPTIMIZERS[name](free, logfile=None)
    force_t, converged = [], False
    for done in progress_bar(driver.irun(fmax=fmax, steps=steps), "relax", shown=progress):
        converged = bool(done)
        force_t.append(float(np.linalg.norm(relaxed.get_forces(), axis=1).max()))
    return _described(committee, relaxed, np.array(force_t), converged=converged)


def relaxed_or_refused(committee: Committee, atoms: Atoms, label: str, **settings: Any) -> Atoms:  # noqa: ANN401
    """Return a relaxed copy of a structure.

    Parameters
    ----------
    committee : Committee
        What gives energies, forces and stresses.
    atoms : ase.Atoms
        Where to start.
    label : str
        Name of the structure in the message.
    **settings
        Settings of `relax`.

    Raises
    ------
    ConvergenceError
        If forces do not vanish within the steps.
    """
    found = relax(committee, atoms, **settings)
    if not found.converged:
        message = (
            f"{label} did not relax: the largest force is {found.max_force:.2g} eV/Å after {found.n_steps} steps; "
            "begin closer to the minimum, or look at grades"
        )
        raise ConvergenceError(message)
    return found.atoms


def _described(committee: Committee, atoms: Atoms, force_t: FloatArray, *, converged: bool) -> Relaxation:
    size_n = np.linalg.norm(atoms.get_forces(), axis=1)
    doubt = committee.uncertainty(atoms)
    kept = with_results(atoms)
    return Relaxation(
        atoms=kept,
        energy_ev=float(kept.get_potential_energy()),
        energy_ev_error=None if doubt is None else doubt.energy,
        max_force=float(size_n.max()),
        max_force_error=None if doubt is None else float(np.linalg.norm(doubt.force_nc[size_n.argmax()])),
        converged=converged,
        n_steps=len(force_t) - 1,
        max_forces=force_t,
        volume_a3=float(atoms.get_volume()) if has_volume(atoms) else None,
        gamma=None if doubt is None else float(doubt.grade_n.max()),
    )


def _check(atoms: Atoms, optimizer: str, fmax: float, steps: int, *, cell: bool) -> None:
    if not len(atoms):
        message = "the structure has no atoms"
        raise StructureError(message)
    if optimizer not in OPTIMIZERS:
        message = f"optimizer is {optimizer!r}: it must be one of {', '.join(OPTIMIZERS)}"
        raise SettingsError(message)
    if not (np.isfinite(fmax) and fmax > 0.0 and steps >= 0):
        message = f"fmax is {fmax} eV/Å and steps are {steps}: the force must be positive, steps not negative"
        raise SettingsError(message)
    if cell and not has_volume(atoms):
        message = f"a free cell needs three independent vectors; the cell is {atoms.cell.tolist()}"
        raise StructureError(message)
