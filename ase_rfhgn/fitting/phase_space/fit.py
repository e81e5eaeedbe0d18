"""The fit of a Hamiltonian of positions and momenta: a front of `ase_rfhgn.fitting.engine`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ase_rfhgn.features.phase_space.inputs import EDGE_INPUTS
from ase_rfhgn.fitting.engine import fit_model
from ase_rfhgn.fitting.options import Options
from ase_rfhgn.fitting.phase_space.preparation import PhaseSpaceProblem
from ase_rfhgn.fitting.phase_space.settings import PhaseSpaceSettings
from ase_rfhgn.models.phase_space import PhaseSpacePotential
from ase_rfhgn.structures.graph import Bonds
from ase_rfhgn.structures.training_set import AnyFrames, open_frames


def fit_phase_space(
    frames: AnyFrames,
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
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    virials_key: str | None = None,
    group_key: str | None = None,
    group_weights: Mapping[str, float] | None = None,
    ridge: float | None = None,
    seed: int = 0,
    updatable: bool = False,
    threads: int | None = None,
    client: object | None = None,
    progress: bool = False,
) -> PhaseSpacePotential:
    """Return a Hamiltonian of positions and momenta, fitted by Hamilton's equations in one linear solve.

    Parameters
    ----------
    frames : path, ase.Atoms, iterable of these, or TrainingSet
        Structures with momenta and forces. Velocities are momenta over masses, or the array
        "hamiltonian_velocities" of a structure. Or frames of a run without forces, in the order of time.
    bonds : Bonds, or a sequence of Bonds, one per frame, optional
        Edges of a graph that does not change with the positions.
    cutoff : float, optional
        Instead of bonds, the distance up to which two atoms have an edge (Å).
    smooth_cutoff : bool
        Whether messages vanish smoothly at the cutoff. If not, the energy jumps when an edge appears, as
        in the paper.
    network : {"graph", "vector"}
        The graph network of the paper (RF-HGN), or one hidden layer on all atoms at once (RF-HNN).
    kinetic : {"learned", "known"}
        Whether the fit learns the whole H(q, p), or only V(q) of H = p²/2m + V with the masses of the
        atoms. The second Hamiltonian is separable, so that every driver of ASE can run it.
    axes : {"nearest node", "mean position", "laboratory"}
        Axes of positions, momenta and displacements: the axes of the paper, which turn with the structure;
        Cartesian axes with the mean position as origin; or coordinates as they are.
    node_inputs : tuple of {"position", "momentum"}, optional
        Inputs of the node encoder; by default both, or only positions if the kinetic energy is known.
    edge_inputs : tuple of {"displacement", "distance"}
        Inputs of the edge encoder.
    sampler : {"swim", "elm"}
        How the weights of dense layers are sampled: from pairs of data points (SWIM), or without looking
        at the data (ELM).
    node_units, edge_units, message_units : int, optional
        Units of the node encoder, the edge encoder and the message constructor; by default 128, 64 and
        256. These numbers are for one species, and are multiplied by the number of species, at most
        four. The hidden layer of a vector network has `node_units`, by default 512.
    dimensions : int, optional
        Number of coordinates; by default the coordinates that are not zero in all frames that SWIM uses.
    targets : {"auto", "labels", "momenta", "positions"}
        What the model is fitted to: forces and velocities of labelled frames, changes of momenta and
        positions between frames, or changes of positions only. By default labels if there are any, else
        momenta if there are any, else positions. Positions alone cannot teach a kinetic energy.
    timestep : float, optional
        Time step of the run in ASE's unit. A fit to a run without labels needs it; by default
        ``info["timestep"]`` of the first frame.
    stride : int, optional
        Time steps from one frame to the next; by default ``info["stride"]`` of the first frame, or 1.
    known_energy : tuple of int and float, optional
        Number of a frame and its energy H (eV), for frames without energies. By default H of the first
        frame is its labelled energy plus its kinetic energy, or zero without a label.
    energy_key, forces_key, stress_key, virials_key, group_key, group_weights
        Names of labels and weights of groups of frames, as for `ase_rfhgn.fit`.
    ridge : float, optional
        Strength of the l2 regularisation, relative to the mean square of a column; by default chosen
        by cross-validation.
    seed : int
        Seed of all random numbers: the same seed gives the same features.
    updatable : bool
        Whether the model keeps its linear system, also in its file, so that
        `ase_rfhgn.update` can add frames.
    threads : int, optional
        Threads that compute rows of several frames at a time; by default one per core, at most four. The
        model is the same to the last bit, whatever their number.
    client : distributed.Client, optional
        Client of a Dask cluster whose workers share the frames, as for `ase_rfhgn.fit`.
    progress : bool
        Whether to show progress on a terminal.

    Raises
    ------
    SettingsError
        If a setting is out of its range, or contradicts another setting or the frames.
    TrainingDataError
        If a frame cannot be used; the message names it.

    Notes
    -----
    The methods are RF-HGN (arXiv:2506.06558) and RF-HNN (arXiv:2411.17511). Errors of forces and of
    velocities are relative to the root mean squares of forces and of velocities.

    With the paper's axes, the energy jumps when another node becomes the nearest to the mean position.
    The axes are undefined when a node lies on the mean position, as in an odd lattice at rest. Such frames
    are refused.

    Nodes of different elements or masses are different species, found in the frames. The graph network sees
    the species of nodes and of both ends of edges, and momenta over the roots of the masses.

    Equations between frames are exact for velocity Verlet under p²/2m + V(q), whether H is learned whole or
    not. For other Hamiltonians and other symmetric integrators, their error is of second order in the time
    step. The masses of the frames must be right, because momenta over masses are compared with displacements.
    If there is noise, the equations of forces are weighted, but not the equations of velocities. Forces on
    fixed atoms do not show in a run, nor does a tension that only fixed atoms would feel.
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
        energy_key=energy_key,
        forces_key=forces_key,
        stress_key=stress_key,
        virials_key=virials_key,
        group_key=group_key,
        group_weights=group_weights,
        ridge=ridge,
        seed=seed,
    )
    options = Options.checked(threads, updatable=updatable, progress=progress, client=client)
    training_set = open_frames(frames, settings.label_keys, closest=0.0)
    model = fit_model(PhaseSpaceProblem(settings, bonds), training_set, options)
    assert isinstance(model, PhaseSpacePotential)  # noqa: S101  # what this problem is completed to
    return model
