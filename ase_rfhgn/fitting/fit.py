"""Fitting a potential: a front of `ase_rfhgn.fitting.engine`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ase import Atoms

from ase_rfhgn.fitting.engine import Options, fit_model
from ase_rfhgn.fitting.preparation import PotentialProblem
from ase_rfhgn.fitting.setting_checks import check_optional
from ase_rfhgn.fitting.settings import FitSettings
from ase_rfhgn.models.potential import Potential
from ase_rfhgn.runtime.threads import useful_cores
from ase_rfhgn.structures.training_set import TrainingSet

MOST_THREADS = 1024
"""Threads that a fit may be told to use."""


def fit(
    frames: str | Path | Iterable[Atoms] | TrainingSet,
    *,
    cutoff: float | None = None,
    sampler: str = "swim",
    channels: int | None = None,
    projections: int | None = None,
    correlation: int = 4,
    degree: int = 3,
    energy_weight: float | None = None,
    force_weight: float = 1.0,
    stress_weight: float | None = None,
    ridge: float | None = None,
    one_body: Mapping[str, float] | None = None,
    targets: str = "auto",
    timestep: float | None = None,
    stride: int | None = None,
    known_energy: tuple[int, float] | None = None,
    seed: int = 0,
    updatable: bool = False,
    threads: int | None = None,
    progress: bool = False,
) -> Potential:
    """Return a potential fitted to labelled structures, or to their motion, in one linear solve.

    Parameters
    ----------
    frames : path, iterable of ase.Atoms, or TrainingSet
        Structures with energies, forces or stresses; labels that a frame lacks are not used. Or
        frames of molecular dynamics in the order of time, without labels.
    cutoff : float, optional
        Distance beyond which atoms do not see each other (Å); by default 5.5 Å, or 1.9 typical
        distances to the nearest neighbour where that is longer.
    sampler : {"swim", "elm"}
        How the edge encoder is drawn: through pairs of data points, or blindly.
    channels, projections : int, optional
        Radial channels, and random fields on the sphere per channel; by default 40 and 5 for one
        element, 64 and 4 for several.
    correlation : int
        Highest power ν of a field: features of up to ν neighbours at a time.
    degree : int
        Largest degree of the spherical harmonics.
    energy_weight, force_weight, stress_weight : float, optional
        Weights of an energy error (per eV/atom), a force component (per eV/Å) and a stress
        component (per eV/Å³). By default 10 √n, 1 and 0.3 v √n for a mean of n atoms per frame and a
        volume v per atom: errors of extensive quantities are taken to grow as √n.
    ridge : float, optional
        Strength of the prior on the scaled coefficients; by default chosen by cross-validation. With a
        given one, unlabelled structures do not count.
    one_body : mapping of str to float, optional
        Energies of isolated atoms per chemical symbol (eV); by default fitted.
    targets : {"auto", "labels", "momenta", "positions"}
        What is fitted to: labels, or the change of momenta, or of positions, from frame to frame. By
        default labels where there are any, else momenta where there are any, else positions.
    timestep : float, optional
        Time step of the dynamics (ASE's unit: 2 fs are ``2 * ase.units.fs``), needed where labels
        are not used; by default the ``info["timestep"]`` of the first frame.
    stride : int, optional
        Steps from one frame to the next; by default the ``info["stride"]`` of the first frame, or 1.
    known_energy : tuple of int and float, optional
        Number of a frame and its energy (eV), where frames have no energies. Without it, the energy
        of isolated atoms is zero.
    seed : int
        The same seed draws the same features.
    updatable : bool
        Whether the potential remembers its linear system, also in its file, so that `Potential.update`
        can go on from there.
    threads : int, optional
        Threads that make rows of several frames at a time; by default one per core, at most four. The
        potential is the same to the last bit.
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
    The method is RF-HGN, arXiv:2506.06558: random dense layers, one linear solve on gradients.
    """
    settings = FitSettings(
        cutoff=cutoff,
        sampler=sampler,
        channels=channels,
        projections=projections,
        correlation=correlation,
        degree=degree,
        energy_weight=energy_weight,
        force_weight=force_weight,
        stress_weight=stress_weight,
        ridge=ridge,
        one_body=one_body,
        targets=targets,
        timestep=timestep,
        stride=stride,
        known_energy=known_energy,
        seed=seed,
    )
    check_optional("threads", threads, 1, MOST_THREADS, whole=True)
    training_set = frames if isinstance(frames, TrainingSet) else TrainingSet.open(frames)
    options = Options(threads=threads or useful_cores(), updatable=updatable, progress=progress)
    model = fit_model(PotentialProblem(settings), training_set, options)
    assert isinstance(model, Potential)  # noqa: S101  # what this problem is completed to
    return model
