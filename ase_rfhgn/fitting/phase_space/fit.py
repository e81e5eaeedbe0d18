"""Fitting a Hamiltonian of positions and momenta to snapshots of motion, or to a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ase import Atoms

from ase_rfhgn.arrays import FloatArray
from ase_rfhgn.errors import SettingsError, StructureError, TrainingDataError
from ase_rfhgn.features.phase_space.initialise import initialise_network
from ase_rfhgn.features.phase_space.inputs import EDGE_INPUTS
from ase_rfhgn.features.phase_space.networks import GraphNetwork, Network
from ase_rfhgn.features.phase_space.points import joined
from ase_rfhgn.features.phase_space.vector_network import VectorNetwork
from ase_rfhgn.fitting.motion.noise import weighted_for_noise
from ase_rfhgn.fitting.phase_space.frames import PhaseSpaceFrames
from ase_rfhgn.fitting.phase_space.regression import Folds, label_triangles, motion_triangles, solution
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.fitting.target_choice import choose_targets
from ase_rfhgn.fitting.targets import Labels, Motion
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.runtime.progress import log
from ase_rfhgn.runtime.random_streams import random_stream
from ase_rfhgn.runtime.stopwatch import Stopwatch
from ase_rfhgn.runtime.threads import single_threaded
from ase_rfhgn.structures.frame import Frame
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import TrainingSet


def fit_phase_space(
    frames: str | Path | Iterable[Atoms] | TrainingSet,
    *,
    bonds: Bonds | Sequence[Bonds] | None = None,
    cutoff: float | None = None,
    smooth_cutoff: bool = False,
    network: str = "graph",
    kinetic: str = "learned",
    axes: str = "nearest node",
    node_inputs: tuple[str, ...] | None = None,
    edge_inputs: tuple[str, ...] = EDGE_INPUTS,
    sampler: str = "swim",
    node_units: int | None = None,
    edge_units: int | None = None,
    message_units: int | None = None,
    dimensions: int | None = None,
    targets: str = "auto",
    timestep: float | None = None,
    stride: int | None = None,
    known_energy: tuple[int, float] | None = None,
    ridge: float | None = None,
    seed: int = 0,
    progress: bool = False,
) -> PhaseSpacePotential:
    """Return a Hamiltonian of positions and momenta, fitted to Hamilton's equations in one linear solve.

    Parameters
    ----------
    frames : path, iterable of ase.Atoms, or TrainingSet
        Structures with momenta and forces. Velocities are momenta over masses, or an array
        "hamiltonian_velocities" of the structure. Or frames of a run in the order of time, without forces.
    bonds : Bonds, or a sequence of them, one per frame, optional
        Edges of a graph that does not change with the positions.
    cutoff : float, optional
        Instead of bonds, the distance up to which two atoms have an edge (Å).
    smooth_cutoff : bool
        Whether messages vanish smoothly at the cutoff; otherwise, as in the paper, the energy jumps
        where an edge appears.
    network : {"graph", "vector"}
        The graph network of the paper (RF-HGN), or one hidden layer on all atoms at once (RF-HNN).
    kinetic : {"learned", "known"}
        Whether H(q, p) is learned whole, or only V(q) of H = p²/2m + V with the masses of the atoms;
        the latter is separable, so that any driver of ASE can run it.
    axes : {"nearest node", "mean position", "laboratory"}
        Axes along which positions, momenta and displacements are seen: those of the paper; those of the
        coordinates, with the mean position as origin; or coordinates as they are.
    node_inputs : tuple of {"position", "momentum"}, optional
        Inputs of the node encoder; by default both, or only positions for a known kinetic energy.
    edge_inputs : tuple of {"displacement", "distance"}
        Inputs of the edge encoder.
    sampler : {"swim", "elm"}
        How dense layers are drawn: through pairs of data points, or blindly.
    node_units, edge_units, message_units : int, optional
        Widths of node encoder, edge encoder and message constructor; by default 128, 64 and 256. They are
        those of one species, and are multiplied by the number of species, four at most. The hidden layer of
        a vector network has `node_units`, by default 512.
    dimensions : int, optional
        Coordinates that exist; by default those that are not zero in all frames that SWIM sees.
    targets : {"auto", "labels", "momenta", "positions"}
        What is fitted to: forces and velocities of labelled frames, or how momenta and positions, or
        only positions, change from frame to frame. By default labels where there are any, else momenta
        where there are any, else positions. A kinetic energy is not learned from positions alone.
    timestep : float, optional
        Time step of the run (ASE's unit), needed where labels are not used; by default the
        ``info["timestep"]`` of the first frame.
    stride : int, optional
        Steps from one frame to the next; by default the ``info["stride"]`` of the first frame, or 1.
    known_energy : tuple of int and float, optional
        Number of a frame and its energy H (eV); by default the potential plus the kinetic energy of the
        first frame if it is labelled with an energy, else zero.
    ridge : float, optional
        Strength of the l2 regularisation, relative to the mean square of a column; by default chosen
        by cross-validation.
    seed : int
        The same seed draws the same features.
    progress : bool
        Whether long work shows progress on a terminal.

    Raises
    ------
    SettingsError
        If a setting lies outside of what is allowed.
    TrainingDataError
        If a frame cannot be used; the message names it.

    Notes
    -----
    RF-HGN, arXiv:2506.06558; RF-HNN, arXiv:2411.17511. Both halves of Hamilton's equations are
    measured in their root mean squares. The paper's axes make the energy jump when another node
    becomes the nearest to the mean position, and are undefined when that node sits on it (the centre
    of an odd lattice at rest): such frames are refused.

    Nodes of different elements or masses are different species, found in the frames. The graph network sees
    the species of nodes and of both ends of edges, and momenta over the roots of the masses.

    Equations between frames are exact for velocity Verlet under p²/2m + V(q), learned whole or not; for
    other Hamiltonians H(q, p), and other symmetric integrators, their error is of second order in the
    time step. Masses of the frames must be right: momenta over masses tell the time step. Where there is
    noise, the equations of forces are weighted, those of velocities are not. Forces on fixed atoms, and a
    tension that only these would feel, do not show in a run.
    """
    settings = PhaseSpaceSettings(
        network=network,
        kinetic=kinetic,
        axes=axes,
        node_inputs=node_inputs,
        edge_inputs=edge_inputs,
        sampler=sampler,
        node_units=node_units,
        edge_units=edge_units,
        message_units=message_units,
        cutoff=cutoff,
        smooth_cutoff=smooth_cutoff,
        dimensions=dimensions,
        targets=targets,
        timestep=timestep,
        stride=stride,
        known_energy=known_energy,
        ridge=ridge,
        seed=seed,
    )
    stopwatch = Stopwatch()
    training_set = frames if isinstance(frames, TrainingSet) else TrainingSet.open(frames, closest=0.0)
    _refuse_unknown_frame(settings, training_set)
    with single_threaded():
        potential = _fit(settings, training_set, bonds, progress=progress)
    return replace(potential, record=potential.record | stopwatch.times())


def _fit(
    settings: PhaseSpaceSettings, training_set: TrainingSet, bonds: Bonds | Sequence[Bonds] | None, *, progress: bool
) -> PhaseSpacePotential:
    targets = choose_targets(settings, training_set)
    log(f"{training_set.name}: fitted to {targets.description}", shown=progress)
    if isinstance(targets, Labels):
        frames = PhaseSpaceFrames(training_set, bonds, settings)
        network = _drawn(settings, frames)
        folds, learned = _folds(settings, frames, network), settings.kinetic == "learned"
        triangles = label_triangles(network, frames, folds, learned=learned, progress=progress)
        return _potential(settings, frames, network, triangles, targets)
    frames = PhaseSpaceFrames(training_set.without_labels(), bonds, settings, labelled=False)
    return _fitted_to_motion(settings, frames, replace(targets, n_dimensions=frames.n_dimensions), progress=progress)


def _fitted_to_motion(
    settings: PhaseSpaceSettings, frames: PhaseSpaceFrames, motion: Motion, *, progress: bool
) -> PhaseSpacePotential:
    """Return a Hamiltonian fitted to motion, once more with weights where there is noise."""
    if settings.kinetic == "learned" and motion.observed == "positions":
        message = (
            f"{frames.frames.name}: positions alone do not tell which momenta belong to them, so no kinetic energy can "
            'be learned; use kinetic="known", or frames with momenta'
        )
        raise SettingsError(message)
    network = _drawn(settings, frames)

    def fitted(force_motion: Motion) -> PhaseSpacePotential:
        motions = [force_motion, *([motion.displacements] if settings.kinetic == "learned" else [])]
        folds = _folds(settings, frames, network)
        triangles = motion_triangles(network, frames, folds, motions, progress=progress)
        return _potential(settings, frames, network, triangles, motion)

    first = fitted(motion)

    def forces(i: int, frame: Frame) -> FloatArray:
        return first.evaluate(frame.atoms, frames.bonds_of(i)).force_nc

    weighted = weighted_for_noise(motion, frames.frames, forces)
    return first if weighted is None else fitted(weighted)


def _drawn(settings: PhaseSpaceSettings, frames: PhaseSpaceFrames) -> GraphNetwork | VectorNetwork:
    """Return a network drawn for a sample of the frames."""
    sample = joined([snapshot.points for snapshot in frames.sample])
    try:
        return initialise_network(settings.architecture, sample, random_stream(settings.seed))
    except StructureError as error:
        message = f"{frames.frames.name}: {error}"
        raise TrainingDataError(message) from error


def _folds(settings: PhaseSpaceSettings, frames: PhaseSpaceFrames, network: Network) -> Folds:
    return Folds(len(frames), network.n_features, left_out=settings.ridge is None)


def _potential(
    settings: PhaseSpaceSettings,
    frames: PhaseSpaceFrames,
    network: GraphNetwork | VectorNetwork,
    triangles: Sequence[FloatArray],
    targets: Labels | Motion,
) -> PhaseSpacePotential:
    """Return the Hamiltonian that solves all rows."""
    solved = solution(triangles, settings.ridge)
    known = _known_energy(settings, frames)
    return PhaseSpacePotential(
        network=network,
        coefficient_f=solved.coefficient_f,
        constant=_constant(settings, frames, network, solved.coefficient_f, known or (0, 0.0)),
        n_dimensions=frames.n_dimensions,
        cutoff=settings.cutoff,
        separable=settings.kinetic == "known",
        record={
            "settings": settings.as_dict(),
            "targets": targets.description,
            "energies": "relative" if known is None else "absolute",
            "n_frames": len(frames),
            "n_features": network.n_features,
            "ridge": solved.ridge,
            "ridge_choice": solved.choice,
            "train_relative_rms": solved.train_rms,
        },
    )


def _refuse_unknown_frame(settings: PhaseSpaceSettings, frames: TrainingSet) -> None:
    if settings.known_energy is not None and settings.known_energy[0] >= len(frames):
        message = f"known_energy is {settings.known_energy}, but there are {len(frames)} frames: name another frame"
        raise SettingsError(message)


def _known_energy(settings: PhaseSpaceSettings, frames: PhaseSpaceFrames) -> tuple[int, float] | None:
    """Return the number of a frame and its energy H, where one is known."""
    if settings.known_energy is not None or frames.first.energy is None:
        return settings.known_energy
    return 0, frames.first.energy + float(frames.first.atoms.get_kinetic_energy())


def _constant(
    settings: PhaseSpaceSettings,
    frames: PhaseSpaceFrames,
    network: Network,
    coefficient_f: FloatArray,
    known: tuple[int, float],
) -> float:
    """Return the constant that gives a frame its known energy H."""
    number, energy = known
    frame = frames.frames[number]
    kinetic = float(frame.atoms.get_kinetic_energy()) if settings.kinetic == "known" else 0.0
    learned = network.combination(frames.snapshot(number, frame).points, coefficient_f)
    return float(energy) - float(learned.value_if[0, 0]) - kinetic
