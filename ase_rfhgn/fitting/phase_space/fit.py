"""Fitting a Hamiltonian of positions and momenta to snapshots of motion, or to a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ase import Atoms

from ase_rfhgn.features.phase_space.inputs import EDGE_INPUTS
from ase_rfhgn.fitting.engine import Options, fit_model
from ase_rfhgn.fitting.fit import MOST_THREADS
from ase_rfhgn.fitting.phase_space.preparation import PhaseSpaceProblem
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.fitting.setting_checks import check_optional
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.runtime.threads import useful_cores
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
    updatable: bool = False,
    threads: int | None = None,
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
        Number of a frame and its energy H (eV), where frames have no energies. By default the potential
        plus the kinetic energy of the first frame if it is labelled with an energy, else zero.
    ridge : float, optional
        Strength of the l2 regularisation, relative to the mean square of a column; by default chosen
        by cross-validation.
    seed : int
        The same seed draws the same features.
    updatable : bool
        Whether the model remembers its linear system, also in its file, so that
        `PhaseSpacePotential.update` can go on from there.
    threads : int, optional
        Threads that make rows of several frames at a time; by default one per core, at most four. The
        model is the same to the last bit.
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
    check_optional("threads", threads, 1, MOST_THREADS, whole=True)
    training_set = frames if isinstance(frames, TrainingSet) else TrainingSet.open(frames, closest=0.0)
    options = Options(threads=threads or useful_cores(), updatable=updatable, progress=progress)
    model = fit_model(PhaseSpaceProblem(settings, bonds), training_set, options)
    assert isinstance(model, PhaseSpacePotential)  # noqa: S101  # what this problem is completed to
    return model
