"""Work of a report: fits with fewer frames, and a short run with the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import CalculationFailed
from ase.md.bussi import Bussi

from ase_rfhgn.calculators.rfhgn import RFHGNCalculator
from ase_rfhgn.errors import StructureError, UpdateError
from ase_rfhgn.fitting.update import downdate
from ase_rfhgn.models.load import AnyModel
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.properties.ensembles import draw_momenta
from ase_rfhgn.reports.comparison import compare, errors_of
from ase_rfhgn.reports.distances import RadialDistribution, radial_distributions
from ase_rfhgn.reports.metrics import Errors
from ase_rfhgn.reports.page.behaviour import distances
from ase_rfhgn.reports.page.document import Note, Section
from ase_rfhgn.runtime.progress import progress_bar
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import TrainingSet

SHARES = (0.125, 0.25, 0.5, 0.75)
"""Shares of the training frames in the fits of a learning curve; the frames beyond the largest judge all of them."""

FEWEST = 8
"""Frames from which there is a learning curve."""

STEPS, FIRST, BETWEEN = 300, 100, 10
"""Steps of a short run, steps before the first frame that counts, and steps between frames."""

RELAXATION = 50.0 * units.fs
"""Time of the thermostat."""

ATOMS = 60
"""Crystals are repeated until a run has so many atoms."""

MOST_ATOMS = 2000
"""Larger structures are not run: a report should take minutes."""


def with_fewer_frames(model: AnyModel, train: TrainingSet, bonds: Bonds | None) -> tuple[list[tuple[int, Errors]], str]:
    """Return errors of fits to a part of the frames on the other frames, and how they were made.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        A model; unless it is updatable, there are no points.
    train : TrainingSet
        All frames of its fit.
    bonds : Bonds, optional
        Edges of phase-space models.
    """
    frames = [frame.as_atoms() for frame in train]
    order = np.random.default_rng(0).permutation(len(frames)).tolist()
    if len(frames) < FEWEST:
        return [], f"There are only {len(frames)} training frames, too few for a learning curve."
    sizes = sorted({round(share * len(frames)) for share in SHARES}, reverse=True)
    judges = [frames[i] for i in order[sizes[0] :]]
    points: list[tuple[int, Errors]] = []
    try:
        for size in progress_bar(sizes, "learning curve"):
            smaller = _without(model, [frames[i] for i in order[size:]], bonds)
            points.insert(0, (size, errors_of(compare(smaller, judges, bonds=bonds))))
    except UpdateError as error:
        return points, f"There is no learning curve, or its lower end is missing: {error}."
    note = (
        f"Frames were taken out of the fit exactly, at the same features and ridge. All fits were judged by the same "
        f"{len(judges)} of the {len(frames)} training frames, which none of them had."
    )
    return points, note


def _without(model: AnyModel, frames: list[Atoms], bonds: Bonds | None) -> AnyModel:
    if isinstance(model, Potential):
        return downdate(model, frames)
    return downdate(model, frames, bonds)


def radial(frames: Iterable[Frame], model: AnyModel) -> list[RadialDistribution]:
    """Return the radial distributions of frames up to the cutoff of a model; none without a cutoff."""
    return [] if model.cutoff is None else radial_distributions((frame.atoms for frame in frames), model.cutoff)


def run_section(
    model: AnyModel, start: Atoms | None, temperature: float, known: Mapping[str, Sequence[RadialDistribution] | None]
) -> Section:
    """Return the section about radial distributions of frames, and of a short run with the model.

    Parameters
    ----------
    model : Potential or PhaseSpacePotential
        The model.
    start : Atoms, optional
        First structure of the run.
    temperature : float
        Its temperature (K).
    known : mapping of str to sequence of RadialDistribution
        Distributions of sets of frames, by the name of the set.
    """
    named = [(name, distributions) for name, distributions in known.items() if distributions]
    if not isinstance(model, Potential) or start is None or len(start) > MOST_ATOMS:
        return distances(named, "")
    atoms = _repeated(start)
    what = f"a run of {len(atoms)} atoms at {temperature:.0f} K with the model"
    try:
        frames = _run(model, atoms, temperature)
    except (StructureError, CalculationFailed) as error:
        section = distances(named, "")
        warning = Note(f"There was {what}, and it burst: {error}.", is_warning=True)
        return Section(section.name, section.title, [warning, *section.blocks])
    named.append(("run with the model", radial_distributions(frames, model.cutoff)))
    return distances(named, f"There was {what}, started from {start.get_chemical_formula()}.")


def _repeated(start: Atoms) -> Atoms:
    """Return a structure, repeated along its periodic directions until it has enough atoms."""
    periodic = start.pbc.astype(int)
    times = int(np.ceil((ATOMS / len(start)) ** (1.0 / max(periodic.sum(), 1))))
    repeated: Atoms = start.repeat(np.where(start.pbc, max(times, 1), 1))
    return repeated


def _run(model: Potential, atoms: Atoms, temperature: float) -> list[Atoms]:
    """Return frames of a short run."""
    rng = np.random.default_rng(0)
    atoms.calc = RFHGNCalculator(model)
    atoms.set_constraint()
    draw_momenta(atoms, temperature, rng)
    timestep = (1.0 if 1 in atoms.numbers else 2.0) * units.fs
    dynamics = Bussi(atoms, timestep, temperature_K=temperature, taut=RELAXATION, rng=rng)
    frames: list[Atoms] = []
    for step, _ in enumerate(progress_bar(dynamics.irun(STEPS), "short run", total=STEPS + 1)):
        if step >= FIRST and step % BETWEEN == 0:
            frames.append(atoms.copy())
    return frames
